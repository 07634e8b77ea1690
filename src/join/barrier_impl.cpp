// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "join/barrier_impl.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <limits>

namespace tensorpool {
namespace {

constexpr std::uint64_t kNull = std::numeric_limits<std::uint64_t>::max();

/// Null is all ones in a descriptor, and all ones or 0 in a slot header (JT-15).
std::optional<std::uint64_t> publish_time(const FrameObservation& frame) noexcept {
    return frame.publish_time_ns == kNull ? std::nullopt : frame.publish_time_ns;
}
std::optional<std::uint64_t> capture_time(const FrameObservation& frame) noexcept {
    return frame.capture_time_ns == kNull || frame.capture_time_ns == 0U ? std::nullopt
                                                                         : frame.capture_time_ns;
}

JoinOptions validated(JoinOptions options) {
    if (options.out_stream_id == 0) {
        throw Error(ErrorCode::InvalidConfig,
                    "join: out_stream_id is 0; name the stream that the joined frames go to");
    }
    return options;
}

constexpr std::size_t kPublish = join::index_of(TimestampSource::FrameDescriptor);
constexpr std::size_t kCapture = join::index_of(TimestampSource::SlotHeader);

}  // namespace

JoinBarrier::Impl::Impl(JoinOptions opts, MergeMapKind map_kind, LatestOrder latest_order)
    : options(validated(opts)), kind(map_kind), order(latest_order), out_epoch(opts.out_epoch) {
    inputs.assume_domain(options.assumed_clock_domain);
}

// ---- maps -------------------------------------------------------------------------------------------------

template <typename Map>
MapOutcome JoinBarrier::Impl::apply(const Map& map, MergeMapKind map_kind, std::optional<Map>& active) {
    if (map_kind != kind || map.out_stream_id != options.out_stream_id || map.epoch != out_epoch) {
        ++counters.maps_ignored;
        return MapOutcome::Ignored;
    }
    if (has_map_ && map == *active) {
        ++counters.maps_unchanged;
        return MapOutcome::Unchanged;
    }
    has_map_ = false;
    last_out_time_ns_.reset();
    if (auto fault = fault_of(map)) {
        active.reset();
        map_fault = std::move(*fault);
        ++counters.maps_invalid;
        return MapOutcome::Invalid;
    }
    map_fault.clear();
    active = map;
    compile(map);
    has_map_ = true;
    ++counters.maps_applied;
    return MapOutcome::Applied;
}

template MapOutcome JoinBarrier::Impl::apply(const SequenceMergeMap&, MergeMapKind,
                                             std::optional<SequenceMergeMap>&);
template MapOutcome JoinBarrier::Impl::apply(const TimestampMergeMap&, MergeMapKind,
                                             std::optional<TimestampMergeMap>&);

void JoinBarrier::Impl::compile(const SequenceMergeMap& map) {
    std::vector<JoinRule> rules;
    rules.reserve(map.rules.size());
    for (const SequenceRule& rule : map.rules) {
        rules.push_back({0, rule.type == MergeRuleType::Window, 0, rule.offset.value_or(0),
                         rule.window_size.value_or(0)});
    }
    stale_timeout_ns_ = options.allow_stale ? map.stale_timeout_ns : std::nullopt;
    lateness_ns_ = 0;
    adopt(map, std::move(rules));
}

void JoinBarrier::Impl::compile(const TimestampMergeMap& map) {
    std::vector<JoinRule> rules;
    rules.reserve(map.rules.size());
    for (const TimestampRule& rule : map.rules) {
        rules.push_back({0, rule.type == MergeTimeRuleType::WindowNs,
                         static_cast<std::uint8_t>(join::index_of(rule.source)), rule.offset_ns.value_or(0),
                         rule.window_ns.value_or(0)});
    }
    stale_timeout_ns_ = options.allow_stale ? map.stale_timeout_ns : std::nullopt;
    lateness_ns_ = map.lateness_ns.value_or(0);
    adopt(map, std::move(rules));
}

template <typename Map>
void JoinBarrier::Impl::adopt(const Map& map, std::vector<JoinRule> rules) {
    std::vector<std::uint32_t> stream_ids;
    stream_ids.reserve(map.rules.size());
    for (const auto& rule : map.rules) stream_ids.push_back(rule.input_stream_id);
    inputs.assign(stream_ids);
    latest_rules_.clear();
    for (std::size_t i = 0; i < rules.size(); ++i) {
        rules[i].input = inputs.index_of(stream_ids[i]);
        // The first rule about an input says which of its timestamps orders its frames.
        if (rules[i].input == latest_rules_.size()) latest_rules_.push_back(rules[i]);
    }
    rules_ = std::move(rules);
    // Here and nowhere else: decisions only fill what is reserved (JOIN-002).
    judged_.assign(rules_.size(), {});
    worst_.assign(inputs.size(), {});
    for (auto* list : {&absent_, &missing_, &rejected_ids_}) {
        list->clear();
        list->reserve(inputs.size());
    }
}

void JoinBarrier::Impl::set_out_epoch(std::uint64_t epoch) noexcept {
    if (epoch == out_epoch) return;
    out_epoch = epoch;
    has_map_ = false;
    map_fault.clear();
    sequence_map.reset();
    timestamp_map.reset();
    inputs.clear();
    last_out_time_ns_.reset();
}

// ---- inputs -----------------------------------------------------------------------------------------------

void JoinBarrier::Impl::observe(const FrameObservation& frame, Nanos now_ns) noexcept {
    join::Input* const input = inputs.find(frame.stream_id);
    if (input == nullptr) {
        ++counters.frames_of_others;
        return;
    }
    if (input->epoch && frame.epoch < *input->epoch) {
        ++counters.frames_of_old_epochs;
        return;
    }
    if (input->epoch != frame.epoch) {
        if (input->epoch) ++counters.input_epochs;
        input->wipe();
        input->epoch = frame.epoch;
    }
    ++counters.frames_observed;
    if (!input->first_seq) input->first_seq = frame.seq;
    if (!input->seq || frame.seq > *input->seq) input->seq = frame.seq;
    input->last_ns = now_ns;
    take(*input, kPublish, publish_time(frame), frame.seq);
    take(*input, kCapture, capture_time(frame), frame.seq);
}

bool JoinBarrier::Impl::time_is_sound(join::Input& input, std::size_t source,
                                      const std::optional<std::uint64_t>& before,
                                      std::uint64_t time_ns) noexcept {
    const bool sound = *input.domain == timestamp_map->clock_domain && (!before || time_ns >= *before);
    if (!sound && !input.times[source].rejected) {
        input.times[source].rejected = true;
        ++counters.inputs_rejected;
    }
    return sound;
}

void JoinBarrier::Impl::take(join::Input& input, std::size_t source, std::optional<std::uint64_t> time_ns,
                             std::uint64_t seq) noexcept {
    // Without a clock it is no time: not ready, rather than compared with something else (JT-16).
    if (!time_ns || !input.domain || !timestamp_map) return;
    join::TimeCursor& cursor = input.times[source];
    if (!time_is_sound(input, source, cursor.observed, *time_ns)) return;
    cursor.observed = time_ns;
    cursor.observed_seq = seq;
}

void JoinBarrier::Impl::report_processed(const FrameObservation& frame) noexcept {
    join::Input* const input = inputs.find(frame.stream_id);
    if (input == nullptr || input->epoch != frame.epoch) return;
    if (!input->processed_seq || frame.seq > *input->processed_seq) input->processed_seq = frame.seq;
    take_processed(*input, kPublish, publish_time(frame));
    take_processed(*input, kCapture, capture_time(frame));
}

void JoinBarrier::Impl::take_processed(join::Input& input, std::size_t source,
                                       std::optional<std::uint64_t> time_ns) noexcept {
    if (!time_ns || !input.domain || !timestamp_map) return;
    if (time_is_sound(input, source, input.times[source].processed, *time_ns))
        input.times[source].processed = time_ns;
}

void JoinBarrier::Impl::report_unusable(std::uint32_t stream_id, std::uint64_t epoch,
                                        std::uint64_t seq) noexcept {
    join::Input* const input = inputs.find(stream_id);
    if (input == nullptr || input->epoch != epoch) return;
    input->unusable_seq = seq;
    ++counters.frames_unusable;
}

std::optional<JoinInputStatus> JoinBarrier::Impl::status(std::uint32_t stream_id) noexcept {
    const join::Input* const input = inputs.find(stream_id);
    if (input == nullptr) return std::nullopt;
    return JoinInputStatus{stream_id,
                           input->epoch,
                           input->first_seq,
                           input->seq,
                           input->times[kPublish].observed,
                           input->times[kCapture].observed,
                           input->last_ns,
                           input->times[kPublish].rejected || input->times[kCapture].rejected};
}

}  // namespace tensorpool
