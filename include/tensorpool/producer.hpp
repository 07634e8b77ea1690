// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/expected.hpp>
#include <tensorpool/per_consumer_streams.hpp>
#include <tensorpool/protocol_enums.hpp>
#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tensorpool {

class DriverSession;
class Producer;

struct PoolSpec {
    std::uint16_t pool_id = 1;       ///< 1..65535, unique
    std::uint32_t stride_bytes = 0;  ///< a power of two of at least 64 (WIRE-061)
};

/// The shared memory of a producer that works without a driver: it creates the files and announces them.
struct StandaloneLayout {
    std::string base_dir = "/dev/shm";
    std::string namespace_name = "default";
    std::uint32_t header_nslots = 64;  ///< a power of two; also the slot count of every pool
    std::vector<PoolSpec> pools{};
    bool group_access = false;  ///< directories 2770 and files 0660 instead of 0700 and 0600 (WIRE-163)
    bool prefault = true;
    bool mlock = false;
    bool require_hugepages = false;
    bool unlink_on_close = true;  ///< remove the own epoch's files in the destructor (WIRE-140)
};

/// How often consumers hear of a frame that is being filled (WIRE-075, WIRE-114, WIRE-115). The first three
/// are what holds without hints from consumers; hints may lower them, down to the limits below.
struct ProgressLimits {
    Nanos interval_ns = 250'000;          ///< between two PROGRESS of one frame
    std::uint32_t bytes_delta = 65536;    ///< new bytes since the last PROGRESS
    std::uint32_t major_delta_units = 0;  ///< or new rows or columns; 0 = bytes only
    Nanos least_interval_ns = 100'000;
    std::uint32_t least_bytes_delta = 1024;
    std::uint32_t max_rate_hz = 2000;  ///< STARTED and PROGRESS of this producer, after a burst; 0 = no cap
};

struct ProducerOptions {
    std::uint32_t stream_id = 0;
    /// 0: random. In driver mode this is the client id of the lease.
    std::uint32_t producer_id = 0;
    StreamEndpoints endpoints{};
    /// Set: standalone. Empty: attach to a driver.
    std::optional<StandaloneLayout> standalone{};
    /// Driver mode: sent with the attach request.
    PublishMode publish_mode = PublishMode::RequireExisting;
    HugepagesPolicy hugepages = HugepagesPolicy::Unspecified;
    Nanos keepalive_interval_ns = kNanosPerSecond;
    Nanos announce_period_ns = kNanosPerSecond;
    Nanos qos_period_ns = kNanosPerSecond;  ///< of QosProducer while ready (OBS-010); 0 = none
    /// Driver mode: directories regions may be mapped from.
    std::vector<std::string> allowed_base_dirs{"/dev/shm"};
    /// Most reservations held at a time; 0 = nslots / 2. Always below nslots, so that a slot handed to a
    /// device is never the one readers were just pointed to.
    std::uint32_t max_in_flight = 0;
    /// A reservation this old no longer holds back the descriptors of later frames: it becomes a gap. 0 =
    /// never.
    Nanos reservation_timeout_ns = kNanosPerSecond;
    /// Also send the publish time in each descriptor (WIRE-102 advises against it unless it matters).
    bool descriptor_timestamps = false;
    bool lock_memory = false;  ///< mlock the own mappings too (DRV-137)
    /// Streams of single consumers (WIRE-081, WIRE-083). Standalone: this producer assigns them while
    /// nobody else sends ConsumerConfig; otherwise whoever issues those does, and this producer opens them.
    PerConsumerStreams per_consumer{.enabled = true};
    /// Consumers remembered, with or without streams of their own.
    std::size_t max_consumers = 64;
    /// Who said neither hello nor QoS for this long loses its streams (WIRE-087); 0 = five times the longer
    /// of the announce and QoS periods (OBS-014).
    Nanos consumer_stale_after_ns = 0;
    ProgressLimits progress{};
};

