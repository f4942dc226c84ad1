#include "http/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace posthorn::http {

namespace {

/// zlib's window bits for a gzip header and nothing else.
constexpr int gzip_alone = 16 + MAX_WBITS;

class Inflater {
 public:
  explicit Inflater(std::string_view compressed) {
    // zlib takes a pointer to bytes that it does not change.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // NOLINT
    stream_.avail_in = static_cast<uInt>(compressed.size());
    if (inflateInit2(&stream_, gzip_alone) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  int next(std::string& out, std::size_t room) {
    std::array<char, 16 * 1024> piece;
    const auto size = std::min(room, piece.size());
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(size);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    out.append(piece.data(), size - stream_.avail_out);
    return status;
  }
  [[nodiscard]] std::size_t left() const { return stream_.avail_in; }

 private:
  z_stream stream_{};
};

}  // namespace

Result<std::string> inflate_gzip(std::string_view compressed, InflateLimits limits) {
  constexpr std::size_t compressed_max = 1U << 30;  // What zlib's counters hold with room to spare.
  if (compressed.size() > compressed_max)
    return fail(Errc::limit, "the compressed body is larger than 1 GiB");
  const auto by_ratio = compressed.size() * limits.ratio_max;
  const auto most = std::min(limits.bytes_max, by_ratio);
  Inflater inflater(compressed);
  std::string out;
  for (;;) {
    // One byte more than is allowed tells a body at the limit from one past it.
    const auto before = out.size();
    const int status = inflater.next(out, most - before + 1);
    if (out.size() > most)
      return fail(
          Errc::limit,
          by_ratio < limits.bytes_max
              ? fmt::format("the body inflates to more than {} times its size", limits.ratio_max)
              : fmt::format("the body inflates to more than {} bytes", limits.bytes_max));
    if (status == Z_STREAM_END) break;
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_OK && (out.size() > before || inflater.left() > 0)) continue;
    return fail(Errc::invalid, status == Z_OK || status == Z_BUF_ERROR
                                   ? "the gzip stream is cut short"
                                   : "the body is not gzip, or is damaged");
  }
  if (inflater.left() > 0) return fail(Errc::invalid, "there are bytes behind the gzip stream");
  return out;
}

}  // namespace posthorn::http
