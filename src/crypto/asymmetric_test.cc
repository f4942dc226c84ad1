#include "crypto/asymmetric.h"

#include <doctest/doctest.h>

#include <array>

#include "base/bytes.h"
#include "crypto/test_certificate.h"

namespace posthorn::crypto {
namespace {

// n of P-256, RFC 5639's sibling table: FIPS 186-4 D.1.2.3.
constexpr std::array<unsigned char, 32> group_order{
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/// The integer at `at` of a DER SEQUENCE of two, as 32 bytes.
std::string integer_at(std::string_view der, std::size_t at) {
  std::string bytes(der.substr(at + 2, static_cast<unsigned char>(der[at + 1])));
  while (bytes.size() > 32) bytes.erase(0, 1);
  return std::string(32 - bytes.size(), '\0') + bytes;
}

std::string der_integer(std::string bytes) {
  while (bytes.size() > 1 && bytes[0] == 0) bytes.erase(0, 1);
  if (static_cast<unsigned char>(bytes[0]) >= 0x80) bytes.insert(0, 1, '\0');
  return std::string("\x02") + static_cast<char>(bytes.size()) + bytes;
}

/// The same signature with s in the other half of the group's order.
std::string mirrored(std::string_view der) {
  const std::size_t second = 4 + static_cast<unsigned char>(der[3]);
  std::string s = integer_at(der, second);
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    int digit = group_order[i] - static_cast<unsigned char>(s[i]) - borrow;
    borrow = digit < 0 ? 1 : 0;
    s[i] = static_cast<char>(digit + (borrow ? 256 : 0));
  }
  const std::string both = der_integer(integer_at(der, 2)) + der_integer(s);
  return std::string("\x30") + static_cast<char>(both.size()) + both;
}

TEST_CASE("a P-256 signature holds for its key and its bytes alone, with s in either half") {
  const auto pair = make_p256();
  const auto signature = p256_sign(pair.private_key, {"1759999997", "[{}]\r\n"});
  REQUIRE(signature.has_value());
  CHECK(p256_verify(pair.public_key, *signature, {"1759999997[{}]", "\r\n"}));
  CHECK(p256_verify(pair.public_key, mirrored(*signature), {"1759999997[{}]\r\n"}));
  CHECK_FALSE(p256_verify(pair.public_key, *signature, {"1759999997[{}]"}));
  CHECK_FALSE(p256_verify(make_p256().public_key, *signature, {"1759999997[{}]\r\n"}));
}

TEST_CASE("a P-256 key is taken as PEM, as base64 with line breaks and as DER") {
  const auto pair = make_p256();
  const auto signature = p256_sign(pair.private_key, {"x"});
  const std::string lines =
      pair.public_key.substr(0, 64) + "\r\n" + pair.public_key.substr(64) + "\n";
  for (const std::string& key :
       {"-----BEGIN PUBLIC KEY-----\n" + lines + "-----END PUBLIC KEY-----\n", lines,
        *from_base64(pair.public_key)}) {
    CHECK(is_p256_public_key(key));
    CHECK(p256_verify(key, *signature, {"x"}));
  }
}

TEST_CASE("what is no signature of P-256 does not verify") {
  const auto pair = make_p256();
  const auto signature = *p256_sign(pair.private_key, {"x"});
  const std::string zero_r("\x30\x06\x02\x01\x00\x02\x01\x01", 8);
  const std::string raw(64, '\x11');
  for (const std::string& wrong :
       {std::string(), signature + '\0', signature.substr(0, signature.size() - 1), zero_r, raw})
    CHECK_FALSE(p256_verify(pair.public_key, wrong, {"x"}));
  const std::string_view p384 =
      "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE0/trAQR3APqnSqAxcBFAOfMbBJYZe62oUIT0dvp5/"
      "lUUx8AHm/9EEGD4w11JZBxlwtwHNIhvBtE1EWXxGoMwdSxDYwoDfYtNAk3zNw3gK47ieW4xqtlHUiGpkVbFMZR3";
  for (const std::string& key :
       {std::string(p384), std::string("AAAA"), std::string(), pair.public_key + "AAAA"}) {
    CHECK_FALSE(is_p256_public_key(key));
    CHECK_FALSE(p256_verify(key, signature, {"x"}));
  }
  CHECK_FALSE(p256_sign(Secret("nonsense"), {"x"}).has_value());
  CHECK_FALSE(p256_sign(Secret(std::string(test_private_key)), {"x"}).has_value());
}

TEST_CASE("an RSA certificate verifies what its key signed, with the digest that was said") {
  const auto certificate = RsaCertificate::read(test_certificate);
  REQUIRE(certificate.has_value());
  for (const Digest digest : {Digest::sha1, Digest::sha256}) {
    const auto signature = rsa_sign(Secret(std::string(test_private_key)), digest, "Message\nx\n");
    REQUIRE(signature.has_value());
    CHECK(certificate->verify(digest, *signature, "Message\nx\n"));
    CHECK_FALSE(certificate->verify(digest, *signature, "Message\nx"));
    CHECK_FALSE(certificate->verify(digest, signature->substr(1), "Message\nx\n"));
    CHECK_FALSE(certificate->verify(digest == Digest::sha1 ? Digest::sha256 : Digest::sha1,
                                    *signature, "Message\nx\n"));
  }
  CHECK_FALSE(certificate->verify(Digest::sha1, "", ""));
}

TEST_CASE("a certificate counts between its dates") {
  const auto certificate = RsaCertificate::read(test_certificate);
  REQUIRE(certificate.has_value());
  CHECK(certificate->is_valid_at(*parse_rfc3339("2030-01-01T00:00:00Z")));
  CHECK_FALSE(certificate->is_valid_at(*parse_rfc3339("2019-12-31T23:59:59Z")));
  CHECK_FALSE(certificate->is_valid_at(*parse_rfc3339("2060-01-01T00:00:00Z")));
}

TEST_CASE("what is no RSA certificate is refused") {
  CHECK_FALSE(RsaCertificate::read("").has_value());
  CHECK_FALSE(RsaCertificate::read(test_private_key).has_value());
  const std::string cut(test_certificate.substr(0, test_certificate.size() / 2));
  CHECK_FALSE(RsaCertificate::read(cut).has_value());
  CHECK_FALSE(rsa_sign(make_p256().private_key, Digest::sha256, "x").has_value());
}

}  // namespace
}  // namespace posthorn::crypto