/// Why no slot was handed out. Each has a counter.
enum class ClaimError : std::uint8_t {
    NotAttached,   ///< no lease right now; clears when the session re-attaches
    NoPoolFits,    ///< permanent for this size: no pool stride is large enough (WIRE-056)
    WouldOverrun,  ///< max_in_flight reservations are open; publish or abandon one
    UnknownPool,   ///< reserve() named a pool this stream does not have
    SeqPassed,     ///< reserve_seq(): this frame, or one that took its place in the ring, was there before
};

/// What became of a finished frame. Only Published and NotConnected committed it.
enum class PublishResult : std::uint8_t {
    Published,       ///< committed; its descriptor is out, or follows as soon as earlier reservations finish
    NotConnected,    ///< committed; nobody subscribes to descriptors: normal
    DescriptorLost,  ///< committed, but messaging refused the descriptor: readers see a gap
    InvalidFrame,    ///< the FrameInfo contradicts itself or the slot; abandoned, a gap
    Stale,           ///< the lease, epoch or time limit of this reservation is over; nothing was published
};

/// What became of a report about a frame that is being filled. None of it touches the frame.
enum class ProgressResult : std::uint8_t {
    Sent,
    Deferred,   ///< too early, or too little new: the latest state follows when it is due (WIRE-115)
    NotWanted,  ///< no consumer asked for progress: nothing was written (WIRE-116)
    Refused,    ///< not begun, went back, beyond values_len_bytes, or the reservation is over
};

[[nodiscard]] std::string_view to_string(ClaimError error) noexcept;
[[nodiscard]] std::string_view to_string(PublishResult result) noexcept;
[[nodiscard]] std::string_view to_string(ProgressResult result) noexcept;

/// One slot on its way from reserve() to publish(). A plain value: a device's completion may carry it around.
struct Reservation {
    std::uint64_t seq = 0;
    std::uint64_t generation = 0;  ///< of the mapping it belongs to
    std::uint32_t slot = 0;        ///< header_index and payload_slot
    std::uint16_t pool_id = 0;
    std::uint32_t capacity_bytes = 0;
    std::byte* payload = nullptr;
};

/// A reservation that gives itself up: destroyed without commit() it is abandoned, a one-frame gap in `seq`.
class SlotClaim {
public:
    SlotClaim(Producer& owner, const Reservation& reservation) noexcept
        : owner_(&owner), reservation_(reservation) {}
    SlotClaim(SlotClaim&& other) noexcept;
    SlotClaim& operator=(SlotClaim&&) = delete;
    SlotClaim(const SlotClaim&) = delete;
    SlotClaim& operator=(const SlotClaim&) = delete;
    ~SlotClaim();

    [[nodiscard]] std::uint64_t seq() const noexcept { return reservation_.seq; }
    /// The payload slot: write here, then commit. At least as long as what was asked for.
    [[nodiscard]] std::span<std::byte> payload() const noexcept {
        return {reservation_.payload, reservation_.capacity_bytes};
    }
    /// See Producer::begin_progress() and report_progress().
    ProgressResult begin_progress(const FrameInfo& info) noexcept;
    ProgressResult report_progress(std::uint32_t bytes_filled) noexcept;
    PublishResult commit(const FrameInfo& info) noexcept;
    void abandon() noexcept;

private:
    Producer* owner_;
    Reservation reservation_;
};

/// The payload slots of one pool, for an SDK that wants its buffers up front. Slot i begins at
/// `first_slot + i * stride_bytes`. The memory stays mapped while a copy of `keep_alive` exists, even after
/// the lease was lost, so a device still writing into it harms nobody.
struct DeviceSlots {
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;
    std::byte* first_slot = nullptr;
    std::uint64_t generation = 0;
    std::shared_ptr<const void> keep_alive;

    [[nodiscard]] std::byte* slot(std::uint32_t index) const noexcept {
        return first_slot + static_cast<std::size_t>(index) * stride_bytes;
    }
};

