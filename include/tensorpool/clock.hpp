// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tensorpool {

/// A point in time or a duration in nanoseconds. Points are CLOCK_MONOTONIC unless a name says otherwise.
using Nanos = std::int64_t;

inline constexpr Nanos kNanosPerMilli = 1'000'000;
inline constexpr Nanos kNanosPerSecond = 1'000'000'000;

/// CLOCK_MONOTONIC now (WIRE-166). One vDSO call.
[[nodiscard]] Nanos monotonic_now_ns() noexcept;

/// CLOCK_REALTIME now; only for people and for epoch numbers, never for latency.
[[nodiscard]] Nanos realtime_now_ns() noexcept;

/// Where a component that reads time outside its duty cycle gets it from; tests inject a ManualClock.
/// Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;

    [[nodiscard]] virtual Nanos now_ns() const noexcept = 0;
};

/// The process-wide monotonic clock.
[[nodiscard]] const Clock& system_clock() noexcept;

}  // namespace tensorpool
