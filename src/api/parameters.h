#pragma once
// The query parameters that several routes share.

#include <array>

#include "api/query.h"

namespace posthorn::api {

inline constexpr QueryParameter limit_parameter{"limit", Takes::limit, "Rows of one page; 50"};
inline constexpr QueryParameter cursor_parameter{"cursor", Takes::cursor,
                                                 "The next_cursor of the page before"};
inline constexpr QueryParameter since_parameter{
    "since", Takes::moment, "Created at or after: RFC 3339, or -2h for two hours ago"};
inline constexpr QueryParameter until_parameter{"until", Takes::moment, "Created before"};
inline constexpr QueryParameter type_parameter{
    "type", Takes::event_types, "Event types, with * wildcards; by commas or repeated"};
inline constexpr QueryParameter endpoint_parameter{"endpoint_id", Takes::endpoint_id,
                                                   "Of this endpoint"};
inline constexpr QueryParameter event_parameter{"event_id", Takes::event_id, "Of this event"};
inline constexpr QueryParameter status_parameter{"status", Takes::delivery_states,
                                                 "States, by commas or repeated"};
inline constexpr QueryParameter code_parameter{"code", Takes::http_statuses,
                                               "HTTP statuses of the last attempt, by commas"};
inline constexpr QueryParameter application_parameter{"application", Takes::application,
                                                      "Of this application: its id or uid"};
inline constexpr QueryParameter source_parameter{"source_id", Takes::source_id, "Of this source"};
inline constexpr QueryParameter provider_parameter{"provider", Takes::provider,
                                                   "Of the sources of this provider"};
inline constexpr QueryParameter state_parameter{"state", Takes::request_states,
                                                "States, by commas or repeated"};
inline constexpr QueryParameter received_since_parameter{
    "since", Takes::moment, "Received at or after: RFC 3339, or -2h for two hours ago"};
inline constexpr QueryParameter received_until_parameter{"until", Takes::moment, "Received before"};
inline constexpr std::array request_parameters{
    limit_parameter,
    cursor_parameter,
    source_parameter,
    provider_parameter,
    state_parameter,
    QueryParameter{"duplicate_of", Takes::request_id, "Those that repeat this one"},
    received_since_parameter,
    received_until_parameter};
/// What `requests` of a replay job takes, beside force.
inline constexpr std::array replay_request_parameters{source_parameter, provider_parameter,
                                                      state_parameter, received_since_parameter,
                                                      received_until_parameter};

inline constexpr std::array page_parameters{limit_parameter, cursor_parameter};
inline constexpr std::array delivery_parameters{
    limit_parameter, cursor_parameter, event_parameter, endpoint_parameter, status_parameter,
    type_parameter,  code_parameter,   since_parameter, until_parameter};
inline constexpr std::array replay_filter_parameters{
    event_parameter, endpoint_parameter, status_parameter, type_parameter,
    code_parameter,  since_parameter,    until_parameter};

}  // namespace posthorn::api
