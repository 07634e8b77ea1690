// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/producer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tensorpool {

/// What became of a buffer that was queued at a device.
enum class BufferOutcome : std::uint8_t {
    Filled,      ///< one whole frame
    Incomplete,  ///< the frame is damaged, or of a kind that has no tensor layout: it becomes a gap
    Returned,    ///< handed back unused, because the device stopped or was lost
};

/// One buffer coming back from a device.
struct BufferCompletion {
    std::uint32_t slot = 0;
    BufferOutcome outcome = BufferOutcome::Returned;
    std::uint64_t cookie = 0;           ///< as given to queue()
    const std::byte* data = nullptr;    ///< Filled: where the frame lies; anywhere but its slot is refused
    FrameInfo info;                     ///< Filled only
    std::uint64_t device_frame_id = 0;  ///< the device's own number; 0 = unknown
    std::uint64_t device_timestamp_ns = 0;  ///< in the device's own clock; 0 = unknown
    std::uint64_t frames_missed_before =
        0;  ///< frames the device made since the last one that reached no buffer
};

/// A source that writes into buffers registered beforehand: a camera, a digitiser, a simulation.
///
/// Every member is called from the thread that drives the pump. A device with a thread of its own hands its
/// completions over through a queue that poll() reads. A device may write into its slots from queue() until
/// it returned the buffer through poll(); it keeps a copy of DeviceSlots::keep_alive for as long as it might.
class BufferDevice {
public:
    virtual ~BufferDevice() = default;
    BufferDevice() = default;
    BufferDevice(const BufferDevice&) = delete;
    BufferDevice& operator=(const BufferDevice&) = delete;

    [[nodiscard]] virtual std::string_view device_name() const noexcept = 0;
    /// Housekeeping, for example reconnecting with back-off. Once per cycle; must not block.
    virtual int do_work(Nanos now_ns) noexcept = 0;
    /// Whether buffers can be announced and filled now. Turning false makes the pump stop the device.
    [[nodiscard]] virtual bool is_connected() const noexcept = 0;
    /// Bytes of one frame: the least a slot must hold.
    [[nodiscard]] virtual std::uint32_t payload_bytes() const noexcept = 0;

    /// Registers every slot, once per mapping. The device is stopped and holds no buffers. May throw Error.
    virtual void announce_buffers(const DeviceSlots& slots) = 0;
    /// Hands one announced slot over to be filled. False: refused, and the device will not touch the slot.
    [[nodiscard]] virtual bool queue(std::uint32_t slot, std::byte* address,
                                     std::uint64_t cookie) noexcept = 0;
    /// Begins to fill queued buffers. May throw Error.
    virtual void start() = 0;
    /// Ends filling. Every queued buffer comes back through poll(), finished ones as Filled.
    virtual void stop() noexcept = 0;
    /// Fills `out` with what came back and returns how much that was.
    [[nodiscard]] virtual std::size_t poll(std::span<BufferCompletion> out) noexcept = 0;
    /// Undoes announce_buffers(). The device is stopped and holds no buffers.
    virtual void withdraw_buffers() noexcept = 0;
};

struct DevicePumpOptions {
    std::uint16_t pool_id = 0;  ///< 0: the pool with the smallest slots that hold a frame
    /// Buffers kept at the device. The producer's max_in_flight limits it too.
    std::uint32_t queued = 8;
    Nanos retry_initial_ns = 100 * kNanosPerMilli;  ///< after a start that failed; doubles up to retry_max_ns
    Nanos retry_max_ns = 2 * kNanosPerSecond;
    /// Publishes exactly this many frames, then stops as after stop(); 0: no limit. What the device still
    /// holds then is abandoned; the device is kept at `queued` buffers until the end. With a device that
    /// returns buffers out of order an earlier one may be among these: a gap before the last frame.
    std::uint64_t frame_limit = 0;
};

enum class PumpState : std::uint8_t {
    Waiting,    ///< for the producer to be ready and the device to be connected
    Streaming,  ///< buffers are at the device and come back as frames
    Stopping,   ///< the device was told to stop and still holds buffers
    Stopped,    ///< after stop(), until start()
};

