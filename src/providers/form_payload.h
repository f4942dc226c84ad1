#pragma once
// Reads the forms of messaging providers: where the parameters of a call are, and each value
// checked as it is read. Not for use outside providers/.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "providers/provider.h"
#include "text/form.h"

namespace posthorn::providers {

/// Of a GET those of the query, otherwise those of the body. Error: limit.
Result<text::Form> call_parameters(const Incoming& request);

/// One form whose faults go to `parsed`; both must outlive it. An empty value counts as absent:
/// providers send both.
class FormPayload {
 public:
  FormPayload(const text::Form& form, Parsed& parsed) : form_(form), parsed_(parsed) {}

  [[nodiscard]] bool has(std::string_view name) const { return !form_.value(name).empty(); }
  /// A fault and "" when it is absent or no text.
  std::string required(std::string_view name);
  /// nullopt when it is absent; a fault when it is no text: invalid UTF-8 or U+0000.
  std::optional<std::string> optional(std::string_view name);
  /// The first of the names that is there.
  std::optional<std::string> first_of(std::initializer_list<std::string_view> names);
  /// Decimal digits, at most `max`; a fault otherwise.
  std::optional<std::int64_t> whole(std::string_view name, std::int64_t max = INT64_MAX);

  void fault(std::string_view name, std::string_view code, std::string detail);

 private:
  const text::Form& form_;
  Parsed& parsed_;
};

/// The order in which JavaScript sorts texts, which the providers' own libraries sign by: by UTF-16
/// code units. It differs from the order of bytes only between U+E000..U+FFFF and what is above.
bool less_by_code_unit(std::string_view a, std::string_view b);

/// A query as Node's querystring writes what it read, which some providers sign: repeats beside
/// their first, every byte but letters, digits and `-._~!*'()` escaped.
std::string node_query(std::span<const text::FormField> fields);

/// scheme://host[:port]/path?query in pieces, each as written.
struct AddressParts {
  std::string_view scheme;  ///< Without "://".
  std::string_view user;    ///< With its '@'; empty when there is none.
  std::string_view host;    ///< With the brackets of IPv6.
  std::string_view port;    ///< Empty when there is none.
  std::string_view path;
  std::string_view query;  ///< With its '?'; empty when there is none.
};
/// nullopt when there is no "://". Views into `url`.
std::optional<AddressParts> address_parts(std::string_view url);

}  // namespace posthorn::providers
