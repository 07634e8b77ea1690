// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/merge_map.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Join barriers: may a stage try to build one output from several input streams now (join.md)? A barrier is
// told which frames exist and answers; it never waits, never reads a payload and never stops a producer.
// Ready means "try": whether the frames are still there is decided by reading them, once (JOIN-005,
// JOIN-006).
//
//   SequenceJoin   the same frame number everywhere: cameras on one trigger, stages of one pipeline
//   TimestampJoin  different rates: a camera and an IMU
//   LatestJoin     whatever is newest: a display
namespace tensorpool {

/// One frame of an input, as far as a barrier cares. observe(stream, frame, now) makes it from a Frame.
struct FrameObservation {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;  ///< of the input
    std::uint64_t seq = 0;
    std::optional<std::uint64_t> publish_time_ns{};  ///< FrameDescriptor.timestamp_ns
    std::optional<std::uint64_t> capture_time_ns{};  ///< SlotHeader.timestamp_ns of a slot that was validated
};

enum class JoinState : std::uint8_t {
    Blocked,   ///< no valid map for the current output epoch
    NotReady,  ///< an input has not come far enough: ask again when more was observed
    Ready,     ///< try now
    Rejected,  ///< asking again with the same does not help: see JoinFault
};

/// Why a decision is Blocked or Rejected.
enum class JoinFault : std::uint8_t {
    None,
    NoMap,              ///< none applied yet, or the output epoch changed (JOIN-021, JOIN-022)
    InvalidMap,         ///< the last map was invalid: map_fault() (JOIN-014)
    WrongClockDomain,   ///< `out_time_ns` is not in the map's clock domain (JOIN-045)
    OutTimeWentBack,    ///< `out_time_ns` is below an earlier one (JOIN-049)
    InputRejected,      ///< the inputs in `rejected` broke a rule about timestamps (JOIN-045, JOIN-047)
    NoTimestampsInMap,  ///< ordering by timestamp needs a timestamp map (JOIN-059)
};

enum class JoinInputState : std::uint8_t {
    Present,
    Absent,    ///< stale: this output goes on without it (JOIN-032)
    Missing,   ///< not far enough yet
    Rejected,  ///< latched until a new map or a new epoch of the input (JT-17)
};

/// One rule's part of a decision.
struct JoinInput {
    std::uint32_t stream_id = 0;
    JoinInputState state = JoinInputState::Missing;
    /// The frames this output wants of the input, both ends included: sequences for SequenceJoin, timestamps
    /// in ns for TimestampJoin, the newest frame's sequence for LatestJoin. first > last: none yet.
    std::uint64_t first = 1;
    std::uint64_t last = 0;

    [[nodiscard]] bool has_range() const noexcept { return first <= last; }
};

/// What a barrier says about one output. It and its spans are valid until the barrier's next non-const call.
struct JoinDecision {
    JoinState state = JoinState::Blocked;
    JoinFault fault = JoinFault::NoMap;
    /// In the order of the map: one per rule, for LatestJoin one per distinct input.
    std::span<const JoinInput> inputs;
    // Stream ids, each once (JOIN-034). An input with several rules is in the last list that one of them
    // fits.
    std::span<const std::uint32_t> absent;
    std::span<const std::uint32_t> missing;
    std::span<const std::uint32_t> rejected;

    [[nodiscard]] bool ready() const noexcept { return state == JoinState::Ready; }
};

enum class MapOutcome : std::uint8_t {
    Applied,    ///< it is new: everything observed so far was forgotten (JOIN-020)
    Unchanged,  ///< the active map again: nothing happened (JT-05)
    Ignored,    ///< of another output, epoch or kind
    Invalid,    ///< the barrier is blocked until a replacement arrives: map_fault()
};

struct JoinOptions {
    std::uint32_t out_stream_id = 0;
    std::uint64_t out_epoch = 0;
    /// Also require that each input was reported as processed that far. Only for a stage that something else
    /// reports for, a worker per input for example; a stage that waits for itself waits for ever (JT-02).
    bool processed_gate = false;
    /// false: ignore the map's stale timeout and wait for every input.
    bool allow_stale = true;
    /// The clock domain of inputs that set_clock_domain() was not called for. Empty: unknown, and time rules
    /// are not ready until it is known (JT-16).
    std::optional<ClockDomain> assumed_clock_domain{};
};

enum class LatestOrder : std::uint8_t { Sequence, Timestamp };

/// What is known about one input of the active map.
struct JoinInputStatus {
    std::uint32_t stream_id = 0;
    std::optional<std::uint64_t> epoch;
    std::optional<std::uint64_t> first_seq;  ///< in this epoch (JOIN-063)
    std::optional<std::uint64_t> last_seq;
    std::optional<std::uint64_t> publish_time_ns;
    std::optional<std::uint64_t> capture_time_ns;
    std::optional<Nanos> last_observed_ns;  ///< local clock
    bool rejected = false;                  ///< one of its timestamp sources is
};

struct JoinCounters {
    std::uint64_t ready = 0;
    std::uint64_t ready_with_absent = 0;  ///< of ready: the join goes on without a stale input
    std::uint64_t not_ready = 0;
    std::uint64_t blocked = 0;
    std::uint64_t rejected = 0;
    std::uint64_t frames_observed = 0;
    std::uint64_t frames_of_old_epochs = 0;  ///< ignored (JT-04)
    std::uint64_t frames_of_others = 0;      ///< ignored: their stream is no input of the active map
    std::uint64_t input_epochs = 0;          ///< times an input started a new epoch
    std::uint64_t inputs_rejected = 0;       ///< timestamps in another domain or going back
    std::uint64_t frames_unusable = 0;       ///< reported by report_unusable()
    std::uint64_t maps_applied = 0;
    std::uint64_t maps_unchanged = 0;
    std::uint64_t maps_ignored = 0;
    std::uint64_t maps_invalid = 0;
};

[[nodiscard]] std::string_view to_string(JoinState state) noexcept;
[[nodiscard]] std::string_view to_string(JoinFault fault) noexcept;
[[nodiscard]] std::string_view to_string(JoinInputState state) noexcept;

/// What the three kinds share: the map and what was observed. Not thread-safe. Applying a map allocates;
/// observing, reporting and deciding never do (JOIN-002).
class JoinBarrier {
public:
    JoinBarrier(const JoinBarrier&) = delete;
    JoinBarrier& operator=(const JoinBarrier&) = delete;

