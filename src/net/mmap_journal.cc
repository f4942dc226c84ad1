#include "net/mmap_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/assert.h"

namespace posthorn::net {

namespace {

constexpr std::uint64_t magic = 0x314c'4e52'4a48'504fULL;  // "OPHJRNL1"
constexpr std::size_t header_bytes = 8;
constexpr std::uint32_t in_flight_limit = 1U << 20;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

Error system_error(std::string_view path, std::string_view doing, int code) {
  return {Errc::io, fmt::format("{}: {}: {}", path, doing, std::generic_category().message(code))};
}

// The compiler may neither drop nor reorder a store that only another process reads.
void put(std::uint64_t* slot, std::uint64_t value) {
  std::atomic_ref<std::uint64_t>(*slot).store(value, std::memory_order_release);
}

}  // namespace

Result<std::unique_ptr<MmapJournal>> MmapJournal::open(std::string path,
                                                       std::uint32_t in_flight_max) {
  if (in_flight_max == 0 || in_flight_max > in_flight_limit)
    return fail(Errc::invalid, fmt::format("in-flight journal: {} slots; 1 to {} are allowed",
                                           in_flight_max, in_flight_limit));
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return fail(system_error(path, "open", errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail(system_error(path, "stat", errno));
  const auto found = static_cast<std::size_t>(info.st_size);
  constexpr std::size_t slot_bytes = sizeof(std::uint64_t);
  const std::size_t found_max = header_bytes + in_flight_limit * slot_bytes;
  if (found > found_max || found % slot_bytes != 0)
    return fail(Errc::corrupt, fmt::format("{}: not an in-flight journal ({} bytes)", path, found));

  std::uint64_t first = 0;  // Stays 0 for an empty file.
  if (::pread(file.get(), &first, sizeof first, 0) < 0)
    return fail(system_error(path, "read", errno));
  if (first != 0 && first != magic) return fail(Errc::corrupt, path + ": not an in-flight journal");

  const std::size_t bytes = std::max(found, header_bytes + in_flight_max * slot_bytes);
  if (const int code = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); code != 0)
    return fail(system_error(path, "reserve space", code));
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return fail(system_error(path, "map", errno));
  std::unique_ptr<MmapJournal> journal(new MmapJournal(memory, bytes, in_flight_max));

  auto* head = static_cast<std::uint64_t*>(memory);
  if (*head != magic) {
    // All zeros is a file whose making was interrupted; anything else belongs to somebody.
    for (std::size_t i = 0; i < bytes / slot_bytes; ++i)
      if (head[i] != 0) return fail(Errc::corrupt, path + ": not an in-flight journal");
    put(head, magic);
  }
  const std::uint64_t* slots = journal->slots();
  for (std::size_t i = journal->slot_count(); i-- > 0;)
    (slots[i] == 0 ? journal->free_ : journal->leftovers_).push_back(static_cast<std::uint32_t>(i));
  return journal;
}

MmapJournal::MmapJournal(void* memory, std::size_t bytes, std::uint32_t in_flight_max)
    : memory_(memory), bytes_(bytes), in_flight_max_(in_flight_max) {}

MmapJournal::~MmapJournal() { ::munmap(memory_, bytes_); }

std::uint64_t* MmapJournal::slots() const {
  return reinterpret_cast<std::uint64_t*>(static_cast<std::byte*>(memory_) + header_bytes);
}

std::size_t MmapJournal::slot_count() const {
  return (bytes_ - header_bytes) / sizeof(std::uint64_t);
}

std::uint32_t MmapJournal::begin(DeliveryId id) {
  PH_ASSERT(id && begun_ < in_flight_max_);
  PH_ASSERT(!free_.empty() && "take_leftovers() comes before the first begin()");
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  ++begun_;
  put(slots() + slot, id.value);
  return slot;
}

void MmapJournal::end(std::uint32_t slot) {
  PH_ASSERT(slot < slot_count() && slots()[slot] != 0 && begun_ > 0);
  put(slots() + slot, 0);
  --begun_;
  free_.push_back(slot);
}

std::vector<DeliveryId> MmapJournal::take_leftovers() {
  std::vector<DeliveryId> found;
  found.reserve(leftovers_.size());
  for (const std::uint32_t slot : leftovers_) {
    found.push_back(DeliveryId{slots()[slot]});
    put(slots() + slot, 0);
    free_.push_back(slot);
  }
  leftovers_.clear();
  return found;
}

}  // namespace posthorn::net
