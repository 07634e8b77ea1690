// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "join/barrier_impl.hpp"

#include <utility>

namespace tensorpool {

JoinBarrier::JoinBarrier(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {
}
JoinBarrier::~JoinBarrier() = default;

MapOutcome JoinBarrier::apply(const SequenceMergeMap& map) {
    return impl_->apply(map, MergeMapKind::Sequence, impl_->sequence_map);
}
MapOutcome JoinBarrier::apply(const TimestampMergeMap& map) {
    return impl_->apply(map, MergeMapKind::Timestamp, impl_->timestamp_map);
}
void JoinBarrier::set_out_epoch(std::uint64_t epoch) noexcept {
    impl_->set_out_epoch(epoch);
}

bool JoinBarrier::has_map() const noexcept {
    return impl_->has_map();
}
const SequenceMergeMap* JoinBarrier::sequence_map() const noexcept {
    return impl_->sequence_map ? &*impl_->sequence_map : nullptr;
}
const TimestampMergeMap* JoinBarrier::timestamp_map() const noexcept {
    return impl_->timestamp_map ? &*impl_->timestamp_map : nullptr;
}
const std::string& JoinBarrier::map_fault() const noexcept {
    return impl_->map_fault;
}
MergeMapKind JoinBarrier::map_kind() const noexcept {
    return impl_->kind;
}
std::uint32_t JoinBarrier::out_stream_id() const noexcept {
    return impl_->options.out_stream_id;
}
std::uint64_t JoinBarrier::out_epoch() const noexcept {
    return impl_->out_epoch;
}

void JoinBarrier::set_clock_domain(std::uint32_t stream_id, ClockDomain domain) {
    impl_->inputs.set_domain(stream_id, domain);
}
void JoinBarrier::observe(const FrameObservation& frame, Nanos now_ns) noexcept {
    impl_->observe(frame, now_ns);
}
void JoinBarrier::report_processed(const FrameObservation& frame) noexcept {
    impl_->report_processed(frame);
}
void JoinBarrier::report_unusable(std::uint32_t stream_id, std::uint64_t epoch, std::uint64_t seq) noexcept {
    impl_->report_unusable(stream_id, epoch, seq);
}

std::span<const std::uint32_t> JoinBarrier::input_stream_ids() const noexcept {
    if (!impl_->has_map()) return {};
    return impl_->inputs.stream_ids();
}
std::optional<JoinInputStatus> JoinBarrier::input(std::uint32_t stream_id) const noexcept {
    return impl_->has_map() ? impl_->status(stream_id) : std::nullopt;
}
const JoinCounters& JoinBarrier::counters() const noexcept {
    return impl_->counters;
}

SequenceJoin::SequenceJoin(JoinOptions options)
    : JoinBarrier(std::make_unique<Impl>(options, MergeMapKind::Sequence)) {
}
const JoinDecision& SequenceJoin::decide(std::uint64_t out_seq, Nanos now_ns) noexcept {
    return impl().decide_sequence(out_seq, now_ns);
}

std::optional<std::uint64_t> SequenceJoin::first_out_seq() const noexcept {
    return impl().first_out_seq();
}
std::optional<std::uint64_t> SequenceJoin::newest_out_seq() const noexcept {
    return impl().newest_out_seq();
}

TimestampJoin::TimestampJoin(JoinOptions options)
    : JoinBarrier(std::make_unique<Impl>(options, MergeMapKind::Timestamp)) {
}
const JoinDecision& TimestampJoin::decide(std::uint64_t out_time_ns, ClockDomain domain,
                                          Nanos now_ns) noexcept {
    return impl().decide_time(out_time_ns, domain, now_ns);
}

LatestJoin::LatestJoin(JoinOptions options, MergeMapKind map_kind, LatestOrder order)
    : JoinBarrier(std::make_unique<Impl>(options, map_kind, order)) {
}
const JoinDecision& LatestJoin::decide(Nanos now_ns) noexcept {
    return impl().decide_latest(now_ns);
}

std::string_view to_string(JoinState value) noexcept {
    switch (value) {
        case JoinState::Blocked:
            return "BLOCKED";
        case JoinState::NotReady:
            return "NOT_READY";
        case JoinState::Ready:
            return "READY";
        case JoinState::Rejected:
            return "REJECTED";
    }
    return "UNKNOWN";
}

std::string_view to_string(JoinFault value) noexcept {
    switch (value) {
        case JoinFault::None:
            return "none";
        case JoinFault::NoMap:
            return "no merge map for this output epoch";
        case JoinFault::InvalidMap:
            return "the merge map is invalid";
        case JoinFault::WrongClockDomain:
            return "the output time is in another clock domain than the map";
        case JoinFault::OutTimeWentBack:
            return "the output time went back";
        case JoinFault::InputRejected:
            return "an input's timestamps are in another clock domain or went back";
        case JoinFault::NoTimestampsInMap:
            return "a sequence map cannot order by timestamp";
    }
    return "unknown";
}

std::string_view to_string(JoinInputState value) noexcept {
    switch (value) {
        case JoinInputState::Present:
            return "PRESENT";
        case JoinInputState::Absent:
            return "ABSENT";
        case JoinInputState::Missing:
            return "MISSING";
        case JoinInputState::Rejected:
            return "REJECTED";
    }
    return "UNKNOWN";
}

}  // namespace tensorpool
