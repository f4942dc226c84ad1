#pragma once
#include <string>
#include <utility>

#include "base/error.h"

namespace posthorn::egress {

/// Errc::refused with the rule that refuses, in words.
inline std::unexpected<Error> refused(std::string what) {
  return fail(Errc::refused, std::move(what));
}

}  // namespace posthorn::egress
