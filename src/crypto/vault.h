#pragma once
// What keeps secrets unreadable in the database: keys in a file beside (never in) it.
//
// The file has one key a line, "<number> <64 hexadecimal digits>", the newest last, and mode 0600.
// New texts are sealed with the newest key; older keys stay so that what they sealed still opens.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace posthorn::crypto {

/// Const members may be called from any thread at once; add_key() only while no other call runs.
class Vault {
 public:
  /// Reads the file, or makes it with one new key (durably, before it returns) when there is none.
  /// Errors: refused when others than its owner may read or write the file, corrupt when a line is
  /// not a key, io. The sentence says what to do.
  static Result<Vault> load_or_create(const std::string& path);
  /// Keys made from the seed, without a file: the same seed gives the same sealed texts.
  static Vault for_tests(std::uint64_t seed);

  /// "v1:<key number>:<base64>". `context` names the place the text belongs to and is not stored:
  /// moved to another place it does not open. Equal plain texts in equal contexts give equal
  /// results (the nonce is an HMAC of both), so an unchanged document keeps its hash.
  [[nodiscard]] std::string seal(std::string_view plain, std::string_view context) const;
  /// Errors: corrupt when the text is not a sealed one, its key is not in the file, or key, context
  /// or a byte is not what it was.
  [[nodiscard]] Result<std::string> open(std::string_view sealed, std::string_view context) const;

  /// Hex HMAC-SHA256 under a key derived from the oldest key, so that it outlives add_key(): how
  /// API keys are stored.
  [[nodiscard]] std::string keyed_hash(std::string_view text) const;

  /// Names every key without telling it: "1-5f0c9a31d2e4b677 2-…". Kept in the database.
  [[nodiscard]] std::string fingerprint() const;
  /// Whether this vault has every key that a fingerprint from the database names. Error: refused,
  /// with the number of the key that is missing or differs.
  [[nodiscard]] Result<> covers(std::string_view fingerprint) const;

  /// Adds a key and seals with it from now on; durable when it returns. Errors: io, and conflict
  /// when the file is not what was loaded. A vault for_tests only changes in memory.
  Result<> add_key();
  /// False when the text was sealed with an older key: seal it again to finish a rotation.
  [[nodiscard]] bool is_sealed_with_newest(std::string_view sealed) const;

 private:
  struct Key {
    std::uint32_t number = 0;
    Secret bytes;       ///< 32 bytes, as in the file.
    Secret encryption;  ///< Derived: AES-256-GCM.
    Secret nonce;       ///< Derived: HMAC that makes nonces.
    std::string check;  ///< Derived: 16 hexadecimal digits, not secret.
  };

  Vault(std::string path, std::vector<Key> keys);
  static Key make_key(std::uint32_t number, std::string_view bytes);
  static Result<std::vector<Key>> parse_file(std::string_view text, const std::string& path);
  static std::string file_text(const std::vector<Key>& keys);

  std::string path_;       ///< Empty: no file.
  std::vector<Key> keys_;  ///< Never empty; newest last.
  Secret hash_key_;
};

}  // namespace posthorn::crypto
