#pragma once
// Request bins: an address that keeps what is sent to it and answers as told.

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/vault.h"
#include "env/http_sender.h"
#include "env/random.h"
#include "inspect/verdict.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::inspect {

namespace json = boost::json;

inline constexpr std::size_t replies_max = 20;
inline constexpr std::size_t reply_body_bytes_max = 64u << 10;
inline constexpr Millis reply_delay_max = 30s;
inline constexpr std::size_t capture_body_bytes_max = 64u << 10;  ///< More is cut off.
inline constexpr std::size_t captures_max = 1000;                 ///< Of one bin; oldest go first.
inline constexpr Millis captures_kept = 24h * 7;

/// What a bin answers.
struct Reply {
  int status = 200;  ///< 200 to 599.
  std::vector<env::Header> headers;
  std::string body;
  Millis delay{0};
};

/// Callable by anyone who knows `slug` (128 random bits); by endpoints as `bin://<id>`.
struct Bin {
  BinId id;
  WorkspaceId workspace;
  std::string slug;
  std::string name;
  std::vector<Reply> replies{Reply{}};  ///< One after the other; the last one stays. Never empty.
  Secret verify_secret;  ///< What the signatures of captures are checked with; empty: the secrets
                         ///< of the endpoints that point here.
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

model::Object to_object(const Bin& bin, const crypto::Vault& vault);
/// Error: corrupt.
Result<Bin> bin_from(const model::Object& object, const crypto::Vault& vault);
/// With `url` (public) and `endpoint_url` (bin://…); never the secret.
json::object to_api(const Bin& bin, std::string_view public_url);
/// Applies {name, response | responses[], verify_secret} to `base`.
Bin read_bin(const json::object& input, model::Faults& faults, Bin base);

/// One request that a bin got.
struct Capture {
  CaptureId id;
  BinId bin;
  WorkspaceId workspace;
  Instant at;
  std::string method;
  std::string path;   ///< What followed the bin's address; empty or begins with '/'.
  std::string query;  ///< Without '?'.
  std::vector<env::Header> headers;
  std::string body;            ///< At most capture_body_bytes_max.
  std::size_t body_bytes = 0;  ///< Of the whole body.
  std::string remote_address;  ///< Empty when it came from inside the process.
  Verdict verdict;
  int answered = 200;
};

model::Object to_object(const Capture& capture);
Result<Capture> capture_from(const model::Object& object);
/// `body` as text, or `body_base64` where it is not UTF-8.
json::object to_api(const Capture& capture);

}  // namespace posthorn::inspect
