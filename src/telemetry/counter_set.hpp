// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include "messaging/messaging.hpp"
#include "telemetry/metric.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::telemetry {

/// OBS-002 for ids of 1..32767; larger ones are folded into that range, where type ids are neither negative
/// nor Aeron's own (OT-01). Owners are told apart by key and label.
[[nodiscard]] std::int32_t type_id_of(std::uint64_t owner_id, std::uint16_t number) noexcept;
/// OBS-003.
[[nodiscard]] std::vector<std::byte> key_of(const Owner& owner);
/// OBS-004.
[[nodiscard]] std::string label_of(std::string_view label, const Owner& owner);

/// The published numbers of one role. The role counts in plain integers of its own; once per duty cycle, and
/// at most every kPeriod, those that changed are stored into shared cells (OBS-006). Without room for cells
/// the role works on unseen, and the log says so. Not thread-safe: belongs to the role's thread.
class CounterSet {
public:
    static constexpr Nanos kPeriod = kNanosPerMilli;

    /// Makes the two counters that every role has. `client` must outlive the set.
    CounterSet(messaging::Client& client, Owner owner);

    /// Publishes every row of `table` from `source`, which must outlive the set and stay where it is.
    template <typename Source>
    void add(std::span<const Row<Source>> table, const Source& source) {
        for (const Row<Source>& row : table) add_one(row.metric, source.*row.member);
    }

    /// Counts a duty cycle; when it is time, calls `refresh()`, which may bring gauges up to date, and
    /// publishes.
    template <typename Refresh>
    void cycle(Nanos now_ns, int work, Refresh&& refresh) noexcept {
        ++duty_cycles_;
        if (work > 0) work_done_ += static_cast<std::uint64_t>(work);
        if (now_ns < next_ns_ && now_ns >= next_ns_ - kPeriod) return;
        next_ns_ = now_ns + kPeriod;
        refresh();
        publish();
    }
    void publish() noexcept;

    [[nodiscard]] const Owner& owner() const noexcept { return owner_; }

private:
    struct Entry {
        const std::uint64_t* source;
        std::uint64_t published;
        std::unique_ptr<messaging::Counter> cell;
        std::string_view name;
    };
    void add_one(const Metric& metric, const std::uint64_t& source) noexcept;

    messaging::Client& client_;
    Owner owner_;
    std::vector<Entry> entries_;
    bool complaint_made_ = false;
    std::uint64_t duty_cycles_ = 0;
    std::uint64_t work_done_ = 0;
    Nanos next_ns_ = 0;

public:
    CounterSet(const CounterSet&) = delete;  // entries point into it
    CounterSet& operator=(const CounterSet&) = delete;
};

}  // namespace tensorpool::telemetry
