#include "providers/money.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 17> no_digits{
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
    "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
};
constexpr std::array<std::string_view, 7> three_digits{"BHD", "IQD", "JOD", "KWD",
                                                       "LYD", "OMR", "TND"};

std::size_t digits_of(std::string_view currency) {
  if (std::ranges::find(no_digits, currency) != no_digits.end()) return 0;
  return std::ranges::find(three_digits, currency) != three_digits.end() ? 3 : 2;
}

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::int64_t> minor_units(std::string_view amount, std::string_view currency) {
  const bool negative = amount.starts_with('-');
  if (negative) amount.remove_prefix(1);
  const auto point = amount.find('.');
  const auto whole = amount.substr(0, point);
  std::string fraction(point == amount.npos ? "" : amount.substr(point + 1));
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction)) return std::nullopt;
  if (point != amount.npos && fraction.empty()) return std::nullopt;
  const auto digits = digits_of(currency);
  while (fraction.size() > digits && fraction.back() == '0') fraction.pop_back();
  if (fraction.size() > digits) return std::nullopt;
  fraction.resize(digits, '0');
  const std::string all = (negative ? "-" : "") + std::string(whole) + fraction;
  std::int64_t units = 0;
  const auto read = std::from_chars(all.data(), all.data() + all.size(), units);
  if (read.ec != std::errc{}) return std::nullopt;
  return units;
}

}  // namespace posthorn::providers
