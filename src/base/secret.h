#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

/// Text that must not appear in logs, errors or answers: it formats as `***`, has no stream
/// operator, and is wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  /// The text itself; call it only where it is used (signing, showing once to its owner).
  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

}  // namespace posthorn

template <>
struct fmt::formatter<posthorn::Secret> : fmt::formatter<std::string_view> {
  auto format(const posthorn::Secret&, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
