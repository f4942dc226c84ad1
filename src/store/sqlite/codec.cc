#include "store/sqlite/codec.h"

#include <cstring>

#include "store/sqlite/packing.h"

namespace posthorn::store {
std::uint64_t checksum(std::string_view bytes) {
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  constexpr std::uint64_t first = 0x9E3779B97F4A7C15ULL, second = 0xD6E8FEB86659FD93ULL;
  std::uint64_t sum = mix(bytes.size() ^ first, second);
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    sum = mix(sum ^ word, first) + word;
    bytes.remove_prefix(8);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, bytes.data(), bytes.size());
  return mix(sum ^ tail, second) ^ sum;
}

void pack_event(std::string& out, const model::Event& event, EventExtras extras) {
  out.clear();
  out.push_back(format_version);
  put_place(out, extras.in_file, extras.compressed_from);
  put_fixed(out, extras.data_checksum);
  put_signed(out, event.type_version);
  put_signed(out, event.hop);
  put_text(out, event.key);
  put_text(out, event.actor);
  put_text(out, event.client_id);
  put_text(out, event.traceparent);
  put_number(out, event.channels.size());
  for (const auto& channel : event.channels) put_text(out, channel);
}

std::optional<EventExtras> unpack_event(std::string_view packed, model::Event& event) {
  Unpacker in(packed);
  EventExtras extras;
  in.place(extras.in_file, extras.compressed_from);
  extras.data_checksum = in.fixed();
  event.type_version = in.small();
  event.hop = in.small();
  event.key = in.text();
  event.actor = in.text();
  event.client_id = in.text();
  event.traceparent = in.text();
  const std::uint64_t channels = in.number();
  if (channels > in.left()) return std::nullopt;
  event.channels.clear();
  for (std::uint64_t i = 0; i < channels; ++i) event.channels.push_back(in.text());
  if (!in.complete()) return std::nullopt;
  return extras;
}

void pack_attempt(std::string& out, const model::Attempt& attempt) {
  out.clear();
  out.push_back(format_version);
  put_number(out, (attempt.success ? 1U : 0U) | (attempt.response_truncated ? 2U : 0U));
  put_signed(out, attempt.timings.dns_ms);
  put_signed(out, attempt.timings.connect_ms);
  put_signed(out, attempt.timings.tls_ms);
  put_signed(out, attempt.timings.first_byte_ms);
  put_signed(out, attempt.timings.total_ms);
  put_text(out, attempt.remote_address);
  put_text(out, attempt.tls);
  put_text(out, attempt.detail);
  put_text(out, attempt.decision);
  put_number(out, attempt.response_headers.size());
  for (const auto& header : attempt.response_headers) {
    put_text(out, header.name);
    put_text(out, header.value);
  }
  put_text(out, attempt.response_body);
}

bool unpack_attempt(std::string_view packed, model::Attempt& attempt) {
  Unpacker in(packed);
  const std::uint64_t flags = in.number();
  attempt.success = (flags & 1) != 0;
  attempt.response_truncated = (flags & 2) != 0;
  attempt.timings.dns_ms = in.small();
  attempt.timings.connect_ms = in.small();
  attempt.timings.tls_ms = in.small();
  attempt.timings.first_byte_ms = in.small();
  attempt.timings.total_ms = in.small();
  attempt.remote_address = in.text();
  attempt.tls = in.text();
  attempt.detail = in.text();
  attempt.decision = in.text();
  const std::uint64_t headers = in.number();
  if (headers > in.left()) return false;
  attempt.response_headers.clear();
  for (std::uint64_t i = 0; i < headers; ++i) {
    std::string name = in.text();
    std::string value = in.text();
    attempt.response_headers.push_back({std::move(name), std::move(value)});
  }
  attempt.response_body = in.text();
  return in.complete();
}

std::string pack_targets(const EndpointId* first, const EndpointId* last) {
  std::string out(1, format_version);
  for (; first != last; ++first) put_number(out, first->value);
  return out;
}

std::optional<std::vector<EndpointId>> unpack_targets(std::string_view packed) {
  Unpacker in(packed);
  std::vector<EndpointId> targets;
  while (in.good() && in.left() > 0) targets.push_back({in.number()});
  if (!in.good()) return std::nullopt;
  return targets;
}

}  // namespace posthorn::store
