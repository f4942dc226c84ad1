#pragma once
#include <span>
#include <string_view>

#include "base/planted.h"

namespace posthorn::sim {

struct PlantedBug {
  Planted bug;
  std::string_view name;
  std::string_view breaks;  ///< What it does wrong.
};

/// Every fault that can be planted, but none.
std::span<const PlantedBug> planted_bugs();

}  // namespace posthorn::sim
