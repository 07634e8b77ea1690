// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "harness.hpp"
#include "streams.hpp"

#include <string>

namespace tensorpool::bench {

/// A media driver in a process of its own, ended with the scope.
class MediaDriverProcess {
public:
    /// SHARED or DEDICATED, as AERON_THREADING_MODE has it.
    explicit MediaDriverProcess(const char* threading_mode = "SHARED");
    ~MediaDriverProcess();
    MediaDriverProcess(const MediaDriverProcess&) = delete;
    MediaDriverProcess& operator=(const MediaDriverProcess&) = delete;
    [[nodiscard]] std::string dir() const { return scratch_.sub("aeron"); }

private:
    ScratchDir scratch_;
    SharedMemory shared_;
    Gate* gate_;
    ChildProcess process_;
};

/// Frames of 640 KiB through Aeron by value beside ours.
void frame_figures(const std::string& dir, const Options& options, Results& results);

}  // namespace tensorpool::bench
