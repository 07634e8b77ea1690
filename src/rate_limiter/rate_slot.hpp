// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <algorithm>
#include <cstdint>

namespace tensorpool::rate_limiter {

/// When the next frame may leave, on the local clock: a frame that waits goes out without another one coming
/// (trap 7).
class RateSlot {
public:
    explicit RateSlot(std::uint32_t rate_hz) noexcept { set_rate(rate_hz); }

    [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
    [[nodiscard]] bool is_limited() const noexcept { return period_ns_ != 0; }
    [[nodiscard]] bool is_open(Nanos now_ns) const noexcept { return !is_limited() || now_ns >= next_ns_; }
    [[nodiscard]] Nanos next_ns() const noexcept { return next_ns_; }

    void set_rate(std::uint32_t rate_hz) noexcept {
        rate_hz_ = rate_hz;
        // Rounded up, so that the limit is never exceeded (trap 6).
        period_ns_ = rate_hz == 0 ? 0 : (kNanosPerSecond + rate_hz - 1) / rate_hz;
    }
    /// Another rate does not make a frame wait longer than one of its periods.
    void change_rate(std::uint32_t rate_hz, Nanos now_ns) noexcept {
        set_rate(rate_hz);
        next_ns_ = std::min(next_ns_, now_ns + period_ns_);
    }
    void on_published(Nanos now_ns) noexcept { next_ns_ = now_ns + period_ns_; }
    /// The next frame may leave at once (RATE-017, RATE-018).
    void restart() noexcept { next_ns_ = 0; }

private:
    std::uint32_t rate_hz_ = 0;
    Nanos period_ns_ = 0;
    Nanos next_ns_ = 0;
};

}  // namespace tensorpool::rate_limiter
