// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>

#include <atomic>
#include <cstdint>

namespace tensorpool::camera {

/// Wakes the driving thread when a device thread finished a buffer. notify() makes a system call only while
/// somebody sleeps.
class CompletionSignal final : public Waiter {
public:
    /// From the device's thread, after the completion was queued.
    void notify() noexcept;

    /// Returns at once when notify() or wake() ran since the last wait().
    void wait(Nanos timeout_ns) noexcept override;
    void wake() noexcept override { notify(); }

private:
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

    std::atomic<std::uint32_t> events_{0};
    std::atomic<std::uint32_t> sleepers_{0};
    std::uint32_t seen_ = 0;  // of events_, by the waiting thread
};

}  // namespace tensorpool::camera
