// http/request_parser.h and http/inflate.h on any bytes, whole and in pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "http/inflate.h"
#include "http/request_parser.h"

namespace http = posthorn::http;
using http::Progress;

namespace {

void read_head(std::string_view given, std::size_t step) {
  http::HeadScanner whole, pieces;
  const auto progress = whole.scan(given);
  auto in_pieces = Progress::incomplete;
  for (std::size_t end = step; in_pieces == Progress::incomplete; end += step) {
    in_pieces = pieces.scan(given.substr(0, end));
    if (end >= given.size()) break;
  }
  PH_ASSERT(progress == in_pieces || progress == Progress::refused);
  if (progress != Progress::complete) return;
  PH_ASSERT(whole.head_bytes() == pieces.head_bytes());
  const auto head = given.substr(whole.begin(), whole.head_bytes() - whole.begin());
  PH_ASSERT(head.ends_with("\r\n\r\n"));
  http::RequestHead out;
  http::Refusal refusal{0, {}};
  if (!http::parse_head(head, out, refusal)) {
    PH_ASSERT(refusal.status >= 400 && refusal.status < 500);
    return;
  }
  PH_ASSERT(out.path.starts_with('/') && http::is_clean_path(out.path));
  PH_ASSERT(out.headers.size() <= http::header_count_max);
  PH_ASSERT(out.target.size() <= http::target_bytes_max);
  PH_ASSERT(!(out.chunked && out.content_length));
  for (const auto& header : out.headers)
    PH_ASSERT(header.value.find_first_of("\r\n") == std::string_view::npos);
}

struct Decoded {
  Progress progress = Progress::incomplete;
  std::string body;
  std::size_t consumed = 0;
};

Decoded decode(std::string_view given, std::size_t step) {
  Decoded out;
  http::ChunkedDecoder decoder(500);
  for (std::size_t end = step; out.progress == Progress::incomplete; end += step) {
    std::size_t consumed = 0;
    out.progress = decoder.decode(given.substr(0, end).substr(out.consumed), out.body, consumed);
    out.consumed += consumed;
    if (end >= given.size()) break;
  }
  PH_ASSERT(out.body.size() <= 500);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = std::size_t{data[0]} % 16 + 1;
  read_head(given, step);
  const auto whole = decode(given, given.size() + 1);
  const auto pieces = decode(given, step);
  PH_ASSERT(whole.progress == pieces.progress);
  if (whole.progress == Progress::complete)
    PH_ASSERT(whole.body == pieces.body && whole.consumed == pieces.consumed);
  if (const auto inflated = http::inflate_gzip(given, {.bytes_max = 1U << 16}))
    PH_ASSERT(inflated->size() <= given.size() * http::inflate_ratio_max);
  return 0;
}
