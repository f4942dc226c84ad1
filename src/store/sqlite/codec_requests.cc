#include "store/sqlite/codec_requests.h"

#include "store/sqlite/packing.h"

namespace posthorn::store {

void pack_request(std::string& out, const model::ReceivedRequest& request,
                  const RequestExtras& extras) {
  out.clear();
  out.push_back(format_version);
  put_place(out, extras.in_file, extras.compressed_from);
  put_number(out, static_cast<std::uint64_t>(request.origin));
  put_fixed(out, extras.body_checksum);
  put_signed(out, request.body_bytes);
  put_text(out, request.body_sha256);
  put_signed(out, request.reply_status);
  put_number(out, extras.keys.size());
  for (const auto& key : extras.keys) put_text(out, key);
  put_text(out, request.method);
  put_text(out, request.url);
  put_text(out, request.remote_address);
  put_text(out, request.verdict);
  put_number(out, request.headers.size());
  for (const auto& [name, value] : request.headers) {
    put_text(out, name);
    put_text(out, value);
  }
}

std::optional<RequestExtras> unpack_request(std::string_view packed,
                                            model::ReceivedRequest& request) {
  Unpacker in(packed);
  RequestExtras extras;
  in.place(extras.in_file, extras.compressed_from);
  request.origin = static_cast<model::RequestOrigin>(in.number());
  extras.body_checksum = in.fixed();
  request.body_bytes = in.signed_number();
  request.body_sha256 = in.text();
  request.reply_status = in.small();
  const std::uint64_t keys = in.number();
  if (keys > in.left()) return std::nullopt;
  for (std::uint64_t i = 0; i < keys; ++i) extras.keys.push_back(in.text());
  request.method = in.text();
  request.url = in.text();
  request.remote_address = in.text();
  request.verdict = in.text();
  const std::uint64_t headers = in.number();
  if (headers > in.left()) return std::nullopt;
  request.headers.clear();
  request.headers.reserve(headers);
  for (std::uint64_t i = 0; i < headers; ++i) {
    std::string name = in.text();
    std::string value = in.text();
    request.headers.emplace_back(std::move(name), std::move(value));
  }
  if (!in.complete()) return std::nullopt;
  return extras;
}

void pack_request_state(std::string& out, const model::ReceivedRequest& request,
                        const std::optional<std::string>& verdict) {
  out.clear();
  out.push_back(format_version);
  put_number(out, verdict ? 1 : 0);
  put_signed(out, request.forced);
  put_signed(out, request.events_new);
  put_signed(out, request.processed_at.unix_ms);
  put_text(out, request.error);
  put_number(out, request.events.size());
  for (const EventId event : request.events) put_number(out, event.value);
  if (verdict) put_text(out, *verdict);
}

bool unpack_request_state(std::string_view packed, model::ReceivedRequest& request,
                          std::optional<std::string>& verdict) {
  Unpacker in(packed);
  const bool has_verdict = (in.number() & 1) != 0;
  request.forced = in.small();
  request.events_new = in.small();
  request.processed_at = {in.signed_number()};
  request.error = in.text();
  const std::uint64_t events = in.number();
  if (events > in.left()) return false;
  request.events.clear();
  for (std::uint64_t i = 0; i < events; ++i) request.events.push_back({in.number()});
  if (has_verdict) {
    verdict = in.text();
    request.verdict = *verdict;
  }
  return in.complete();
}

bool is_untouched(const model::ReceivedRequest& request) {
  return request.forced == 0 && request.events_new == 0 && request.processed_at == Instant{} &&
         request.error.empty() && request.events.empty();
}

}  // namespace posthorn::store
