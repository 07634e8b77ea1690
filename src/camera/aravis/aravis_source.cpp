// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/aravis_source.hpp>

#include "base/log.hpp"
#include "base/spsc_queue.hpp"
#include "camera/aravis/camera_device.hpp"
#include "camera/aravis/glib_ptr.hpp"
#include "camera/aravis/gv_probe.hpp"
#include "camera/aravis/reconnector.hpp"
#include "camera/clock_mapper.hpp"
#include "camera/completion_signal.hpp"
#include "camera/frame_id_tracker.hpp"
#include "camera/pixel_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool {

using camera::CameraDevice;
using camera::ImageGeometry;
using camera::ObjectPtr;

namespace {

/// What the receiving thread notes about a buffer it is done with.
struct ReceivedBuffer {
    enum class Kind : std::uint8_t { Whole, Damaged, Unsupported, Aborted };

    Kind kind = Kind::Aborted;
    std::uint32_t slot = 0;
    const std::byte* data = nullptr;
    ImageGeometry image;
    std::uint64_t device_timestamp_ns = 0;
    std::uint64_t frame_id = 0;
    Nanos arrival_ns = 0;
};

/// When the frame began to arrive. Aravis stamps its first packet in real time; only the distance to now is
/// used, and not at all when the clock was set in between.
Nanos arrival_of(ArvBuffer* buffer) noexcept {
    const Nanos now_ns = monotonic_now_ns();
    const Nanos age_ns = realtime_now_ns() - static_cast<Nanos>(arv_buffer_get_system_timestamp(buffer));
    return age_ns >= 0 && age_ns < kNanosPerSecond ? now_ns - age_ns : now_ns;
}

void describe_whole(ArvBuffer* buffer, ReceivedBuffer& received) noexcept {
    received.frame_id = arv_buffer_get_frame_id(buffer);
    received.device_timestamp_ns = arv_buffer_get_timestamp(buffer);
    received.arrival_ns = arrival_of(buffer);
    const ArvBufferPayloadType type = arv_buffer_get_payload_type(buffer);
    const bool is_image = type == ARV_BUFFER_PAYLOAD_TYPE_IMAGE ||
                          type == ARV_BUFFER_PAYLOAD_TYPE_EXTENDED_CHUNK_DATA ||
                          type == ARV_BUFFER_PAYLOAD_TYPE_MULTIPART;
    if (!is_image || arv_buffer_get_n_parts(buffer) == 0) return;
    size_t bytes = 0;
    received.data = static_cast<const std::byte*>(arv_buffer_get_part_data(buffer, 0, &bytes));
    received.image.received_bytes = bytes;
    received.image.pixel_format = arv_buffer_get_part_pixel_format(buffer, 0);
    received.image.width = arv_buffer_get_part_width(buffer, 0);
    received.image.height = arv_buffer_get_part_height(buffer, 0);
    gint row_padding = 0;
    gint end_padding = 0;
    arv_buffer_get_part_padding(buffer, 0, &row_padding, &end_padding);
    received.image.row_padding_bytes = row_padding;
    received.kind = ReceivedBuffer::Kind::Whole;
}

}  // namespace

std::vector<CameraDescription> list_cameras() {
    using camera::text_or_empty;
    arv_update_device_list();
    std::vector<CameraDescription> cameras;
    for (unsigned int i = 0; i < arv_get_n_devices(); ++i) {
        CameraDescription& camera = cameras.emplace_back();
        camera.id = text_or_empty(arv_get_device_id(i));
        camera.address = text_or_empty(arv_get_device_address(i));
        camera.protocol = text_or_empty(arv_get_device_protocol(i));
        camera.vendor = text_or_empty(arv_get_device_vendor(i));
        camera.model = text_or_empty(arv_get_device_model(i));
        camera.serial = text_or_empty(arv_get_device_serial_nbr(i));
    }
    return cameras;
}

class AravisSource::Impl {
public:
    explicit Impl(AravisSourceOptions opts);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    int do_work(Nanos now_ns) noexcept;
    void announce(const DeviceSlots& slots);
    bool queue(std::uint32_t slot, std::byte* address, std::uint64_t cookie) noexcept;
    void start();
    void stop() noexcept;
    std::size_t poll(std::span<BufferCompletion> out) noexcept;
    void withdraw() noexcept;

