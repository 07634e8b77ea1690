// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/join.hpp>

#include "join/join_inputs.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tensorpool {

/// A rule in the form that decisions read: which input, and the numbers of either kind.
struct JoinRule {
    std::uint32_t input = 0;  ///< index
    bool is_window = false;
    std::uint8_t source = 0;   ///< join::index_of(); time rules only
    std::int64_t offset = 0;   ///< sequences or ns
    std::uint64_t window = 0;  ///< sequences or ns
};

/// The frames a rule asks for; empty where the output is too early for them (req = NONE).
struct JoinWanted {
    std::uint64_t first = 1;
    std::uint64_t last = 0;

    [[nodiscard]] bool reachable() const noexcept { return first <= last; }
};

/// Formulas of join.md section 4. Every decision runs over `rules` once and fills vectors that apply() sized.
class JoinBarrier::Impl {
public:
    Impl(JoinOptions options, MergeMapKind kind, LatestOrder order = LatestOrder::Sequence);

    template <typename Map>
    MapOutcome apply(const Map& map, MergeMapKind kind, std::optional<Map>& active);
    void compile(const SequenceMergeMap& map);
    void compile(const TimestampMergeMap& map);
    template <typename Map>
    void adopt(const Map& map, std::vector<JoinRule> rules);
    void set_out_epoch(std::uint64_t epoch) noexcept;

    void observe(const FrameObservation& frame, Nanos now_ns) noexcept;
    void report_processed(const FrameObservation& frame) noexcept;
    void report_unusable(std::uint32_t stream_id, std::uint64_t epoch, std::uint64_t seq) noexcept;
    [[nodiscard]] std::optional<JoinInputStatus> status(std::uint32_t stream_id) noexcept;

    const JoinDecision& decide_sequence(std::uint64_t out_seq, Nanos now_ns) noexcept;
    const JoinDecision& decide_time(std::uint64_t out_time_ns, ClockDomain domain, Nanos now_ns) noexcept;
    const JoinDecision& decide_latest(Nanos now_ns) noexcept;

    [[nodiscard]] std::optional<std::uint64_t> first_out_seq() noexcept;
    [[nodiscard]] std::optional<std::uint64_t> newest_out_seq() noexcept;

    const JoinOptions options;
    const MergeMapKind kind;
    const LatestOrder order;
    std::uint64_t out_epoch;
    std::string map_fault;
    std::optional<SequenceMergeMap> sequence_map;
    std::optional<TimestampMergeMap> timestamp_map;
    join::Inputs inputs;
    JoinCounters counters;

    [[nodiscard]] bool has_map() const noexcept { return has_map_; }

private:
    void take(join::Input& input, std::size_t source, std::optional<std::uint64_t> time_ns,
              std::uint64_t seq) noexcept;
    void take_processed(join::Input& input, std::size_t source,
                        std::optional<std::uint64_t> time_ns) noexcept;
    [[nodiscard]] bool time_is_sound(join::Input& input, std::size_t source,
                                     const std::optional<std::uint64_t>& before,
                                     std::uint64_t time_ns) noexcept;

    [[nodiscard]] bool sequence_ok(const join::Input& input, std::uint64_t want) const noexcept;
    [[nodiscard]] bool time_ok(const join::TimeCursor& time, std::uint64_t want) const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> newest_of(const join::Input& input,
                                                         std::size_t source) const noexcept;
    void judge(std::size_t rule, bool ok, const JoinWanted& wanted, Nanos now_ns) noexcept;

    const JoinDecision& no_map() noexcept;
    const JoinDecision& reject(JoinFault fault) noexcept;
    const JoinDecision& conclude(std::size_t rules) noexcept;
    /// Fills the lists of stream ids from `judged_`.
    void name_inputs(std::size_t rules) noexcept;

    bool has_map_ = false;
    std::vector<JoinRule> rules_;         // as the map has them
    std::vector<JoinRule> latest_rules_;  // one per input
    std::optional<std::uint64_t> stale_timeout_ns_;
    std::uint64_t lateness_ns_ = 0;
    std::optional<std::uint64_t> last_out_time_ns_;

    std::vector<JoinInput> judged_;
    std::size_t present_ = 0;
    std::size_t rejected_ = 0;
    std::vector<JoinInputState> worst_;  // per input
    std::vector<std::uint32_t> absent_;
    std::vector<std::uint32_t> missing_;
    std::vector<std::uint32_t> rejected_ids_;
    JoinDecision decision_;
};

}  // namespace tensorpool
