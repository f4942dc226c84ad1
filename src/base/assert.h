#pragma once
// Assertions stay on in release: a broken invariant stops the process, and recovery from the
// store is the tested path.

namespace posthorn {
/// Prints the expression and its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}  // namespace posthorn

#define PH_ASSERT(expression)                                        \
  do {                                                               \
    if (!(expression)) [[unlikely]]                                  \
      ::posthorn::assertion_failed(#expression, __FILE__, __LINE__); \
  } while (false)
