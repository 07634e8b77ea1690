// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>

namespace tensorpool::base {

/// Whether a process with this number runs in our pid namespace. A number proves little: it may belong to
/// somebody else by now.
[[nodiscard]] inline bool is_process_alive(std::uint64_t pid) noexcept {
    // 0 and numbers no process can have came from a damaged file; kill(0, ...) would mean our own group.
    if (pid == 0 || pid > static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max())) return false;
    return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

}  // namespace tensorpool::base
