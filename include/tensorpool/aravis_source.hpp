// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/device_pump.hpp>
#include <tensorpool/error.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// GenICam cameras (GigE Vision, USB3 Vision) through Aravis. Lives in a library of its own,
// tensorpool::aravis, because only it needs libaravis; absent when Aravis was not found at configure time.

namespace tensorpool {

/// One camera that answers.
struct CameraDescription {
    std::string id;        ///< opens it: vendor-model-serial
    std::string address;   ///< IP address, or the bus address of a USB camera
    std::string protocol;  ///< "GigEVision", "USB3Vision"
    std::string vendor;
    std::string model;
    std::string serial;
};

/// Looks for cameras; takes about a second, the time GigE Vision allows for answers. Not thread-safe.
[[nodiscard]] std::vector<CameraDescription> list_cameras();

struct CameraRegion {
    std::int32_t x = 0;
    std::int32_t y = 0;
    std::int32_t width = 0;   ///< 0 = as it is
    std::int32_t height = 0;  ///< 0 = as it is
};

/// How a GigE Vision stream is received.
enum class PacketReception : std::uint8_t {
    Auto,          ///< the kernel's packet ring where the socket buffer could not hold a frame, else a socket
    Socket,        ///< a plain UDP socket: lowest latency; needs net.core.rmem_max above the frame size
    PacketSocket,  ///< the kernel's packet ring: most tolerant of bursts; needs CAP_NET_RAW, else Socket
};

/// What is left empty keeps the camera's own setting.
struct AravisSourceOptions {
    std::string camera;  ///< id, IP address or MAC; empty: the first that answers
    std::optional<CameraRegion> region;
    std::string pixel_format;  ///< PFNC name: "Mono8", "Mono12", "BayerRG8", "RGB8", ...
    std::optional<double> frame_rate_hz;
    std::optional<double> exposure_time_us;
    std::optional<double> gain;
    PacketReception reception = PacketReception::Auto;
    std::uint32_t packet_size = 0;  ///< GigE: 0 = tested by Aravis; 9000 on the loopback interface
    bool packet_resend = true;      ///< GigE: ask for lost packets again where the camera can
    /// After a connection was lost: pause between attempts, doubling up to the second.
    Nanos reconnect_initial_ns = 200 * kNanosPerMilli;
    Nanos reconnect_max_ns = 2 * kNanosPerSecond;
};

enum class CameraSetting : std::uint8_t { PixelFormat, Region, FrameRate, ExposureTime, Gain };

/// The camera cannot have a setting. what() names camera, setting and reason; reason() leaves the first two
/// to a program that knows how its user asked for it.
class CameraSettingError : public Error {
public:
    CameraSettingError(CameraSetting setting, const std::string& what_was_set, const std::string& reason)
        : Error(ErrorCode::InvalidArgument, what_was_set + ": " + reason),
          setting_(setting),
          reason_(reason) {}

    [[nodiscard]] CameraSetting setting() const noexcept { return setting_; }
    /// What is wrong and what would be valid, on one line.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    CameraSetting setting_;
    std::string reason_;
};

/// Totals since construction.
struct AravisSourceCounters {
    std::uint64_t frames_complete = 0;
    std::uint64_t frames_damaged = 0;      ///< packets missing
    std::uint64_t frames_unsupported = 0;  ///< whole, but without a tensor layout
    std::uint64_t frames_missed = 0;       ///< ids that never arrived: no buffer, or nothing received
    std::uint64_t connections_lost = 0;
    std::uint64_t reconnects = 0;
    std::uint64_t reconnect_failures = 0;  ///< the camera answered but could not be set up
    std::uint64_t clock_jumps = 0;         ///< the camera's clock jumped by more than a second
};

/// A GenICam camera as a BufferDevice. Aravis' receiving thread writes packets straight into the payload
/// slots.
///
/// Time stamps are the camera's own, moved to this host's CLOCK_MONOTONIC by the smallest transfer delay seen
/// in each second (docs: ClockMapper), strictly increasing (WIRE-167). Camera frame ids and untouched time
/// stamps travel in BufferCompletion.
///
/// A camera that stops answering is given up by Aravis' heartbeat after about six seconds. do_work() then
/// asks for it with one datagram per attempt and opens it again, with the same settings, when it answers.
/// Opening takes tens of milliseconds; nothing else in do_work() waits. The only threads are Aravis' own. Not
/// thread-safe: one thread calls every member.
class AravisSource final : public BufferDevice {
public:
    /// Opens and configures the camera. Throws Error(NotFound) naming what is there, Error(Unsupported) when
    /// its pixel format has no tensor layout, CameraSettingError when it cannot have a setting,
    /// Error(DeviceError) for any other failure.
    explicit AravisSource(AravisSourceOptions options);
    /// Waits up to five seconds for a camera that does not answer.
    ~AravisSource() override;

    [[nodiscard]] const CameraDescription& camera() const noexcept;
    /// Shape and length of its frames.
    [[nodiscard]] const FrameInfo& frame_format() const noexcept;
    [[nodiscard]] std::string_view pixel_format() const noexcept;
    /// What the camera says it will deliver; 0 = it does not say.
    [[nodiscard]] double frame_rate_hz() const noexcept;
    [[nodiscard]] const AravisSourceCounters& counters() const noexcept;
    /// Why the camera is not connected; empty when it is.
    [[nodiscard]] const std::string& last_error() const noexcept;
    /// Wakes when a frame completed: for WaitIdle.
    [[nodiscard]] Waiter& waiter() noexcept;

    [[nodiscard]] std::string_view device_name() const noexcept override;
    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] bool is_connected() const noexcept override;
    [[nodiscard]] std::uint32_t payload_bytes() const noexcept override;
    void announce_buffers(const DeviceSlots& slots) override;
    [[nodiscard]] bool queue(std::uint32_t slot, std::byte* address, std::uint64_t cookie) noexcept override;
    void start() override;
    void stop() noexcept override;
    [[nodiscard]] std::size_t poll(std::span<BufferCompletion> out) noexcept override;
    void withdraw_buffers() noexcept override;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
