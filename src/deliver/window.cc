#include "deliver/window.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace posthorn::deliver {

namespace {
constexpr std::size_t came_meanwhile_max = 256;

store::DueCursor just_before(const store::DueCursor& place) {
  return {place.due_at, DeliveryId{place.id.value - 1}};
}
}  // namespace

void Window::add(Row row, Instant now, std::size_t rows_max) {
  if (busy_.contains(row.due.id)) return;
  const auto place = row.place();
  if (place > known_until_) {
    note_beyond(row.due);
    if (!reading_) return;
    if (came_meanwhile_.size() < came_meanwhile_max) {
      came_meanwhile_.push_back(std::move(row));
    } else {
      missed_from_ = std::min(missed_from_.value_or(place), place);
    }
    return;
  }
  if (place.due_at > now + horizon) {
    note_beyond(row.due);
    return leave_in_store(place);
  }
  rows_.insert_or_assign(place, std::move(row));
  keep_at_most(rows_max);
}

void Window::note_beyond(const store::Due& due) {
  // Nothing was beyond: then this is all there is.
  hides_beyond_ = (hides_beyond_ && beyond_) || due.attempts > 0;
  beyond_ = std::min(beyond_.value_or(due.due_at), due.due_at);
}

void Window::leave_in_store(const store::DueCursor& place) {
  // A read under way began behind the old place: what it finds must not cover this gap.
  if (reading_) missed_from_ = std::min(missed_from_.value_or(place), place);
  known_until_ = std::min(known_until_, just_before(place));
  beyond_ = std::min(beyond_.value_or(place.due_at), place.due_at);
  const auto first = rows_.lower_bound(place);
  hides_beyond_ = hides_beyond_ || std::any_of(first, rows_.end(), [](const auto& entry) {
                    return entry.second.due.attempts > 0;
                  });
  rows_.erase(first, rows_.end());
}

void Window::keep_at_most(std::size_t rows_max) {
  if (rows_.size() <= rows_max) return;
  leave_in_store(std::next(rows_.begin(), static_cast<std::ptrdiff_t>(rows_max))->first);
}

bool Window::wants_read(Instant now, std::size_t rows_max) const {
  return !reading_ && beyond_ && *beyond_ <= now && rows_.size() <= rows_max / 2;
}

store::DueCursor Window::begin_read() {
  PH_ASSERT(!reading_);
  reading_ = true;
  forgotten_ = false;
  came_meanwhile_.clear();
  missed_from_.reset();
  settled_meanwhile_.clear();
  return known_until_;
}

void Window::fail_read(Instant retry_at) {
  reading_ = false;
  came_meanwhile_.clear();
  missed_from_.reset();
  hides_beyond_ = true;
  beyond_ = retry_at;
}

void Window::end_read(std::vector<store::Due> found, std::size_t limit, Instant now,
                      std::size_t rows_max) {
  PH_ASSERT(reading_);
  reading_ = false;
  const auto came = std::exchange(came_meanwhile_, {});
  const auto settled = std::exchange(settled_meanwhile_, {});
  if (forgotten_) return;

  known_until_ = everything;
  beyond_.reset();
  hides_beyond_ = found.size() >= limit;
  if (found.size() >= limit) {
    const auto& last = found.back();
    known_until_ = {last.due_at, last.id};
    beyond_ = last.due_at;
  }
  for (auto& due : found) {
    if (busy_.contains(due.id) || settled.contains(due.id)) continue;
    const store::DueCursor place{due.due_at, due.id};
    if (due.due_at > now + horizon) {
      hides_beyond_ = hides_beyond_ || std::ranges::any_of(found, [&due](const auto& later) {
                        return later.due_at >= due.due_at && later.attempts > 0;
                      });
      leave_in_store(place);
      break;
    }
    Row row{due, nullptr};
    rows_.try_emplace(place, std::move(row));
  }
  keep_at_most(rows_max);
  if (planted(Planted::read_forgets_arrivals)) {
    for (const auto& row : came) busy_.insert(row.due.id);
    return;
  }
  for (const auto& row : came) add(row, now, rows_max);
  if (!missed_from_) return;
  hides_beyond_ = true;
  leave_in_store(*std::exchange(missed_from_, std::nullopt));
}

Row Window::take(std::map<store::DueCursor, Row>::const_iterator place) {
  auto node = rows_.extract(place);
  busy_.insert(node.mapped().due.id);
  return std::move(node.mapped());
}

bool Window::take_directly(DeliveryId id) {
  if (!busy_.insert(id).second) return false;
  std::erase_if(rows_, [id](const auto& entry) { return entry.second.due.id == id; });
  return true;
}

void Window::settle(DeliveryId id) {
  busy_.erase(id);
  if (!reading_) return;
  settled_meanwhile_.insert(id);
  std::erase_if(came_meanwhile_, [id](const Row& row) { return row.due.id == id; });
}

void Window::forget() {
  rows_.clear();
  known_until_ = {};
  beyond_ = Instant{INT64_MIN};
  hides_beyond_ = true;
  forgotten_ = reading_;
}

std::optional<Instant> Window::next_due() const {
  std::optional<Instant> next = beyond_;
  if (!rows_.empty()) {
    const Instant first = rows_.begin()->first.due_at;
    next = std::min(next.value_or(first), first);
  }
  return next;
}

}  // namespace posthorn::deliver
