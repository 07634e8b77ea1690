// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

// Frames from a sending process to a reading one that are at most a few frames apart.
namespace tensorpool::bench {

/// A transfer of `frames`, as fast as it goes or one per `pace_ns`.
struct Plan {
    std::uint64_t frames;
    Nanos pace_ns = 0;

    /// Between two looks that found nothing.
    void idle() const {
        if (pace_ns > 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        } else {
            std::this_thread::yield();  // to the media driver, where processors are few
        }
    }
};

/// What a transfer took, both processes together; the media driver's own thread is left out.
struct Transfer {
    double frames_per_s = 0;
    double cpu_us_per_frame = 0;
    std::uint64_t lost = 0;
};

inline constexpr std::uint64_t kFramesAhead = 4;

/// Shared by sender and reader: how far it was read, and the reader's sums at the end.
struct Progress {
    Gate gate;
    alignas(64) std::atomic<std::uint64_t> read{0};  ///< frames up to here have arrived or never will
    std::atomic<bool> given_up{false};               ///< the rest was lost
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<std::uint64_t> reader_cpu_us{0};
};

/// `reader.poll()` returns how many frames came, `reader.position()` how many were sent up to the last of
/// them.
template <typename Reader>
void read_all(Reader& reader, Progress& progress, const Plan& plan) {
    const double start = cpu_seconds();
    std::uint64_t arrived = 0;
    while (reader.position() < plan.frames && !progress.given_up.load(std::memory_order_relaxed)) {
        const std::uint64_t got = reader.poll();
        if (got == 0) {
            plan.idle();
            continue;
        }
        arrived += got;
        progress.read.store(reader.position(), std::memory_order_release);
    }
    progress.arrived.store(arrived);
    progress.reader_cpu_us.store(static_cast<std::uint64_t>((cpu_seconds() - start) * 1e6));
}

/// Sends with `send()` whenever the reader is not too far behind, and calls `work()`, which says whether it
/// had any, in every turn.
template <typename Send, typename Work>
Transfer send_all(Send&& send, Work&& work, Progress& progress, const Plan& plan, ChildProcess& reader) {
    constexpr Nanos kPatience = 2 * kNanosPerSecond;
    const Nanos start = monotonic_now_ns();
    const double cpu = cpu_seconds();
    std::uint64_t sent = 0;
    std::uint64_t read = 0;
    Nanos last_read_ns = start;
    while (read < plan.frames) {
        const Nanos now = monotonic_now_ns();
        if (const std::uint64_t seen = progress.read.load(std::memory_order_acquire); seen != read) {
            read = seen;
            last_read_ns = now;
        } else if (now - last_read_ns > kPatience) {
            break;  // the last frames were lost
        }
        const bool due = plan.pace_ns == 0 || now >= start + static_cast<Nanos>(sent) * plan.pace_ns;
        const bool sends = sent < plan.frames && due && sent - read < kFramesAhead && send();
        if (sends) ++sent;
        if (!work() && !sends) plan.idle();
    }
    const auto wall = static_cast<double>(monotonic_now_ns() - start);
    const double own = cpu_seconds() - cpu;
    progress.given_up.store(true);
    reader.join();
    const auto arrived = static_cast<double>(std::max<std::uint64_t>(progress.arrived.load(), 1));
    return {arrived * 1e9 / wall, (own * 1e6 + static_cast<double>(progress.reader_cpu_us.load())) / arrived,
            sent - progress.arrived.load()};
}

}  // namespace tensorpool::bench
