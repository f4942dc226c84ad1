#pragma once
// Data goes to stdout, everything else to stderr. Tables for people, JSON for programs.

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

namespace json = boost::json;

struct OutputOptions {
  bool as_json = false;
  bool colour = false;  ///< --color auto: a terminal, no NO_COLOR, TERM not dumb.
};

/// A column of a table: its heading and where its value stands in a row (a JSON pointer).
struct Column {
  std::string_view heading;
  std::string_view pointer;
};

/// Rows as a table with a heading, or one JSON document a line. Control characters are made
/// visible.
void print_rows(const json::array& rows, const std::vector<Column>& columns,
                const OutputOptions& options);

/// One object: "name  value" lines, nested ones indented, or the JSON document.
void print_object(const json::value& object, const OutputOptions& options);

/// The text of a value for people: times and texts as they are, lists joined, null as "-".
std::string cell(const json::value* value);

/// A bar on stderr for long work; a line for each 10 % where stderr is not a terminal.
class Progress {
 public:
  Progress(std::string label, std::uint64_t total);
  ~Progress();
  void update(std::uint64_t done);

 private:
  void draw(bool last);

  std::string label_;
  std::uint64_t total_, done_ = 0;
  int shown_tenth_ = -1;
  bool terminal_;
};

}  // namespace posthorn::cli
