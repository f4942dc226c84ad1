#include "text/form.h"

#include <algorithm>

namespace posthorn::text {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// -1 when it is no hexadecimal digit.
int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

void append_form_part(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == ' ')
      out += '+';
    else if (is_letter_or_digit(c) || std::string_view("*-._").contains(c))
      out += c;
    else
      append_escape(out, c);
  }
}

}  // namespace

std::optional<std::string_view> Form::first(std::string_view name) const {
  const auto found = std::ranges::find(fields_, name, &FormField::name);
  if (found == fields_.end()) return std::nullopt;
  return found->value;
}

std::string_view Form::value(std::string_view name) const { return first(name).value_or(""); }

std::size_t Form::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count(fields_, name, &FormField::name));
}

std::string decode_form_part(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit_value(text[i + 1]) : -1;
    const int low = high >= 0 ? digit_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

Result<Form> parse_form(std::string_view text) {
  std::vector<FormField> fields;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (fields.size() == form_fields_max)
      return fail(Errc::limit,
                  "the form has more than " + std::to_string(form_fields_max) + " fields");
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = pair.substr(std::min(pair.size(), equals + 1));
    fields.push_back({decode_form_part(pair.substr(0, equals)), decode_form_part(value)});
  }
  return Form(std::move(fields));
}

std::string write_form(std::span<const FormField> fields) {
  std::string out;
  for (const auto& field : fields) {
    if (!out.empty()) out += '&';
    append_form_part(out, field.name);
    out += '=';
    append_form_part(out, field.value);
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || std::string_view("-._~").contains(c))
      out += c;
    else
      append_escape(out, c);
  }
  return out;
}

}  // namespace posthorn::text
