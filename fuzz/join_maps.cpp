// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a merge map, and the rest of them as what then happens on its inputs: a barrier applies
// exactly the maps without a fault, and what it decides is consistent with itself.

#include "control/dispatcher.hpp"
#include "fuzz/check.hpp"

#include <tensorpool/join.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tensorpool {
namespace {

/// Hands out numbers from the input; zeros once it is used up.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    template <typename T>
    T take() {
        T value{};
        const std::size_t bytes = std::min(sizeof value, size_);
        if (bytes > 0) std::memcpy(&value, data_, bytes);
        data_ += bytes;
        size_ -= bytes;
        return value;
    }
    [[nodiscard]] bool empty() const { return size_ == 0; }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

void check(const JoinBarrier& join, const JoinDecision& decision) {
    FUZZ_CHECK((decision.state == JoinState::Blocked) == !join.has_map());
    FUZZ_CHECK((decision.fault == JoinFault::None) ==
               (decision.state == JoinState::Ready || decision.state == JoinState::NotReady));
    if (decision.ready()) {
        FUZZ_CHECK(decision.missing.empty() && decision.rejected.empty());
        FUZZ_CHECK(decision.absent.size() < join.input_stream_ids().size() ||
                   decision.inputs.size() > join.input_stream_ids().size());
    }
    for (const JoinInput& input : decision.inputs) {
        FUZZ_CHECK(join.input(input.stream_id).has_value());
        if (input.state == JoinInputState::Present) FUZZ_CHECK(input.has_range());
    }
    FUZZ_CHECK(decision.absent.size() + decision.missing.size() + decision.rejected.size() <=
               join.input_stream_ids().size());
}

const JoinDecision& decide(SequenceJoin& join, Bytes& bytes, Nanos now_ns) {
    const auto out_seq = bytes.take<std::uint64_t>();
    const auto newest = join.newest_out_seq();
    if (newest) {
        FUZZ_CHECK(join.decide(*newest, now_ns).ready());
        if (*newest != UINT64_MAX) FUZZ_CHECK(!join.decide(*newest + 1, 0).ready());
    }
    return join.decide(out_seq, now_ns);
}
const JoinDecision& decide(TimestampJoin& join, Bytes& bytes, Nanos now_ns) {
    const auto domain = static_cast<ClockDomain>(bytes.take<std::uint8_t>() % 4);
    return join.decide(bytes.take<std::uint64_t>(), domain, now_ns);
}
const JoinDecision& decide(LatestJoin& join, Bytes&, Nanos now_ns) {
    return join.decide(now_ns);
}

template <typename Join>
void drive(Join& join, Bytes bytes) {
    const auto ids = join.input_stream_ids();
    Nanos now_ns = 0;
    for (int step = 0; step < 64 && !bytes.empty(); ++step) {
        const auto what = bytes.take<std::uint8_t>();
        now_ns += bytes.take<std::uint16_t>();
        FrameObservation frame;
        frame.stream_id = ids.empty() ? 1 : ids[bytes.take<std::uint8_t>() % ids.size()];
        frame.epoch = bytes.take<std::uint8_t>();
        frame.seq = bytes.take<std::uint64_t>();
        if ((what & 16U) != 0) frame.publish_time_ns = bytes.take<std::uint64_t>();
        if ((what & 32U) != 0) frame.capture_time_ns = bytes.take<std::uint64_t>();
        switch (what % 5) {
            case 0:
                join.report_processed(frame);
                break;
            case 1:
                join.report_unusable(frame.stream_id, frame.epoch, frame.seq);
                break;
            case 2:
                join.set_clock_domain(frame.stream_id, static_cast<ClockDomain>(what % 3));
                break;
            default:
                join.observe(frame, now_ns);
        }
        check(join, decide(join, bytes, now_ns));
    }
}

template <typename Map>
void apply_and_drive(const Map& map, const Bytes& rest) {
    const auto fault = fault_of(map);
    const auto run = [&](auto& join, bool is_its_kind) {
        const MapOutcome outcome = join.apply(map);
        if (!is_its_kind) {
            FUZZ_CHECK(outcome == MapOutcome::Ignored);
            return;
        }
        FUZZ_CHECK(outcome == (fault ? MapOutcome::Invalid : MapOutcome::Applied));
        FUZZ_CHECK(join.map_fault() == fault.value_or(""));
        drive(join, rest);
        if (!fault) FUZZ_CHECK(join.apply(map) == MapOutcome::Unchanged);
    };
    constexpr bool kSequence = std::is_same_v<Map, SequenceMergeMap>;
    JoinOptions options;
    options.out_stream_id = map.out_stream_id;
    options.out_epoch = map.epoch;
    options.assumed_clock_domain = ClockDomain::Monotonic;
    if (options.out_stream_id == 0) return;  // no output stream
    SequenceJoin sequence(options);
    TimestampJoin timestamp(options);
    LatestJoin latest(options, kSequence ? MergeMapKind::Sequence : MergeMapKind::Timestamp,
                      map.epoch % 2 == 0 ? LatestOrder::Sequence : LatestOrder::Timestamp);
    run(sequence, kSequence);
    run(timestamp, !kSequence);
    run(latest, true);
}

class MapHandler final : public control::ControlHandler {
public:
    explicit MapHandler(Bytes rest) : rest_(rest) {}
    void on_sequence_merge_map(const SequenceMergeMap& map, const messaging::Message&) override {
        apply_and_drive(map, rest_);
    }
    void on_timestamp_merge_map(const TimestampMergeMap& map, const messaging::Message&) override {
        apply_and_drive(map, rest_);
    }

private:
    Bytes rest_;
};

}  // namespace
}  // namespace tensorpool

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tensorpool;
    // The first byte says how long the message is, in steps of four; what follows it drives the inputs.
    if (size == 0) return 0;
    const std::size_t length = std::min<std::size_t>(size - 1, std::size_t{data[0]} * 4);
    const std::vector<std::uint8_t> exact(data + 1, data + 1 + length);
    const messaging::Image image{};
    MapHandler handler(Bytes(data + 1 + length, size - 1 - length));
    control::ControlDispatcher dispatcher(handler);
    dispatcher.dispatch({std::as_bytes(std::span(exact)), &image});
    return 0;
}
