#pragma once
// The values of mail headers, read as leniently as mail needs it. All results are well-formed UTF-8
// without control characters. Thread-safe.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace posthorn::mime {

inline constexpr std::size_t message_ids_max = 100;
inline constexpr std::size_t addresses_max = 1000;

struct Address {
  std::string address;  ///< "ada@example.com", as written; may be anything, even without '@'.
  std::string name;     ///< Decoded; empty when there is none.
  friend bool operator==(const Address&, const Address&) = default;
};

/// An unstructured value (Subject): unfolded, encoded words decoded (RFC 2047), other bytes
/// guessed.
std::string read_text(std::string_view raw);

/// "Ada <ada@example.com>, Team: b@c.example;": groups are opened. At most addresses_max.
std::vector<Address> read_addresses(std::string_view raw);

/// The ids of Message-ID, In-Reply-To or References without their angle brackets and white space;
/// text without brackets gives the words with an '@'. Of more than message_ids_max the first and
/// the last ones.
std::vector<std::string> read_message_ids(std::string_view raw);

/// RFC 5322's date with the usual deviations; nullopt when it is none.
std::optional<Instant> read_date(std::string_view raw);

/// Content-Type and Content-Disposition: "text/plain", or "attachment", in lower case, and their
/// parameters, with continuations and charsets read (RFC 2231).
class Parameters {
 public:
  static Parameters read(std::string_view raw);
  std::string value;
  /// Empty when there is none of that lower-case name.
  [[nodiscard]] const std::string& operator[](std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

}  // namespace posthorn::mime
