#include "base/error.h"

namespace posthorn {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid:
      return "invalid";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::stale_epoch:
      return "stale_epoch";
    case Errc::limit:
      return "limit";
    case Errc::unauthorised:
      return "unauthorised";
    case Errc::forbidden:
      return "forbidden";
    case Errc::refused:
      return "refused";
    case Errc::timed_out:
      return "timed_out";
    case Errc::cancelled:
      return "cancelled";
    case Errc::unavailable:
      return "unavailable";
    case Errc::io:
      return "io";
    case Errc::corrupt:
      return "corrupt";
    case Errc::unsupported:
      return "unsupported";
  }
  return "unknown";
}

}  // namespace posthorn
