// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/aravis/camera_device.hpp"

#include "base/log.hpp"
#include "camera/pixel_format.hpp"
#include "camera/region_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <limits>
#include <tuple>

namespace tensorpool::camera {

namespace {

constexpr std::uint32_t kLoopbackPacketBytes = 9000;
constexpr std::uint64_t kLeastSocketBuffer = 1u << 20;
constexpr std::uint64_t kMostSocketBuffer = 64u << 20;
constexpr std::uint64_t kBootstrapSerial = 0xD8;

std::uint32_t ipv4_of(GSocketAddress* address) {
    GInetAddress* const inet = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), g_inet_address_to_bytes(inet), bytes.size());
    return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
           (std::uint32_t{bytes[2]} << 8) | bytes[3];
}

ObjectPtr<GInetAddress> inet_address(std::uint32_t ipv4) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(ipv4 >> 24), static_cast<std::uint8_t>(ipv4 >> 16),
        static_cast<std::uint8_t>(ipv4 >> 8), static_cast<std::uint8_t>(ipv4)};
    return ObjectPtr<GInetAddress>(g_inet_address_new_from_bytes(bytes.data(), G_SOCKET_FAMILY_IPV4));
}

/// What the kernel lets a socket buffer grow to; 0 when it does not say.
std::uint64_t largest_socket_buffer() {
    unsigned long long bytes = 0;
    if (std::FILE* const file = std::fopen("/proc/sys/net/core/rmem_max", "re")) {
        if (std::fscanf(file, "%llu", &bytes) != 1) bytes = 0;
        std::fclose(file);
    }
    return bytes;
}

std::string names_of_available_formats(ArvCamera* camera) {
    guint count = 0;
    LibraryError error;
    const GArrayPtr<const char*> names(
        arv_camera_dup_available_pixel_formats_as_strings(camera, &count, error.out()));
    std::string text;
    for (guint i = 0; names && i < count; ++i) text += (i == 0 ? "" : ", ") + text_or_empty(names[i]);
    return text;
}

std::string names_of_cameras() {
    std::string text;
    for (const CameraDescription& camera : list_cameras()) text += (text.empty() ? "" : ", ") + camera.id;
    return text.empty() ? "no camera answers" : "these answer: " + text;
}

void on_control_lost(ArvDevice*, void* lost) {
    // relaxed: only a flag; whoever sees it asks the device again anyway
    static_cast<std::atomic<bool>*>(lost)->store(true, std::memory_order_relaxed);
}

}  // namespace

CameraDevice::CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost) {
    LibraryError error;
    camera_.reset(arv_camera_new(options.camera.empty() ? nullptr : options.camera.c_str(), error.out()));
    if (!camera_ && options.camera.empty())
        throw Error(ErrorCode::NotFound, fmt::format("no camera can be opened: {}", names_of_cameras()));
    if (!camera_)
        throw Error(ErrorCode::NotFound, fmt::format("camera '{}' cannot be opened: {}; {}", options.camera,
                                                     error.text(), names_of_cameras()));
    watch(lost);
    configure(options);
}

CameraDevice::CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost,
                           const std::string& usb_id) {
#if ARAVIS_HAS_USB
    LibraryError error;
    ArvInterface* const usb = arv_uv_interface_get_instance();
    arv_interface_update_device_list(usb);
    adopt(ObjectPtr<ArvDevice>(arv_interface_open_device(usb, usb_id.c_str(), error.out())).get());
    watch(lost);
    configure(options);
#else
    std::ignore = lost;
    throw Error(ErrorCode::Unsupported, usb_id + ": this Aravis has no USB support");
#endif
}

CameraDevice::CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost,
                           const GvAddress& address) {
    LibraryError error;
    adopt(ObjectPtr<ArvDevice>(arv_gv_device_new(inet_address(address.interface).get(),
                                                 inet_address(address.device).get(), error.out()))
              .get());
    watch(lost);
    configure(options);
}

void CameraDevice::adopt(ArvDevice* device) {
    if (device == nullptr) throw Error(ErrorCode::DeviceError, "the camera cannot be opened yet");
    LibraryError error;
    camera_.reset(arv_camera_new_with_device(device, error.out()));
    if (!camera_) throw Error(ErrorCode::DeviceError, "the camera cannot be opened yet: " + error.text());
}

CameraDevice::~CameraDevice() {
    if (signal_ != 0) g_signal_handler_disconnect(arv_camera_get_device(camera_.get()), signal_);
}

void CameraDevice::watch(std::atomic<bool>& lost) {
    signal_ = g_signal_connect_data(arv_camera_get_device(camera_.get()), "control-lost",
                                    reinterpret_cast<GCallback>(&on_control_lost), &lost, nullptr,
                                    static_cast<GConnectFlags>(0));
}

