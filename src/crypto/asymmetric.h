#pragma once
// Signatures of providers that keep the private key: ECDSA P-256 (SendGrid) and RSA with an X.509
// certificate (Amazon SNS). Signing is for `posthorn trigger` and tests alone. All are pure and may
// be called from any thread; bad input is an answer, never an exception.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/crypto.h"

namespace posthorn::crypto {

/// Whether the text is a public key of P-256 as p256_verify() takes it.
bool is_p256_public_key(std::string_view text);

/// SHA-256 and ECDSA over the pieces joined. `public_key`: SubjectPublicKeyInfo as PEM, as base64
/// (with or without line breaks) or as DER. `signature`: DER, nothing behind it; s may be in either
/// half of the group's order. False for anything else, a key of another curve too.
bool p256_verify(std::string_view public_key, std::string_view signature,
                 std::initializer_list<std::string_view> pieces);

/// The DER signature. `private_key`: PKCS#8 or SEC1 as PEM, or as base64 without the PEM lines.
/// Errors: invalid, when it is no private key of P-256.
Result<std::string> p256_sign(const Secret& private_key,
                              std::initializer_list<std::string_view> pieces);

/// A new key pair: PKCS#8 in PEM, SubjectPublicKeyInfo in base64.
struct P256Pair {
  Secret private_key;
  std::string public_key;
};
P256Pair make_p256();

/// An X.509 certificate with an RSA key of at least 2048 bits. Nothing is said about who issued it:
/// trust comes from where it was fetched.
class RsaCertificate {
 public:
  /// Reads the first certificate of a PEM text. Errors: invalid.
  static Result<RsaCertificate> read(std::string_view pem);
  RsaCertificate(RsaCertificate&&) noexcept;
  RsaCertificate& operator=(RsaCertificate&&) noexcept;
  ~RsaCertificate();

  [[nodiscard]] bool is_valid_at(Instant at) const;
  /// PKCS#1 v1.5; `digest` is sha1 or sha256.
  [[nodiscard]] bool verify(Digest digest, std::string_view signature, std::string_view data) const;

 private:
  struct State;
  explicit RsaCertificate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// PKCS#1 v1.5 with a private key in PEM. Errors: invalid, when it is no RSA key.
Result<std::string> rsa_sign(const Secret& private_key, Digest digest, std::string_view data);

}  // namespace posthorn::crypto
