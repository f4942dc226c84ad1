#include "crypto/legacy_digest.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace posthorn::crypto {
namespace {

TEST_CASE("md5: gives the digests of RFC 1321") {
  CHECK(to_hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(to_hex(md5("message digest")) == "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST_CASE("hmac_md5: gives the codes of RFC 2104, and takes an empty key") {
  CHECK(to_hex(hmac_md5(std::string(16, '\x0b'), "Hi There")) ==
        "9294727a3638bb1c13f48ef8158bfc9d");
  CHECK(to_hex(hmac_md5("Jefe", "what do ya want for nothing?")) ==
        "750c783e6ab0b503eaa86e310a5db738");
  CHECK(to_hex(hmac_md5("", "")) == "74e6f7298a9c2d168935f58c001bad88");
  CHECK(to_hex(hmac_md5(std::string(80, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

}  // namespace
}  // namespace posthorn::crypto
