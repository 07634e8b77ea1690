// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/timer.hpp"
#include "shm/stream_files.hpp"

#include <optional>
#include <string>

namespace tensorpool::supervisor {

/// Removes what dead producers left, where no driver does (SUP-018).
class EpochSweeper {
public:
    /// An empty `base_dir` sweeps nothing. Throws Error when it is no directory or the namespace no name.
    EpochSweeper(const std::string& base_dir, const std::string& namespace_name, Nanos stale_after_ns,
                 Nanos now_ns);

    /// Looks once per `stale_after_ns`; returns how many epochs went.
    int do_work(Nanos now_ns) noexcept;

private:
    std::optional<shm::StreamPaths> paths_;
    Nanos stale_after_ns_;
    base::PeriodicTimer timer_;
};

}  // namespace tensorpool::supervisor
