#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "base/bytes.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

constexpr std::size_t cell_columns_max = 60;

std::string cut(std::string text) {
  if (text.size() <= cell_columns_max) return text;
  text.resize(cell_columns_max - 3);
  // Not in the middle of a UTF-8 sequence.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text + "...";
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void print_members(const json::object& object, std::size_t indent) {
  std::size_t widest = 0;
  for (const auto& member : object) widest = std::max(widest, member.key().size());
  for (const auto& member : object) {
    const std::string lead(indent, ' ');
    const std::string_view key = member.key();
    if (const auto* inner = member.value().if_object(); inner != nullptr && !inner->empty()) {
      fmt::print("{}{}\n", lead, printable(key));
      print_members(*inner, indent + 2);
    } else if (const auto* list = member.value().if_array();
               list != nullptr && !list->empty() && list->front().is_object()) {
      for (const auto& item : *list) {
        fmt::print("{}{}\n", lead, printable(key));
        if (item.is_object()) print_members(item.get_object(), indent + 2);
      }
    } else {
      fmt::print("{}{:<{}}  {}\n", lead, printable(key), widest, cell(&member.value()));
    }
  }
}

}  // namespace

std::string cell(const json::value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return printable(std::string_view(value->get_string()));
  if (const auto* list = value->if_array()) {
    std::string joined;
    for (const auto& item : *list) joined += (joined.empty() ? "" : ",") + cell(&item);
    return joined.empty() ? "-" : joined;
  }
  // Not json::serialize: it writes 20.0 as 2E1.
  return printable(text::json_text(*value));
}

void print_rows(const json::array& rows, const std::vector<Column>& columns,
                const OutputOptions& options) {
  if (options.as_json) {
    for (const auto& row : rows) fmt::print("{}\n", json::serialize(row));
    return;
  }
  std::vector<std::vector<std::string>> lines;
  std::vector<std::size_t> widths;
  for (const auto& column : columns) widths.push_back(width(column.heading));
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      line.push_back(cut(cell(text::at_pointer(row, columns[i].pointer))));
      widths[i] = std::max(widths[i], width(line.back()));
    }
  }
  std::string heading;
  for (std::size_t i = 0; i < columns.size(); ++i)
    heading +=
        fmt::format("{:<{}}{}", columns[i].heading, widths[i], i + 1 < columns.size() ? "  " : "");
  if (options.colour)
    fmt::print("\x1b[1m{}\x1b[0m\n", heading);
  else
    fmt::print("{}\n", heading);
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - width(line[i]) + 2, ' ');
    }
    fmt::print("{}\n", text);
  }
}

void print_object(const json::value& object, const OutputOptions& options) {
  if (options.as_json || !object.is_object()) {
    fmt::print("{}\n", json::serialize(object));
    return;
  }
  print_members(object.get_object(), 0);
}

Progress::Progress(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {
  draw(false);
}

Progress::~Progress() { draw(true); }

void Progress::update(std::uint64_t done) {
  done_ = std::min(done, total_);
  draw(false);
}

void Progress::draw(bool last) {
  const double share = total_ == 0 ? 1 : static_cast<double>(done_) / static_cast<double>(total_);
  const int tenth = static_cast<int>(share * 10);
  if (terminal_) {
    const auto filled = static_cast<std::size_t>(share * 30);
    fmt::print(stderr, "\r{} [{}{}] {:3.0f} % ({}/{}){}", label_, std::string(filled, '#'),
               std::string(30 - filled, '.'), share * 100, done_, total_, last ? "\n" : "");
    std::fflush(stderr);
  } else if (tenth != shown_tenth_ && !last) {
    shown_tenth_ = tenth;
    fmt::print(stderr, "{}: {:.0f} % ({} of {})\n", label_, share * 100, done_, total_);
  }
}

}  // namespace posthorn::cli
