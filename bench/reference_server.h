#pragma once
// The yardstick of `posthorn bench`: a small server that verifies an HMAC, parses JSON and answers
// 202 without storing anything. FROZEN: it is not part of the product and must not be made slower
// or faster, so that figures of different versions can be compared.

#include <cstdint>
#include <string>

namespace posthorn::reference {

/// Serves on 127.0.0.1 until the process ends. Prints "ready PORT" once it listens.
/// Wants `X-Signature: <hex HMAC-SHA256 of the body under key>`; answers 202 with an empty body,
/// else 400.
[[noreturn]] void serve(std::string key);

}  // namespace posthorn::reference
