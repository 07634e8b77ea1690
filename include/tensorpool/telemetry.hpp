// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/clock.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace tensorpool {

class Context;

/// Which durations are measured (OBS-025). Off costs one branch where a measurement would be.
enum class LatencyHistograms : std::uint8_t {
    Off,
    Control,  ///< control plane: polls, attach, detach, keepalives, expiry, announces
    Frames,   ///< also publish and descriptor-to-read, for at most one frame per duty cycle and 10 us
};

/// "off", "control" or "frames"; throws Error(InvalidConfig) for anything else.
[[nodiscard]] LatencyHistograms parse_latency_histograms(std::string_view text);

/// A host's own monitoring. `value` is called on the threads that drive roles, at most once per duty cycle
/// and metric, and only when the number changed; it must neither throw nor block (OBS-008).
class TelemetrySink {
public:
    virtual ~TelemetrySink() = default;
    TelemetrySink() = default;
    TelemetrySink(const TelemetrySink&) = delete;
    TelemetrySink& operator=(const TelemetrySink&) = delete;

    /// `metric` is a name of observability.md, for example "producer_frames_published"; `owner` the role's
    /// name.
    virtual void value(std::string_view metric, std::string_view owner, std::uint64_t value) noexcept = 0;
};

/// Installs the process-wide sink; nullptr removes it. It is called only when TP_TELEMETRY=1 was set as this
/// is called, and must outlive every role. Thread-safe.
void set_telemetry_sink(TelemetrySink* sink) noexcept;

/// Publishes the latency histograms of a context as counters, each value over the last period, so that `tp
/// stats` and other processes see them. Give it a thread of its own: roles never wait for it (OBS-026).
class TelemetryExporter final : public Agent {
public:
    /// `context` must outlive the exporter.
    explicit TelemetryExporter(Context& context, Nanos period_ns = kNanosPerSecond);
    ~TelemetryExporter() override;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "telemetry"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
