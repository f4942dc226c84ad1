#include "crypto/asymmetric.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <climits>
#include <optional>

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/openssl.h"

namespace posthorn::crypto {
namespace {

constexpr int rsa_bits_min = 2048;

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

/// The queue of errors is the thread's: TLS must not find our refusals there.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

Bio reader(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  PH_ASSERT(bio != nullptr);
  return bio;
}

/// DER from PEM or bare base64: lines that begin with five dashes and all white space are dropped,
/// as SendGrid's own library does; what is no base64 then may be DER already.
std::string der_of(std::string_view text) {
  std::string joined;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with("-----")) continue;
    for (const char c : line)
      if (c != ' ' && c != '\t' && c != '\r') joined += c;
  }
  if (auto der = from_base64(joined)) return *std::move(der);
  return std::string(text);
}

bool is_p256(const EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  std::array<char, 64> group{};
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == "prime256v1";
}

Key p256_public(std::string_view text) {
  const std::string der = der_of(text);
  const unsigned char* at = bytes_of(der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!is_p256(key.get()) || at != bytes_of(der) + der.size()) return nullptr;
  return key;
}

/// No pass phrase is ever asked for at the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

Key private_key_of(std::string_view text) {
  if (text.size() > INT_MAX) return nullptr;
  if (text.find("-----BEGIN") != text.npos)
    return Key(PEM_read_bio_PrivateKey(reader(text).get(), nullptr, no_pass_phrase, nullptr));
  const std::string der = der_of(text);
  const unsigned char* at = bytes_of(der);
  return Key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
}

std::optional<std::string> sign(EVP_PKEY* key, const EVP_MD* digest,
                                std::initializer_list<std::string_view> pieces) {
  const DigestContext context(EVP_MD_CTX_new());
  PH_ASSERT(context != nullptr);
  if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1) return std::nullopt;
  for (const auto piece : pieces)
    PH_ASSERT(EVP_DigestSignUpdate(context.get(), piece.data(), piece.size()) == 1);
  std::size_t size = 0;
  if (EVP_DigestSignFinal(context.get(), nullptr, &size) != 1) return std::nullopt;
  std::string made(size, '\0');
  if (EVP_DigestSignFinal(context.get(), reinterpret_cast<unsigned char*>(made.data()), &size) != 1)
    return std::nullopt;
  made.resize(size);
  return made;
}

bool verify(EVP_PKEY* key, const EVP_MD* digest, std::string_view signature,
            std::initializer_list<std::string_view> pieces) {
  const DigestContext context(EVP_MD_CTX_new());
  PH_ASSERT(context != nullptr);
  if (EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) != 1) return false;
  for (const auto piece : pieces)
    PH_ASSERT(EVP_DigestVerifyUpdate(context.get(), piece.data(), piece.size()) == 1);
  return EVP_DigestVerifyFinal(context.get(), bytes_of(signature), signature.size()) == 1;
}

const EVP_MD* rsa_digest(Digest digest) {
  PH_ASSERT(digest == Digest::sha1 || digest == Digest::sha256);
  return digest == Digest::sha1 ? EVP_sha1() : EVP_sha256();
}

}  // namespace

bool is_p256_public_key(std::string_view text) {
  const ErrorsCleared cleared;
  return p256_public(text) != nullptr;
}

bool p256_verify(std::string_view public_key, std::string_view signature,
                 std::initializer_list<std::string_view> pieces) {
  const ErrorsCleared cleared;
  const Key key = p256_public(public_key);
  return key != nullptr && !signature.empty() && verify(key.get(), EVP_sha256(), signature, pieces);
}

Result<std::string> p256_sign(const Secret& private_key,
                              std::initializer_list<std::string_view> pieces) {
  const ErrorsCleared cleared;
  const Key key = private_key_of(private_key.reveal());
  if (!is_p256(key.get())) return fail(Errc::invalid, "it is not a private key of P-256 in PEM");
  auto made = sign(key.get(), EVP_sha256(), pieces);
  if (!made) return fail(Errc::invalid, "the key cannot sign: it holds no private part");
  return *std::move(made);
}

P256Pair make_p256() {
  const Key key(EVP_EC_gen("P-256"));
  PH_ASSERT(key != nullptr);
  const Bio bio(BIO_new(BIO_s_mem()));
  PH_ASSERT(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr,
                                                            0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  unsigned char* der = nullptr;
  const int der_size = i2d_PUBKEY(key.get(), &der);
  PH_ASSERT(size > 0 && der_size > 0);
  P256Pair pair{
      Secret(std::string(text, static_cast<std::size_t>(size))),
      to_base64({reinterpret_cast<const char*>(der), static_cast<std::size_t>(der_size)})};
  OPENSSL_free(der);
  return pair;
}

struct RsaCertificate::State {
  Certificate certificate;
  Key key;
};

RsaCertificate::RsaCertificate(std::unique_ptr<State> state) : state_(std::move(state)) {}
RsaCertificate::RsaCertificate(RsaCertificate&&) noexcept = default;
RsaCertificate& RsaCertificate::operator=(RsaCertificate&&) noexcept = default;
RsaCertificate::~RsaCertificate() = default;

Result<RsaCertificate> RsaCertificate::read(std::string_view pem) {
  const ErrorsCleared cleared;
  if (pem.size() > INT_MAX) return fail(Errc::invalid, "it is too long for a certificate");
  auto state = std::make_unique<State>();
  state->certificate.reset(PEM_read_bio_X509(reader(pem).get(), nullptr, no_pass_phrase, nullptr));
  if (state->certificate == nullptr)
    return fail(Errc::invalid, "it is not an X.509 certificate in PEM");
  state->key.reset(X509_get_pubkey(state->certificate.get()));
  if (state->key == nullptr || EVP_PKEY_get_base_id(state->key.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_get_bits(state->key.get()) < rsa_bits_min)
    return fail(Errc::invalid, "its key is not an RSA key of at least 2048 bits");
  return RsaCertificate(std::move(state));
}

bool RsaCertificate::is_valid_at(Instant at) const {
  const ErrorsCleared cleared;
  // X509_cmp_time gives 0 for a time that it cannot read: not valid then.
  std::time_t when = static_cast<std::time_t>(at.unix_seconds());
  return X509_cmp_time(X509_get0_notBefore(state_->certificate.get()), &when) < 0 &&
         X509_cmp_time(X509_get0_notAfter(state_->certificate.get()), &when) > 0;
}

bool RsaCertificate::verify(Digest digest, std::string_view signature,
                            std::string_view data) const {
  const ErrorsCleared cleared;
  return crypto::verify(state_->key.get(), rsa_digest(digest), signature, {data});
}

Result<std::string> rsa_sign(const Secret& private_key, Digest digest, std::string_view data) {
  const ErrorsCleared cleared;
  const Key key = private_key_of(private_key.reveal());
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return fail(Errc::invalid, "it is not a private RSA key in PEM");
  auto made = sign(key.get(), rsa_digest(digest), {data});
  if (!made) return fail(Errc::invalid, "the key cannot sign: it holds no private part");
  return *std::move(made);
}

}  // namespace posthorn::crypto
