#include "store/sqlite/codec.h"

#include <cstring>

namespace posthorn::store {
namespace {

constexpr char format_version = 1;

void put_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Small negative numbers stay small: -1 becomes 1.
void put_signed(std::string& out, std::int64_t value) {
  put_number(out, (static_cast<std::uint64_t>(value) << 1) ^
                      (value < 0 ? ~std::uint64_t{0} : std::uint64_t{0}));
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out.append(text);
}

void put_fixed(std::string& out, std::uint64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) { good_ = byte() == format_version; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto next = static_cast<unsigned char>(byte());
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  int small() { return static_cast<int>(signed_number()); }
  std::string text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      good_ = false;
      return {};
    }
    std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    if (rest_.size() < 8) {
      good_ = false;
      return 0;
    }
    std::memcpy(&value, rest_.data(), 8);
    rest_.remove_prefix(8);
    return value;
  }
  char byte() {
    if (rest_.empty()) {
      good_ = false;
      return 0;
    }
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return first;
  }
  /// Nothing was short, and nothing is left.
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

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
  put_number(out, extras.in_file ? 1 : 0);
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
  extras.in_file = (in.number() & 1) != 0;
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
