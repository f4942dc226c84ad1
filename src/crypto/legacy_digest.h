#pragma once
// MD5. It is here for one reason: Vonage's older SMS API signs its calls with it unless the
// account's algorithm was changed, and such calls must be received too. For nothing else: whoever
// picks an algorithm picks one of crypto.h.

#include <string>
#include <string_view>

namespace posthorn::crypto {

std::string md5(std::string_view data);  ///< 16 bytes.

std::string hmac_md5(std::string_view key, std::string_view data);  ///< 16 bytes.

}  // namespace posthorn::crypto
