// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/histogram.hpp"

#include <tensorpool/clock.hpp>

#include <cstdint>

namespace tensorpool::apps {

/// Frames, bytes and latencies since the last look and in total. Not thread-safe.
class FrameStatistics {
public:
    explicit FrameStatistics(Nanos now_ns) noexcept : start_ns_(now_ns), interval_start_ns_(now_ns) {}

    void add(std::uint64_t bytes, Nanos latency_ns) noexcept {
        ++frames_;
        bytes_ += bytes;
        if (latency_ns > 0) interval_latency_.record(static_cast<std::uint64_t>(latency_ns));
    }

    struct Rates {
        double frames_per_s = 0;
        double bytes_per_s = 0;
        std::uint64_t latency_p50_ns = 0;
        std::uint64_t latency_p99_ns = 0;
    };

    /// Since the last call; begins a new interval.
    [[nodiscard]] Rates next_interval(Nanos now_ns) noexcept {
        const Rates rates = rates_over(frames_ - interval_frames_, bytes_ - interval_bytes_,
                                       now_ns - interval_start_ns_, interval_latency_);
        total_latency_.add(interval_latency_);
        interval_latency_.clear();
        interval_start_ns_ = now_ns;
        interval_frames_ = frames_;
        interval_bytes_ = bytes_;
        return rates;
    }

    /// Since construction, intervals that ended.
    [[nodiscard]] Rates total(Nanos now_ns) const noexcept {
        return rates_over(frames_, bytes_, now_ns - start_ns_, total_latency_);
    }
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    static Rates rates_over(std::uint64_t frames, std::uint64_t bytes, Nanos duration_ns,
                            const base::Histogram& latency) noexcept {
        const double seconds =
            duration_ns > 0 ? static_cast<double>(duration_ns) / static_cast<double>(kNanosPerSecond) : 1;
        return {static_cast<double>(frames) / seconds, static_cast<double>(bytes) / seconds,
                latency.quantile(0.5), latency.quantile(0.99)};
    }

    Nanos start_ns_;
    Nanos interval_start_ns_;
    std::uint64_t frames_ = 0, interval_frames_ = 0;
    std::uint64_t bytes_ = 0, interval_bytes_ = 0;
    base::Histogram interval_latency_;
    base::Histogram total_latency_;
};

}  // namespace tensorpool::apps
