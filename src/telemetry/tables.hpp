// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telemetry/metric.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// Every number of every role, once: counter labels, `tp stats`, `tp top` and Prometheus all read these
// tables. A new counter is a member of its role's struct and a row in tables.cpp.
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

/// "Producer", "Consumer", "Driver", "Supervisor".
[[nodiscard]] std::span<const std::string_view> roles() noexcept;
/// All metrics of a role, those of every role included; empty for an unknown one.
[[nodiscard]] std::vector<Metric> metrics_of(std::string_view role);

}  // namespace tensorpool::telemetry