/// Totals since construction; a new epoch does not reset them (OBS-007).
struct ProducerCounters {
    std::uint64_t frames_committed = 0;
    std::uint64_t bytes_committed = 0;   ///< payload bytes of those
    std::uint64_t frames_published = 0;  ///< descriptor sent, or nobody wanted it (OBS 1.2 no. 3)
    std::uint64_t frames_abandoned = 0;  ///< deliberate gaps: abandoned, invalid or timed-out reservations
    std::uint64_t reservations_timed_out = 0;
    std::uint64_t claims_refused_not_attached = 0;
    std::uint64_t claims_refused_no_pool = 0;
    std::uint64_t claims_refused_overrun = 0;
    std::uint64_t claims_refused_unknown_pool = 0;
    std::uint64_t claims_refused_seq_passed = 0;
    std::uint64_t stale_publishes = 0;
    std::uint64_t invalid_frames = 0;
    std::uint64_t announces_published = 0;  ///< standalone only
    std::uint64_t qos_published = 0;
    std::uint64_t descriptor_back_pressured = 0;
    std::uint64_t descriptor_not_connected = 0;
    std::uint64_t descriptor_admin_action = 0;
    std::uint64_t descriptor_closed = 0;
    std::uint64_t descriptor_max_position_exceeded = 0;
    std::uint64_t descriptor_errors = 0;
    std::uint64_t remaps = 0;
    std::uint64_t consumer_streams_opened = 0;  ///< publications for single consumers
    std::uint64_t consumer_streams_closed = 0;
    std::uint64_t consumer_streams_declined = 0;  ///< standalone: requests that were not granted
    std::uint64_t consumer_streams_failed = 0;    ///< assigned, but they could not be opened
    std::uint64_t consumers_stale = 0;            ///< forgotten because they were silent (WIRE-087)
    std::uint64_t consumers_refused_full = 0;     ///< messages of consumers beyond max_consumers
    std::uint64_t configs_published = 0;          ///< standalone only
    std::uint64_t consumer_descriptors_published = 0;
    std::uint64_t consumer_descriptors_capped = 0;   ///< held back by a consumer's max_rate_hz (WIRE-088)
    std::uint64_t consumer_descriptors_refused = 0;  ///< nobody there, or messaging refused
    std::uint64_t progress_published = 0;            ///< FrameProgress that went out on at least one stream
    std::uint64_t progress_deferred = 0;
    std::uint64_t progress_refused = 0;
};

