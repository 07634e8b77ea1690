// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/partial_frame.hpp>
#include <tensorpool/protocol_enums.hpp>
#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace tensorpool {

class DriverSession;

/// How frames are picked from the ones that arrive.
enum class Delivery : std::uint8_t {
    EveryFrame,   ///< all of them, oldest first; late ones are dropped and counted
    LatestOnly,   ///< skip to the newest; skipped frames are counted, not dropped
    RateLimited,  ///< at most max_rate_hz, gated on frame timestamps (WIRE-094)
};

struct ConsumerOptions {
    std::uint32_t stream_id = 0;
    /// 0: random. In driver mode this is the client id of the lease.
    std::uint32_t consumer_id = 0;
    StreamEndpoints endpoints{};
    /// true: attach to a driver. false: map what a standalone producer announces.
    bool use_driver = true;
    Delivery delivery = Delivery::EveryFrame;
    /// Hz. For RateLimited, and when a ConsumerConfig demands a limited rate; 0 = no limit. ConsumerHello
    /// says it: to a rate limiter 0 is the wish for every frame, 4294967295 none at all (RATE-015).
    std::uint32_t max_rate_hz = 0;
    /// A jump in seq larger than this resynchronises to the newest frame, as does a handler that the writer
    /// overtook (WIRE-129).
    std::uint64_t max_outstanding_seq_gap = 256;
    /// Directories regions may be mapped from; resolved once, here (WIRE-150).
    std::vector<std::string> allowed_base_dirs{"/dev/shm"};
    Nanos announce_period_ns = kNanosPerSecond;  ///< freshness window is three of these (WIRE-068)
    Nanos keepalive_interval_ns = kNanosPerSecond;
    Nanos qos_period_ns = kNanosPerSecond;    ///< of QosConsumer (OBS-009); 0 = none
    Nanos hello_period_ns = kNanosPerSecond;  ///< of ConsumerHello (WIRE-071); 0 = none
    HugepagesPolicy hugepages = HugepagesPolicy::Unspecified;
    bool lock_memory = false;  ///< mlock the mappings (DRV-137)
    /// Set: hear of frames while they are being filled; on_progress() takes them.
    std::optional<ProgressHints> progress{};
    /// Set: ask for descriptors on a stream of one's own, where the producer keeps to max_rate_hz (WIRE-088).
    /// Whoever issues ConsumerConfig chooses the stream or declines; until then, and when the stream ends,
    /// the shared one is read. Stream id 0: 31000 + consumer id modulo 1000.
    std::optional<Endpoint> own_descriptors{};
    /// The same for progress. Stream id 0: 32000 + consumer id modulo 1000.
    std::optional<Endpoint> own_progress{};
};

/// One frame, read in place. Valid inside the handler it was passed to; a copy of it also later, on the
/// consumer's thread, as long as Consumer::still_mapped() says that its memory is there.
///
/// The ring is lossy: the producer may reuse the slot while you read. What was read before intact() returned
/// true is good; copy_to() is the checked copy. After the handler the consumer looks once more and, when the
/// frame was overwritten meanwhile, counts drops_late and calls on_overrun.
class Frame {
public:
    static constexpr std::size_t kHeaderSlotBytes = 256;

