#include "crypto/vault.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "crypto/key_file.h"

namespace posthorn::crypto {
namespace {

constexpr std::size_t vault_key_bytes = 32;
constexpr std::string_view version = "v1:";

Secret derive(std::string_view key, std::string_view purpose) {
  return Secret(hmac(Digest::sha256, key, fmt::format("posthorn v1 {}", purpose)));
}

std::optional<std::uint32_t> read_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  if (done.ec != std::errc{} || done.ptr != text.data() + text.size() || value == 0)
    return std::nullopt;
  return value;
}

struct SealedText {
  std::uint32_t key = 0;
  std::string_view base64;
};

std::optional<SealedText> split(std::string_view sealed) {
  if (!sealed.starts_with(version)) return std::nullopt;
  sealed.remove_prefix(version.size());
  const std::size_t colon = sealed.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = read_number(sealed.substr(0, colon));
  if (!number) return std::nullopt;
  return SealedText{*number, sealed.substr(colon + 1)};
}

/// The first piece of `text` up to `end`, which is taken off.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view piece = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return piece;
}

}  // namespace

Vault::Vault(std::string path, std::vector<Key> keys)
    : path_(std::move(path)),
      keys_(std::move(keys)),
      hash_key_(derive(keys_.front().bytes.reveal(), "keyed hash")) {}

Vault::Key Vault::make_key(std::uint32_t number, std::string_view bytes) {
  Key key;
  key.number = number;
  key.bytes = Secret(std::string(bytes));
  key.encryption = derive(bytes, "seal");
  key.nonce = derive(bytes, "nonce");
  key.check = to_hex(derive(bytes, "fingerprint").reveal().substr(0, 8));
  return key;
}

Result<std::vector<Vault::Key>> Vault::parse_file(std::string_view text, const std::string& path) {
  std::vector<Key> keys;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = take_until(text, '\n');
    const std::size_t space = std::min(line.find(' '), line.size());
    const auto number = read_number(line.substr(0, space));
    const auto bytes = from_hex(line.substr(std::min(space + 1, line.size())));
    if (!number || !bytes || bytes->size() != vault_key_bytes ||
        (!keys.empty() && *number <= keys.back().number))
      return fail(Errc::corrupt,
                  fmt::format("line {} of the key file {} is not \"<number> <64 hexadecimal "
                              "digits>\" with a number above the line before: restore the file "
                              "from its backup",
                              line_number, path));
    keys.push_back(make_key(*number, *bytes));
  }
  if (keys.empty())
    return fail(Errc::corrupt,
                fmt::format("the key file {} is empty: restore it from its backup, or remove it "
                            "if nothing was stored yet",
                            path));
  return keys;
}

std::string Vault::file_text(const std::vector<Key>& keys) {
  std::string text;
  for (const Key& key : keys)
    text += fmt::format("{} {}\n", key.number, to_hex(key.bytes.reveal()));
  return text;
}

Result<Vault> Vault::load_or_create(const std::string& path) {
  PH_TRY(auto text, read_key_file(path));
  if (!text) {
    std::vector<Key> keys;
    keys.push_back(make_key(1, random_bytes(vault_key_bytes)));
    auto written = write_key_file(path, file_text(keys), WriteMode::create);
    if (written) return Vault(path, std::move(keys));
    if (written.error().code != Errc::conflict) return fail(std::move(written).error());
    PH_TRY(text, read_key_file(path));
    if (!text) return fail(Errc::io, fmt::format("the key file {} comes and goes", path));
  }
  PH_TRY(auto keys, parse_file(*text, path));
  return Vault(path, std::move(keys));
}

Vault Vault::for_tests(std::uint64_t seed) {
  std::vector<Key> keys;
  keys.push_back(make_key(1, sha256(fmt::format("vault for tests {}", seed))));
  return {"", std::move(keys)};
}

std::string Vault::seal(std::string_view plain, std::string_view context) const {
  const Key& key = keys_.back();
  // The length keeps ("ab", "c") and ("a", "bc") apart.
  const std::string length = fmt::format("{}:", context.size());
  const std::string nonce =
      HmacKey(key.nonce.reveal()).sign({length, context, plain}).substr(0, 12);
  return fmt::format("{}{}:{}", version, key.number,
                     to_base64(seal_with_nonce(key.encryption.reveal(), nonce, plain, context)));
}

Result<std::string> Vault::open(std::string_view sealed, std::string_view context) const {
  const auto parts = split(sealed);
  const auto bytes = parts ? from_base64(parts->base64) : std::nullopt;
  if (!bytes) return fail(Errc::corrupt, "the stored text is not a sealed one");
  const auto key = std::ranges::find(keys_, parts->key, &Key::number);
  if (key == keys_.end())
    return fail(
        Errc::corrupt,
        fmt::format("it is sealed with key {}, which the key file does not have", parts->key));
  auto plain = crypto::open(key->encryption.reveal(), *bytes, context);
  if (!plain)
    return fail(Errc::corrupt, fmt::format("it does not open with key {}: the key file is of "
                                           "another installation, or the stored text was changed "
                                           "or moved",
                                           parts->key));
  return *std::move(plain);
}

std::string Vault::keyed_hash(std::string_view text) const {
  return to_hex(hmac(Digest::sha256, hash_key_.reveal(), text));
}

std::string Vault::fingerprint() const {
  std::string out;
  for (const Key& key : keys_)
    out += fmt::format("{}{}-{}", out.empty() ? "" : " ", key.number, key.check);
  return out;
}

Result<> Vault::covers(std::string_view fingerprint) const {
  const std::string place = path_.empty() ? std::string("the key file") : "the key file " + path_;
  if (fingerprint.empty()) return fail(Errc::corrupt, "the stored key fingerprint is empty");
  while (!fingerprint.empty()) {
    std::string_view check = take_until(fingerprint, ' ');
    const std::string_view digits = take_until(check, '-');
    const auto number = read_number(digits);
    if (!number) return fail(Errc::corrupt, "the stored key fingerprint cannot be read");
    const auto key = std::ranges::find(keys_, *number, &Key::number);
    if (key == keys_.end() || key->check != check)
      return fail(
          Errc::refused,
          fmt::format("this data was sealed with a key {} that {} {}: use the key file that "
                      "belongs to the data",
                      *number, place,
                      key == keys_.end() ? "does not have" : "has other bytes for"));
  }
  return {};
}

Result<> Vault::add_key() {
  std::vector<Key> keys = keys_;
  keys.push_back(make_key(keys_.back().number + 1, random_bytes(vault_key_bytes)));
  if (!path_.empty()) {
    PH_TRY(const auto text, read_key_file(path_));
    if (text != file_text(keys_))
      return fail(Errc::conflict,
                  fmt::format("the key file {} was changed since it was read", path_));
    if (auto written = write_key_file(path_, file_text(keys), WriteMode::replace); !written)
      return written;
  }
  keys_ = std::move(keys);
  return {};
}

bool Vault::is_sealed_with_newest(std::string_view sealed) const {
  const auto parts = split(sealed);
  return parts && parts->key == keys_.back().number;
}

}  // namespace posthorn::crypto
