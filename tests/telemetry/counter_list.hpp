// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"
#include "telemetry/tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool::test {

/// A counter as another process sees it.
struct SeenCounter {
    std::int32_t type_id;
    std::int64_t value;
    std::vector<std::byte> key;
    std::string label;
};

inline std::vector<SeenCounter> counters_seen_by(messaging::Client& client) {
    std::vector<SeenCounter> seen;
    client.for_each_counter([&](const messaging::CounterInfo& info) {
        seen.push_back(
            {info.type_id, info.value, {info.key.begin(), info.key.end()}, std::string(info.label)});
    });
    return seen;
}

/// The value of the counter whose label begins with `label` and a colon, of the owner whose name begins so.
inline std::optional<std::int64_t> counter_value(messaging::Client& client, const std::string& label,
                                                 const std::string& owner) {
    for (const SeenCounter& counter : counters_seen_by(client)) {
        if (counter.label.starts_with(label + ": ") &&
            counter.label.find(" Name=" + owner) != std::string::npos) {
            return counter.value;
        }
    }
    return std::nullopt;
}

/// Every member of `counters` is what another process reads.
template <typename Counters>
void expect_published(messaging::Client& client, const Counters& counters, const std::string& owner) {
    for (const auto& row : telemetry::rows<Counters>()) {
        EXPECT_EQ(counter_value(client, std::string(row.metric.label), owner),
                  static_cast<std::int64_t>(counters.*row.member))
            << row.metric.label << " of " << owner;
    }
}

}  // namespace tensorpool::test
