#pragma once
// application/x-www-form-urlencoded, which query strings share: read as the WHATWG URL standard
// says, written as browsers and providers write it.

#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::text {

inline constexpr std::size_t form_fields_max = 10'000;

/// One decoded pair. Bytes: neither part need be UTF-8.
struct FormField {
  std::string name;
  std::string value;
  friend auto operator<=>(const FormField&, const FormField&) = default;
};

/// The pairs of a form in their order; a name may come more than once.
class Form {
 public:
  Form() = default;
  explicit Form(std::vector<FormField> fields) : fields_(std::move(fields)) {}

  [[nodiscard]] std::span<const FormField> fields() const { return fields_; }
  /// The first value of that name (case counts); nullopt when there is none. Looks into this form.
  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const;
  /// The first value of that name; empty when there is none.
  [[nodiscard]] std::string_view value(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;

 private:
  std::vector<FormField> fields_;
};

/// Splits at '&', then at the first '='; '+' is a space and %XX a byte. Nothing is malformed: an
/// escape that is none stays as written ("100%", "%zz"), a pair without '=' has an empty value,
/// empty pairs are skipped. Error: limit, past form_fields_max pairs.
Result<Form> parse_form(std::string_view text);

/// Undoes %XX, and '+' too when `plus_is_space`; what is no escape stays as written.
std::string decode_form_part(std::string_view text, bool plus_is_space = true);

/// "name=value&name=value" of the pairs in their order: a space as '+', letters, digits and `*-._`
/// as they are, every other byte as %XX with upper-case digits.
std::string write_form(std::span<const FormField> fields);

/// RFC 3986: letters, digits and `-._~` as they are, every other byte as %XX with upper-case digits
/// (a space as %20).
std::string percent_encode(std::string_view text);

}  // namespace posthorn::text
