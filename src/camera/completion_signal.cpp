// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/completion_signal.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace tensorpool::camera {

void CompletionSignal::notify() noexcept {
    // seq_cst on both: pairs with wait(). Either this thread sees the sleeper and wakes it, or the sleeper
    // sees the new count and does not sleep.
    events_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
    ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&events_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr,
              0);
}

void CompletionSignal::wait(Nanos timeout_ns) noexcept {
    const std::uint32_t before = seen_;
    if (timeout_ns > 0) {
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        if (events_.load(std::memory_order_seq_cst) == before) {  // pairs with notify()
            const std::timespec limit{timeout_ns / kNanosPerSecond, timeout_ns % kNanosPerSecond};
            ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&events_), FUTEX_WAIT_PRIVATE, before,
                      &limit, nullptr, 0);
        }
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
    }
    seen_ = events_.load(std::memory_order_acquire);  // pairs with the increment in notify()
}

}  // namespace tensorpool::camera
