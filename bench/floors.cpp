// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "floors.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>

namespace tensorpool::bench {
namespace {

struct alignas(64) Ball {
    std::atomic<std::uint64_t> value{0};
};

struct alignas(64) Bell {
    std::atomic<std::uint32_t> value{0};
};

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

void spin_until(Nanos until_ns) noexcept {
    while (monotonic_now_ns() < until_ns) {
    }
}

std::vector<Nanos> cache_line_half_trips(int trips, Nanos pause_ns) {
    SharedMemory memory(2 * sizeof(Ball));
    auto* ping = new (memory.as<Ball>()) Ball;
    auto* pong = new (memory.as<Ball>() + 1) Ball;
    ChildProcess echo([&] {
        pin_to(1);
        for (std::uint64_t i = 1; i <= static_cast<std::uint64_t>(trips); ++i) {
            while (ping->value.load(std::memory_order_acquire) != i) {
            }
            pong->value.store(i, std::memory_order_release);
        }
    });
    pin_to(0);
    std::vector<Nanos> samples;
    samples.reserve(static_cast<std::size_t>(trips));
    for (std::uint64_t i = 1; i <= static_cast<std::uint64_t>(trips); ++i) {
        const Nanos start = monotonic_now_ns();
        ping->value.store(i, std::memory_order_release);
        while (pong->value.load(std::memory_order_acquire) != i) {
        }
        const Nanos end = monotonic_now_ns();
        samples.push_back((end - start) / 2);
        if (pause_ns > 0) spin_until(start + pause_ns);
    }
    echo.join();
    return samples;
}

std::vector<Nanos> futex_half_trips(int trips, Nanos pause_ns) {
    SharedMemory memory(2 * sizeof(Bell));
    auto* ping = new (memory.as<Bell>()) Bell;
    auto* pong = new (memory.as<Bell>() + 1) Bell;
    ChildProcess echo([&] {
        pin_to(1);
        for (std::uint32_t i = 1; i <= static_cast<std::uint32_t>(trips); ++i) {
            while (ping->value.load(std::memory_order_acquire) != i) futex_wait(ping->value, i - 1);
            pong->value.store(i, std::memory_order_release);
            futex_wake(pong->value);
        }
    });
    pin_to(0);
    std::vector<Nanos> samples;
    samples.reserve(static_cast<std::size_t>(trips));
    for (std::uint32_t i = 1; i <= static_cast<std::uint32_t>(trips); ++i) {
        const Nanos start = monotonic_now_ns();
        ping->value.store(i, std::memory_order_release);
        futex_wake(ping->value);
        while (pong->value.load(std::memory_order_acquire) != i) futex_wait(pong->value, i - 1);
        const Nanos end = monotonic_now_ns();
        samples.push_back((end - start) / 2);
        if (pause_ns > 0) spin_until(start + pause_ns);
    }
    echo.join();
    return samples;
}

}  // namespace tensorpool::bench
