// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/latency.hpp"

#include <algorithm>
#include <string>

namespace tensorpool::telemetry {
namespace {

constexpr LatencyMetric kMetrics[] = {
    {Latency::DriverPoll, "Driver", "DriverPoll", "driver_poll_ns", "one control poll and timer pass", false},
    {Latency::Attach, "Driver", "AttachLatency", "attach_latency_ns",
     "attach request decoded to response published", false},
    {Latency::Detach, "Driver", "DetachLatency", "detach_latency_ns",
     "detach request decoded to response published", false},
    {Latency::KeepaliveDelta, "Driver", "KeepaliveDelta", "keepalive_delta_ns",
     "time between keepalives of a lease", false},
    {Latency::LeaseExpireDelay, "Driver", "LeaseExpireDelay", "lease_expire_delay_ns",
     "expiry deadline of a lease to its end", false},
    {Latency::AnnounceDelta, "Driver", "AnnounceDelta", "announce_delta_ns",
     "time between announces of a stream", false},
    {Latency::Publish, "Producer", "PublishLatency", "publish_latency_ns",
     "frame finished to descriptor published", true},
    {Latency::DescriptorToRead, "Consumer", "DescriptorToRead", "descriptor_to_read_ns",
     "frame published to frame handed to the reader", true},
};

// Other programs read these numbers through constants and metric_of() indexes by them.
static_assert(static_cast<std::size_t>(Latency::DescriptorToRead) + 1 == std::size(kMetrics));

/// "AttachLatencyP50": made once, because tables refer to their texts.
std::string_view part_label(const LatencyMetric& metric, std::size_t part) {
    static const auto kLabels = [] {
        std::vector<std::string> labels;
        labels.reserve(std::size(kMetrics) * kLatencyParts.size());
        for (const LatencyMetric& each : kMetrics) {
            for (const std::string_view name : kLatencyParts)
                labels.push_back(std::string(each.label) + std::string(name));
        }
        return labels;
    }();
    return kLabels[static_cast<std::size_t>(metric.latency) * kLatencyParts.size() + part];
}

}  // namespace

std::span<const LatencyMetric> latency_metrics() noexcept {
    return kMetrics;
}

const LatencyMetric& metric_of(Latency latency) noexcept {
    return kMetrics[static_cast<std::size_t>(latency)];
}

std::array<std::uint64_t, kLatencyParts.size()> parts_of(const base::Histogram& histogram) noexcept {
    return {histogram.quantile(0.5),   histogram.quantile(0.9), histogram.quantile(0.99),
            histogram.quantile(0.999), histogram.max(),         histogram.count()};
}

void append_latency_metrics(std::vector<Metric>& metrics, std::string_view role) {
    for (const LatencyMetric& metric : kMetrics) {
        if (metric.role != role) continue;
        for (std::size_t part = 0; part < kLatencyParts.size(); ++part) {
            metrics.push_back({latency_number(metric.latency, part), part_label(metric, part), metric.name,
                               metric.help, Kind::Gauge});
        }
    }
}

std::shared_ptr<LatencyRecorder> LatencyRegistry::add(Latency latency, const Owner& owner) {
    const bool wanted = level_ == LatencyHistograms::Frames ||
                        (level_ == LatencyHistograms::Control && !metric_of(latency).per_frame);
    if (!wanted) return nullptr;
    auto recorder = std::make_shared<LatencyRecorder>(latency, owner);
    const std::lock_guard guard(mutex_);
    recorders_.push_back(recorder);
    return recorder;
}

std::vector<std::shared_ptr<LatencyRecorder>> LatencyRegistry::all() const {
    const std::lock_guard guard(mutex_);
    std::erase_if(recorders_, [](const auto& recorder) { return recorder.expired(); });
    std::vector<std::shared_ptr<LatencyRecorder>> living;
    for (const auto& recorder : recorders_) {
        if (auto held = recorder.lock()) living.push_back(std::move(held));
    }
    return living;
}

}  // namespace tensorpool::telemetry
