#pragma once
// The bytes of an answer, built into a buffer that is used again and again.

#include <string>
#include <string_view>

#include "http/message.h"

namespace posthorn::http {

struct ReplyContext {
  std::string_view date;        ///< Of the Date header.
  std::string_view request_id;  ///< Empty: no X-Request-Id.
  int minor_version = 1;        ///< Of the request.
  bool keep_alive = true;
  bool is_head = false;
};

/// The reason phrase of a status; "Status" for one that has none here.
std::string_view reason_of(int status);

/// False when a header of the response would change what the peer reads behind it: a name that is
/// no token, a value with a control character, or one of the headers that the server itself writes
/// (Connection, Content-Length, Date, Transfer-Encoding).
bool is_sendable(const Response& response);

/// Appends the whole answer to `out`: head and, unless the request or the status forbids it, body.
/// `nosniff` is always said, and `no-store` where the response says nothing about caches.
void append_reply(std::string& out, const Response& response, const ReplyContext& context);

/// Appends the head of a streamed answer: chunked for HTTP/1.1, else until the connection ends.
void append_stream_head(std::string& out, const Response& response, const ReplyContext& context);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t unix_seconds);

}  // namespace posthorn::http
