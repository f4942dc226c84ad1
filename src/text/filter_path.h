#pragma once
// The dotted paths of payload filters. Not for use outside text/.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/json.h"

namespace posthorn::text {

class FilterPath {
 public:
  /// Errors: invalid, what is wrong and what is allowed.
  static Result<FilterPath> parse(std::string_view text);
  /// nullptr when nothing is there.
  [[nodiscard]] const json::value* find(const json::object& document) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Step {
    std::string name;                  ///< A member; empty for `[n]`.
    std::optional<std::size_t> index;  ///< An array's element: `[n]`, or a name of digits alone.
    bool only_index = false;           ///< Written `[n]`: never a member.
  };
  friend class FilterPathReader;

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace posthorn::text
