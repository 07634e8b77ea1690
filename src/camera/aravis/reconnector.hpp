// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "camera/aravis/camera_device.hpp"
#include "camera/aravis/gv_probe.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tensorpool::camera {

/// Finds a lost camera again, with back-off.
class Reconnector {
public:
    Reconnector(const AravisSourceOptions& options, const CameraDevice& lost_camera)
        : usb_id_(lost_camera.description.id),
          pause_ns_(options.reconnect_initial_ns),
          most_ns_(options.reconnect_max_ns) {
        if (lost_camera.gv_address()) probe_.emplace(*lost_camera.gv_address(), lost_camera.gv_serial());
    }

    /// Whether an attempt to open() makes sense now. Never waits.
    [[nodiscard]] bool is_reachable(Nanos now_ns) {
        const bool due = now_ns >= next_ns_;
        if (due) {
            next_ns_ = now_ns + pause_ns_;
            pause_ns_ = std::min(pause_ns_ * 2, most_ns_);
        }
        if (!probe_) return due;
        const auto answer = probe_->poll(due);
        if (answer) address_ = *answer;
        return answer.has_value();
    }

    /// Throws Error when it does not work yet.
    [[nodiscard]] std::unique_ptr<CameraDevice> open(const AravisSourceOptions& options,
                                                     std::atomic<bool>& lost) {
        if (probe_) return std::make_unique<CameraDevice>(options, lost, address_);
        return std::make_unique<CameraDevice>(options, lost, usb_id_);
    }

private:
    std::optional<GvProbe> probe_;  // GigE Vision only
    std::string usb_id_;
    GvAddress address_;
    Nanos pause_ns_;
    Nanos most_ns_;
    Nanos next_ns_ = 0;
};

}  // namespace tensorpool::camera
