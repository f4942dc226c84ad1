#include "store/sqlite/backup_manifest.h"

#include <fmt/format.h>

#include <charconv>

namespace posthorn::store {
namespace {

constexpr std::string_view title = "# posthorn backup 1";

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

/// Reads `# name: value`; false when the line is another.
bool read_head(std::string_view line, std::string_view name, std::string& value) {
  const std::string prefix = fmt::format("# {}: ", name);
  if (!line.starts_with(prefix)) return false;
  value = line.substr(prefix.size());
  return true;
}

}  // namespace

std::string manifest_text(const BackupManifest& manifest) {
  std::string text =
      fmt::format("{}\n# schema: {}\n# created: {}\n# key: {}\n", title, manifest.schema,
                  to_rfc3339(manifest.created_at), manifest.key_fingerprint);
  for (const auto& file : manifest.files) text += fmt::format("{}  {}\n", file.sha256, file.name);
  return text;
}

Result<BackupManifest> parse_manifest(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return fail(Errc::corrupt, fmt::format("the backup's MANIFEST cannot be read: {}", why));
  };
  BackupManifest manifest;
  std::string schema, created;
  bool titled = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return bad("its last line is cut");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!titled) {
      if (line != title) return bad("it does not begin as one");
      titled = true;
    } else if (line.starts_with('#')) {
      if (!read_head(line, "schema", schema) && !read_head(line, "created", created) &&
          !read_head(line, "key", manifest.key_fingerprint))
        return bad(line);
    } else {
      if (line.size() < 67 || line.substr(64, 2) != "  " || !is_safe_name(line.substr(66)))
        return bad(line);
      manifest.files.push_back(
          {.name = std::string(line.substr(66)), .sha256 = std::string(line.substr(0, 64))});
    }
  }
  const auto moment = parse_rfc3339(created);
  const auto [end, problem] =
      std::from_chars(schema.data(), schema.data() + schema.size(), manifest.schema);
  if (!moment || problem != std::errc{} || end != schema.data() + schema.size())
    return bad("its head is not complete");
  if (manifest.files.empty() || manifest.files.front().name != "posthorn.db")
    return bad("it names no database");
  manifest.created_at = *moment;
  return manifest;
}

}  // namespace posthorn::store
