#include "text/json_payload.h"

#include <array>
#include <boost/json/parser.hpp>

#include "text/json.h"

namespace posthorn::text {

Result<json::value> parse_payload(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  // Where the parser keeps what it has not yet put into arrays and objects: most payloads fit.
  std::array<unsigned char, 4096> pending;
  json::parser parser({}, options, pending.data(), pending.size());
  boost::system::error_code failed;
  const std::size_t read = parser.write(text, failed);
  if (failed)
    return fail(Errc::invalid, "at byte " + std::to_string(read) + ": " + failed.message());
  return parser.release();
}

}  // namespace posthorn::text
