// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/join.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tensorpool::test {

inline constexpr std::uint32_t kA = 10'000;
inline constexpr std::uint32_t kB = 10'001;
inline constexpr std::uint32_t kOut = 20'000;
inline constexpr std::uint64_t kU64Max = ~std::uint64_t{0};

using StreamIds = std::vector<std::uint32_t>;

inline StreamIds ids(std::span<const std::uint32_t> some) {
    return {some.begin(), some.end()};
}

inline SequenceMergeMap sequence_map(std::vector<SequenceRule> rules,
                                     std::optional<std::uint64_t> stale_ns = std::nullopt,
                                     std::uint64_t epoch = 1) {
    return {kOut, epoch, stale_ns, std::move(rules)};
}

inline TimestampMergeMap timestamp_map(std::vector<TimestampRule> rules,
                                       std::optional<std::uint64_t> lateness_ns = std::nullopt,
                                       std::optional<std::uint64_t> stale_ns = std::nullopt) {
    return {kOut, 1, stale_ns, ClockDomain::Monotonic, lateness_ns, std::move(rules)};
}

inline JoinOptions join_options(bool gate = false) {
    JoinOptions options;
    options.out_stream_id = kOut;
    options.out_epoch = 1;
    options.processed_gate = gate;
    options.assumed_clock_domain = ClockDomain::Monotonic;
    return options;
}

/// "A=7" of the worked examples: a frame of that sequence.
inline void see(JoinBarrier& join, std::uint32_t stream, std::uint64_t seq, Nanos now_ns = 0,
                std::uint64_t epoch = 1) {
    join.observe({stream, epoch, seq}, now_ns);
}

/// "A=200" of the worked examples on timestamps: a frame captured then.
inline void see_time(JoinBarrier& join, std::uint32_t stream, std::optional<std::uint64_t> time_ns,
                     Nanos now_ns = 0, std::uint64_t epoch = 1, std::uint64_t seq = 0) {
    join.observe({stream, epoch, seq, std::nullopt, time_ns}, now_ns);
}

}  // namespace tensorpool::test
