#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/assert.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace posthorn::crypto {
namespace {

constexpr std::size_t ed25519_key_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;

Key private_key(std::string_view seed) {
  PH_ASSERT(seed.size() == ed25519_key_bytes);
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()));
  PH_ASSERT(key != nullptr);
  return key;
}

}  // namespace

Ed25519Pair make_ed25519(std::string_view seed_of_32_bytes) {
  const Key key = private_key(seed_of_32_bytes);
  std::array<unsigned char, ed25519_key_bytes> out;
  std::size_t size = out.size();
  PH_ASSERT(EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) == 1 &&
            size == ed25519_key_bytes);
  return {Secret(std::string(seed_of_32_bytes)),
          std::string(reinterpret_cast<const char*>(out.data()), size)};
}

std::string ed25519_sign(const Secret& seed, std::string_view data) {
  const Key key = private_key(seed.reveal());
  const DigestContext context(EVP_MD_CTX_new());
  PH_ASSERT(context != nullptr);
  PH_ASSERT(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  std::array<unsigned char, ed25519_signature_bytes> out;
  std::size_t size = out.size();
  PH_ASSERT(EVP_DigestSign(context.get(), out.data(), &size, bytes_of(data), data.size()) == 1);
  return {reinterpret_cast<const char*>(out.data()), size};
}

bool ed25519_verify(std::string_view public_key, std::string_view signature,
                    std::string_view data) {
  if (public_key.size() != ed25519_key_bytes || signature.size() != ed25519_signature_bytes)
    return false;
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key),
                                            public_key.size()));
  const DigestContext context(EVP_MD_CTX_new());
  PH_ASSERT(key != nullptr && context != nullptr);
  PH_ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  const bool holds = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                      bytes_of(data), data.size()) == 1;
  ERR_clear_error();  // The queue is the thread's: TLS must not find our refusal there.
  return holds;
}

}  // namespace posthorn::crypto
