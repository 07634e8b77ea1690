// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/error.hpp>
#include <tensorpool/telemetry.hpp>

#include "telemetry/sink.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace tensorpool {
namespace {

std::atomic<TelemetrySink*> active_sink{nullptr};

}  // namespace

LatencyHistograms parse_latency_histograms(std::string_view text) {
    if (text == "off") return LatencyHistograms::Off;
    if (text == "control") return LatencyHistograms::Control;
    if (text == "frames") return LatencyHistograms::Frames;
    throw Error(ErrorCode::InvalidConfig,
                fmt::format("histograms '{}': must be 'off', 'control' or 'frames'", text));
}

void set_telemetry_sink(TelemetrySink* sink) noexcept {
    const char* const on = std::getenv("TP_TELEMETRY");
    const bool wanted = on != nullptr && std::string_view(on) == "1";
    // Pairs with the acquire in telemetry_sink().
    active_sink.store(wanted ? sink : nullptr, std::memory_order_release);
}

TelemetrySink* telemetry::telemetry_sink() noexcept {
    return active_sink.load(std::memory_order_acquire);
}

}  // namespace tensorpool
