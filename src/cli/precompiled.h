// What nearly every source of the command line includes and what costs most to read.
#pragma once
#include <CLI/CLI.hpp>

#include "cmake/precompiled.h"
