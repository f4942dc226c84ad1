# The four building blocks: ph_library, ph_test, ph_fuzz, ph_embed.

option(POSTHORN_FUZZ "build the fuzz targets (clang's libFuzzer)" OFF)

add_library(posthorn_options INTERFACE)
target_include_directories(posthorn_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_definitions(posthorn_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX BOOST_ASIO_SEPARATE_COMPILATION
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

# ph_library(NAME deliver DEPS base env model store [LIBS third::party])
# One folder below src/, its *.cc files, and a test program of its *_test.cc files.
function(ph_library)
  cmake_parse_arguments(A "" "NAME" "DEPS;LIBS" ${ARGN})
  string(REPLACE "/" "_" target "ph_${A_NAME}")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(kind PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_precompile_headers(${target} REUSE_FROM posthorn_asio)
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
    ph_test(NAME ${A_NAME} SOURCES ${tests} DEPS ${target})
  endif()
endfunction()

# ph_test(NAME deliver SOURCES a_test.cc DEPS ph_deliver): one doctest program, one ctest entry.
function(ph_test)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS" ${ARGN})
  string(REPLACE "/" "_" name "${A_NAME}")
  add_executable(test_${name} ${A_SOURCES} ${CMAKE_SOURCE_DIR}/cmake/test_main.cc)
  target_precompile_headers(test_${name} REUSE_FROM posthorn_asio)
  target_compile_definitions(test_${name} PRIVATE POSTHORN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE ${A_DEPS})
  add_test(NAME ${name} COMMAND test_${name})
  set_property(GLOBAL APPEND PROPERTY posthorn_tests test_${name})
endfunction()

# ph_fuzz(NAME url DEPS ph_text): fuzz/<name>.cc with libFuzzer.
function(ph_fuzz)
  cmake_parse_arguments(A "" "NAME" "DEPS" ${ARGN})
  add_executable(fuzz_${A_NAME} ${CMAKE_CURRENT_SOURCE_DIR}/${A_NAME}.cc)
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
