#pragma once
// Request bodies with `Content-Encoding: gzip`, inflated without letting a small body grow large.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/limits.h"

namespace posthorn::http {

struct InflateLimits {
  std::size_t bytes_max = body_bytes_max;     ///< Of the inflated body.
  std::size_t ratio_max = inflate_ratio_max;  ///< Inflated bytes for each byte that came.
};

/// Inflates one gzip stream (RFC 1952) of one member that ends where `compressed` ends; its
/// checksum and length are checked. Never holds more than the limits allow and 16 KiB.
/// Errors: invalid (not gzip, damaged, cut short, text behind it, zlib or raw deflate), limit (past
/// one of the limits).
Result<std::string> inflate_gzip(std::string_view compressed, InflateLimits limits = {});

}  // namespace posthorn::http
