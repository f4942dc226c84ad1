#include "text/host_name.h"

#include <idn2.h>

#include <memory>

#include "base/bytes.h"

namespace posthorn::text {
namespace {

std::unexpected<Error> bad(std::string_view rule, std::string_view given) {
  return fail(Errc::invalid, std::string(rule) + "; got \"" + printable(given) + "\"");
}

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

struct Idn2Free {
  void operator()(char* text) const { idn2_free(text); }
};
using Idn2Text = std::unique_ptr<char, Idn2Free>;

/// The A-label of a label in Unicode; empty when there is none.
std::string to_a_label(const std::string& label) {
  std::uint8_t* made = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(label.c_str()), &made,
                                    IDN2_NONTRANSITIONAL);
  const Idn2Text owned(reinterpret_cast<char*>(made));
  return status == IDN2_OK ? std::string(owned.get()) : "";
}

/// The Unicode of an A-label; empty when it does not decode.
std::string to_u_label(const std::string& label) {
  char* made = nullptr;
  const int status = idn2_to_unicode_8z8z(label.c_str(), &made, IDN2_NONTRANSITIONAL);
  const Idn2Text owned(made);
  return status == IDN2_OK ? std::string(owned.get()) : "";
}

/// UTS-46 non-transitional, both ways: only the one mapped spelling of a label passes.
Result<std::string> read_idn_label(const std::string& label) {
  if (is_ascii(label)) {
    const std::string unicode = to_u_label(label);
    // A label that decodes to plain ASCII, or to what mapping changes, is not made again.
    if (unicode.empty() || to_a_label(unicode) != label)
      return bad("an xn-- label must decode to a name in lower-case, normalised Unicode (UTS 46)",
                 label);
    return label;
  }
  std::string a_label = to_a_label(label);
  if (!a_label.starts_with("xn--") || to_u_label(a_label) != label)
    return bad("an international name must be written in its lower-case, normalised form (UTS 46)",
               label);
  return a_label;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_numeric(std::string_view label) {
  if (label.starts_with("0x"))
    return label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  return label.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<std::string> read_label(const std::string& given) {
  if (given.empty()) return bad("the host has an empty label (two dots, or a dot in front)", given);
  std::string label = given;
  if (!is_ascii(label) || label.starts_with("xn--")) {
    PH_TRY(label, read_idn_label(label));
  }
  if (label.size() > host_label_bytes_max)
    return bad("a label of the host may have at most 63 characters", label);
  for (const char c : label)
    if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-' && c != '_')
      return bad("a host name takes only letters, digits, hyphens and underscores", given);
  if (label.front() == '-' || label.back() == '-')
    return bad("a label of the host may not begin or end with a hyphen", given);
  return label;
}

}  // namespace

Result<std::string> read_host_name(std::string_view name) {
  if (!is_utf8(name)) return bad("the host is not UTF-8", name);
  std::string rest = to_lower_ascii(name);
  if (rest.ends_with('.')) rest.pop_back();
  if (rest.empty()) return bad("the host is missing", name);
  std::string host;
  std::string label;
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t dot = std::min(rest.find('.', begin), rest.size());
    PH_TRY(label, read_label(rest.substr(begin, dot - begin)));
    if (!host.empty()) host += '.';
    host += label;
    begin = dot + 1;
  }
  if (host.size() > host_name_bytes_max)
    return bad("a host name may have at most 253 characters", name);
  if (label.contains('_'))
    return bad("the last label of the host may not hold an underscore", name);
  if (is_numeric(label))
    return bad("a host that ends in a number must be an IPv4 address of four decimal numbers",
               name);
  return host;
}

}  // namespace posthorn::text
