#pragma once
// What is wrong with an input: every fault at once, each with its place, what is allowed and what
// was given.

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::model {

namespace json = boost::json;

struct Fault {
  std::string pointer;  ///< RFC 6901, into the input: "/headers/Host"; empty: the whole of it.
  /// Stable, for programs: type, required, unknown_member, read_only, too_short, too_long,
  /// out_of_range, too_many, not_allowed, format, duplicate, url_refused, schema.
  std::string code;
  std::string detail;  ///< One sentence for people; secrets are never in it.
  friend bool operator==(const Fault&, const Fault&) = default;
};

inline constexpr std::size_t faults_max = 100;

/// Collects faults; past faults_max they are only counted.
class Faults {
 public:
  void add(std::string pointer, std::string_view code, std::string detail);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// How many there were, kept or not.
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const std::vector<Fault>& all() const { return faults_; }
  /// "/url: takes …; /timeout_ms: …": the first few in one line, for logs and the command line.
  [[nodiscard]] std::string summary() const;
  /// Errc::invalid with the summary when there are faults.
  [[nodiscard]] Result<> result() const;

 private:
  std::vector<Fault> faults_;
  std::size_t count_ = 0;
};

/// What was given, shortened to 40 characters and safe to print: `"ftp://…"`, `12`, `an object`.
std::string shown(const json::value& value);
std::string shown(std::string_view text);
inline std::string shown(const char* text) { return shown(std::string_view(text)); }

}  // namespace posthorn::model
