#include "text/json_payload.h"

#include <boost/json/parser.hpp>

#include "text/json.h"

namespace posthorn::text {

Result<json::value> parse_payload(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::parser parser({}, options);
  boost::system::error_code failed;
  const std::size_t read = parser.write(text, failed);
  if (failed)
    return fail(Errc::invalid, "at byte " + std::to_string(read) + ": " + failed.message());
  return parser.release();
}

}  // namespace posthorn::text
