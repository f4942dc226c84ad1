#include "base/id.h"

#include <array>

#include "base/bytes.h"

namespace posthorn {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t base32_length = 13;

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    const auto c = static_cast<unsigned char>(alphabet[i]);
    values[c] = static_cast<std::int8_t>(i);
    if (c >= 'a') values[c - 32U] = static_cast<std::int8_t>(i);
  }
  for (const char c : {'o', 'O'}) values[static_cast<unsigned char>(c)] = 0;
  for (const char c : {'i', 'I', 'l', 'L'}) values[static_cast<unsigned char>(c)] = 1;
  return values;
}
constexpr std::array<std::int8_t, 256> values = make_values();

// Constants and steps of splitmix64's finaliser; each step can be undone, so the whole can.
constexpr std::uint64_t factor_1 = 0xBF58476D1CE4E5B9ULL, inverse_1 = 0x96DE1B173F119089ULL;
constexpr std::uint64_t factor_2 = 0x94D049BB133111EBULL, inverse_2 = 0x319642B2D24D8EC3ULL;
static_assert(factor_1 * inverse_1 == 1 && factor_2 * inverse_2 == 1);

constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * factor_1;
  x = (x ^ (x >> 27)) * factor_2;
  return x ^ (x >> 31);
}

constexpr std::uint64_t undo_xor_shift(std::uint64_t x, int shift) {
  std::uint64_t out = x;
  for (int done = shift; done < 64; done += shift) out = x ^ (out >> shift);
  return out;
}

constexpr std::uint64_t unmix(std::uint64_t x) {
  x = undo_xor_shift(x, 31) * inverse_2;
  x = undo_xor_shift(x, 27) * inverse_1;
  return undo_xor_shift(x, 30);
}
static_assert(unmix(mix(0x0123456789ABCDEFULL)) == 0x0123456789ABCDEFULL);

constexpr std::uint64_t id_salt = 0x706F7374686F726EULL;     // "posthorn"
constexpr std::uint64_t check_salt = 0x64656C6976657279ULL;  // "delivery"

constexpr std::uint64_t checksum_58(std::uint64_t id) { return mix(mix(id) + check_salt) >> 6; }

std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(value >> (56 - 8 * i) & 0xFF);
  return out;
}

std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string to_base32(std::uint64_t value) {
  std::string out(base32_length, '0');
  for (std::size_t i = base32_length; i-- > 0; value >>= 5) out[i] = alphabet[value & 31];
  return out;
}

std::optional<std::uint64_t> from_base32(std::string_view text) {
  if (text.size() != base32_length) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::int8_t digit = values[static_cast<unsigned char>(c)];
    if (digit < 0 || value >> 59 != 0) return std::nullopt;
    value = value << 5 | static_cast<std::uint64_t>(digit);
  }
  return value;
}

// 60 bits of the mixed id (m) and the version stand before the variant, the other 4 and the 58 of
// the checksum (c) behind it: mmmmmmmm-mmmm-8mmm-[10mmmm c…]
std::string to_uuid(DeliveryId id) {
  const std::uint64_t mixed = mix(id.value ^ id_salt);
  const std::uint64_t check = checksum_58(id.value);
  const std::uint64_t high = (mixed >> 16) << 16 | 0x8000U | (mixed >> 4 & 0xFFF);
  const std::uint64_t low = 2ULL << 62 | (mixed & 0xF) << 58 | check;
  const std::string hex = to_hex(big_endian(high) + big_endian(low));
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += hex[i];
  }
  return out;
}

std::optional<DeliveryId> delivery_from_uuid(std::string_view uuid) {
  if (uuid.size() != 36) return std::nullopt;
  std::string hex;
  hex.reserve(32);
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    const bool is_dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    if ((uuid[i] == '-') != is_dash_place) return std::nullopt;
    if (!is_dash_place) hex += uuid[i];
  }
  const auto bytes = from_hex(hex);
  if (!bytes) return std::nullopt;
  const std::uint64_t high = from_big_endian(std::string_view(*bytes).substr(0, 8));
  const std::uint64_t low = from_big_endian(std::string_view(*bytes).substr(8));
  const std::uint64_t mixed = (high >> 16) << 16 | (high & 0xFFF) << 4 | (low >> 58 & 0xF);
  const DeliveryId id{unmix(mixed) ^ id_salt};
  // Making it again checks version, variant and checksum at once.
  if (!id || !equal_ignoring_case_ascii(to_uuid(id), uuid)) return std::nullopt;
  return id;
}

std::optional<DeliveryId> parse_delivery_id(std::string_view text) {
  if (const auto id = DeliveryId::parse(text)) return id;
  return delivery_from_uuid(text);
}

}  // namespace posthorn
