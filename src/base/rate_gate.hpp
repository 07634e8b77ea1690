// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <cstdint>

namespace tensorpool::base {

/// Thins a stream out to at most `max_rate_hz` frames per second of frame time (WIRE-092, WIRE-094).
class RateGate {
public:
    explicit RateGate(std::uint32_t max_rate_hz) noexcept
        : period_ns_(max_rate_hz == 0 ? 0 : static_cast<std::uint64_t>(kNanosPerSecond) / max_rate_hz) {}

    /// Whether a frame stamped `timestamp_ns` may pass. Stamps of one stream share a clock; one that went
    /// back starts afresh instead of blocking until the clock catches up.
    bool admit(std::uint64_t timestamp_ns) noexcept { return admit(timestamp_ns, 0); }

    /// For a stream that another gate of this rate thinned out before: a frame may be a period early. Then
    /// every frame of that gate passes, wherever its grid lies, and the rate holds on average all the same.
    bool admit_thinned(std::uint64_t timestamp_ns) noexcept { return admit(timestamp_ns, period_ns_); }

    void restart() noexcept { started_ = false; }

private:
    bool admit(std::uint64_t timestamp_ns, std::uint64_t early_ns) noexcept {
        if (period_ns_ == 0) return true;
        const bool forward = started_ && timestamp_ns >= last_;
        if (forward && timestamp_ns + early_ns < due_) return false;
        // Keep the grid while frames arrive on time, so that jitter does not lower the rate.
        const bool on_grid = forward && timestamp_ns < due_ + period_ns_;
        due_ = (on_grid ? due_ : timestamp_ns) + period_ns_;
        last_ = timestamp_ns;
        started_ = true;
        return true;
    }

    std::uint64_t period_ns_;
    std::uint64_t due_ = 0;
    std::uint64_t last_ = 0;
    bool started_ = false;
};

}  // namespace tensorpool::base