/// Writes frames into one stream's header ring and payload pools and tells consumers about them.
/// Not thread-safe: call every member from the thread that drives do_work().
///
/// Three ways to publish, one slot lifecycle (in progress, committed, descriptor, in ascending seq):
/// offer() copies; try_claim()/commit() lets the caller write in place; device_slots()/reserve()/publish() is
/// for devices that write by DMA into buffers registered beforehand and may complete out of order.
class Producer final : public Agent {
public:
    /// Standalone when options.standalone is set: creates the files of a fresh epoch and announces them.
    /// Otherwise opens a driver session of its own and starts attaching; await_ready() waits for it.
    /// Throws Error when the options are invalid or the files cannot be created.
    Producer(Context& context, ProducerOptions options);
    /// Uses a session that the caller owns and drives; it must outlive the producer.
    static Producer from_attach(Context& context, DriverSession& session, ProducerOptions options);
    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) = delete;
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;
    /// Standalone: unlinks the files of its epoch. Driver mode with an own session: detaches.
    ~Producer() override;

    /// Drives do_work() until frames can be published. Throws Error(Timeout) at `deadline_ns`.
    void await_ready(Nanos deadline_ns);
    /// Whether a claim could succeed now.
    [[nodiscard]] bool is_ready() const noexcept;
    /// Whether somebody subscribes to this stream's descriptors.
    [[nodiscard]] bool is_connected() const noexcept;

    /// Copies `values` into the smallest pool that fits and publishes it. `info.values_len_bytes` is ignored:
    /// the span's size counts.
    [[nodiscard]] expected<PublishResult, ClaimError> offer(std::span<const std::byte> values,
                                                            const FrameInfo& info) noexcept;

    /// Claims the next slot of the smallest pool with `payload_bytes` so that a frame can be built in place
    /// (WIRE-035, WIRE-055). Until commit consumers see the slot as in progress and drop it.
    [[nodiscard]] expected<SlotClaim, ClaimError> try_claim(std::uint32_t payload_bytes) noexcept;
    PublishResult commit(SlotClaim&& claim, const FrameInfo& info) noexcept;

    /// The pool with the smallest slots of at least `payload_bytes`. Empty when not ready or none is that
    /// large.
    [[nodiscard]] std::optional<std::uint16_t> pool_for(std::uint32_t payload_bytes) const noexcept;
    /// Every payload slot of a pool, to be registered once with a device. Empty when not ready or unknown.
    [[nodiscard]] std::optional<DeviceSlots> device_slots(std::uint16_t pool_id) const;
    /// Hands out the next slot of `pool_id` and marks it in progress.
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint16_t pool_id) noexcept;
    /// Hands out the slot of a given sequence number in the smallest pool that fits, for a role that
    /// re-creates another producer's frames under their own numbers (BRG-070). Any order is allowed while the
    /// numbers in flight span less than one ring; numbers never reserved are gaps. WouldOverrun: finish an
    /// older reservation first. Do not mix with the other ways to reserve.
    [[nodiscard]] expected<Reservation, ClaimError> reserve_seq(std::uint64_t seq,
                                                                std::uint32_t payload_bytes) noexcept;
    /// The device finished `reservation`: commits it now; its descriptor leaves in sequence order.
    PublishResult publish(const Reservation& reservation, const FrameInfo& info) noexcept;
    /// The device failed: the frame becomes a counted gap.
    void abandon(const Reservation& reservation) noexcept;
    [[nodiscard]] std::uint32_t in_flight() const noexcept;
    /// For stages that keep their source's numbering: the next claim or
    /// reservation gets `seq`, and readers see those before it as gaps. False when not ready, when `seq` is
    /// below next_seq() or no sequence number at all (2^63 and up), or when an open reservation is a whole
    /// ring behind it. A slot that a timed-out reservation still holds is stepped over as ever: look at the
    /// claim's seq().
    [[nodiscard]] bool skip_to(std::uint64_t seq) noexcept;

    /// Tells consumers that asked for it that `reservation` is being filled, and as what: the header is
    /// written now, so that they can find the rows in what report_progress() says is there (WIRE-105, trap
    /// T12). `info` is the one to be published later, except for its timestamp, meta_version and trace_id.
    /// Without such consumers one comparison: call it always.
    ProgressResult begin_progress(const Reservation& reservation, const FrameInfo& info) noexcept;
    /// The first `bytes_filled` payload bytes are final. Call as often as you like, from the thread that
    /// drives the producer; messages leave no oftener than ProgressLimits and the consumers' hints allow.
    ProgressResult report_progress(const Reservation& reservation, std::uint32_t bytes_filled) noexcept;

    /// Debug builds abort when two threads drive it; on_start() hands it over to the calling thread.
    int do_work(Nanos now_ns) noexcept override;
    void on_start() override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "producer"; }

    [[nodiscard]] std::uint32_t stream_id() const noexcept;
    [[nodiscard]] std::uint32_t producer_id() const noexcept;
    [[nodiscard]] std::uint64_t epoch() const noexcept;  ///< 0 when not ready
    /// Of the lease, for trace ids (Tracer::set_output()); stays until another is granted. Empty: the driver
    /// granted none, or standalone.
    [[nodiscard]] std::optional<std::uint32_t> node_id() const noexcept;
    [[nodiscard]] std::uint64_t next_seq() const noexcept;
    [[nodiscard]] std::uint32_t header_nslots() const noexcept;  ///< 0 when not ready
    /// Largest frame any pool holds; 0 when not ready.
    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept;
    /// Grows with every mapping: device slots and reservations of an older generation are void.
    [[nodiscard]] std::uint64_t generation() const noexcept;
    [[nodiscard]] const ProducerCounters& counters() const noexcept;
    /// Why the producer is not ready; empty when it is.
    [[nodiscard]] std::string last_error() const;

private:
    class Impl;
    friend class SlotClaim;
    explicit Producer(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
