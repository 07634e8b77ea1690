// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "base/frame_path.hpp"

// Made by the linker for every section whose name is a C identifier.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {
extern const char __start_tp_frame_path[] __attribute__((weak, visibility("hidden")));
extern const char __stop_tp_frame_path[] __attribute__((weak, visibility("hidden")));
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace tensorpool::base {

void fetch_frame_path() noexcept {
    fetch_lines(__start_tp_frame_path, __stop_tp_frame_path - __start_tp_frame_path);
}

}  // namespace tensorpool::base
