#pragma once
#include "base/error.h"

/// PH_TRY for a Result without a value.
#define PH_TRY_VOID(...)                                                                     \
  do {                                                                                       \
    auto ph_result = (__VA_ARGS__);                                                          \
    if (!ph_result) return std::unexpected<::posthorn::Error>(std::move(ph_result).error()); \
  } while (false)
/// The same inside a coroutine.
#define PH_CO_TRY_VOID(...)                                                                     \
  do {                                                                                          \
    auto ph_result = (__VA_ARGS__);                                                             \
    if (!ph_result) co_return std::unexpected<::posthorn::Error>(std::move(ph_result).error()); \
  } while (false)
