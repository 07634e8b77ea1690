# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0

# Required by the library itself. The Debian package is named where the lookup may fail.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)          # libfmt-dev
find_package(spdlog REQUIRED)       # libspdlog-dev
find_package(tl-expected REQUIRED)  # libexpected-dev
find_package(tomlplusplus REQUIRED) # libtomlplusplus-dev

if(TP_BUILD_APPS)
  find_package(CLI11 REQUIRED)         # libcli11-dev
  find_package(PNG)                    # libpng-dev
  find_package(nlohmann_json REQUIRED) # nlohmann-json3-dev
endif()
set(TP_HAVE_PROMETHEUS OFF)
if(TP_BUILD_APPS)
  find_package(prometheus-cpp CONFIG QUIET) # prometheus-cpp-dev
  set(TP_HAVE_PROMETHEUS ${prometheus-cpp_FOUND})
endif()
if(TP_BUILD_TESTS)
  find_package(GTest REQUIRED)         # libgtest-dev libgmock-dev
  find_package(nlohmann_json REQUIRED) # nlohmann-json3-dev
endif()

set(TP_HAVE_SQLITE OFF)
if(TP_WITH_SQLITE)
  find_package(SQLite3) # libsqlite3-dev
  set(TP_HAVE_SQLITE ${SQLite3_FOUND})
endif()

find_package(PkgConfig)
set(TP_HAVE_ISAL OFF)
if(PkgConfig_FOUND)
  pkg_check_modules(ISAL IMPORTED_TARGET libisal) # libisal-dev: CRC32C of the bridge
  set(TP_HAVE_ISAL ${ISAL_FOUND})
endif()
set(TP_HAVE_ARAVIS OFF)
if(TP_WITH_CAMERA)
  if(PkgConfig_FOUND)
    pkg_check_modules(ARAVIS IMPORTED_TARGET aravis-0.8) # libaravis-dev libusb-1.0-0-dev
    set(TP_HAVE_ARAVIS ${ARAVIS_FOUND})
  endif()
endif()

# Not in Debian: docs/aeron.md. Its CMake package comes with its installation; CMAKE_PREFIX_PATH names that.
set(TP_HAVE_AERON OFF)
set(TP_HAVE_AERON_DRIVER OFF)
set(TP_HAVE_AERONMD OFF)
if(TP_WITH_AERON)
  find_package(aeron 1.49 CONFIG QUIET)
  if(TARGET aeron::aeron)
    set(TP_HAVE_AERON ON)
    # Installed programs find Aeron where it was found now.
    set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
  endif()
  # The media driver, a program: tests and benches start one.
  find_program(TP_AERONMD aeronmd HINTS ${aeron_DIR}/../../../bin)
  if(TP_HAVE_AERON AND TP_AERONMD)
    set(TP_HAVE_AERONMD ON)
  endif()
  if(TARGET aeron::aeron_driver)
    set(TP_HAVE_AERON_DRIVER ON)
  endif()
endif()
