// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp_camera/camera_options.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace tensorpool::apps {

namespace {

constexpr const char* kLoopback = "127.0.0.1";

template <typename Number>
bool parse_whole(const std::string& text, Number& value) {
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && after == end;
}

std::string check_positive(const std::string& text) {
    double value = 0;
    const bool valid = parse_whole(text, value) && std::isfinite(value) && value > 0;
    return valid ? "" : "'" + text + "' must be a number above 0";
}

std::string check_slots(const std::string& text) {
    std::uint32_t value = 0;
    const bool valid = parse_whole(text, value) && value >= 2 && std::has_single_bit(value);
    return valid ? "" : "'" + text + "' must be a power of two of at least 2";
}

std::string check_directory(const std::string& text) {
    return text.starts_with('/') ? "" : "'" + text + "' must be an absolute path";
}

}  // namespace

std::optional<CameraRegion> parse_region(const std::string& text) {
    std::array<std::int32_t, 4> numbers{};
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto [after, error] = std::from_chars(at, end, numbers[i]);
        const bool separated = i + 1 < numbers.size() ? after != end && *after == ',' : after == end;
        if (error != std::errc() || !separated) return std::nullopt;
        at = after == end ? end : after + 1;
    }
    return CameraRegion{numbers[0], numbers[1], numbers[2], numbers[3]};
}

void CameraOptions::add_to(const cli::Command& app) {
    app.add_flag("--list", list, "show the cameras that answer, and end");
    app.add_flag("--json", json, "one JSON object on stdout at the end; statistics go to stderr");

    constexpr const char* kCamera = "Camera";
    const cli::Option camera_option =
        app.add_option("--camera", camera,
                       "id from --list, IP address or MAC; default: the first that answers")
            .option_text("ID")
            .group(kCamera);
    app.add_flag("--fake", fake, "start a simulated GigE Vision camera on 127.0.0.1 and use it")
        .excludes(camera_option)
        .group(kCamera);
    app.add_option("--roi", roi, "region of the sensor; W or H 0 keeps the camera's")
        .check([](const std::string& text) {
            return parse_region(text) ? "" : "'" + text + "' must be four whole numbers X,Y,W,H";
        })
        .each([this](const std::string& text) { region = parse_region(text); })
        .option_text("X,Y,W,H")
        .group(kCamera);
    app.add_option("--pixel-format", pixel_format,
                   "Mono8, Mono12, BayerRG8, RGB8, ...; default: the camera's")
        .option_text("NAME")
        .group(kCamera);
    app.add_option("--rate", rate_hz, "frames per second; default: the camera's")
        .check(check_positive)
        .option_text("HZ")
        .group(kCamera);
    app.add_option("--exposure-us", exposure_us, "exposure time in microseconds")
        .check(check_positive)
        .option_text("US")
        .group(kCamera);
    app.add_option("--gain", gain, "gain in the camera's unit").option_text("GAIN").group(kCamera);

    constexpr const char* kStream = "Stream";
    app.add_option("--stream,--stream-id", stream_id, "stream to publish on; environment: TP_STREAM_ID")
        .envname("TP_STREAM_ID")
        .check(cli::range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max() - 1))
        .option_text("ID [10000]")
        .group(kStream);
    app.add_flag("--standalone", standalone, "own the shared memory; default: attach to a running tp driver")
        .group(kStream);
    app.add_option("--slots", slots, "standalone: frames the ring holds, a power of two")
        .check(check_slots)
        .option_text("N [64]")
        .group(kStream);
    app.add_option("--shm-dir", shm_dir,
                   "standalone: where shared memory is made; with a driver: where it may lie")
        .check(check_directory)
        .option_text("DIR [/dev/shm]")
        .group(kStream);
    app.add_option("--timeout-ms", timeout_ms, "longest wait for the first frame to be possible; 0: no limit")
        .option_text("MS [5000]")
        .group(kStream);
    app.add_option("--frames", frames, "end after this many frames")
        .check(cli::positive())
        .option_text("N")
        .group(kStream);
    app.add_option("--duration", duration_s, "end after this many seconds of streaming")
        .check(check_positive)
        .option_text("S")
        .group(kStream);

    trace.add_to(app, kStream);
    messaging.add_to(app);
    telemetry.add_to(app);
    add_endpoint(app, "control", endpoints.control, "TP_CONTROL_CHANNEL", "TP_CONTROL_STREAM_ID");
    add_endpoint(app, "announce", endpoints.announce);
    add_endpoint(app, "descriptor", endpoints.descriptor);
    app.parse_complete_callback([this, app] {  // the driver announces on control unless told otherwise
        if (app.count("--announce-channel") + app.count("--announce-stream-id") == 0)
            endpoints.announce = endpoints.control;
    });
}

AravisSourceOptions CameraOptions::source_options() const {
    AravisSourceOptions source;
    source.camera = fake ? kLoopback : camera;
    source.region = region;
    source.pixel_format = pixel_format;
    source.frame_rate_hz = rate_hz;
    source.exposure_time_us = exposure_us;
    source.gain = gain;
    return source;
}

std::string CameraOptions::option_for(CameraSetting setting) const {
    switch (setting) {
        case CameraSetting::PixelFormat:
            return "--pixel-format " + pixel_format;
        case CameraSetting::Region:
            return "--roi " + roi;
        case CameraSetting::FrameRate:
            return fmt::format("--rate {}", rate_hz.value_or(0));
        case CameraSetting::ExposureTime:
            return fmt::format("--exposure-us {}", exposure_us.value_or(0));
        case CameraSetting::Gain:
            break;
    }
    return fmt::format("--gain {}", gain.value_or(0));
}

}  // namespace tensorpool::apps
