#include "env/http_sender.h"

namespace posthorn::env {

std::string_view to_string(ExchangeResult result) {
  switch (result) {
    case ExchangeResult::ok:
      return "ok";
    case ExchangeResult::refused:
      return "refused";
    case ExchangeResult::dns_failed:
      return "dns_failed";
    case ExchangeResult::connect_failed:
      return "connect_failed";
    case ExchangeResult::tls_failed:
      return "tls_failed";
    case ExchangeResult::timed_out:
      return "timed_out";
    case ExchangeResult::connection_lost:
      return "connection_lost";
    case ExchangeResult::protocol_error:
      return "protocol_error";
    case ExchangeResult::not_sent:
      return "not_sent";
  }
  return "unknown";
}

}  // namespace posthorn::env
