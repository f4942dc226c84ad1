#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "base/assert.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace posthorn::crypto {
namespace {

const char* name_of(Digest digest) {
  switch (digest) {
    case Digest::sha1:
      return "SHA1";
    case Digest::sha256:
      return "SHA256";
    case Digest::sha384:
      return "SHA384";
    case Digest::sha512:
      return "SHA512";
  }
  PH_ASSERT(false);
}

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

/// Fetched once and kept: the look-up behind EVP_sha256() costs more than the digest of a key.
const EVP_MD* fetched(const char* name) {
  const EVP_MD* const kind = EVP_MD_fetch(nullptr, name, nullptr);
  PH_ASSERT(kind != nullptr);
  return kind;
}
const EVP_MD* sha256_kind() {
  static const EVP_MD* const kind = fetched("SHA256");
  return kind;
}

std::string digest_of(const EVP_MD* kind, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  PH_ASSERT(EVP_Digest(data.data(), data.size(), out.data(), &size, kind, nullptr) == 1);
  return {reinterpret_cast<const char*>(out.data()), size};
}

MacContext keyed(Digest digest, std::string_view key) {
  // Fetched once: the look-up by name costs more than the HMAC of a small message.
  static EVP_MAC* const hmac_kind = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  PH_ASSERT(hmac_kind != nullptr);
  MacContext context(EVP_MAC_CTX_new(hmac_kind));
  PH_ASSERT(context != nullptr);
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string("digest", const_cast<char*>(name_of(digest)), 0),
      OSSL_PARAM_construct_end()};
  PH_ASSERT(EVP_MAC_init(context.get(), bytes_of(key), key.size(), parameters.data()) == 1);
  return context;
}

std::string finish(EVP_MAC_CTX* context) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  std::size_t size = 0;
  PH_ASSERT(EVP_MAC_final(context, out.data(), &size, out.size()) == 1);
  return {reinterpret_cast<const char*>(out.data()), size};
}

}  // namespace

std::string sha1(std::string_view data) { return digest_of(EVP_sha1(), data); }
std::string sha256(std::string_view data) { return digest_of(sha256_kind(), data); }
std::string sha512(std::string_view data) { return digest_of(EVP_sha512(), data); }

struct Sha256::State {
  struct Free {
    void operator()(EVP_MD_CTX* unused) const { EVP_MD_CTX_free(unused); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  PH_ASSERT(EVP_DigestInit_ex(state_->context.get(), sha256_kind(), nullptr) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::string_view piece) {
  PH_ASSERT(EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  PH_ASSERT(EVP_DigestFinal_ex(state_->context.get(), out.data(), &size) == 1);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string hmac(Digest digest, std::string_view key, std::string_view data) {
  // One context a thread: making one, and finding its digest by name, costs as much as the HMAC of
  // a small message.
  static thread_local std::array<MacContext, 4> contexts;
  MacContext& context = contexts.at(static_cast<std::size_t>(digest));
  if (!context)
    context = keyed(digest, key);
  else
    PH_ASSERT(EVP_MAC_init(context.get(), bytes_of(key), key.size(), nullptr) == 1);
  PH_ASSERT(EVP_MAC_update(context.get(), bytes_of(data), data.size()) == 1);
  return finish(context.get());
}

struct HmacKey::State {
  MacContext context;
};

HmacKey::HmacKey(std::string_view key)
    : state_(std::make_unique<State>(State{keyed(Digest::sha256, key)})) {}
HmacKey::HmacKey(HmacKey&&) noexcept = default;
HmacKey& HmacKey::operator=(HmacKey&&) noexcept = default;
HmacKey::~HmacKey() = default;

std::string HmacKey::sign(std::initializer_list<std::string_view> pieces) {
  EVP_MAC_CTX* const context = state_->context.get();
  PH_ASSERT(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);
  for (const std::string_view piece : pieces)
    PH_ASSERT(EVP_MAC_update(context, bytes_of(piece), piece.size()) == 1);
  return finish(context);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace posthorn::crypto
