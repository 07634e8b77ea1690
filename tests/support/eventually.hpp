// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

namespace tensorpool::test {

/// Polls `condition` until it holds or `deadline` has passed; returns its last value. The pause between two
/// looks only spares the processor: no test may depend on its length.
template <typename Condition>
[[nodiscard]] bool eventually(Condition&& condition,
                              std::chrono::milliseconds deadline = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return condition();
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
}

}  // namespace tensorpool::test
