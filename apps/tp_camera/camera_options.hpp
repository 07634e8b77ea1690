// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"
#include "common/messaging_options.hpp"
#include "common/telemetry_options.hpp"
#include "common/trace_options.hpp"

#include <tensorpool/aravis_source.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tensorpool::apps {

/// The command line of tp-camera.
struct CameraOptions {
    bool list = false;
    bool json = false;

    std::string camera;
    bool fake = false;
    std::string roi;  ///< as typed, for messages
    std::optional<CameraRegion> region;
    std::string pixel_format;
    std::optional<double> rate_hz;
    std::optional<double> exposure_us;
    std::optional<double> gain;

    std::uint32_t stream_id = 10000;
    bool standalone = false;
    std::uint32_t slots = 64;
    std::string shm_dir = "/dev/shm";
    std::uint32_t timeout_ms = 5000;
    std::uint64_t frames = 0;
    double duration_s = 0;

    TraceOptions trace;
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    StreamEndpoints endpoints;

    /// `this` must outlive the parsing of `app`.
    void add_to(const cli::Command& app);

    [[nodiscard]] AravisSourceOptions source_options() const;
    /// The option that asked for `setting`, with its value, as typed.
    [[nodiscard]] std::string option_for(CameraSetting setting) const;
};

/// "X,Y,W,H"; empty when the text is anything else.
[[nodiscard]] std::optional<CameraRegion> parse_region(const std::string& text);

}  // namespace tensorpool::apps