[[nodiscard]] std::string_view to_string(PumpState state) noexcept;

/// Totals since construction. Every queued buffer ends in exactly one of the five below it, or is
/// outstanding: buffers_queued = frames_published + frames_incomplete + frames_refused + frames_stale +
/// buffers_returned
/// + outstanding().
struct DevicePumpCounters {
    std::uint64_t buffers_queued = 0;
    std::uint64_t frames_published = 0;   ///< committed, with or without a subscriber
    std::uint64_t frames_incomplete = 0;  ///< a gap: the device could not fill the buffer
    std::uint64_t frames_refused = 0;  ///< a gap: data outside its slot, or a layout that contradicts itself
    std::uint64_t frames_stale = 0;  ///< whole, but the lease was lost or the reservation timed out meanwhile
    std::uint64_t buffers_returned = 0;  ///< a gap: unused when the device stopped, or behind frame_limit
    std::uint64_t bytes_published = 0;
    std::uint64_t frames_missed = 0;  ///< the device made them but had no buffer, or lost all of them
    std::uint64_t buffers_overdue =
        0;  ///< overtaken by so many later ones that the pump no longer counts on them
    std::uint64_t completions_unexpected = 0;  ///< for a buffer that was not out; ignored
    std::uint64_t queue_refused_overrun = 0;   ///< the producer's max_in_flight is reached
    std::uint64_t queue_refused_busy = 0;      ///< the device still holds the slot that was next
    std::uint64_t queue_refused_device = 0;
    std::uint64_t device_starts = 0;
    std::uint64_t device_start_failures = 0;
    std::uint64_t device_losses = 0;   ///< the device disconnected while streaming
    std::uint64_t mapping_losses = 0;  ///< the lease ended or the memory was replaced while streaming
    std::uint64_t handler_errors = 0;
};

/// A frame on its way out, for statistics and tests.
struct PumpedFrame {
    std::uint64_t seq = 0;
    std::uint32_t slot = 0;
    const std::byte* data = nullptr;
    PublishResult result = PublishResult::Published;
    const BufferCompletion& completion;
};

/// Keeps a device supplied with payload slots and publishes what it fills: no frame is copied.
///
/// Registers all slots of one pool, keeps `queued` of them at the device, publishes each as it completes, in
/// any order, and turns damaged ones into gaps. When the lease ends or the device disconnects, it stops the
/// device, waits for its buffers, registers the new slots and starts again. Stopping leaves a gap in `seq`
/// for every buffer that was still unused.
///
/// Not thread-safe: drive it on the producer's thread, after the producer, for example in a CompositeAgent. A
/// buffer waits `queued` frame periods for its turn: give the producer a reservation_timeout_ns above that,
/// or 0 for a device with a trigger.
class DevicePump final : public Agent {
public:
    /// `producer` and `device` must outlive the pump. Throws Error when the options are invalid.
    DevicePump(Producer& producer, BufferDevice& device, DevicePumpOptions options = {});
    /// Stops the device and abandons what it held. The device's copy of the mapping outlives the pump.
    ~DevicePump() override;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "device-pump"; }

    /// Stops the device; frames it already finished are still published. do_work() carries it on.
    void stop() noexcept;
    /// stop() and drive the pump until Stopped; false when `deadline_ns` passed first.
    bool await_stopped(Nanos deadline_ns) noexcept;
    /// Starts again after stop().
    void start() noexcept;

    /// Called with each whole frame just before it is published, on the driving thread, to add what the
    /// device does not know: a trace id, a metadata version. One that throws is counted; the frame is
    /// published.
    void before_publish(std::function<void(FrameInfo&)> handler);
    /// Called after each publish, on the driving thread.
    void on_frame(std::function<void(const PumpedFrame&)> handler);

    [[nodiscard]] PumpState state() const noexcept;
    /// Buffers at the device.
    [[nodiscard]] std::uint32_t outstanding() const noexcept;
    [[nodiscard]] const DevicePumpCounters& counters() const noexcept;
    /// Why the pump does not stream; empty when it does or nothing went wrong.
    [[nodiscard]] const std::string& last_error() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
