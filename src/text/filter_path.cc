#include "text/filter_path.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "text/nearest.h"

namespace posthorn::text {
namespace {

constexpr std::array<std::string_view, 6> roots{"id",          "type",     "key",
                                                "application", "channels", "data"};

std::unexpected<Error> bad(std::string what) { return fail(Errc::invalid, std::move(what)); }

std::optional<std::size_t> index_of(std::string_view digits) {
  std::size_t index = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, index);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != end ||
      (digits.size() > 1 && digits.front() == '0'))
    return std::nullopt;
  return index;
}

}  // namespace

/// Reads a path from its front to its end.
class FilterPathReader {
 public:
  explicit FilterPathReader(std::string_view text) : rest_(text) {}

  Result<std::vector<FilterPath::Step>> steps() {
    std::vector<FilterPath::Step> steps;
    do {
      PH_TRY(std::string name, take_name());
      if (name.empty()) return bad("a path has a name before and behind each dot");
      const auto index = index_of(name);
      steps.push_back({std::move(name), index, false});
      while (take('[')) {
        const std::size_t close = rest_.find(']');
        const auto element = index_of(rest_.substr(0, close));
        if (close == std::string_view::npos || !element)
          return bad("[ in a path is followed by a number and ] (or written \\[ in a name)");
        rest_.remove_prefix(close + 1);
        steps.push_back({"", element, true});
      }
    } while (take('.'));
    if (!rest_.empty()) return bad("only a dot or [ may follow ] in a path");
    return steps;
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<std::string> take_name() {
    std::string name;
    while (!rest_.empty() && rest_.front() != '.' && rest_.front() != '[') {
      if (take('\\') && (rest_.empty() || !std::string_view(".[\\").contains(rest_.front())))
        return bad("\\ in a path stands only before a dot, [ or \\");
      name.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    return name;
  }

  std::string_view rest_;
};

Result<FilterPath> FilterPath::parse(std::string_view text) {
  FilterPath path;
  path.text_ = text;
  PH_TRY(path.steps_, FilterPathReader(text).steps());
  const std::string& root = path.steps_.front().name;
  if (std::ranges::find(roots, root) == roots.end()) {
    const auto near = nearest(root, roots);
    return bad("a path begins with id, type, key, application, channels or data; got \"" +
               printable(root) + "\"" +
               (near ? ", did you mean \"" + std::string(*near) + "\"?" : ""));
  }
  if (path.steps_.size() > 1 && root != "data" && root != "channels")
    return bad("nothing is inside " + root + ": only data and channels have parts");
  return path;
}

const json::value* FilterPath::find(const json::object& document) const {
  const json::value* at = document.if_contains(steps_.front().name);
  for (std::size_t i = 1; i < steps_.size() && at != nullptr; ++i) {
    const Step& step = steps_[i];
    if (const json::object* object = at->if_object(); object != nullptr && !step.only_index)
      at = object->if_contains(step.name);
    else if (const json::array* array = at->if_array(); array != nullptr && step.index)
      at = array->if_contains(*step.index);
    else
      at = nullptr;
  }
  return at;
}

}  // namespace posthorn::text
