#include "store/sqlite/compression.h"

#include <lz4.h>

#include "store/sqlite/body_files.h"
#include "store/sqlite/codec.h"

namespace posthorn::store {

namespace {
constexpr std::size_t worth_bytes_min = 256;

LZ4_stream_t fresh_state() {
  LZ4_stream_t state;
  LZ4_initStream(&state, sizeof state);
  return state;
}
}  // namespace

StoredForm stored_form(const SharedBytes& bytes, bool in_row) {
  if (!bytes) return {};
  return {.checksum = checksum(*bytes), .compressed = in_row ? compress(*bytes) : std::string()};
}

std::string compress(std::string_view bytes) {
  if (bytes.size() < worth_bytes_min || bytes.size() > BodyFiles::inline_bytes_max) return {};
  // One state a thread, made ready again without clearing its 16 KiB: that would cost as much as
  // the compression of a small payload.
  static thread_local LZ4_stream_t state = fresh_state();
  LZ4_resetStream_fast(&state);
  // With less room than the worst case it gives up where it would not pay.
  std::string block(bytes.size() - bytes.size() / 8, '\0');
  const int size =
      LZ4_compress_fast_continue(&state, bytes.data(), block.data(), static_cast<int>(bytes.size()),
                                 static_cast<int>(block.size()), /*acceleration=*/1);
  if (size == 0) state = fresh_state();
  block.resize(static_cast<std::size_t>(size));
  return block;
}

std::optional<std::string> decompress(std::string_view block, std::size_t bytes) {
  if (bytes > BodyFiles::inline_bytes_max) return std::nullopt;
  std::string found(bytes, '\0');
  const int size = LZ4_decompress_safe(block.data(), found.data(), static_cast<int>(block.size()),
                                       static_cast<int>(bytes));
  if (size < 0 || static_cast<std::size_t>(size) != bytes) return std::nullopt;
  return found;
}

}  // namespace posthorn::store