    AravisSourceOptions options;
    CameraDescription description;
    FrameInfo format;
    std::string pixel_format;
    double rate_hz = 0;
    std::uint32_t payload_bytes = 0;
    bool connected = false;
    AravisSourceCounters counters;
    std::string last_error;
    camera::CompletionSignal signal;

private:
    /// One per slot. The address of its entry is the user data of the slot's ArvBuffer.
    struct Registered {
        std::uint32_t slot = 0;
        bool queued = false;
        std::uint64_t cookie = 0;
        ObjectPtr<ArvBuffer> buffer;
    };

    static void on_stream(void* self, ArvStreamCallbackType type, ArvBuffer* buffer);
    void on_buffer_done(ArvBuffer* buffer) noexcept;  // receiving thread
    void adopt(std::unique_ptr<CameraDevice> device);
    void complete(const ReceivedBuffer& received, BufferCompletion& out) noexcept;
    void lose_connection() noexcept;
    void try_reconnect(Nanos now_ns) noexcept;
    void close_parked() noexcept;

    std::atomic<bool> lost_{false};
    std::unique_ptr<CameraDevice> device_;
    ObjectPtr<ArvStream> stream_;
    ArvStream* receiving_ = nullptr;  // stream_, also while it is being destroyed
    bool acquiring_ = false;

    DeviceSlots slots_;
    std::vector<Registered> registered_;
    std::unique_ptr<base::SpscQueue<ReceivedBuffer>> received_;
    std::size_t next_returned_ = 0;

    camera::FrameIdTracker frame_ids_;
    camera::ClockMapper clock_;
    std::uint64_t damaged_since_whole_ = 0;

    // A lost camera's objects. Closing them means writing to the camera, which blocks until it answers again.
    std::unique_ptr<CameraDevice> parked_device_;
    ObjectPtr<ArvStream> parked_stream_;
    std::optional<camera::Reconnector> reconnector_;
};

AravisSource::Impl::Impl(AravisSourceOptions opts) : options(std::move(opts)) {
    if (options.reconnect_initial_ns <= 0 || options.reconnect_max_ns < options.reconnect_initial_ns)
        throw Error(ErrorCode::InvalidArgument,
                    "AravisSource: reconnect_initial_ns must be positive and at most reconnect_max_ns");
    adopt(std::make_unique<CameraDevice>(options, lost_));
}

AravisSource::Impl::~Impl() {
    stop();
    withdraw();
    close_parked();
}

void AravisSource::Impl::adopt(std::unique_ptr<CameraDevice> device) {
    device_ = std::move(device);
    description = device_->description;
    format = device_->frame_format;
    pixel_format = device_->pixel_format;
    rate_hz = device_->frame_rate_hz;
    payload_bytes = device_->payload_bytes;
    clock_.reset();
    connected = true;
    last_error.clear();
}

// ---- the receiving thread -------------------------------------------------------------------------------

void AravisSource::Impl::on_stream(void* self, ArvStreamCallbackType type, ArvBuffer* buffer) {
    if (type == ARV_STREAM_CALLBACK_TYPE_BUFFER_DONE && buffer != nullptr)
        static_cast<Impl*>(self)->on_buffer_done(buffer);
}

void AravisSource::Impl::on_buffer_done(ArvBuffer* buffer) noexcept {
    // The stream put it into its output queue, where nobody else would take it from. `registered_` has a
    // reference of its own.
    const ObjectPtr<ArvBuffer> popped(arv_stream_try_pop_buffer(receiving_));
    const auto* const registered = static_cast<const Registered*>(arv_buffer_get_user_data(buffer));
    ReceivedBuffer received;
    received.slot = registered->slot;
    switch (arv_buffer_get_status(buffer)) {
        case ARV_BUFFER_STATUS_SUCCESS:
            received.kind = ReceivedBuffer::Kind::Unsupported;
            describe_whole(buffer, received);
            break;
        case ARV_BUFFER_STATUS_ABORTED:
        case ARV_BUFFER_STATUS_CLEARED:
            received.kind = ReceivedBuffer::Kind::Aborted;
            break;
        default:
            received.kind = ReceivedBuffer::Kind::Damaged;
            break;
    }
    // Cannot be full: it has room for every buffer, and each is in it at most once.
    std::ignore = received_->push(received);
    signal.notify();
}

