// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/counters.hpp"
#include "telemetry/metric.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::telemetry {

/// A counter of one of our roles, understood. Everything is a copy.
struct Reading {
    std::int32_t id = 0;
    std::int32_t type_id = 0;
    std::uint64_t value = 0;
    Metric metric;     ///< its texts are constants of this program, not the owner's
    std::string role;  ///< "Producer"
    Owner owner;
    std::optional<std::uint32_t> stream_id;
    std::string instance;  ///< empty where the owner's name has none
    bool own = false;
};

/// The streams and the instance that an owner's name tells; empty when it tells none.
[[nodiscard]] std::optional<std::uint32_t> stream_of(const Owner& owner);
[[nodiscard]] std::optional<std::uint32_t> source_stream_of(const Owner& owner);  ///< of who carries a stream
[[nodiscard]] std::string instance_of(const Owner& owner);

/// Understands counters by label and key, never by type id (OT-01).
class CounterReader {
public:
    CounterReader();
    /// Empty for counters that are none of ours: media driver's, other programs', or damaged.
    [[nodiscard]] std::optional<Reading> read(const messaging::CounterInfo& info) const;

private:
    struct Role {
        std::string_view name;
        std::vector<Metric> metrics;
    };
    std::vector<Role> roles_;
};

}  // namespace tensorpool::telemetry
