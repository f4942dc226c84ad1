#pragma once
// A source's settings, in the provider's own words. One table of fields for each provider drives
// what the API takes, what it shows, and what verify() reads.

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/faults.h"

namespace posthorn::providers {

namespace json = boost::json;

enum class FieldKind : std::uint8_t {
  secret,      ///< Text that is sealed and masked; one, or a list while it is rotated.
  public_key,  ///< Like secret (one or a list) but shown.
  text,
  texts,    ///< A list of texts; a single text stands for a list of one.
  integer,  ///< In [min, max].
  boolean,
  choice,       ///< One of `choices`.
  credentials,  ///< {"username", "password"}; the password is a secret; one, or a list.
  map,          ///< Text to text ({"url": "PEM"}).
};

/// "secret": as the API names it.
std::string_view to_string(FieldKind kind);

struct Field {
  std::string_view name;  ///< "signing_secret": what the API shows.
  /// Also taken ("signing_secrets"); secret and public_key only. When both names are given, all of
  /// them count, the singular first.
  std::string_view plural = {};
  FieldKind kind = FieldKind::text;
  bool required = false;
  std::string_view help = {};      ///< One sentence: what it is and where the provider shows it.
  std::string_view fallback = {};  ///< The value when it is not given, as text ("300").
  std::int64_t min = 0, max = INT64_MAX;
  std::span<const std::string_view> choices = {};
  /// Empty when the text is well formed, else what it must be ("takes base64 of 24 to 64 bytes").
  /// For secret, public_key, text, texts, and the password of credentials.
  std::string (*problem)(std::string_view text) = nullptr;
  /// For `posthorn verify --cases` only: the API refuses it.
  bool for_cases_only = false;
};

struct Credentials {
  std::string username;
  std::string password;
};

/// Checked settings: every field of the table is there, given or by its fallback. Immutable.
class Settings {
 public:
  Settings() = default;

  /// Reads a `config` object. Every fault is added, with its pointer below `pointer`; unknown
  /// members are faults with the nearest known name. `in_cases`: fields for cases only are taken.
  /// What is given back then holds what could be read.
  static Settings read(std::span<const Field> fields, const json::object& config,
                       model::Faults& faults, std::string_view pointer = "", bool in_cases = false);

  /// Every value of a secret or public_key field, newest first, under its singular name; empty when
  /// none is set (verify() then refuses: fail closed).
  [[nodiscard]] const std::vector<std::string>& all(std::string_view name) const;
  /// Empty when it is not set.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// 0 when it is not set.
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] const std::vector<Credentials>& credentials(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string>& map(std::string_view name) const;

  /// The same with the secrets of one field replaced: for `explain`, which tries likely mistakes.
  [[nodiscard]] Settings with(std::string_view name, std::vector<std::string> values) const;
  /// The same with a map in place of the given one: what only the caller can fetch.
  [[nodiscard]] Settings with_map(std::string_view name,
                                  std::map<std::string, std::string> values) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> texts_;
  std::map<std::string, std::int64_t, std::less<>> integers_;
  std::map<std::string, std::vector<Credentials>, std::less<>> credentials_;
  std::map<std::string, std::map<std::string, std::string>, std::less<>> maps_;
};

/// The config as answers show it: every secret as `{"masked": "whsec_…0001", "set": true}`-like
/// text
/// ("whsec…0001"; short ones "…"), the rest as given.
json::object masked(std::span<const Field> fields, const json::object& config);

}  // namespace posthorn::providers