    // ---- the map: from MergeMapClient, or straight from the program that knows it

    MapOutcome apply(const SequenceMergeMap& map);
    MapOutcome apply(const TimestampMergeMap& map);
    /// A new epoch of the output stream: the map and everything observed are forgotten, and nothing is ready
    /// until a map of that epoch is applied (JOIN-021). Call it also when an input restarted and its sequence
    /// with it (JT-03). The current epoch again changes nothing.
    void set_out_epoch(std::uint64_t epoch) noexcept;

    [[nodiscard]] bool has_map() const noexcept;
    /// The active map of that kind, else nullptr. Valid until the next map.
    [[nodiscard]] const SequenceMergeMap* sequence_map() const noexcept;
    [[nodiscard]] const TimestampMergeMap* timestamp_map() const noexcept;
    /// Why the last map was refused; empty when it was not.
    [[nodiscard]] const std::string& map_fault() const noexcept;
    [[nodiscard]] MergeMapKind map_kind() const noexcept;
    [[nodiscard]] std::uint32_t out_stream_id() const noexcept;
    [[nodiscard]] std::uint64_t out_epoch() const noexcept;

    // ---- what happens on the inputs

    /// The clock an input's timestamps come from, as its announce says; kept when the map changes. May
    /// allocate for a stream that was not named before.
    void set_clock_domain(std::uint32_t stream_id, ClockDomain domain);

    /// A frame was announced or read. `now_ns` is the local monotonic clock (JOIN-033).
    void observe(const FrameObservation& frame, Nanos now_ns) noexcept;
    /// The same for what Consumer::poll() delivers.
    template <typename Frame>
    void observe(std::uint32_t stream_id, const Frame& frame, Nanos now_ns) noexcept {
        observe(observation_of(stream_id, frame), now_ns);
    }
    /// A frame was processed, for the gate (JoinOptions::processed_gate). Ignored unless it is of the input's
    /// current epoch.
    void report_processed(const FrameObservation& frame) noexcept;
    /// The frame that was selected could not be used: overwritten, or its slot failed validation. LatestJoin
    /// then waits for a newer one (JOIN-060).
    void report_unusable(std::uint32_t stream_id, std::uint64_t epoch, std::uint64_t seq) noexcept;

    /// The distinct inputs of the active map, in its order. Valid until the next map.
    [[nodiscard]] std::span<const std::uint32_t> input_stream_ids() const noexcept;
    /// Empty when the active map has no such input.
    [[nodiscard]] std::optional<JoinInputStatus> input(std::uint32_t stream_id) const noexcept;
    [[nodiscard]] const JoinCounters& counters() const noexcept;

    /// A Frame says 0 for a time it does not have.
    template <typename Frame>
    [[nodiscard]] static FrameObservation observation_of(std::uint32_t stream_id,
                                                         const Frame& frame) noexcept {
        const auto time = [](std::uint64_t ns) { return ns == 0 ? std::nullopt : std::optional(ns); };
        return {stream_id, frame.epoch(), frame.seq(), time(frame.publish_timestamp_ns()),
                time(frame.timestamp_ns())};
    }

protected:
    class Impl;
    explicit JoinBarrier(std::unique_ptr<Impl> impl) noexcept;
    ~JoinBarrier();
    [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

/// Ready when every input has reached the sequence that the output's own sequence asks for (JOIN-025 to
/// JOIN-031). `out_seq` may repeat or go back.
class SequenceJoin final : public JoinBarrier {
public:
    explicit SequenceJoin(JoinOptions options);
    const JoinDecision& decide(std::uint64_t out_seq, Nanos now_ns) noexcept;

    /// The first output for which every frame was seen here: where a stage starts, and starts again after an
    /// input's new epoch. Empty until every input showed a frame.
    [[nodiscard]] std::optional<std::uint64_t> first_out_seq() const noexcept;
    /// The last output that every input has reached: where a stage goes on that fell behind and would rather
    /// drop than stall. The gate and stale inputs do not count. Empty until every input reached some output.
    [[nodiscard]] std::optional<std::uint64_t> newest_out_seq() const noexcept;
};

/// Ready when every input has reached the time that the output's own time asks for, less the map's lateness
/// (JOIN-036 to JOIN-049).
class TimestampJoin final : public JoinBarrier {
public:
    explicit TimestampJoin(JoinOptions options);
    /// `out_time_ns` never goes back, and is in `domain` (JOIN-049).
    const JoinDecision& decide(std::uint64_t out_time_ns, ClockDomain domain, Nanos now_ns) noexcept;
};

/// Ready when every input has a frame at all; names the newest of each (JOIN-054 to JOIN-064). The frames
/// have nothing to do with each other but that they are the newest.
class LatestJoin final : public JoinBarrier {
public:
    /// Which kind of map names the inputs, and what "newest" means. Ordering by timestamp needs a timestamp
    /// map.
    LatestJoin(JoinOptions options, MergeMapKind map_kind, LatestOrder order = LatestOrder::Sequence);
    const JoinDecision& decide(Nanos now_ns) noexcept;
};

}  // namespace tensorpool
