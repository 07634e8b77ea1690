// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/expected.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

// Which frames led to this frame: ids that travel with frames, and links from a joined frame to its parents
// (docs/protocol/trace.md, docs/tracing.md). Tracing never steers a pipeline: what cannot be traced is
// published all the same, with id 0, and counted (TRACE-001 to TRACE-003).
namespace tensorpool {

/// How the 63 bits of a trace id are used: milliseconds, node id, sequence, from the top. One layout and one
/// offset for a whole deployment.
struct TraceIdLayout {
    std::uint32_t node_id_bits = 10;
    std::uint32_t sequence_bits = 12;  ///< node_id_bits + sequence_bits <= 22
    /// Subtracted from the wall clock. With 0 the 41 bits of the default layout last until 2039.
    std::int64_t timestamp_offset_ms = 0;
};

/// What an id says about its origin.
struct TraceIdParts {
    std::int64_t unix_ms = 0;
    std::uint32_t node_id = 0;
    std::uint32_t sequence = 0;

    friend bool operator==(const TraceIdParts&, const TraceIdParts&) = default;
};

[[nodiscard]] TraceIdParts trace_id_parts(std::uint64_t trace_id, const TraceIdLayout& layout = {}) noexcept;

/// Makes 64-bit ids that are unique in the deployment and sort by time (TRACE-004, TRACE-005): the layout of
/// trace.md section 3. Thread-safe and lock-free: producers of one process that share a node id share one
/// generator (TT-03). Ids rise also when the clock goes back.
class TraceIdGenerator {
public:
    /// The first id and how many follow it without a gap; count 0: none just now.
    struct Block {
        std::uint64_t first = 0;
        std::uint32_t count = 0;
    };

    /// `wall_clock`: nullptr is CLOCK_REALTIME; else it must outlive the generator and be safe to call from
    /// every thread that uses this. Throws Error(InvalidConfig) for a layout of more than 22 bits, a node id
    /// that does not fit it, an offset outside 0 ... now, or a clock past the last millisecond of the layout.
    explicit TraceIdGenerator(std::uint32_t node_id, const TraceIdLayout& layout = {},
                              const Clock* wall_clock = nullptr);

    /// The next id. Waits (spinning) while this millisecond's ids are used up: not for the per-frame path.
    [[nodiscard]] std::uint64_t next() noexcept;
    /// The next id, or 0 when this millisecond's ids are used up. Reads the clock once. Never waits (TT-05).
    [[nodiscard]] std::uint64_t try_next() noexcept { return try_next(1).first; }
    /// Up to `count` ids in a row at the price of one.
    [[nodiscard]] Block try_next(std::uint32_t count) noexcept { return try_next(count, now_ms()); }
    /// The same at a time the caller read: milliseconds of now_ms().
    [[nodiscard]] Block try_next(std::uint32_t count, std::int64_t now_ms) noexcept;

    /// The generator's clock: wall-clock milliseconds minus the offset; negative before it (TT-11).
    [[nodiscard]] std::int64_t now_ms() const noexcept;
    [[nodiscard]] std::uint32_t node_id() const noexcept { return node_id_; }
    [[nodiscard]] const TraceIdLayout& layout() const noexcept { return layout_; }

private:
    TraceIdLayout layout_;
    const Clock* wall_clock_;
    std::uint32_t node_id_;
    std::uint32_t shift_;                             // of the milliseconds
    std::uint64_t max_sequence_;                      // within a millisecond
    std::int64_t last_ms_;                            // that the layout can hold
    alignas(64) std::atomic<std::uint64_t> last_{0};  // milliseconds and sequence, without the node id
};

/// Node ids that a driver grants and that tracing accepts (TT-01).
inline constexpr std::uint32_t kFirstTraceNodeId = 1;
inline constexpr std::uint32_t kLastTraceNodeId = 1023;

struct TracerOptions {
    std::uint32_t stream_id = 0;  ///< of the output
    StreamEndpoints endpoints{};  ///< links leave on `control` (TT-09)
    /// Set: minted from this generator, which must outlive the tracer. Empty: from an own one with
    /// `node_id`, or with the id the driver grants, see set_output().
    TraceIdGenerator* generator = nullptr;
    /// A static node id, 1 ... 1023 and nobody else's (TRACE-006, TRACE-007); 0: the driver's.
    std::uint32_t node_id = 0;
    TraceIdLayout layout{};
    /// Every n-th root frame gets an id, the others 0 (TRACE-029).
    std::uint32_t sample_every = 1;
    /// Most parents of one output (TT-10); larger sets are refused and counted.
    std::uint32_t max_parents = 256;
    /// Room for links on their way to do_work(), in 64-bit words: a set takes 4 and one per parent.
    std::uint32_t ring_words = 1U << 16;
    const Clock* wall_clock = nullptr;  ///< nullptr: CLOCK_REALTIME
};

/// What became of the links of one output frame.
enum class LinkResult : std::uint8_t {
    Queued,    ///< do_work() sends them
    NoLinks,   ///< no traced input, or the output itself is untraced: nothing to say
    TooMany,   ///< more than max_parents distinct parents; refused
    RingFull,  ///< do_work() does not keep up; dropped
};

[[nodiscard]] std::string_view to_string(LinkResult result) noexcept;

/// Totals since construction. Each is written by one thread and may be read by any.
struct TracerCounters {
    std::uint64_t ids_minted = 0;
    std::uint64_t ids_carried = 0;      ///< 1->1: the upstream id, unchanged
    std::uint64_t ids_sampled_out = 0;  ///< frames that got 0 because of sample_every
    std::uint64_t ids_unavailable = 0;  ///< frames that got 0: no node id, or the millisecond was used up
    std::uint64_t generators = 0;       ///< node ids used so far (TT-02)
    std::uint64_t links_queued = 0;
    std::uint64_t links_refused = 0;    ///< more than max_parents parents
    std::uint64_t links_ring_full = 0;  ///< dropped
    std::uint64_t links_published = 0;
    std::uint64_t links_not_connected = 0;  ///< nobody records: normal
    std::uint64_t links_send_failed = 0;    ///< dropped: messaging refused them
};

/// Ids and links of one output stream.
///
/// mint(), carry() and link() are for the per-frame path: no lock, no allocation, no system call, no clock
/// read but every few thousand frames; call them from the thread that publishes. set_output() too. do_work()
/// may run on that thread or on one other: it sends what link() queued, in bursts, one message per set.
class Tracer final : public Agent {
public:
    /// Throws Error(InvalidConfig) for a stream id, node id, layout or limit that cannot be.
    Tracer(Context& context, TracerOptions options);
    ~Tracer() override;

