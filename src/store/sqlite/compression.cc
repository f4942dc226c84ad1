#include "store/sqlite/compression.h"

#include <lz4.h>

#include "store/sqlite/body_files.h"
#include "store/sqlite/codec.h"

namespace posthorn::store {

namespace {
constexpr std::size_t worth_bytes_min = 256;

struct Compressor {
  Compressor() { LZ4_initStream(&state, sizeof state); }
  LZ4_stream_t state;
};
}  // namespace

StoredForm stored_form(const SharedBytes& bytes) {
  if (!bytes) return {};
  StoredForm form{.checksum = checksum(*bytes), .compressed = compress(*bytes)};
  if (!form.compressed.empty()) form.compressed_from = bytes->size();
  return form;
}

std::string compress(std::string_view bytes) {
  if (bytes.size() < worth_bytes_min || bytes.size() > BodyFiles::inline_bytes_max) return {};
  // One state a thread, made ready again without clearing its 16 KiB: that would cost as much as
  // the compression of a small payload.
  static thread_local Compressor compressor;
  LZ4_resetStream_fast(&compressor.state);
  // With less room than the worst case it gives up where it would not pay.
  std::string block(bytes.size() - bytes.size() / 8, '\0');
  const int size = LZ4_compress_fast_continue(&compressor.state, bytes.data(), block.data(),
                                              static_cast<int>(bytes.size()),
                                              static_cast<int>(block.size()), /*acceleration=*/1);
  if (size == 0) LZ4_initStream(&compressor.state, sizeof compressor.state);
  block.resize(static_cast<std::size_t>(size));
  return block;
}

std::optional<std::string> decompress(std::string_view block, std::size_t size) {
  if (size > BodyFiles::inline_bytes_max) return std::nullopt;
  std::string found(size, '\0');
  const int written = LZ4_decompress_safe(block.data(), found.data(),
                                          static_cast<int>(block.size()), static_cast<int>(size));
  if (written < 0 || static_cast<std::size_t>(written) != size) return std::nullopt;
  return found;
}

}  // namespace posthorn::store
