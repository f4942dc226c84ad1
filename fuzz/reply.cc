// Any bytes as a receiver's reply: the reader ends in a result, keeps its bounds, and does not care
// how the bytes are cut.

#include <cstdlib>

#include "net/http_client_reply.h"

namespace {

struct Read {
  posthorn::env::Exchange exchange;
  bool verdict = false;
};

Read read(std::string_view bytes, std::size_t piece, bool is_head) {
  Read out;
  posthorn::net::ReplyReader reader(out.exchange, is_head);
  bool more = true;
  while (more && !bytes.empty()) {
    more = reader.take(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (more) reader.end(true);
  out.verdict = reader.has_verdict();
  return out;
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using posthorn::net::ReplyReader;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool is_head = (data[0] & 1U) != 0;
  const Read whole = read(bytes, bytes.size() + 1, is_head);
  const Read cut = read(bytes, 1 + std::size_t{data[1]}, is_head);
  check(whole.exchange.status == cut.exchange.status);
  check(whole.exchange.result == cut.exchange.result);
  check(whole.exchange.headers == cut.exchange.headers);
  check(whole.exchange.body == cut.exchange.body);
  check(whole.verdict == cut.verdict);
  check(whole.exchange.body.size() <= ReplyReader::body_kept);
  check(whole.exchange.headers.size() <= ReplyReader::headers_kept);
  check((whole.exchange.result == posthorn::env::ExchangeResult::ok) ==
        (whole.exchange.status != 0));
  return 0;
}
