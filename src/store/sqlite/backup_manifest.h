#pragma once
#include <string>
#include <string_view>

#include "store/sqlite/backup.h"

namespace posthorn::store {

/// The MANIFEST of a backup: a head of `# name: value` lines, then `<sha256>  <name>` lines, as
/// sha256sum reads them.
std::string manifest_text(const BackupManifest& manifest);
/// Errors: corrupt. A name that leads out of the backup's folder is refused.
Result<BackupManifest> parse_manifest(std::string_view text);

}  // namespace posthorn::store
