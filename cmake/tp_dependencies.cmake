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

set(TP_HAVE_ARAVIS OFF)
if(TP_WITH_CAMERA)
  find_package(PkgConfig)
  if(PkgConfig_FOUND)
    pkg_check_modules(ARAVIS IMPORTED_TARGET aravis-0.8) # libaravis-dev libusb-1.0-0-dev
    set(TP_HAVE_ARAVIS ${ARAVIS_FOUND})
  endif()
endif()
