#include "store/sqlite/body_files.h"

#include <unistd.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "store/sqlite/files.h"

namespace posthorn::store {

Result<std::string> BodyFiles::write(std::string_view bytes) {
  const std::string file = to_hex(crypto::sha256(bytes)) + "." + to_hex(crypto::random_bytes(8));
  if (auto written = write_new_file(path(file), bytes); !written)
    return fail(std::move(written).error());
  if (auto synced = sync_folder(folder_); !synced) return fail(std::move(synced).error());
  return file;
}

Result<std::string> BodyFiles::read(const std::string& file) const {
  PH_TRY(std::string bytes, read_file(path(file)));
  if (!file.starts_with(to_hex(crypto::sha256(bytes)) + "."))
    return fail(Errc::corrupt, "a payload's file is damaged: " + path(file));
  return bytes;
}

void BodyFiles::remove(const std::string& file) const { ::unlink(path(file).c_str()); }

std::vector<std::string> BodyFiles::list() const { return names_in(folder_); }

}  // namespace posthorn::store
