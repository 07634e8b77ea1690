# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts: installs the Debian packages the build needs where they are missing.

# What the library needs, then the programs, then tests and checks.
tp_build_packages=(cmake ninja-build g++ pkg-config libfmt-dev libspdlog-dev libexpected-dev libtomlplusplus-dev
  libcli11-dev libisal-dev nlohmann-json3-dev libpng-dev libaravis-dev libusb-1.0-0-dev prometheus-cpp-dev libsqlite3-dev)
tp_test_packages=(libgtest-dev libgmock-dev clang-format-14 clang-tidy-14 git groff-base python3)
tp_fuzz_packages=(clang-14 libclang-rt-14-dev)

# tp_need_packages PACKAGE...: apt-get install what dpkg does not know as installed.
tp_need_packages() {
  local missing=() package
  for package in "$@"; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
      missing+=("$package")
    fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "${0##*/}: missing packages and neither root nor sudo; install them: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null
}

# Compiles again only what changed, also across build folders, where ccache happens to be installed.
tp_use_ccache() {
  if [ -z "${CMAKE_CXX_COMPILER_LAUNCHER:-}" ] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}  # or it keeps away from precompiled headers
  fi
}