// ---- buffers
// ------------------------------------------------------------------------------------------------

void AravisSource::Impl::announce(const DeviceSlots& slots) {
    if (!device_) throw Error(ErrorCode::DeviceError, "the camera is not connected");
    if (slots.stride_bytes < payload_bytes)
        throw Error(ErrorCode::InvalidArgument,
                    fmt::format("{}: frames of {} bytes do not fit slots of {} bytes", description.id,
                                payload_bytes, slots.stride_bytes));
    ObjectPtr<ArvStream> stream = device_->create_stream(&Impl::on_stream, this);
    registered_ = std::vector<Registered>(slots.nslots);
    for (std::uint32_t i = 0; i < slots.nslots; ++i) {
        registered_[i].slot = i;
        registered_[i].buffer.reset(
            arv_buffer_new_full(payload_bytes, slots.slot(i), &registered_[i], nullptr));
    }
    received_ = std::make_unique<base::SpscQueue<ReceivedBuffer>>(slots.nslots);
    next_returned_ = 0;
    slots_ = slots;
    stream_ = std::move(stream);
    receiving_ = stream_.get();  // the receiving thread sees it when it takes the first buffer from its queue
}

bool AravisSource::Impl::queue(std::uint32_t slot, std::byte* address, std::uint64_t cookie) noexcept {
    if (!stream_ || slot >= registered_.size() || registered_[slot].queued || address != slots_.slot(slot))
        return false;
    Registered& registered = registered_[slot];
    registered.queued = true;
    registered.cookie = cookie;
    g_object_ref(registered.buffer.get());
    arv_stream_push_buffer(stream_.get(), registered.buffer.get());
    return true;
}

void AravisSource::Impl::start() {
    frame_ids_.reset();
    damaged_since_whole_ = 0;
    device_->start_acquisition();
    acquiring_ = true;
}

void AravisSource::Impl::stop() noexcept {
    if (acquiring_ && connected) device_->stop_acquisition();
    acquiring_ = false;
    if (!stream_) return;
    if (connected) {
        stream_.reset();  // ends the receiving thread; what it was filling comes back as aborted
    } else {
        arv_stream_stop_thread(stream_.get(), TRUE);
        parked_stream_ = std::move(stream_);
    }
}

std::size_t AravisSource::Impl::poll(std::span<BufferCompletion> out) noexcept {
    if (!received_) return 0;
    std::size_t count = 0;
    ReceivedBuffer received;
    while (count < out.size() && received_->pop(received)) {
        Registered& registered = registered_[received.slot];
        registered.queued = false;
        out[count] = BufferCompletion{};
        out[count].slot = received.slot;
        out[count].cookie = registered.cookie;
        complete(received, out[count]);
        ++count;
    }
    if (stream_) return count;
    // Stopped: buffers the receiving thread never took come back too.
    for (; count < out.size() && next_returned_ < registered_.size(); ++next_returned_) {
        Registered& registered = registered_[next_returned_];
        if (!registered.queued) continue;
        registered.queued = false;
        out[count] = BufferCompletion{};
        out[count].slot = registered.slot;
        out[count].cookie = registered.cookie;
        ++count;
    }
    return count;
}

void AravisSource::Impl::complete(const ReceivedBuffer& received, BufferCompletion& out) noexcept {
    if (received.kind == ReceivedBuffer::Kind::Aborted) return;
    out.outcome = BufferOutcome::Incomplete;
    if (received.kind == ReceivedBuffer::Kind::Damaged) {
        // Its id may be that of an earlier frame: the packet that carries it can be among the missing ones.
        ++damaged_since_whole_;
        ++counters.frames_damaged;
        return;
    }
    out.device_frame_id = received.frame_id;
    out.device_timestamp_ns = received.device_timestamp_ns;
    const std::uint64_t skipped = frame_ids_.missed_before(received.frame_id);
    out.frames_missed_before = skipped - std::min(skipped, damaged_since_whole_);
    damaged_since_whole_ = 0;
    counters.frames_missed += out.frames_missed_before;

    const auto info = camera::describe_image(received.image, payload_bytes);
    if (received.kind == ReceivedBuffer::Kind::Unsupported || !info) {
        ++counters.frames_unsupported;
        return;
    }
    out.outcome = BufferOutcome::Filled;
    out.data = received.data;
    out.info = *info;
    out.info.timestamp_ns = clock_.to_host(received.device_timestamp_ns, received.arrival_ns);
    counters.clock_jumps = clock_.jumps();
    ++counters.frames_complete;
}

