// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telemetry/metric.hpp"

#include <tensorpool/bridge.hpp>
#include <tensorpool/consumer.hpp>
#include <tensorpool/discovery.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/join.hpp>
#include <tensorpool/merge_map_exchange.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/rate_limiter.hpp>
#include <tensorpool/supervisor.hpp>
#include <tensorpool/trace.hpp>
#include <tensorpool/trace_store.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// Every number of every role, once: counter labels, `tp stats`, `tp top` and Prometheus all read these
// tables. A new counter is a member of its role's struct and a row in one of the *_tables.cpp.
namespace tensorpool::telemetry {

struct ProducerGauges {
    std::uint64_t epoch = 0;
    std::uint64_t next_seq = 0;
    std::uint64_t header_nslots = 0;
    std::uint64_t in_flight = 0;
};
struct ConsumerGauges {
    std::uint64_t epoch = 0;
    std::uint64_t last_seq = 0;
};
struct DriverGauges {
    std::uint64_t streams = 0;
    std::uint64_t leases = 0;
};
struct SupervisorGauges {
    std::uint64_t producers = 0;
    std::uint64_t consumers = 0;
};
struct DiscoveryGauges {
    std::uint64_t streams = 0;
};
struct BridgeGauges {
    std::uint64_t source_epoch = 0;
    std::uint64_t dest_epoch = 0;
};
struct RateLimiterGauges {
    std::uint64_t source_epoch = 0;
    std::uint64_t dest_epoch = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t rate_hz = 0;
};
struct JoinGauges {
    std::uint64_t out_epoch = 0;
    std::uint64_t inputs = 0;
};
struct TraceRecorderGauges {
    std::uint64_t rows_pending = 0;
};

/// The table of one struct; specialised for every struct above and every role's counters.
template <typename Source>
[[nodiscard]] std::span<const Row<Source>> rows() noexcept;
template <>
std::span<const Row<ProducerCounters>> rows() noexcept;
template <>
std::span<const Row<ProducerGauges>> rows() noexcept;
template <>
std::span<const Row<ConsumerCounters>> rows() noexcept;
template <>
std::span<const Row<ConsumerGauges>> rows() noexcept;
template <>
std::span<const Row<DriverCounters>> rows() noexcept;
template <>
std::span<const Row<DriverGauges>> rows() noexcept;
template <>
std::span<const Row<SupervisorCounters>> rows() noexcept;
template <>
std::span<const Row<SupervisorGauges>> rows() noexcept;
template <>
std::span<const Row<DiscoveryProviderCounters>> rows() noexcept;
template <>
std::span<const Row<DiscoveryGauges>> rows() noexcept;
template <>
std::span<const Row<BridgeCounters>> rows() noexcept;
template <>
std::span<const Row<BridgeTransportCounters>> rows() noexcept;
template <>
std::span<const Row<BridgeGauges>> rows() noexcept;
template <>
std::span<const Row<RateLimiterCounters>> rows() noexcept;
template <>
std::span<const Row<RateLimiterGauges>> rows() noexcept;
template <>
std::span<const Row<JoinCounters>> rows() noexcept;
template <>
std::span<const Row<MergeMapClientCounters>> rows() noexcept;
template <>
std::span<const Row<JoinGauges>> rows() noexcept;
template <>
std::span<const Row<TracerCounters>> rows() noexcept;
template <>
std::span<const Row<TraceRecorderCounters>> rows() noexcept;
template <>
std::span<const Row<TraceStoreCounters>> rows() noexcept;
template <>
std::span<const Row<TraceRecorderGauges>> rows() noexcept;

/// "Producer", "Consumer", "Driver" and so on: the first word of an owner's name.
[[nodiscard]] std::span<const std::string_view> roles() noexcept;
/// All metrics of a role, those of every role included; empty for an unknown one.
[[nodiscard]] std::vector<Metric> metrics_of(std::string_view role);

}  // namespace tensorpool::telemetry
