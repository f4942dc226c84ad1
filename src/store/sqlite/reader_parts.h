#pragma once
// What the files of Reader share and its users do not see.

#include <algorithm>
#include <limits>

#include "store/sqlite/compression.h"
#include "store/sqlite/read_statements.h"
#include "store/sqlite/reader.h"

namespace posthorn::store {

/// Pending deliveries in [from, end) of the endpoint count as cancelled.
struct Reader::DroppedRange {
  EndpointId endpoint;
  DeliveryId from, end;
};

/// What was written into a row's own column. What cannot be unpacked comes as it is: its check
/// value will not fit.
inline std::string bytes_of_row(std::string_view stored, std::size_t compressed_from) {
  if (compressed_from > 0)
    if (auto bytes = decompress(stored, compressed_from)) return *std::move(bytes);
  return std::string(stored);
}

/// The id behind which a scan begins.
inline std::int64_t scan_start(const Page& page) {
  if (page.after != 0) return static_cast<std::int64_t>(page.after);
  return page.oldest_first ? 0 : std::numeric_limits<std::int64_t>::max();
}

/// Collects one page of a scan: at most page.limit rows that match, of at most scan_rows_max
/// looked at.
template <class T>
class PageBuilder {
 public:
  explicit PageBuilder(const Page& page)
      : limit_(static_cast<std::size_t>(std::max(page.limit, 1))) {}

  /// Whether the next row may be looked at. When not, the page ends behind the last one.
  [[nodiscard]] bool wants_more() {
    if (found_.rows.size() < limit_ && looked_at_ < Reader::scan_rows_max) return true;
    found_.next = last_;
    return false;
  }
  void looked_at(std::uint64_t id) {
    last_ = id;
    ++looked_at_;
  }
  void add(T row) { found_.rows.push_back(std::move(row)); }
  [[nodiscard]] Found<T> take() { return std::move(found_); }

 private:
  Found<T> found_;
  std::size_t limit_;
  int looked_at_ = 0;
  std::uint64_t last_ = 0;
};

/// True when one of the patterns (with `*`) matches, or there are none.
bool any_type_matches(const std::vector<std::string>& patterns, std::string_view type);

}  // namespace posthorn::store
