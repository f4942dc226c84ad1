#pragma once
// One event a line: a static name and typed fields. Bodies and secrets never go in.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace posthorn::env {

/// error: a person must act. warning: worth a look. info: what happened. debug: off by default.
enum class Level { debug, info, warning, error };

struct Field {
  std::string_view name;  ///< A literal: lower_snake_case.
  std::string text;
  bool number = false;

  Field(std::string_view field, std::string_view value) : name(field), text(value) {}
  Field(std::string_view field, const char* value) : name(field), text(value) {}
  Field(std::string_view field, const std::string& value) : name(field), text(value) {}
  template <std::integral T>
  Field(std::string_view field, T value) : name(field), text(std::to_string(value)), number(true) {}
};

/// Thread-safe.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(Level level, std::string_view name, std::initializer_list<Field> fields) = 0;

  void debug(std::string_view name, std::initializer_list<Field> fields = {}) {
    write(Level::debug, name, fields);
  }
  void info(std::string_view name, std::initializer_list<Field> fields = {}) {
    write(Level::info, name, fields);
  }
  void warning(std::string_view name, std::initializer_list<Field> fields = {}) {
    write(Level::warning, name, fields);
  }
  void error(std::string_view name, std::initializer_list<Field> fields = {}) {
    write(Level::error, name, fields);
  }
};

/// Throws everything away.
class NullLog final : public Log {
 public:
  void write(Level, std::string_view, std::initializer_list<Field>) override {}
};

}  // namespace posthorn::env
