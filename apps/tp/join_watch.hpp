// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/report.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/join.hpp>
#include <tensorpool/join_telemetry.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tensorpool::apps {

enum class JoinKind : std::uint8_t { Sequence, Timestamp, Latest };

struct JoinWatchOptions {
    ConsumerOptions consumer;     ///< of every input; the stream id is filled in
    std::optional<MergeMap> map;  ///< set: this program is the map's authority. Empty: it asks for one
    JoinKind kind = JoinKind::Sequence;
    MergeMapKind map_kind = MergeMapKind::Sequence;
    LatestOrder order = LatestOrder::Sequence;
    std::uint32_t out_stream_id = 0;
    std::uint64_t out_epoch = 1;
    std::optional<ClockDomain> assumed_clock_domain;
    /// Latest: between two ticks. The others: an output that is not ready for so long is reported as such.
    Nanos period_ns = kNanosPerSecond;
};

/// A stage that joins and throws the result away: it reads the inputs of one output, decides, tries every
/// output that is ready, and says what came of it.
///
/// The output is driven as a stage would: sequences one after the other from the first complete one, times by
/// the frames of the map's first input, latest values once per period. As the authority it starts a new
/// output epoch when an input restarted, since sequences then begin anew (JT-03).
class JoinWatch final : public Agent {
public:
    using Sink = std::function<void(const Report&)>;

    /// Throws Error. `sink` gets one report per output.
    JoinWatch(Context& context, JoinWatchOptions options, Sink sink);

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "join"; }

    /// Sleeps until an input may have something, or `timeout_ns` passed.
    void wait(Nanos timeout_ns) noexcept;
    /// Why it cannot go on: the watch does nothing more.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] std::uint64_t outputs() const noexcept { return outputs_; }
    [[nodiscard]] Report summary() const;

private:
    struct Source {
        std::uint32_t stream_id;
        std::unique_ptr<Consumer> consumer;
    };

    [[nodiscard]] JoinBarrier& barrier() noexcept;
    [[nodiscard]] const JoinBarrier& barrier() const noexcept;
    void cycle(Nanos now_ns, int& work);
    void start_out_epoch(std::uint64_t epoch);
    void open_inputs();
    int poll_inputs(Nanos now_ns);
    void decide_sequences(SequenceJoin& join, Nanos now_ns);
    void decide_times(TimestampJoin& join, Nanos now_ns);
    void decide_latest(LatestJoin& join, Nanos now_ns);
    /// True when the output is done with; reports a wait that lasts.
    bool conclude(const JoinDecision& decision, const char* key, std::uint64_t output, Nanos now_ns);
    [[nodiscard]] Report report_of(const JoinDecision& decision, const char* key, std::uint64_t output);
    /// Reads the input's newest wanted frame in place, once (JOIN-006).
    [[nodiscard]] bool try_frame(const JoinInput& input) noexcept;
    [[nodiscard]] Source* source_of(std::uint32_t stream_id) noexcept;
    /// What the output of the anchor's frame asks of the anchor is that frame.
    [[nodiscard]] std::optional<std::uint64_t> out_time_of(std::uint64_t anchor_time_ns) const noexcept;

    Context& context_;
    JoinWatchOptions options_;
    Sink sink_;
    std::variant<std::unique_ptr<SequenceJoin>, std::unique_ptr<TimestampJoin>, std::unique_ptr<LatestJoin>>
        join_;
    std::unique_ptr<MergeMapPublisher> authority_;
    std::unique_ptr<MergeMapClient> maps_;
    std::unique_ptr<JoinTelemetry> telemetry_;
    std::vector<Source> sources_;
    std::optional<std::uint64_t> next_out_seq_;
    std::deque<std::uint64_t> out_times_;
    std::uint64_t out_times_dropped_ = 0;
    std::uint64_t input_epochs_seen_ = 0;
    std::optional<Nanos> waiting_since_ns_;
    Nanos next_tick_ns_ = 0;
    std::uint64_t outputs_ = 0;
    std::uint64_t frames_gone_ = 0;
    std::string failure_;
};

}  // namespace tensorpool::apps
