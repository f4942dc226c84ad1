// What every test includes and what costs most to read.
#pragma once
#include <doctest/doctest.h>

#include "cmake/precompiled.h"
