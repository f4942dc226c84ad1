#pragma once
// "did you mean …?"

#include <optional>
#include <span>
#include <string_view>

namespace posthorn::text {

/// The known name that `given` was probably meant to be: the one with the fewest slips (a letter
/// missing, added, changed or swapped with its neighbour; case and the choice of - _ . do not
/// count), at most one for every three letters. nullopt when none is that near. Cost: the product
/// of the lengths for each name; a `given` of over 100 bytes is near to nothing.
std::optional<std::string_view> nearest(std::string_view given,
                                        std::span<const std::string_view> known);

}  // namespace posthorn::text