void AravisSource::Impl::withdraw() noexcept {
    registered_.clear();
    received_.reset();
    receiving_ = nullptr;
    slots_ = DeviceSlots{};
}

// ---- the connection
// -----------------------------------------------------------------------------------------

int AravisSource::Impl::do_work(Nanos now_ns) noexcept {
    // relaxed: see on_control_lost()
    if (connected && lost_.load(std::memory_order_relaxed)) {
        lose_connection();
        return 1;
    }
    if (connected || stream_) return 0;  // the pump has to take the buffers back first
    const auto before = counters.reconnects + counters.reconnect_failures;
    try_reconnect(now_ns);
    return counters.reconnects + counters.reconnect_failures != before ? 1 : 0;
}

void AravisSource::Impl::lose_connection() noexcept {
    connected = false;
    ++counters.connections_lost;
    try {
        last_error = fmt::format("{} stopped answering; waiting for it", description.id);
        base::log(LogLevel::Warn, "Camera", "{}", last_error);
    } catch (...) {  // out of memory: the counter still tells
    }
}

void AravisSource::Impl::try_reconnect(Nanos now_ns) noexcept {
    try {
        if (!reconnector_) {
            if (device_) parked_device_ = std::move(device_);
            reconnector_.emplace(options, *parked_device_);
        }
        if (!reconnector_->is_reachable(now_ns)) return;
        close_parked();
        lost_.store(false, std::memory_order_relaxed);
        adopt(reconnector_->open(options, lost_));
        reconnector_.reset();
        ++counters.reconnects;
        base::log(LogLevel::Info, "Camera", "{} is back", description.id);
    } catch (const std::exception& error) {
        ++counters.reconnect_failures;
        try {
            last_error = error.what();
            base::log(LogLevel::Warn, "Camera", "{}: {}", description.id, last_error);
        } catch (...) {
        }
    }
}

void AravisSource::Impl::close_parked() noexcept {
    if (parked_stream_) {
        // The library ends the receiving thread itself when it destroys a stream and complains when there is
        // none.
        arv_stream_start_thread(parked_stream_.get());
        parked_stream_.reset();
    }
    parked_device_.reset();
}

// ---- AravisSource -----------------------------------------------------------------------------------------

AravisSource::AravisSource(AravisSourceOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
}
AravisSource::~AravisSource() = default;

const CameraDescription& AravisSource::camera() const noexcept {
    return impl_->description;
}
const FrameInfo& AravisSource::frame_format() const noexcept {
    return impl_->format;
}
std::string_view AravisSource::pixel_format() const noexcept {
    return impl_->pixel_format;
}
double AravisSource::frame_rate_hz() const noexcept {
    return impl_->rate_hz;
}
const AravisSourceCounters& AravisSource::counters() const noexcept {
    return impl_->counters;
}
const std::string& AravisSource::last_error() const noexcept {
    return impl_->last_error;
}
Waiter& AravisSource::waiter() noexcept {
    return impl_->signal;
}
std::string_view AravisSource::device_name() const noexcept {
    return impl_->description.id;
}
int AravisSource::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
bool AravisSource::is_connected() const noexcept {
    return impl_->connected;
}
std::uint32_t AravisSource::payload_bytes() const noexcept {
    return impl_->payload_bytes;
}
void AravisSource::announce_buffers(const DeviceSlots& slots) {
    impl_->announce(slots);
}
bool AravisSource::queue(std::uint32_t slot, std::byte* address, std::uint64_t cookie) noexcept {
    return impl_->queue(slot, address, cookie);
}
void AravisSource::start() {
    impl_->start();
}
void AravisSource::stop() noexcept {
    impl_->stop();
}
std::size_t AravisSource::poll(std::span<BufferCompletion> out) noexcept {
    return impl_->poll(out);
}
void AravisSource::withdraw_buffers() noexcept {
    impl_->withdraw();
}

}  // namespace tensorpool
