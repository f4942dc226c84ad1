#pragma once
// A copy of the data folder that was made while the store went on working, and the way back.
//
// A backup is a folder: posthorn.db, bodies/, and MANIFEST, whose lines can be checked with
// `sha256sum`. It holds sealed secrets and the fingerprint of their key, never the key itself.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace posthorn::store {

struct BackupFile {
  std::string name;    ///< Relative to the backup's folder.
  std::string sha256;  ///< Hex.
};

struct BackupManifest {
  int schema = 0;
  Instant created_at;
  std::string key_fingerprint;
  std::vector<BackupFile> files;
};

struct BackupOptions {
  std::string data_folder;
  std::string target;  ///< Made; must not be there, or be empty.
  Instant created_at;
  std::string key_fingerprint;
  /// Called now and then with what is copied and what there is, in bytes of the database.
  std::function<void(std::int64_t done, std::int64_t all)> progress;
};

/// Copies one moment of the store, running or not, in this process or another. Blocks; reads a
/// snapshot, so the log grows meanwhile. Errors: conflict (the target is not empty), not_found (no
/// database), unavailable (disk full), io.
Result<BackupManifest> back_up(const BackupOptions& options);

/// Reads the manifest and checks every file against it, and the database's invariants. Errors:
/// not_found (no manifest), corrupt (with every fault found, one a line), unsupported (made by a
/// newer build), io.
Result<BackupManifest> verify_backup(const std::string& folder);

/// Verifies the backup and copies it into `data_folder`, which must hold no database. The store
/// opened from there says is_restored() until it is told to resume. Errors: conflict, and as
/// verify_backup().
Result<BackupManifest> restore_backup(const std::string& folder, const std::string& data_folder);

}  // namespace posthorn::store
