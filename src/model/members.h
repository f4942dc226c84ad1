#pragma once
// Reads the members of a JSON object into values and collects what is wrong with them.

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/faults.h"

namespace posthorn::model {

/// Every reader marks its name as known and answers nullopt both for an absent member and for a
/// faulty one (then with a fault). `object` and `faults` must outlive it. The names asked for must
/// be literals: they are kept as views.
class Members {
 public:
  Members(const json::object& object, Faults& faults, std::string pointer = "")
      : object_(object), faults_(faults), pointer_(std::move(pointer)) {}

  [[nodiscard]] const json::value* find(std::string_view name);
  /// True when the member is there and null.
  [[nodiscard]] bool is_null(std::string_view name);
  /// A fault unless the member is there (null counts).
  void require(std::string_view name);

  /// Text of min to max bytes, in UTF-8 without control characters other than tab and line ends.
  struct TextLimits {
    std::size_t min = 0;
    std::size_t max = 256;
  };
  std::optional<std::string> text(std::string_view name, TextLimits limits);
  std::optional<bool> boolean(std::string_view name);
  /// A whole number in [min, max]; 3.0 is one.
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<double> number(std::string_view name, double min, double max);
  std::optional<Instant> time(std::string_view name);
  const json::object* object(std::string_view name);
  const json::array* array(std::string_view name);

  /// A list of different texts; `check` names the fault of one: "is not …", empty when it has none.
  struct ListLimits {
    std::size_t min = 0;
    std::size_t max = 100;
  };
  std::optional<std::vector<std::string>> texts(
      std::string_view name, ListLimits limits,
      const std::function<std::string(std::string_view)>& check);

  /// One of the names of `allowed`, as its index.
  std::optional<std::size_t> choice(std::string_view name,
                                    std::span<const std::string_view> allowed);
  /// The same for an enumeration with its table of model/names.h.
  template <class Table>
  auto one_of(std::string_view name, const Table& table)
      -> std::optional<typename Table::value_type::value_type> {
    std::vector<std::string_view> names;
    for (const auto& entry : table) names.push_back(entry.name);
    const auto index = choice(name, names);
    if (!index) return std::nullopt;
    return table[*index].value;
  }

  /// A fault for each of these that is there: only the server sets them.
  void refuse_read_only(std::initializer_list<std::string_view> names);
  /// A fault for each member that nobody asked for, with the nearest name that somebody did.
  void refuse_unknown();

  /// A fault at a member.
  void add(std::string_view name, std::string_view code, std::string detail);
  [[nodiscard]] std::string pointer(std::string_view name) const;
  [[nodiscard]] Faults& faults() { return faults_; }

 private:
  /// The member when it is there and of that kind; a fault "takes <what>, not …" otherwise.
  const json::value* of_kind(std::string_view name, json::kind kind, std::string_view what);

  const json::object& object_;
  Faults& faults_;
  std::string pointer_;
  std::vector<std::string_view> known_;
};

/// Whether text is UTF-8 without control characters other than tab, CR and LF.
bool is_plain_text(std::string_view text);
/// The same without tab and line ends: for what is an identifier or stands on one line.
bool is_plain_line(std::string_view text);

}  // namespace posthorn::model