    [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
    /// Capture time in the producer's clock; 0 = not available (trap T21).
    [[nodiscard]] std::uint64_t timestamp_ns() const noexcept { return timestamp_ns_; }
    /// Publish time from the descriptor; 0 = not sent.
    [[nodiscard]] std::uint64_t publish_timestamp_ns() const noexcept { return publish_timestamp_ns_; }
    [[nodiscard]] std::uint32_t meta_version() const noexcept { return meta_version_; }
    [[nodiscard]] std::uint64_t trace_id() const noexcept { return trace_id_; }
    [[nodiscard]] std::uint16_t pool_id() const noexcept { return pool_id_; }
    [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
    /// Validated; strides are resolved.
    [[nodiscard]] const TensorLayout& tensor() const noexcept { return tensor_; }
    /// The shared memory itself. No copy was made.
    [[nodiscard]] std::span<const std::byte> payload() const noexcept { return payload_; }

    /// Whether everything read from payload() so far belongs to this frame (WIRE-042).
    [[nodiscard]] bool intact() const noexcept;
    /// Copies the payload and says whether the copy is good. `destination` must hold payload().size() bytes;
    /// false also when it does not.
    [[nodiscard]] bool copy_to(std::span<std::byte> destination) const noexcept;
    /// Copies the frame's whole slot of the header ring and says whether the copy is good.
    [[nodiscard]] bool copy_header_to(std::span<std::byte, kHeaderSlotBytes> destination) const noexcept;

private:
    friend class FrameReader;
    std::uint64_t seq_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t timestamp_ns_ = 0;
    std::uint64_t publish_timestamp_ns_ = 0;
    std::uint64_t trace_id_ = 0;
    std::uint32_t meta_version_ = 0;
    std::uint32_t slot_ = 0;
    std::uint16_t pool_id_ = 0;
    TensorLayout tensor_;
    std::span<const std::byte> payload_;
    const std::byte* header_slot_ = nullptr;
    std::uint64_t mapping_id_ = 0;
    friend class Consumer;
};

/// Totals since construction. They live with the consumer, not with the mapping: a remap resets nothing.
/// Every descriptor ends in exactly one of: delivered, skipped_*, drops_late's parts, or a drops_* below it.
struct ConsumerCounters {
    std::uint64_t descriptors_received = 0;
    std::uint64_t frames_delivered = 0;  ///< handler called and the frame still intact afterwards
    std::uint64_t bytes_delivered = 0;
    std::uint64_t drops_gap = 0;                ///< frames whose descriptor never came (OBS 1.3 no. 3)
    std::uint64_t drops_late = 0;               ///< sum of the five below (no. 4)
    std::uint64_t drops_odd = 0;                ///< not committed at first look
    std::uint64_t drops_changed = 0;            ///< overwritten during the read, or the slot went back
    std::uint64_t drops_frame_id_mismatch = 0;  ///< slot already holds another frame
    std::uint64_t drops_header_invalid = 0;
    std::uint64_t drops_payload_invalid = 0;
    std::uint64_t overruns = 0;  ///< of drops_changed: noticed after the handler had seen the frame
    std::uint64_t drops_epoch_mismatch = 0;
    std::uint64_t drops_unmapped = 0;
    std::uint64_t drops_duplicate = 0;  ///< same seq again after a stream switch (trap T9)
    std::uint64_t skipped_latest_only = 0;
    std::uint64_t skipped_rate_limited = 0;
    std::uint64_t skipped_resync = 0;       ///< read past while jumping to the newest frame
    std::uint64_t resynchronisations = 0;   ///< jumps to the newest: gap above the limit, or an overrun
    std::uint64_t seq_regressions = 0;      ///< each forces a remap (WIRE-135)
    std::uint64_t messages_invalid = 0;     ///< undecodable or foreign-version messages on our streams
    std::uint64_t messages_lost_bytes = 0;  ///< messaging bytes overwritten before we read them
    std::uint64_t handler_errors = 0;       ///< handlers that threw; the frame counts as delivered
    std::uint64_t frames_read = 0;          ///< by read(), intact
    std::uint64_t reads_failed = 0;         ///< by read(): gone, never written, or overwritten meanwhile
    std::uint64_t remaps = 0;               ///< successful mappings (no. 10)
    std::uint64_t unmaps = 0;
    std::uint64_t hello_published = 0;
    std::uint64_t qos_published = 0;
    std::uint64_t configs_applied = 0;     ///< ConsumerConfig that changed how this consumer reads
    std::uint64_t configs_refused = 0;     ///< ConsumerConfig with a fallback of an unknown scheme (WIRE-090)
    std::uint64_t streams_assigned = 0;    ///< times a stream of its own was assigned to this consumer
    std::uint64_t streams_returned = 0;    ///< times it went back to the shared descriptor stream
    std::uint64_t progress_received = 0;   ///< FrameProgress of this stream
    std::uint64_t progress_delivered = 0;  ///< handler called, and the slot still this frame's afterwards
    std::uint64_t progress_drops_epoch = 0;         ///< of another epoch, or nothing is mapped (WIRE-108)
    std::uint64_t progress_drops_late = 0;          ///< the slot holds another frame by now
    std::uint64_t progress_drops_regression = 0;    ///< said less than before (WIRE-107)
    std::uint64_t progress_drops_inconsistent = 0;  ///< contradicts the header (WIRE-106, WIRE-110)
    std::uint64_t fallbacks = 0;           ///< times this consumer was told not to read shared memory
    std::uint64_t id_collisions = 0;       ///< QoS of another consumer under this one's id (SUP-016)
    std::uint64_t announces_rejected = 0;  ///< invalid, stale or not mappable; last_error() says why
    std::uint64_t announces_stale = 0;     ///< older than join, freshness window or known epoch
};

enum class MappingState : std::uint8_t {
    Unmapped,
    Mapped,
    Fallback,  ///< told by a ConsumerConfig to read elsewhere: fallback_uri() (WIRE-089, WIRE-141)
};

/// Reads one stream's frames in place.
/// Not thread-safe: call every member from the thread that drives do_work().
class Consumer final : public Agent {
public:
    /// Throws Error when the options are invalid.
    Consumer(Context& context, ConsumerOptions options);
    /// Uses a session that the caller owns and drives; it must outlive the consumer.
    static Consumer from_attach(Context& context, DriverSession& session, ConsumerOptions options);
    Consumer(Consumer&&) noexcept;
    Consumer& operator=(Consumer&&) = delete;
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;
    ~Consumer() override;

    /// Drives do_work() until a stream is mapped. Throws Error(Timeout) at `deadline_ns` naming what is
    /// missing.
    void await_ready(Nanos deadline_ns);
    [[nodiscard]] bool is_ready() const noexcept;

    /// Delivers up to `limit` frames to `handler(const Frame&)` and returns how many it delivered. Data path
    /// only: also call do_work() for leases, announces and remaps. A handler that throws is counted.
    template <typename Handler>
    requires std::is_invocable_v<Handler&, const Frame&>
    int poll(Handler&& handler, int limit = 16) noexcept {
        return poll_frames(
            [](void* h, const Frame& frame) { (*static_cast<std::remove_reference_t<Handler>*>(h))(frame); },
            const_cast<void*>(static_cast<const void*>(&handler)), limit);
    }

    /// Looks up frame `seq` of the mapped epoch once, in place, and hands it to `handler(const Frame&)`: for
    /// a stage that knows only later which of the frames it was told about it needs, as a join does
    /// (JOIN-005, JOIN-006). False when the slot holds another frame by now, was never written, or was
    /// overwritten while the handler ran: then what the handler read is worth nothing. Repeats nothing, moves
    /// nothing that poll() delivers, and may be called from poll()'s handler. Trace id and publish time are
    /// not known here.
    template <typename Handler>
    requires std::is_invocable_v<Handler&, const Frame&>
    [[nodiscard]] bool read(std::uint64_t seq, Handler&& handler) noexcept {
        return read_frame(
            seq,
            [](void* h, const Frame& frame) { (*static_cast<std::remove_reference_t<Handler>*>(h))(frame); },
            const_cast<void*>(static_cast<const void*>(&handler)));
    }

    /// For agent runners: do_work() then polls into this handler too.
    void on_frame(std::function<void(const Frame&)> handler);
    /// Called after a handler returned from a frame that was overwritten while it ran.
    void on_overrun(std::function<void(std::uint64_t seq)> handler);

    /// For frames that are being filled; called from do_work(). Needs ConsumerOptions::progress. A frame is
    /// there when its Frame comes and not before (WIRE-113).
    void on_progress(std::function<void(const PartialFrame&)> handler);

    /// Debug builds abort when two threads drive it; on_start() hands it over to the calling thread.
    int do_work(Nanos now_ns) noexcept override;
    void on_start() override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "consumer"; }

    /// Sleeps until a descriptor or control message may be there, or `timeout_ns` passed.
    void wait(Nanos timeout_ns) noexcept;

    /// Whether `frame`, a copy kept beyond its handler, may still be looked at: the mapping it was delivered
    /// from exists. Only do_work() and poll() end a mapping, so ask after each of them. Whether the frame is
    /// still in its slot is another question: intact(), copy_to(). False for frames of other consumers.
    [[nodiscard]] bool still_mapped(const Frame& frame) const noexcept;

    [[nodiscard]] MappingState mapping_state() const noexcept;
    /// Whether descriptors come on a stream of its own right now.
    [[nodiscard]] bool on_own_stream() const noexcept;
    [[nodiscard]] std::uint32_t stream_id() const noexcept;
    [[nodiscard]] std::uint32_t consumer_id() const noexcept;
    [[nodiscard]] std::uint64_t epoch() const noexcept;     ///< 0 when unmapped
    [[nodiscard]] std::uint64_t last_seq() const noexcept;  ///< of the last descriptor; 0 before the first
    [[nodiscard]] const ConsumerCounters& counters() const noexcept;
    /// Where to read instead while mapping_state() is Fallback, for example "aeron:udp?endpoint=..."; empty
    /// when nobody said. Whoever owns this consumer opens it; the consumer itself goes on when shared memory
    /// is allowed again.
    [[nodiscard]] const std::string& fallback_uri() const noexcept;
    /// Why nothing is mapped, or the last announce was refused; empty when nothing went wrong.
    [[nodiscard]] std::string last_error() const;

private:
    class Impl;
    explicit Consumer(std::unique_ptr<Impl> impl) noexcept;
    int poll_frames(void (*call)(void*, const Frame&), void* handler, int limit) noexcept;
    bool read_frame(std::uint64_t seq, void (*call)(void*, const Frame&), void* handler) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
