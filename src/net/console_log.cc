#include "net/console_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include "base/bytes.h"

namespace posthorn::net {

namespace {

std::string_view name_of(env::Level level) {
  switch (level) {
    case env::Level::debug:
      return "debug";
    case env::Level::info:
      return "info";
    case env::Level::warning:
      return "warning";
    case env::Level::error:
      return "error";
  }
  return "unknown";
}

spdlog::level::level_enum to_spdlog(env::Level level) {
  switch (level) {
    case env::Level::debug:
      return spdlog::level::debug;
    case env::Level::info:
      return spdlog::level::info;
    case env::Level::warning:
      return spdlog::level::warn;
    case env::Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  // printable() has made control characters and broken UTF-8 visible with a backslash, which JSON
  // then needs doubled.
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

Instant wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<Millis>(since).count()};
}

}  // namespace

std::string json_line(Instant at, env::Level level, std::string_view name,
                      std::span<const env::Field> fields) {
  std::string out = R"({"time":")" + to_rfc3339(at) + R"(","level":")";
  out += name_of(level);
  out += R"(","event":)";
  append_quoted(out, name);
  for (const auto& field : fields) {
    out += ',';
    append_quoted(out, field.name);
    out += ':';
    if (field.number)
      out += field.text;
    else
      append_quoted(out, field.text);
  }
  out += '}';
  return out;
}

std::string text_line(Instant at, env::Level level, std::string_view name,
                      std::span<const env::Field> fields) {
  std::string out = to_rfc3339(at).substr(11, 12);
  out += ' ';
  out += name_of(level);
  out.append(name_of(level).size() < 8 ? 8 - name_of(level).size() : 1, ' ');
  out += printable(name);
  for (const auto& field : fields) {
    out += ' ';
    out += field.name;
    out += '=';
    const bool bare = !field.text.empty() &&
                      field.text.find_first_of(" \"=\\") == std::string::npos &&
                      printable(field.text) == field.text;
    if (bare)
      out += field.text;
    else
      append_quoted(out, field.text);
  }
  return out;
}

ConsoleLog::ConsoleLog(env::Level minimum, std::optional<LogFormat> format)
    : ConsoleLog(minimum,
                 format.value_or(isatty(STDERR_FILENO) == 1 ? LogFormat::text : LogFormat::json),
                 std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {}

ConsoleLog::ConsoleLog(env::Level minimum, LogFormat format,
                       std::shared_ptr<spdlog::sinks::sink> sink)
    : minimum_(minimum),
      format_(format),
      logger_(std::make_unique<spdlog::logger>("posthorn", std::move(sink))) {
  logger_->set_level(spdlog::level::trace);
  logger_->set_pattern(format_ == LogFormat::text ? "%^%v%$" : "%v");
  // A line that matters must not sit in a buffer when the process dies.
  logger_->flush_on(spdlog::level::trace);
}

ConsoleLog::~ConsoleLog() = default;

void ConsoleLog::write(env::Level level, std::string_view name,
                       std::initializer_list<env::Field> fields) {
  if (level < minimum_) return;
  const std::span<const env::Field> all(fields.begin(), fields.size());
  logger_->log(to_spdlog(level),
               spdlog::string_view_t(format_ == LogFormat::json
                                         ? json_line(wall_clock(), level, name, all)
                                         : text_line(wall_clock(), level, name, all)));
}

}  // namespace posthorn::net
