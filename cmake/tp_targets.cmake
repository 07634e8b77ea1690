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
# One GoogleTest program per folder of tests/; it may look at private headers. Label `aeron`: it needs a media driver;
# where there is none its suites are skipped and say why, and nothing is compiled for that: see if(TARGET <name>).
function(tp_add_test name)
  cmake_parse_arguments(arg "" "PREFIX" "SOURCES;LINKS;LABELS" ${ARGN})
  if("aeron" IN_LIST arg_LABELS AND NOT TP_HAVE_AERONMD)
    tp_skip_suites("${arg_PREFIX}" "this build has no Aeron, or its installation has no aeronmd (docs/aeron.md)"
                   "${arg_LABELS}" ${arg_SOURCES})
    return()
  endif()
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

# tp_skip_suites(<prefix> <reason> <label>... <file>...)
# One skipped test for each suite in the sources, which are not compiled.
function(tp_skip_suites prefix reason labels)
  set(suites "")
  foreach(source ${ARGN})
    if(source MATCHES "\\$<")
      continue()
    endif()
    get_filename_component(file ${source} ABSOLUTE)
    file(STRINGS ${file} lines REGEX "^(TEST|TEST_[FP]|INSTANTIATE_TEST_SUITE_P)\\(")
    foreach(line IN LISTS lines)
      # A suite that is only instantiated here has its tests somewhere else.
      string(REGEX REPLACE "^(INSTANTIATE_TEST_SUITE_P\\([A-Za-z0-9]+, *|TEST[_FP]*\\()([A-Za-z0-9]+).*" "\\2" suite "${line}")
      list(APPEND suites ${suite})
      if(line MATCHES "^TEST")
        math(EXPR tests_of_${suite} "0${tests_of_${suite}} + 1")
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES suites)
  foreach(suite IN LISTS suites)
    set(what "skipped")
    if(tests_of_${suite})
      set(what "skipped, ${tests_of_${suite}} of them")
    endif()
    add_test(NAME ${prefix}${suite} COMMAND ${CMAKE_COMMAND} -E echo "${what}: ${reason}")
    set_tests_properties(${prefix}${suite} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped" LABELS "${labels}")
  endforeach()
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
