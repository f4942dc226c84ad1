#pragma once
// Where the generic providers find an event's id and name: in a header, at a JSON pointer, or at a
// path in an XML body. Not for use outside providers/.

#include <array>
#include <string>
#include <string_view>

#include "providers/common.h"
#include "providers/provider.h"
#include "text/xml.h"

namespace posthorn::providers {

std::string problem_of_header_name(std::string_view text);
std::string problem_of_json_pointer(std::string_view text);
std::string problem_of_xml_path(std::string_view text);

inline constexpr std::array named_event_fields{
    Field{.name = "id_header",
          .help = "The header with the event's id; without one, the body's digest serves for 24 h.",
          .problem = problem_of_header_name},
    Field{.name = "id_json_pointer",
          .help = "Where the id is in a JSON body, such as /id.",
          .problem = problem_of_json_pointer},
    Field{.name = "id_xml_path",
          .help = "Where the id is in an XML body, such as /order/@id.",
          .problem = problem_of_xml_path},
    Field{.name = "event_header",
          .help = "The header with the event's name.",
          .problem = problem_of_header_name},
    Field{.name = "event_json_pointer",
          .help = "Where the event's name is in a JSON body, such as /event.",
          .problem = problem_of_json_pointer},
    Field{.name = "event_xml_path",
          .help = "Where the event's name is in an XML body, such as /order/status.",
          .problem = problem_of_xml_path},
};

/// The fields of one table behind those of another.
template <std::size_t first, std::size_t second>
constexpr std::array<Field, first + second> joined(const std::array<Field, first>& a,
                                                   const std::array<Field, second>& b) {
  std::array<Field, first + second> all{};
  for (std::size_t i = 0; i < first; ++i) all[i] = a[i];
  for (std::size_t i = 0; i < second; ++i) all[first + i] = b[i];
  return all;
}

/// One event, of type generic. The header is asked first, then the body; what is not there is left
/// out: no name, and the body's digest as the key. A value that is neither text nor a whole number
/// is a fault. A body that must be read and cannot be is unreadable.
Parsed parse_named_event(const Settings& settings, const Incoming& request);

/// Puts id and event where the settings look for them, into a JSON body and the headers. Errors:
/// invalid, when they look into XML and no body is given.
Result<> fill_named_sample(Sample& sample, const Settings& settings, const SampleOrder& order);

}  // namespace posthorn::providers
