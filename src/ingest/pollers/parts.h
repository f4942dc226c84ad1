#pragma once
// What several pollers share. Not for use outside of this folder.

#include "ingest/pollers/poller.h"
#include "text/json.h"

namespace posthorn::ingest::pollers {

/// A cursor by time: {"since": the newest moment that was seen, "floor": nothing before, "page":
/// where a look stands that is not complete, "seen": what need not be read again}, in unix seconds.
struct Window {
  std::int64_t since = 0;
  std::int64_t from = 0;  ///< What happened before is not looked at.
};
Window window_of(const Situation& situation, const json::object& cursor);
/// The first cursor: a look that begins `lookback` ago.
json::object begin_window(const Situation& situation);
/// The look is complete and `newest` is the newest it saw (0: it saw nothing). After a day without
/// anything new the window moves on by itself.
json::object finished(const Situation& situation, json::object cursor, std::int64_t newest);

/// The page of a look that is not complete; empty when a new one begins.
const json::object& page_of(const json::object& cursor);
/// Whether it need not be read again; what is remembered goes when it is older than the window.
bool is_seen(const json::object& cursor, std::string_view id);
void remember(json::object& cursor, std::string_view id, std::int64_t at);

/// The body as a JSON object or array. Refusal: it is none.
std::expected<json::value, Refusal> json_of(const Answer& answer);
/// "the answer has no list \"data\"".
std::unexpected<Refusal> unexpected_form(std::string_view what);

std::string text_in(const json::object& object, std::string_view name);
/// Digits of a whole number, or the text; empty when it is neither.
std::string id_in(const json::object& object, std::string_view name);
/// A whole number or a text of one; 0 when it is neither.
std::int64_t whole_in(const json::object& object, std::string_view name);
const json::object* object_in(const json::object& object, std::string_view name);
const json::array* array_in(const json::object& object, std::string_view name);
/// Unix seconds of an RFC 3339 moment; 0 for anything else.
std::int64_t seconds_of(std::string_view rfc3339);

/// The text that the provider says what is wrong with, at most 300 bytes; empty when it says none.
std::string error_text(const Answer& answer);

/// For Field::problem: letters, digits and the other characters, at most 128 of them.
bool is_made_of(std::string_view text, std::string_view others);

}  // namespace posthorn::ingest::pollers
