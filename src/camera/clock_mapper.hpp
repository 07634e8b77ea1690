// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tensorpool::camera {

/// Turns a device's time stamps into CLOCK_MONOTONIC of this host (WIRE-166).
///
/// The device's clock has an unknown origin and drifts. A frame is seen some time after it was stamped, never
/// before, so the smallest distance between stamp and arrival over a second is the best estimate of the
/// offset; what is left in it is the shortest transfer time, some hundred microseconds. Results strictly
/// increase (WIRE-167), also when the device's clock is set or starts again.
class ClockMapper {
public:
    /// `arrival_ns` is this host's monotonic time at which the frame was first seen. A `device_ns` of 0 means
    /// the device does not say: then the arrival counts.
    [[nodiscard]] std::uint64_t to_host(std::uint64_t device_ns, Nanos arrival_ns) noexcept {
        const auto arrival = static_cast<std::uint64_t>(arrival_ns);
        const std::uint64_t mapped = device_ns == 0 ? arrival : map(device_ns, arrival);
        last_ = mapped > last_ ? mapped : last_ + 1;
        return last_;
    }

    /// The device was restarted: its clock may have a new origin.
    void reset() noexcept { primed_ = false; }

    /// How often the device's clock jumped by more than a second.
    [[nodiscard]] std::uint64_t jumps() const noexcept { return jumps_; }

private:
    static constexpr std::int64_t kJump = kNanosPerSecond;
    static constexpr std::uint64_t kWindow = static_cast<std::uint64_t>(kNanosPerSecond);
    static constexpr std::int64_t kNoLag = std::numeric_limits<std::int64_t>::max();

    // Unsigned sums wrap: the offset between two arbitrary origins may be "negative".
    std::uint64_t map(std::uint64_t device, std::uint64_t arrival) noexcept {
        if (!primed_) set_offset(device, arrival);
        const auto lag = static_cast<std::int64_t>(arrival - (device + offset_));
        if (lag > kJump || lag < -kJump) {
            ++jumps_;
            set_offset(device, arrival);
            return arrival;
        }
        smallest_lag_ = std::min(smallest_lag_, lag);
        if (lag < 0) {  // seen before its own time: the offset was too large
            offset_ = arrival - device;
            smallest_lag_ = 0;
        }
        if (arrival - window_start_ >= kWindow) {  // the least of a whole window is drift, not delay
            offset_ += static_cast<std::uint64_t>(smallest_lag_);
            smallest_lag_ = kNoLag;
            window_start_ = arrival;
        }
        return std::min(device + offset_, arrival);  // a stamp from before the host's time 0 would wrap
    }

    void set_offset(std::uint64_t device, std::uint64_t arrival) noexcept {
        primed_ = true;
        offset_ = arrival - device;
        window_start_ = arrival;
        smallest_lag_ = kNoLag;
    }

    bool primed_ = false;
    std::uint64_t offset_ = 0;
    std::uint64_t window_start_ = 0;
    std::int64_t smallest_lag_ = kNoLag;
    std::uint64_t last_ = 0;
    std::uint64_t jumps_ = 0;
};

}  // namespace tensorpool::camera
