// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/tables.hpp"

#include "telemetry/latency.hpp"

#include <algorithm>
#include <array>

namespace tensorpool::telemetry {
namespace {

template <typename... Sources>
void append(std::vector<Metric>& metrics) {
    const auto append_one = [&metrics](const auto& table) {
        for (const auto& row : table) metrics.push_back(row.metric);
    };
    (append_one(rows<Sources>()), ...);
}

/// What a role publishes.
struct RoleTables {
    std::string_view role;
    void (*append)(std::vector<Metric>&);
};

constexpr RoleTables kTables[] = {
    {"Producer", append<ProducerCounters, ProducerGauges>},
    {"Consumer", append<ConsumerCounters, ConsumerGauges>},
    {"Driver", append<DriverCounters, DriverGauges>},
    {"Supervisor", append<SupervisorCounters, SupervisorGauges>},
    {"Discovery", append<DiscoveryProviderCounters, DiscoveryGauges>},
    {"Bridge", append<BridgeCounters, BridgeTransportCounters, BridgeGauges>},
    {"RateLimiter", append<RateLimiterCounters, RateLimiterGauges>},
    {"Join", append<JoinCounters, MergeMapClientCounters, JoinGauges>},
    {"Tracer", append<TracerCounters>},
    {"TraceRecorder", append<TraceRecorderCounters, TraceStoreCounters, TraceRecorderGauges>},
};

constexpr auto kRoles = [] {
    std::array<std::string_view, std::size(kTables)> names;
    std::transform(std::begin(kTables), std::end(kTables), names.begin(),
                   [](const RoleTables& tables) { return tables.role; });
    return names;
}();

}  // namespace

std::span<const std::string_view> roles() noexcept {
    return kRoles;
}

std::vector<Metric> metrics_of(std::string_view role) {
    const auto* const found = std::find_if(std::begin(kTables), std::end(kTables),
                                           [&](const RoleTables& tables) { return tables.role == role; });
    if (found == std::end(kTables)) return {};
    std::vector<Metric> metrics{
        {kDutyCyclesNumber, "TotalDutyCycles", "duty_cycles", "duty cycles of a role"},
        {kWorkDoneNumber, "TotalWorkDone", "work_done", "messages and timer actions handled"}};
    found->append(metrics);
    append_latency_metrics(metrics, role);
    return metrics;
}

}  // namespace tensorpool::telemetry
