#include "text/nearest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace posthorn::text {
namespace {

constexpr std::size_t given_bytes_max = 100;

std::string folded(std::string_view name) {
  std::string out = to_lower_ascii(name);
  for (char& c : out)
    if (c == '-' || c == '.') c = '_';
  return out;
}

/// The number of slips between the two (optimal string alignment).
std::size_t slips(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view given,
                                        std::span<const std::string_view> known) {
  if (given.empty() || given.size() > given_bytes_max) return std::nullopt;
  const std::string wanted = folded(given);
  std::optional<std::string_view> best;
  std::size_t fewest = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string_view name : known) {
    const std::size_t count = slips(wanted, folded(name));
    // A name of one or two letters is "near" to anything short.
    if (count >= fewest || count >= std::max(wanted.size(), name.size())) continue;
    fewest = count;
    best = name;
  }
  return best;
}

}  // namespace posthorn::text
