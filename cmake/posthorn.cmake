# The building blocks: ph_library, ph_test, ph_test_library, ph_fuzz, ph_embed.

option(POSTHORN_FUZZ "build the fuzz targets (clang's libFuzzer)" OFF)
# What the fuzz targets reach is compiled with libFuzzer's counters wherever they are built; preset fuzz has them everywhere.
set(POSTHORN_FUZZED base text http egress mime providers)
set(POSTHORN_FUZZ_COVERAGE -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp,indirect-calls)

# A library's sources are compiled ten as one: reading headers is most of a compiler's work here. Local names of one folder
# must therefore differ. -DPOSTHORN_UNITY=OFF compiles each source alone. Tests always are: their short names may repeat.
option(POSTHORN_UNITY "compile several sources as one" ON)
set(CMAKE_UNITY_BUILD ${POSTHORN_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 10)

add_library(posthorn_options INTERFACE)
target_include_directories(posthorn_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_definitions(posthorn_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX BOOST_ASIO_DISABLE_BOOST_DATE_TIME BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_BEAST_USE_STD_STRING_VIEW
  POSTHORN_VERSION="${PROJECT_VERSION}")
target_compile_options(posthorn_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror
  -Wno-unqualified-std-cast-call -fno-omit-frame-pointer)
target_link_libraries(posthorn_options INTERFACE Threads::Threads fmt::fmt)

# Asio and Beast are compiled once, and their headers once more as the precompiled header.
add_library(posthorn_asio STATIC ${CMAKE_SOURCE_DIR}/cmake/asio.cc)
target_link_libraries(posthorn_asio PUBLIC posthorn_options OpenSSL::SSL OpenSSL::Crypto)
target_precompile_headers(posthorn_asio PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)

# ph_library(NAME deliver DEPS base env model store [LIBS third::party] [TEST_DEPS store_contract]
#            [PRECOMPILED a.h])
# One folder below src/, its *.cc files, and a test program of its *_test.cc files; PRECOMPILED: a header of its own that is
# precompiled instead of the common one.
function(ph_library)
  cmake_parse_arguments(A "" "NAME;PRECOMPILED" "DEPS;LIBS;TEST_DEPS" ${ARGN})
  string(REPLACE "/" "_" target "ph_${A_NAME}")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(kind PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
    if(A_PRECOMPILED)
      target_precompile_headers(${target} PRIVATE ${A_PRECOMPILED})
    else()
      target_precompile_headers(${target} REUSE_FROM posthorn_asio)
    endif()
    if(POSTHORN_FUZZ AND A_NAME IN_LIST POSTHORN_FUZZED)
      target_compile_options(${target} PRIVATE ${POSTHORN_FUZZ_COVERAGE})
    endif()
  else()
    add_library(${target} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_link_libraries(${target} ${kind} posthorn_asio ${A_LIBS})
  foreach(dep ${A_DEPS})
    string(REPLACE "/" "_" dep_target "ph_${dep}")
    target_link_libraries(${target} ${kind} ${dep_target})
  endforeach()
  if(tests)
    list(TRANSFORM A_TEST_DEPS PREPEND "ph_")
    ph_test(NAME ${A_NAME} SOURCES ${tests} DEPS ${target} ${A_TEST_DEPS})
  endif()
endfunction()

# What every test is made of: doctest with its main, and a precompiled header of its own. The tests' own code is not
# optimised under the sanitizers: each check expands to much code that runs once, and took longer to compile than the product.
add_library(posthorn_doctest STATIC ${CMAKE_SOURCE_DIR}/cmake/test_main.cc)
target_link_libraries(posthorn_doctest PUBLIC posthorn_asio)
target_compile_definitions(posthorn_doctest PUBLIC POSTHORN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_compile_options(posthorn_doctest PUBLIC $<$<CONFIG:Debug>:-O0>)
target_precompile_headers(posthorn_doctest PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_test.h)

# ph_test(NAME deliver SOURCES a_test.cc DEPS ph_deliver): one doctest program, one ctest entry.
function(ph_test)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS" ${ARGN})
  string(REPLACE "/" "_" name "${A_NAME}")
  add_executable(test_${name} ${A_SOURCES})
  target_precompile_headers(test_${name} REUSE_FROM posthorn_doctest)
  set_target_properties(test_${name} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(test_${name} PRIVATE posthorn_doctest ${A_DEPS})
  add_test(NAME ${name} COMMAND test_${name})
  set_property(GLOBAL APPEND PROPERTY posthorn_tests test_${name})
endfunction()

# ph_test_library(NAME store_contract SOURCES a.cc DEPS store): cases that several test programs run.
function(ph_test_library)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_library(ph_${A_NAME} STATIC EXCLUDE_FROM_ALL ${A_SOURCES})
  target_precompile_headers(ph_${A_NAME} REUSE_FROM posthorn_doctest)
  target_link_libraries(ph_${A_NAME} PUBLIC posthorn_doctest)
  foreach(dep ${A_DEPS})
    target_link_libraries(ph_${A_NAME} PUBLIC ph_${dep})
  endforeach()
endfunction()

# ph_fuzz(NAME url DEPS ph_text): fuzz/<name>.cc with libFuzzer.
function(ph_fuzz)
  cmake_parse_arguments(A "" "NAME" "DEPS" ${ARGN})
  add_executable(fuzz_${A_NAME} ${CMAKE_CURRENT_SOURCE_DIR}/${A_NAME}.cc)
  target_precompile_headers(fuzz_${A_NAME} REUSE_FROM posthorn_asio)
  target_compile_options(fuzz_${A_NAME} PRIVATE ${POSTHORN_FUZZ_COVERAGE})
  set_target_properties(fuzz_${A_NAME} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(fuzz_${A_NAME} PRIVATE ${A_DEPS})
  target_link_options(fuzz_${A_NAME} PRIVATE -fsanitize=fuzzer)
endfunction()

# ph_embed(NAME sqlite_queries FILES a.sql b.sql): makes `embedded/<name>.h` with one
# `constexpr std::string_view` table {file name, text} called posthorn::embedded::<name>.
function(ph_embed)
  cmake_parse_arguments(A "" "NAME" "FILES" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/embedded/embedded/${A_NAME}.h)
  add_custom_command(OUTPUT ${out}
    COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/embed.py ${out} ${A_NAME} ${A_FILES}
    DEPENDS ${A_FILES} ${CMAKE_SOURCE_DIR}/tools/embed.py)
  add_custom_target(embed_${A_NAME}_file DEPENDS ${out})
  add_library(embed_${A_NAME} INTERFACE)
  add_dependencies(embed_${A_NAME} embed_${A_NAME}_file)
  target_include_directories(embed_${A_NAME} INTERFACE ${CMAKE_BINARY_DIR}/embedded)
endfunction()