    /// Follows the producer: call with Producer::epoch() and Producer::node_id() whenever they may have
    /// changed, for example once per cycle. A new granted node id is a new generator; none, or one outside
    /// 1 ... 1023, leaves frames untraced (TT-01, TT-02) unless the options name an id or a generator.
    void set_output(std::uint64_t epoch, std::optional<std::uint32_t> node_id) noexcept;

    /// The id of a root frame, or of the output of a join (TRACE-012, TRACE-014); 0: publish it untraced.
    [[nodiscard]] std::uint64_t mint() noexcept;
    /// The id of the output of a 1->1 stage: the upstream frame's own, or a fresh one when that frame was
    /// not traced (TRACE-013, TT-08).
    [[nodiscard]] std::uint64_t carry(std::uint64_t upstream_trace_id) noexcept;
    /// After the output of a join was published as `seq` with `trace_id`: says which frames it came from, in
    /// the order the join saw them. Zeros and repeats in `inputs` are left out.
    LinkResult link(std::uint64_t seq, std::uint64_t trace_id,
                    std::span<const std::uint64_t> inputs) noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "tracer"; }

    /// Empty while no id can be minted.
    [[nodiscard]] std::optional<std::uint32_t> node_id() const noexcept;
    [[nodiscard]] TracerCounters counters() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- long windows ----------------------------------------------------------------------------------------

/// The inputs of one output by their bounds, both inclusive: by seq, by time, or both (TRACE-037). Never
/// across two epochs of the input (TT-13).
struct TraceWindow {
    std::uint64_t trace_id = 0;      ///< of the output
    std::uint32_t in_stream_id = 0;  ///< of the input
    std::uint64_t epoch = 0;         ///< of the input
    std::optional<std::uint64_t> seq_start{};
    std::optional<std::uint64_t> seq_end{};
    std::optional<std::uint64_t> t_start_ns{};
    std::optional<std::uint64_t> t_end_ns{};
};

/// What an integrator has taken in since its last output: constant time and memory per frame. The window goes
/// to a TraceStore, which finds the parents offline.
class TraceWindowBounds {
public:
    /// False: the frame belongs to another epoch and was not added; the output ends here, close() first.
    [[nodiscard]] bool add(std::uint64_t epoch, std::uint64_t seq) noexcept {
        if (frames_ != 0 && epoch != epoch_) return false;
        if (frames_ == 0) epoch_ = epoch;
        first_ = frames_ == 0 || seq < first_ ? seq : first_;
        last_ = frames_ == 0 || seq > last_ ? seq : last_;
        ++frames_;
        return true;
    }
    /// The window of the output `trace_id`; what follows belongs to the next. Precondition: frames() > 0.
    [[nodiscard]] TraceWindow close(std::uint64_t trace_id, std::uint32_t in_stream_id) noexcept {
        frames_ = 0;
        return {trace_id, in_stream_id, epoch_, first_, last_, std::nullopt, std::nullopt};
    }
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

private:
    std::uint64_t epoch_ = 0;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t frames_ = 0;
};

}  // namespace tensorpool
