// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/context.hpp>
#include <tensorpool/telemetry.hpp>

#include "base/log.hpp"
#include "base/timer.hpp"
#include "messaging/messaging.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/latency.hpp"
#include "telemetry/sink.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool {

class TelemetryExporter::Impl {
public:
    Impl(Context& context, Nanos period_ns) : context_(context), timer_(std::max<Nanos>(period_ns, 1)) {}

    int do_work(Nanos now_ns) noexcept {
        if (!timer_.due(now_ns)) return 0;
        try {
            return export_all();
        } catch (const std::exception& error) {
            if (!std::exchange(complaint_made_, true)) {
                base::log(LogLevel::Warn, "Client", "latency histograms cannot be published: {}",
                          error.what());
            }
            return 0;
        }
    }

private:
    /// Knows its recorder without keeping it alive: it belongs to a role.
    struct Exported {
        const telemetry::LatencyRecorder* recorder;
        base::Histogram before;
        std::vector<std::unique_ptr<messaging::Counter>> cells;
    };

    int export_all() {
        const auto living = context_.latencies().all();
        std::erase_if(exported_, [&](const auto& known) {
            return std::none_of(living.begin(), living.end(),
                                [&](const auto& recorder) { return recorder.get() == known->recorder; });
        });
        for (const auto& recorder : living) {
            const auto is_it = [&](const auto& known) { return known->recorder == recorder.get(); };
            if (std::none_of(exported_.begin(), exported_.end(), is_it)) start(*recorder);
            publish(**std::find_if(exported_.begin(), exported_.end(), is_it), *recorder);
        }
        return static_cast<int>(exported_.size());
    }

    void start(const telemetry::LatencyRecorder& recorder) {
        auto fresh = std::make_unique<Exported>();
        fresh->recorder = &recorder;
        const telemetry::LatencyMetric& metric = telemetry::metric_of(recorder.latency());
        for (std::size_t part = 0; part < telemetry::kLatencyParts.size(); ++part) {
            const auto number = telemetry::latency_number(metric.latency, part);
            fresh->cells.push_back(context_.messaging().add_counter(
                telemetry::type_id_of(recorder.owner().id, number), telemetry::key_of(recorder.owner()),
                telemetry::label_of(fmt::format("{}{}", metric.label, telemetry::kLatencyParts[part]),
                                    recorder.owner())));
        }
        exported_.push_back(std::move(fresh));
    }

    static void publish(Exported& exported, const telemetry::LatencyRecorder& recorder) {
        const base::Histogram now = recorder.snapshot();
        auto parts = telemetry::parts_of(now.since(exported.before));
        parts.back() = now.count();  // a total, like every other count
        exported.before = now;
        const telemetry::LatencyMetric& metric = telemetry::metric_of(recorder.latency());
        TelemetrySink* const sink = telemetry::telemetry_sink();
        for (std::size_t part = 0; part < parts.size(); ++part) {
            exported.cells[part]->set(static_cast<std::int64_t>(parts[part]));
            if (sink == nullptr) continue;
            sink->value(fmt::format("{}_{}", metric.name, telemetry::kLatencyParts[part]),
                        recorder.owner().name, parts[part]);
        }
    }

    Context& context_;
    base::PeriodicTimer timer_;
    std::vector<std::unique_ptr<Exported>> exported_;
    bool complaint_made_ = false;
};

TelemetryExporter::TelemetryExporter(Context& context, Nanos period_ns)
    : impl_(std::make_unique<Impl>(context, period_ns)) {
}

TelemetryExporter::~TelemetryExporter() = default;

int TelemetryExporter::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
