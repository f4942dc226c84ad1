#pragma once
// Every provider's descriptor; each is defined in the file of its name. Not for use outside
// providers/.

#include "providers/provider.h"

namespace posthorn::providers {

extern const Provider stripe;

}  // namespace posthorn::providers
