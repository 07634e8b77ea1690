// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp/join_watch.hpp"

#include "messaging/messaging.hpp"

#include <tensorpool/error.hpp>

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

namespace tensorpool::apps {
namespace {

constexpr int kFramesPerCycle = 64;
constexpr int kOutputsPerCycle = 64;
constexpr std::size_t kMostOutTimes = 1024;

JoinOptions join_options(const JoinWatchOptions& options) {
    JoinOptions join;
    join.out_stream_id = options.out_stream_id;
    join.out_epoch = options.out_epoch;
    join.assumed_clock_domain = options.assumed_clock_domain;
    return join;
}

Report list_of(std::span<const std::uint32_t> stream_ids) {
    Report list = Report::array();
    for (const std::uint32_t id : stream_ids) list.push_back(id);
    return list;
}

}  // namespace

JoinWatch::JoinWatch(Context& context, JoinWatchOptions options, Sink sink)
    : context_(context), options_(std::move(options)), sink_(std::move(sink)) {
    switch (options_.kind) {
        case JoinKind::Sequence:
            join_ = std::make_unique<SequenceJoin>(join_options(options_));
            break;
        case JoinKind::Timestamp:
            join_ = std::make_unique<TimestampJoin>(join_options(options_));
            break;
        case JoinKind::Latest:
            join_ = std::make_unique<LatestJoin>(join_options(options_), options_.map_kind, options_.order);
            break;
    }
    maps_ = std::make_unique<MergeMapClient>(context, barrier(),
                                             MergeMapClientOptions{.endpoints = options_.consumer.endpoints});
    telemetry_ = std::make_unique<JoinTelemetry>(context, barrier(), maps_.get());
    if (!options_.map) return;
    authority_ = std::make_unique<MergeMapPublisher>(
        context, MergeMapPublisherOptions{.endpoints = options_.consumer.endpoints});
    start_out_epoch(options_.out_epoch);
}

JoinBarrier& JoinWatch::barrier() noexcept {
    return std::visit([](auto& join) -> JoinBarrier& { return *join; }, join_);
}
const JoinBarrier& JoinWatch::barrier() const noexcept {
    return std::visit([](const auto& join) -> const JoinBarrier& { return *join; }, join_);
}

void JoinWatch::start_out_epoch(std::uint64_t epoch) {
    barrier().set_out_epoch(epoch);
    std::visit(
        [&](auto& map) {
            map.epoch = epoch;
            barrier().apply(map);
        },
        *options_.map);
    authority_->publish(*options_.map);
}

int JoinWatch::do_work(Nanos now_ns) noexcept {
    int work = 0;
    try {
        if (failure_.empty()) cycle(now_ns, work);
    } catch (const std::exception& error) {
        failure_ = error.what();
    }
    telemetry_->do_work(now_ns);
    return work;
}

void JoinWatch::cycle(Nanos now_ns, int& work) {
    if (authority_) work += authority_->do_work(now_ns);
    const std::uint64_t maps_before = barrier().counters().maps_applied;
    work += maps_->do_work(now_ns);
    if (barrier().counters().maps_applied != maps_before) {
        next_out_seq_.reset();
        out_times_.clear();
    }
    open_inputs();
    work += poll_inputs(now_ns);
    if (barrier().counters().input_epochs != input_epochs_seen_) {
        input_epochs_seen_ = barrier().counters().input_epochs;
        next_out_seq_.reset();
        if (authority_ && options_.kind == JoinKind::Sequence) start_out_epoch(barrier().out_epoch() + 1);
    }
    std::visit(
        [&](auto& join) {
            using Join = std::decay_t<decltype(*join)>;
            if constexpr (std::is_same_v<Join, SequenceJoin>) {
                decide_sequences(*join, now_ns);
            } else if constexpr (std::is_same_v<Join, TimestampJoin>) {
                decide_times(*join, now_ns);
            } else {
                decide_latest(*join, now_ns);
            }
        },
        join_);
}

// ---- inputs -----------------------------------------------------------------------------------------------

JoinWatch::Source* JoinWatch::source_of(std::uint32_t stream_id) noexcept {
    const auto at = std::find_if(sources_.begin(), sources_.end(),
                                 [&](const Source& source) { return source.stream_id == stream_id; });
    return at == sources_.end() ? nullptr : &*at;
}

/// Inputs that a later map leaves out stay open: a map that changes back finds them mapped.
void JoinWatch::open_inputs() {
    for (const std::uint32_t stream_id : barrier().input_stream_ids()) {
        if (source_of(stream_id) != nullptr) continue;
        ConsumerOptions options = options_.consumer;
        options.stream_id = stream_id;
        sources_.push_back({stream_id, std::make_unique<Consumer>(context_, options)});
    }
}

int JoinWatch::poll_inputs(Nanos now_ns) {
    const TimestampMergeMap* const map =
        options_.kind == JoinKind::Timestamp ? barrier().timestamp_map() : nullptr;
    int work = 0;
    for (const Source& source : sources_) {
        work += source.consumer->do_work(now_ns);
        const bool anchor = map != nullptr && map->rules[0].input_stream_id == source.stream_id;
        work += source.consumer->poll(
            [&](const Frame& frame) {
                const FrameObservation seen = JoinBarrier::observation_of(source.stream_id, frame);
                barrier().observe(seen, now_ns);
                if (!anchor) return;
                const auto time = map->rules[0].source == TimestampSource::SlotHeader ? seen.capture_time_ns
                                                                                      : seen.publish_time_ns;
                const auto out_time = time ? out_time_of(*time) : std::nullopt;
                if (!out_time) return;
                if (out_times_.size() == kMostOutTimes) {
                    out_times_.pop_front();
                    ++out_times_dropped_;
                }
                out_times_.push_back(*out_time);
            },
            kFramesPerCycle);
    }
    return work;
}

std::optional<std::uint64_t> JoinWatch::out_time_of(std::uint64_t anchor_time_ns) const noexcept {
    std::uint64_t out_time = 0;
    const std::int64_t offset = barrier().timestamp_map()->rules[0].offset_ns.value_or(0);
    if (__builtin_sub_overflow(anchor_time_ns, offset, &out_time)) return std::nullopt;
    return out_time;
}

bool JoinWatch::try_frame(const JoinInput& input) noexcept {
    Source* const source = source_of(input.stream_id);
    return source != nullptr && source->consumer->read(input.last, [](const Frame&) {});
}

// ---- outputs ----------------------------------------------------------------------------------------------

void JoinWatch::decide_sequences(SequenceJoin& join, Nanos now_ns) {
    if (!next_out_seq_) next_out_seq_ = join.first_out_seq();
    if (!next_out_seq_ && join.has_map()) {  // an input showed nothing yet: the question names it
        conclude(join.decide(0, now_ns), "out_seq", 0, now_ns);
        return;
    }
    for (int i = 0; i < kOutputsPerCycle; ++i) {
        const std::uint64_t out_seq = next_out_seq_.value_or(0);
        if (!conclude(join.decide(out_seq, now_ns), "out_seq", out_seq, now_ns)) return;
        ++*next_out_seq_;
    }
}

void JoinWatch::decide_times(TimestampJoin& join, Nanos now_ns) {
    const TimestampMergeMap* const map = join.timestamp_map();
    const ClockDomain domain = map == nullptr ? ClockDomain::Monotonic : map->clock_domain;
    if (out_times_.empty()) {
        // The anchor drives the output: without a frame of it there is none, but the state is worth knowing.
        if (map == nullptr || !join.input(map->rules[0].input_stream_id)->last_seq)
            conclude(join.decide(0, domain, now_ns), "out_time_ns", 0, now_ns);
        return;
    }
    for (int i = 0; i < kOutputsPerCycle && !out_times_.empty(); ++i) {
        const std::uint64_t out_time = out_times_.front();
        const JoinDecision& decision = join.decide(out_time, domain, now_ns);
        if (!conclude(decision, "out_time_ns", out_time, now_ns)) return;
        out_times_.pop_front();
    }
}

void JoinWatch::decide_latest(LatestJoin& join, Nanos now_ns) {
    if (now_ns < next_tick_ns_) return;
    next_tick_ns_ = now_ns + options_.period_ns;
    const JoinDecision& decision = join.decide(now_ns);
    Report report = report_of(decision, "tick", outputs_ + 1);
    if (decision.ready()) {
        // Overwritten between the look and the read: the tick was not ready, a later one will be (JOIN-061).
        for (std::size_t i = 0; i < decision.inputs.size(); ++i) {
            const JoinInput& input = decision.inputs[i];
            if (input.state != JoinInputState::Present || report["inputs"][i]["read"] == true) continue;
            join.report_unusable(input.stream_id, join.input(input.stream_id)->epoch.value_or(0), input.last);
            report["state"] = std::string(to_string(JoinState::NotReady));
        }
    }
    if (report["state"] == "READY") ++outputs_;
    sink_(report);
}

bool JoinWatch::conclude(const JoinDecision& decision, const char* key, std::uint64_t output, Nanos now_ns) {
    const bool done = decision.ready() || (decision.state == JoinState::Rejected && !out_times_.empty());
    if (done) {
        waiting_since_ns_.reset();
        if (decision.ready()) ++outputs_;
        sink_(report_of(decision, key, output));
        return true;
    }
    if (!waiting_since_ns_) waiting_since_ns_ = now_ns;
    if (now_ns - *waiting_since_ns_ >= options_.period_ns) {
        waiting_since_ns_ = now_ns;
        sink_(report_of(decision, key, output));
    }
    return false;
}

Report JoinWatch::report_of(const JoinDecision& decision, const char* key, std::uint64_t output) {
    Report report{{"type", "JoinDecision"}, {"state", std::string(to_string(decision.state))}, {key, output}};
    report["epoch"] = barrier().out_epoch();
    report["inputs"] = Report::array();
    for (const JoinInput& input : decision.inputs) {
        Report item{{"stream", input.stream_id}, {"state", std::string(to_string(input.state))}};
        item["first"] = input.has_range() ? Report(input.first) : Report(nullptr);
        item["last"] = input.has_range() ? Report(input.last) : Report(nullptr);
        // Ready permits an attempt; whether the frame was still there is known only by trying (JOIN-005).
        if (decision.ready() && input.state == JoinInputState::Present &&
            options_.kind != JoinKind::Timestamp) {
            const bool read = try_frame(input);
            if (!read) ++frames_gone_;
            item["read"] = read;
        }
        report["inputs"].push_back(std::move(item));
    }
    report["absent"] = list_of(decision.absent);
    report["missing"] = list_of(decision.missing);
    report["rejected"] = list_of(decision.rejected);
    if (decision.fault == JoinFault::InvalidMap) {
        report["why"] = barrier().map_fault();
    } else if (decision.fault != JoinFault::None) {
        report["why"] = std::string(to_string(decision.fault));
    }
    return report;
}

void JoinWatch::wait(Nanos timeout_ns) noexcept {
    if (sources_.empty()) {
        context_.messaging().wait({}, timeout_ns);
    } else {
        sources_.front().consumer->wait(timeout_ns);
    }
}

Report JoinWatch::summary() const {
    const JoinCounters& n = barrier().counters();
    Report report{{"type", "summary"},
                  {"outputs", outputs_},
                  {"ready", n.ready},
                  {"with_absent", n.ready_with_absent},
                  {"not_ready", n.not_ready},
                  {"blocked", n.blocked},
                  {"rejected", n.rejected},
                  {"frames_observed", n.frames_observed},
                  {"frames_gone", frames_gone_},
                  {"frames_of_old_epochs", n.frames_of_old_epochs},
                  {"input_epochs", n.input_epochs},
                  {"inputs_rejected", n.inputs_rejected},
                  {"out_times_dropped", out_times_dropped_},
                  {"maps_applied", n.maps_applied},
                  {"maps_invalid", n.maps_invalid},
                  {"requests_sent", maps_->counters().requests_sent},
                  {"out_epoch", barrier().out_epoch()}};
    return report;
}

}  // namespace tensorpool::apps
