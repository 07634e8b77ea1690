// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "camera/aravis/glib_ptr.hpp"
#include "camera/aravis/gv_probe.hpp"

#include <tensorpool/aravis_source.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace tensorpool::camera {

/// One open connection to a camera, configured and ready to stream.
class CameraDevice {
public:
    /// Opens by id, address or MAC. Throws Error.
    CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost);
    /// Opens a USB3 Vision camera by id, without a search on the network. Throws Error.
    CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost, const std::string& usb_id);
    /// Opens a GigE Vision camera whose address is known, without a search. Throws Error.
    CameraDevice(const AravisSourceOptions& options, std::atomic<bool>& lost, const GvAddress& address);
    ~CameraDevice();
    CameraDevice(const CameraDevice&) = delete;
    CameraDevice& operator=(const CameraDevice&) = delete;

    /// A receiving thread that calls `callback`. Throws Error.
    [[nodiscard]] ObjectPtr<ArvStream> create_stream(ArvStreamCallback callback, void* user_data);
    void start_acquisition();
    void stop_acquisition() noexcept;

    /// Empty for cameras that are not GigE Vision.
    [[nodiscard]] const std::optional<GvAddress>& gv_address() const noexcept { return gv_address_; }
    /// As in discovery answers.
    [[nodiscard]] const std::string& gv_serial() const noexcept { return gv_serial_; }

    CameraDescription description;
    FrameInfo frame_format;
    std::string pixel_format;
    double frame_rate_hz = 0;
    std::uint32_t payload_bytes = 0;

private:
    void adopt(ArvDevice* device);
    void configure(const AravisSourceOptions& options);
    void configure_image(const AravisSourceOptions& options);
    void configure_region(const CameraRegion& region);
    void configure_transport(const AravisSourceOptions& options);
    void describe();
    void watch(std::atomic<bool>& lost);

    ObjectPtr<ArvCamera> camera_;
    std::optional<GvAddress> gv_address_;
    std::string gv_serial_;
    bool resend_ = true;
    unsigned long signal_ = 0;
};

}  // namespace tensorpool::camera
