# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0

option(BUILD_SHARED_LIBS "Build libtensorpool as a shared library" OFF)
option(TP_BUILD_APPS "Build the programs tp and (with Aravis) tp-camera" ${PROJECT_IS_TOP_LEVEL})
option(TP_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(TP_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(TP_BUILD_BENCH "Build the benchmarks" OFF)
option(TP_BUILD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(TP_WITH_CAMERA "Build the GenICam source when Aravis is found" ON)
option(TP_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
set(TP_SANITIZE "" CACHE STRING "Sanitizers for every target: empty, 'address,undefined', 'thread' or 'fuzzer'")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(TP_SANITIZE STREQUAL "fuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(TP_SANITIZE)
  add_compile_options(-fsanitize=${TP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TP_SANITIZE})
endif()
