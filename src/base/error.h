#pragma once
// Results and errors. A failure that a caller is expected to handle is a Result; an exception
// means a bug or no memory.

#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

/// What went wrong, as the caller must treat it.
enum class Errc {
  invalid,       ///< The input breaks a rule: tell the user which.
  not_found,     ///< No such thing (or not in this workspace).
  conflict,      ///< The state does not allow it: version mismatch, id taken with other content.
  stale_epoch,   ///< The shard has a newer owner: drop the work, the owner has it.
  limit,         ///< A named limit is reached: tell the user which.
  unauthorised,  ///< No or wrong credentials.
  forbidden,     ///< The credentials lack the scope.
  refused,       ///< Policy says no (egress guard).
  timed_out,     ///< The deadline passed.
  cancelled,     ///< The caller gave up; never logged as a failure.
  unavailable,   ///< Try later: full disk, overload, shutting down.
  io,            ///< The operating system or the peer failed.
  corrupt,       ///< Stored bytes are not what was written.
  unsupported,   ///< Not possible in this build or with this store.
};

/// The stable snake_case name of a code ("not_found").
std::string_view to_string(Errc code);

/// A failure with its context, outermost first: "delivery 9: endpoint 2: no such endpoint".
struct Error {
  Errc code = Errc::invalid;
  std::string what;
  std::source_location at = std::source_location::current();

  Error(Errc error_code, std::string text,
        std::source_location where = std::source_location::current())
      : code(error_code), what(std::move(text)), at(where) {}

  /// The same failure with `context` put in front.
  [[nodiscard]] Error within(std::string_view context) && {
    what = std::string(context) + ": " + what;
    return std::move(*this);
  }
};

template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
[[nodiscard]] inline std::unexpected<Error> fail(
    Errc code, std::string what, std::source_location where = std::source_location::current()) {
  return std::unexpected<Error>(Error(code, std::move(what), where));
}

}  // namespace posthorn

#define PH_CONCAT_INNER(a, b) a##b
#define PH_CONCAT(a, b) PH_CONCAT_INNER(a, b)
#define PH_TRY_NAMED(result, declaration, ...)                                       \
  auto result = (__VA_ARGS__);                                                       \
  if (!result) return std::unexpected<::posthorn::Error>(std::move(result).error()); \
  declaration = *std::move(result)
#define PH_CO_TRY_NAMED(result, declaration, ...)                                       \
  auto result = (__VA_ARGS__);                                                          \
  if (!result) co_return std::unexpected<::posthorn::Error>(std::move(result).error()); \
  declaration = *std::move(result)
/// `PH_TRY(auto x, f());` returns f's error, or goes on with its value in x.
#define PH_TRY(declaration, ...) \
  PH_TRY_NAMED(PH_CONCAT(ph_result_, __COUNTER__), declaration, __VA_ARGS__)
/// The same inside a coroutine: `PH_CO_TRY(auto x, co_await f());`
#define PH_CO_TRY(declaration, ...) \
  PH_CO_TRY_NAMED(PH_CONCAT(ph_result_, __COUNTER__), declaration, __VA_ARGS__)