void CameraDevice::configure(const AravisSourceOptions& options) {
    ArvCamera* const camera = camera_.get();
    LibraryError error;
    description.vendor = text_or_empty(arv_camera_get_vendor_name(camera, error.out()));
    description.model = text_or_empty(arv_camera_get_model_name(camera, error.out()));
    description.serial = text_or_empty(arv_camera_get_device_serial_number(camera, error.out()));
    description.id = fmt::format("{}-{}-{}", description.vendor, description.model, description.serial);
    description.protocol = arv_camera_is_uv_device(camera) ? "USB3Vision" : "other";
    if (arv_camera_is_gv_device(camera)) {
        auto* const device = reinterpret_cast<ArvGvDevice*>(arv_camera_get_device(camera));
        gv_address_ = GvAddress{ipv4_of(arv_gv_device_get_device_address(device)),
                                ipv4_of(arv_gv_device_get_interface_address(device))};
        const std::uint32_t ip = gv_address_->device;
        description.protocol = "GigEVision";
        description.address =
            fmt::format("{}.{}.{}.{}", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
        std::array<char, 17> serial{};
        arv_device_read_memory(arv_camera_get_device(camera), kBootstrapSerial, 16, serial.data(),
                               error.out());
        error.check(description.id + ": reading the serial number");
        gv_serial_ = serial.data();
    }
    configure_image(options);
    if (gv_address_) configure_transport(options);
}

void CameraDevice::configure_image(const AravisSourceOptions& options) {
    ArvCamera* const camera = camera_.get();
    LibraryError error;
    // Not every camera can choose; one that cannot delivers continuously anyway.
    arv_camera_set_acquisition_mode(camera, ARV_ACQUISITION_MODE_CONTINUOUS, error.out());
    if (!options.pixel_format.empty()) {
        arv_camera_set_pixel_format_from_string(camera, options.pixel_format.c_str(), error.out());
        if (error)
            throw CameraSettingError(
                CameraSetting::PixelFormat,
                fmt::format("{}: pixel format '{}'", description.id, options.pixel_format),
                fmt::format("refused ({}); available: {}", error.text(), names_of_available_formats(camera)));
    }
    if (options.region) configure_region(*options.region);
    const auto set = [&](CameraSetting setting, const char* name, const std::optional<double>& value,
                         const char* unit, auto bounds, auto apply) {
        if (!value) return;
        const auto refuse = [&](const std::string& reason) {
            throw CameraSettingError(setting, fmt::format("{}: {} {}{}", description.id, name, *value, unit),
                                     reason);
        };
        // Aravis moves a value out of range to the nearest bound without a word.
        double least = 0;
        double most = 0;
        bounds(camera, &least, &most, error.out());
        if (!error && least < most && (*value < least || *value > most))
            refuse(fmt::format("the camera's range is {}..{}{}", least, most, unit));
        apply(camera, *value, error.out());
        if (error) refuse(error.text());
    };
    set(CameraSetting::FrameRate, "frame rate", options.frame_rate_hz, " Hz",
        arv_camera_get_frame_rate_bounds, arv_camera_set_frame_rate);
    set(CameraSetting::ExposureTime, "exposure time", options.exposure_time_us, " us",
        arv_camera_get_exposure_time_bounds, arv_camera_set_exposure_time);
    set(CameraSetting::Gain, "gain", options.gain, "", arv_camera_get_gain_bounds, arv_camera_set_gain);
    describe();
}

void CameraDevice::configure_region(const CameraRegion& region) {
    ArvCamera* const camera = camera_.get();
    LibraryError error;
    gint sensor_width = 0;
    gint sensor_height = 0;
    arv_camera_get_sensor_size(camera, &sensor_width, &sensor_height, error.out());
    if (error) sensor_width = sensor_height = 0;  // some do not say: then they judge themselves
    gint x = 0;
    gint y = 0;
    gint width = 0;
    gint height = 0;
    arv_camera_get_region(camera, &x, &y, &width, &height, error.out());
    error.check(description.id + ": region");
    if (region.width != 0) width = region.width;
    if (region.height != 0) height = region.height;

    // Failing bounds leave the defaults; only the lower one does not depend on the region in use.
    gint least_width = 1;
    gint least_height = 1;
    gint ignored = 0;
    arv_camera_get_width_bounds(camera, &least_width, &ignored, error.out());
    arv_camera_get_height_bounds(camera, &least_height, &ignored, error.out());
    std::string problem =
        axis_problem("x", "width", region.x, width,
                     {sensor_width, least_width, arv_camera_get_width_increment(camera, error.out()),
                      arv_camera_get_x_offset_increment(camera, error.out())});
    if (problem.empty())
        problem =
            axis_problem("y", "height", region.y, height,
                         {sensor_height, least_height, arv_camera_get_height_increment(camera, error.out()),
                          arv_camera_get_y_offset_increment(camera, error.out())});
    if (problem.empty()) {
        arv_camera_set_region(camera, region.x, region.y, width, height, error.out());
        if (!error) return;
        problem = error.text();
    }
    throw CameraSettingError(
        CameraSetting::Region,
        fmt::format("{}: region {}x{}+{}+{}", description.id, width, height, region.x, region.y), problem);
}

void CameraDevice::describe() {
    ArvCamera* const camera = camera_.get();
    LibraryError error;
    ImageGeometry image;
    image.pixel_format = arv_camera_get_pixel_format(camera, error.out());
    error.check(description.id + ": pixel format");
    pixel_format = text_or_empty(arv_camera_get_pixel_format_as_string(camera, error.out()));
    gint x = 0;
    gint y = 0;
    arv_camera_get_region(camera, &x, &y, &image.width, &image.height, error.out());
    error.check(description.id + ": region");
    payload_bytes = arv_camera_get_payload(camera, error.out());
    error.check(description.id + ": payload size");
    frame_rate_hz = arv_camera_get_frame_rate(camera, error.out());
    if (error) frame_rate_hz = 0;

    image.received_bytes = std::numeric_limits<std::uint64_t>::max();
    const auto info = describe_image(image, payload_bytes);
    if (!info)
        throw Error(
            ErrorCode::Unsupported,
            fmt::format("{}: {} frames of {}x{} ({} bytes) cannot be published: {}; available formats: {}",
                        description.id, pixel_format, image.width, image.height, payload_bytes,
                        to_string(info.error()), names_of_available_formats(camera)));
    frame_format = *info;
}

void CameraDevice::configure_transport(const AravisSourceOptions& options) {
    ArvCamera* const camera = camera_.get();
    LibraryError error;
    const bool loopback = is_loopback(gv_address_->device);
    const std::uint32_t packet_bytes =
        options.packet_size != 0 ? options.packet_size : (loopback ? kLoopbackPacketBytes : 0);
    if (packet_bytes != 0) {
        arv_camera_gv_set_packet_size_adjustment(camera, ARV_GV_PACKET_SIZE_ADJUSTMENT_NEVER);
        arv_camera_gv_set_packet_size(camera, static_cast<gint>(packet_bytes), error.out());
        error.check(fmt::format("{}: packet size {}", description.id, packet_bytes));
    }
    resend_ = options.packet_resend;

    const std::uint64_t limit = largest_socket_buffer();
    const bool socket_holds_a_frame = limit == 0 || limit >= std::uint64_t{payload_bytes} * 2;
    const bool packet_socket = options.reception == PacketReception::PacketSocket ||
                               (options.reception == PacketReception::Auto && !socket_holds_a_frame);
    if (!packet_socket) arv_camera_gv_set_stream_options(camera, ARV_GV_STREAM_OPTION_PACKET_SOCKET_DISABLED);
    if (!socket_holds_a_frame)
        base::log(LogLevel::Warn, "Camera",
                  "{}: net.core.rmem_max is {} bytes, too small for frames of {} bytes; without CAP_NET_RAW "
                  "packets "
                  "will be lost: sysctl -w net.core.rmem_max={}",
                  description.id, limit, payload_bytes, std::uint64_t{payload_bytes} * 4);
}

ObjectPtr<ArvStream> CameraDevice::create_stream(ArvStreamCallback callback, void* user_data) {
    LibraryError error;
    ObjectPtr<ArvStream> stream(arv_camera_create_stream(camera_.get(), callback, user_data, error.out()));
    if (!stream)
        throw Error(ErrorCode::DeviceError,
                    fmt::format("{}: cannot stream: {}", description.id, error.text()));
    if (gv_address_) {
        const auto buffer =
            std::clamp(std::uint64_t{payload_bytes} * 4, kLeastSocketBuffer, kMostSocketBuffer);
        g_object_set(stream.get(), "socket-buffer", ARV_GV_STREAM_SOCKET_BUFFER_FIXED, "socket-buffer-size",
                     static_cast<gint>(buffer), nullptr);
        if (!resend_) g_object_set(stream.get(), "packet-resend", ARV_GV_STREAM_PACKET_RESEND_NEVER, nullptr);
    }
    return stream;
}

void CameraDevice::start_acquisition() {
    LibraryError error;
    arv_camera_start_acquisition(camera_.get(), error.out());
    error.check(description.id + ": cannot start acquisition");
}

void CameraDevice::stop_acquisition() noexcept {
    LibraryError ignored;  // a camera that does not answer has stopped as far as we can tell
    arv_camera_stop_acquisition(camera_.get(), ignored.out());
}

}  // namespace tensorpool::camera
