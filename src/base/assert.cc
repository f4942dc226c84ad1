#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace posthorn {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "posthorn: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace posthorn
