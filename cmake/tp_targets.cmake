# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0

# Warnings shared by everything we compile ourselves.
add_library(tp_warnings INTERFACE)
target_compile_options(
  tp_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Wcast-align
            -Woverloaded-virtual
            # False positives of GCC 12 on std::string concatenation (GCC bug 105651).
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
            $<$<BOOL:${TP_WERROR}>:-Werror>)

# tp_add_layer(<name> SOURCES <file>... [LINKS <target>...])
# One folder of src/: an object library tp_<name> that becomes part of libtensorpool.
function(tp_add_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_library(tp_${name} OBJECT ${arg_SOURCES})
  target_include_directories(tp_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src
                                               ${PROJECT_BINARY_DIR}/include)
  target_link_libraries(tp_${name} PUBLIC tl::expected fmt::fmt ${arg_LINKS} PRIVATE tp_warnings)
  # Nobody replaces single functions of the library at run time; clang never cares, GCC inlines more like this.
  target_compile_options(tp_${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
  set_property(GLOBAL APPEND PROPERTY TP_LAYERS tp_${name})
endfunction()

# tp_add_test(<name> SOURCES <file>... [LINKS <target>...] [LABELS <label>...] [PREFIX <text>])
# One GoogleTest program per folder of tests/; it may look at private headers.
function(tp_add_test name)
  cmake_parse_arguments(arg "" "PREFIX" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE tensorpool tp_test_support GTest::gmock GTest::gtest_main tp_warnings
                                        ${arg_LINKS})
  target_compile_definitions(${name} PRIVATE TP_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             TP_BINARY_DIR="${PROJECT_BINARY_DIR}")
  if(TP_SANITIZE MATCHES address)
    # What a test does is mostly done in the library; its own code compiles a third faster like this.
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(TP_TEST_PCH)
    target_precompile_headers(${name} REUSE_FROM tp_test_pch)
  endif()
  if("concurrency" IN_LIST arg_LABELS)
    add_dependencies(concurrency-tests ${name})
  endif()
  tp_discover_tests(${name} LABELS ${arg_LABELS} PREFIX ${arg_PREFIX})
endfunction()

# All that ThreadSanitizer has something to say about.
add_custom_target(concurrency-tests)

# tp_discover_tests(<target> LABELS <label>... [PREFIX <text>] [PROPERTIES <name> <value>...])
# Registers each test of a GoogleTest program with ctest.
function(tp_discover_tests target)
  cmake_parse_arguments(arg "" "PREFIX" "LABELS;PROPERTIES" ${ARGN})
  gtest_discover_tests(${target} TEST_PREFIX "${arg_PREFIX}" DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600 ${arg_PROPERTIES})
  # gtest_discover_tests() flattens lists: of several labels the second would become the name of a property.
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}_labels.cmake)
  file(WRITE ${script} "if(${target}_TESTS)
  set_tests_properties(\${${target}_TESTS} PROPERTIES LABELS \"${arg_LABELS}\")
endif()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()
include(GoogleTest)
