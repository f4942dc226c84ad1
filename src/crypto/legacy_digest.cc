#include "crypto/legacy_digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/assert.h"

namespace posthorn::crypto {

std::string md5(std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  PH_ASSERT(EVP_Digest(data.data(), data.size(), out.data(), &size, EVP_md5(), nullptr) == 1);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string hmac_md5(std::string_view key, std::string_view data) {
  // OpenSSL takes no null pointer where a key is empty.
  const std::string copy(key);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  PH_ASSERT(HMAC(EVP_md5(), copy.data(), static_cast<int>(copy.size()),
                 reinterpret_cast<const unsigned char*>(data.data()), data.size(), out.data(),
                 &size) != nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

}  // namespace posthorn::crypto
