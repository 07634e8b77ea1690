// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/telemetry.hpp>

#include "base/histogram.hpp"
#include "telemetry/metric.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorpool::telemetry {

/// What is timed (OBS 5; the last two are per frame).
enum class Latency : std::uint8_t {
    DriverPoll,
    Attach,
    Detach,
    KeepaliveDelta,
    LeaseExpireDelay,
    AnnounceDelta,
    Publish,
    DescriptorToRead,
};

struct LatencyMetric {
    Latency latency;
    std::string_view role;
    std::string_view label;  ///< "AttachLatency"; its counters are AttachLatencyP50 and so on
    std::string_view name;   ///< "attach_latency_ns" (OBS 5)
    std::string_view help;
    bool per_frame;
};

[[nodiscard]] std::span<const LatencyMetric> latency_metrics() noexcept;
[[nodiscard]] const LatencyMetric& metric_of(Latency latency) noexcept;

/// What is published of a histogram, in the order of its counters.
inline constexpr std::array<std::string_view, 6> kLatencyParts{"P50", "P90", "P99", "P999", "Max", "Count"};
[[nodiscard]] constexpr std::uint16_t latency_number(Latency latency, std::size_t part) noexcept {
    return static_cast<std::uint16_t>(kFirstLatencyNumber +
                                      static_cast<std::size_t>(latency) * kLatencyParts.size() + part);
}
[[nodiscard]] std::array<std::uint64_t, kLatencyParts.size()> parts_of(
    const base::Histogram& histogram) noexcept;
void append_latency_metrics(std::vector<Metric>& metrics, std::string_view role);

/// Durations of one kind in one role. One thread records, any thread takes snapshots, neither waits
/// (OBS-026).
class LatencyRecorder {
public:
    LatencyRecorder(Latency latency, Owner owner) : latency_(latency), owner_(std::move(owner)) {}

    /// Constant cost, no allocation. Negative durations come from clocks that differ and count as 0.
    void record(Nanos duration_ns) noexcept {
        histogram_.record(duration_ns < 0 ? 0 : static_cast<std::uint64_t>(duration_ns));
    }
    [[nodiscard]] base::Histogram snapshot() const noexcept { return histogram_.snapshot(); }
    [[nodiscard]] Latency latency() const noexcept { return latency_; }
    [[nodiscard]] const Owner& owner() const noexcept { return owner_; }

private:
    Latency latency_;
    Owner owner_;
    base::SharedHistogram histogram_;
};

/// The recorders of one context. Thread-safe.
class LatencyRegistry {
public:
    explicit LatencyRegistry(LatencyHistograms level) noexcept : level_(level) {}

    /// A recorder for a role; empty when this level leaves it out (OBS-025).
    [[nodiscard]] std::shared_ptr<LatencyRecorder> add(Latency latency, const Owner& owner);
    /// Those whose role still lives.
    [[nodiscard]] std::vector<std::shared_ptr<LatencyRecorder>> all() const;
    [[nodiscard]] LatencyHistograms level() const noexcept { return level_; }

private:
    const LatencyHistograms level_;
    mutable std::mutex mutex_;
    mutable std::vector<std::weak_ptr<LatencyRecorder>> recorders_;
};

/// Picks the frames that are timed: the first one after a duty cycle, and at most one per kPeriod. A clock
/// read costs as much as half a small frame; so the cost stays below a hundredth however fast frames come,
/// and below some ten thousand frames per second none is left out.
class LatencySampler {
public:
    static constexpr Nanos kPeriod = 10'000;

    void cycle(Nanos now_ns) noexcept {
        if (now_ns - last_ns_ < kPeriod && now_ns >= last_ns_) return;
        last_ns_ = now_ns;
        armed_ = true;
    }
    [[nodiscard]] bool take() noexcept {
        if (!armed_) [[likely]]
            return false;
        armed_ = false;
        return true;
    }

private:
    Nanos last_ns_ = 0;
    bool armed_ = false;
};

/// Times a scope when there is a recorder.
class LatencyScope {
public:
    LatencyScope(LatencyRecorder* recorder, const Clock& clock) noexcept
        : recorder_(recorder), clock_(clock), begin_ns_(recorder == nullptr ? 0 : clock.now_ns()) {}
    ~LatencyScope() {
        if (recorder_ != nullptr) recorder_->record(clock_.now_ns() - begin_ns_);
    }
    LatencyScope(const LatencyScope&) = delete;
    LatencyScope& operator=(const LatencyScope&) = delete;

private:
    LatencyRecorder* recorder_;
    const Clock& clock_;
    Nanos begin_ns_;
};

}  // namespace tensorpool::telemetry
