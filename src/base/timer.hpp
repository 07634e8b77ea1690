// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <atomic>
#include <limits>

namespace tensorpool::base {

/// a + b for two non-negative durations or times, held at the largest value instead of wrapping.
[[nodiscard]] constexpr Nanos saturating_add(Nanos a, Nanos b) noexcept {
    constexpr Nanos kMax = std::numeric_limits<Nanos>::max();
    return b > 0 && a > kMax - b ? kMax : a + b;
}

/// A timer that a duty cycle asks. Fires on a fixed grid; periods missed in a stall are skipped, so that a
/// late cycle fires once and not once per missed period.
class PeriodicTimer {
public:
    /// First due at `first_ns`. `period_ns` must be positive.
    constexpr explicit PeriodicTimer(Nanos period_ns, Nanos first_ns = 0) noexcept
        : period_ns_(period_ns), next_ns_(first_ns) {}

    /// True once per period. Moves on to the first grid point after `now_ns`.
    [[nodiscard]] constexpr bool due(Nanos now_ns) noexcept {
        if (now_ns < next_ns_) return false;
        const Nanos missed = (now_ns - next_ns_) / period_ns_;
        next_ns_ = saturating_add(next_ns_ + missed * period_ns_, period_ns_);
        return true;
    }

    /// Starts a new grid: next due one period after `now_ns`.
    constexpr void restart(Nanos now_ns) noexcept { next_ns_ = saturating_add(now_ns, period_ns_); }
    /// Due at the next question.
    constexpr void trigger() noexcept { next_ns_ = 0; }

    [[nodiscard]] constexpr Nanos next_ns() const noexcept { return next_ns_; }
    [[nodiscard]] constexpr Nanos period_ns() const noexcept { return period_ns_; }

private:
    Nanos period_ns_;
    Nanos next_ns_;
};

/// The time of the current duty cycle for code that wants a Clock but no system call of its own. One thread
/// updates it; any thread may read.
class CachedClock final : public Clock {
public:
    [[nodiscard]] Nanos now_ns() const noexcept override { return now_ns_.load(std::memory_order_relaxed); }
    void update(Nanos now_ns) noexcept { now_ns_.store(now_ns, std::memory_order_relaxed); }

private:
    std::atomic<Nanos> now_ns_{0};
};

}  // namespace tensorpool::base
