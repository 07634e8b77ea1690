#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
# Runs a whole deployment from a driver configuration: driver, a simulated camera for every stream named camera*, a
# processing stage for every pair cameraN -> processedN; then prints a status table.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/packages.sh

if [ $# -eq 0 ] || [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  exec python3 scripts/lib/run_all.py --help
fi
tp_need_packages "${tp_build_packages[@]}" python3
tp_use_ccache
mkdir -p build
build=build/demo
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTP_BUILD_TESTS=OFF -DTP_BUILD_EXAMPLES=ON \
  >build/demo.log 2>&1 || { cat build/demo.log; exit 1; }
cmake --build "$build" --target tp tp-camera tp-fake-camera example_processing_stage >>build/demo.log 2>&1 ||
  { tail -n 40 build/demo.log; exit 1; }
exec python3 scripts/lib/run_all.py --programs "$build" "$@"
