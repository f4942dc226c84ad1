#pragma once
// The process's log: one line an event on stderr.

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "env/log.h"

namespace spdlog {
class logger;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace posthorn::net {

enum class LogFormat { text, json };

/// `{"time":"…","level":"info","event":"name","field":…}`, one line without its end. Control
/// characters and invalid UTF-8 are escaped, so a field can not forge a line.
std::string json_line(Instant at, env::Level level, std::string_view name,
                      std::span<const env::Field> fields);
/// `06:34:31.204 info  name field=value`, for people; values with spaces or quotes are quoted.
std::string text_line(Instant at, env::Level level, std::string_view name,
                      std::span<const env::Field> fields);

/// Thread-safe. What is below `minimum` is dropped.
class ConsoleLog final : public env::Log {
 public:
  /// Writes to stderr: JSON lines, or coloured text where stderr is a terminal; `format` decides
  /// otherwise.
  explicit ConsoleLog(env::Level minimum = env::Level::info,
                      std::optional<LogFormat> format = std::nullopt);
  /// Writes to `sink` (tests, files).
  ConsoleLog(env::Level minimum, LogFormat format, std::shared_ptr<spdlog::sinks::sink> sink);
  ~ConsoleLog() override;

  void write(env::Level level, std::string_view name,
             std::initializer_list<env::Field> fields) override;

 private:
  env::Level minimum_;
  LogFormat format_;
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace posthorn::net
