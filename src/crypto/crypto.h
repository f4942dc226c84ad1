#pragma once
// Digests, signatures and encryption; OpenSSL is seen only behind this header (and in net/ for
// TLS).

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace posthorn::crypto {

std::string sha1(std::string_view data);    ///< 20 bytes.
std::string sha256(std::string_view data);  ///< 32 bytes.
std::string sha512(std::string_view data);  ///< 64 bytes.

/// SHA-256 of what comes in pieces, such as a large file.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void add(std::string_view piece);
  /// The 32 bytes; call once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Digest { sha1, sha256, sha384, sha512 };

/// One-shot HMAC. The thread keeps the context, and with it the last key, until its next call. For
/// a key that is used again, keep an HmacKey.
std::string hmac(Digest digest, std::string_view key, std::string_view data);

/// A keyed HMAC-SHA256 context that is reset, not keyed anew, for each message. Not thread-safe:
/// one instance a thread.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  HmacKey(HmacKey&&) noexcept;
  HmacKey& operator=(HmacKey&&) noexcept;
  ~HmacKey();
  /// The 32-byte HMAC of the pieces joined.
  std::string sign(std::initializer_list<std::string_view> pieces);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Same length and bytes; the time depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// `count` bytes from the operating system's generator.
std::string random_bytes(std::size_t count);

/// An ed25519 key pair: the 32-byte seed and the 32-byte public key.
struct Ed25519Pair {
  Secret seed;
  std::string public_key;
};
Ed25519Pair make_ed25519(std::string_view seed_of_32_bytes);
std::string ed25519_sign(const Secret& seed, std::string_view data);  ///< 64 bytes.
bool ed25519_verify(std::string_view public_key, std::string_view signature, std::string_view data);

/// AES-256-GCM with a random 12-byte nonce in front and the 16-byte tag behind. `context` is
/// authenticated and not stored: a ciphertext moved to another row does not open.
std::string seal(std::string_view key_of_32_bytes, std::string_view plain,
                 std::string_view context);
/// The same with a given 12-byte nonce, which must never serve two messages under one key.
std::string seal_with_nonce(std::string_view key_of_32_bytes, std::string_view nonce_of_12_bytes,
                            std::string_view plain, std::string_view context);
/// nullopt when the key, the context or a byte is not what it was.
std::optional<std::string> open(std::string_view key_of_32_bytes, std::string_view sealed,
                                std::string_view context);

}  // namespace posthorn::crypto
