// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp_camera/camera_run.hpp"

#include "common/report.hpp"
#include "common/stats_line.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/device_pump.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/producer.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace tensorpool::apps {

namespace {

/// Bounds how late a timer of the idle program is, and how long a signal that hits between two looks waits.
constexpr Nanos kLongestWait = 10 * kNanosPerMilli;
constexpr Nanos kStopPatience = 2 * kNanosPerSecond;

/// The simulator of --fake. It is started again when somebody ends it, so that unplugging can be tried out.
class Simulator {
public:
    Simulator() { start(); }

    void keep_alive() {
        if (process_ && process_->running()) return;
        try {
            start();
            std::fprintf(stderr, "tp-camera: the simulated camera ended and was started again\n");
        } catch (const Error& error) {
            process_.reset();
            std::fprintf(stderr, "tp-camera: %s\n", error.what());
        }
    }

private:
    void start() {
        process_.reset();
        process_ = std::make_unique<FakeCameraProcess>(sibling_program("tp-fake-camera"), "127.0.0.1",
                                                       fmt::format("TP{}", ::getpid()));
    }

    std::unique_ptr<FakeCameraProcess> process_;
};

AravisSource open_camera(const CameraOptions& options) {
    try {
        return AravisSource(options.source_options());
    } catch (const CameraSettingError& error) {
        throw UsageError(options.option_for(error.setting()) + ": " + error.reason());
    }
}

ProducerOptions producer_options(const CameraOptions& options, std::uint32_t payload_bytes) {
    ProducerOptions producer;
    producer.stream_id = options.stream_id;
    producer.endpoints = options.endpoints;
    producer.publish_mode = PublishMode::ExistingOrCreate;  // the driver's policy decides
    producer.allowed_base_dirs = {options.shm_dir};
    // A buffer waits for its turn at the camera, which may take for ever with a trigger; Aravis returns all.
    producer.reservation_timeout_ns = 0;
    if (options.standalone) {
        StandaloneLayout& layout = producer.standalone.emplace();
        layout.base_dir = options.shm_dir;
        layout.header_nslots = options.slots;
        layout.pools = {{1, std::max(64u, std::bit_ceil(payload_bytes))}};
    }
    return producer;
}

class CameraRun {
public:
    explicit CameraRun(const CameraOptions& options)
        : options_(options),
          simulator_(options.fake ? std::make_optional<Simulator>() : std::nullopt),
          source_(open_camera(options)),
          context_(options.telemetry.applied_to(options.messaging.context_options())),
          telemetry_(context_, options.telemetry, "tp-camera"),
          producer_(context_, producer_options(options, source_.payload_bytes())),
          tracer_(
              options.trace.make_tracer(context_, options.stream_id, options.endpoints, options.standalone)),
          pump_(producer_, source_, pump_options(options)),
          agents_("tp-camera", {&producer_, &pump_}) {
        // Buffers that come back unused after the last frame are no loss.
        pump_.on_frame([this](const PumpedFrame&) { returned_ = pump_.counters().buffers_returned; });
        if (tracer_) pump_.before_publish([this](FrameInfo& info) { info.trace_id = tracer_->mint(); });
    }

    ExitCode run();

private:
    static DevicePumpOptions pump_options(const CameraOptions& options) {
        DevicePumpOptions pump;
        pump.frame_limit = options.frames;
        return pump;
    }

    void await_streaming();
    void stream();
    [[nodiscard]] StreamTotals totals() const;
    [[nodiscard]] Report summary(Nanos now_ns) const;
    bool print_line(const std::string& line) const;

    const CameraOptions& options_;
    std::optional<Simulator> simulator_;
    AravisSource source_;
    Context context_;
    ProgramTelemetry telemetry_;
    Producer producer_;
    std::unique_ptr<Tracer> tracer_;
    DevicePump pump_;
    CompositeAgent agents_;
    WaitIdle idle_{source_.waiter(), kLongestWait};
    StatsLine stats_{0};
    std::uint64_t epoch_ = 0;
    std::uint64_t returned_ = 0;  // before the newest frame
    const char* stopped_by_ = "signal";
};

ExitCode CameraRun::run() {
    await_streaming();
    stream();
    const Nanos end_ns = monotonic_now_ns();
    pump_.await_stopped(end_ns + kStopPatience);
    const Report report = summary(end_ns);
    const std::string line = options_.json ? to_json_line(report) : to_message_line(report);
    std::ignore = std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
    if (pump_.counters().frames_published > 0 || stop_requested()) return ExitCode::Ok;
    throw Error(ErrorCode::DeviceError,
                fmt::format("{} delivered no whole frame in {} s", source_.camera().id, options_.duration_s));
}

/// Until buffers are at the camera for the first time; later losses are waited out.
void CameraRun::await_streaming() {
    const Nanos deadline_ns = deadline_after(options_.timeout_ms / 1000.0);
    while (!stop_requested() && pump_.state() == PumpState::Waiting) {
        const Nanos now_ns = monotonic_now_ns();
        drive(tracer_.get(), producer_, now_ns);
        const int work = agents_.do_work(now_ns);
        if (now_ns >= deadline_ns) {
            const std::string why = producer_.is_ready() ? pump_.last_error() : producer_.last_error();
            throw Error(ErrorCode::NotFound,
                        fmt::format("stream {}: nothing can be published after {} ms: {}{}",
                                    options_.stream_id, options_.timeout_ms, why,
                                    options_.standalone ? "" : "; --standalone works without a driver"));
        }
        idle_.idle(work);
    }
}

void CameraRun::stream() {
    const Nanos begin_ns = monotonic_now_ns();
    stats_ = StatsLine(begin_ns);
    const CameraDescription& camera = source_.camera();
    const TensorLayout& image = source_.frame_format().tensor;
    epoch_ = producer_.epoch();
    bool is_read = print_line(fmt::format(
        "camera={} address={} pixel_format={} width={} height={} rate_hz={} stream_id={} epoch={}", camera.id,
        camera.address, source_.pixel_format(), image.dims[1], image.dims[0], source_.frame_rate_hz(),
        options_.stream_id, epoch_));
    const Nanos length_ns = static_cast<Nanos>(options_.duration_s * static_cast<double>(kNanosPerSecond));
    while (!stop_requested()) {
        const Nanos now_ns = monotonic_now_ns();
        drive(tracer_.get(), producer_, now_ns);
        const int work = agents_.do_work(now_ns);
        if (producer_.is_ready()) epoch_ = producer_.epoch();
        if (stats_.due(now_ns)) {
            is_read = print_line(stats_.next(now_ns, totals()));
            if (simulator_) simulator_->keep_alive();
        }
        if (!is_read) {
            stopped_by_ = "closed output";
            return;
        }
        if (pump_.state() == PumpState::Stopped) {
            stopped_by_ = "frames";
            return;
        }
        if (length_ns > 0 && now_ns - begin_ns >= length_ns) {
            stopped_by_ = "duration";
            return;
        }
        idle_.idle(work);
    }
}

StreamTotals CameraRun::totals() const {
    const DevicePumpCounters& pump = pump_.counters();
    const ProducerCounters& producer = producer_.counters();
    const std::uint64_t descriptors_lost =
        producer.descriptor_back_pressured + producer.descriptor_admin_action + producer.descriptor_closed +
        producer.descriptor_max_position_exceeded + producer.descriptor_errors;
    return {pump.frames_published,
            pump.bytes_published,
            {{"incomplete", pump.frames_incomplete},
             {"missed", pump.frames_missed},
             {"returned", returned_},
             {"refused", pump.frames_refused},
             {"stale", pump.frames_stale},
             {"descriptor_lost", descriptors_lost}}};
}

Report CameraRun::summary(Nanos now_ns) const {
    const StreamTotals moved = totals();
    const Nanos elapsed_ns = stats_.elapsed_ns(now_ns);
    Report report;
    report["type"] = "Summary";
    report["camera"] = source_.camera().id;
    report["address"] = source_.camera().address;
    report["pixel_format"] = source_.pixel_format();
    report["width"] = source_.frame_format().tensor.dims[1];
    report["height"] = source_.frame_format().tensor.dims[0];
    report["mode"] = options_.standalone ? "standalone" : "driver";
    report["stream_id"] = options_.stream_id;
    report["epoch"] = epoch_;
    report["stopped_by"] = stopped_by_;
    report["elapsed_s"] = static_cast<double>(elapsed_ns) / static_cast<double>(kNanosPerSecond);
    report["frames"] = moved.frames;
    report["bytes"] = moved.bytes;
    report["frames_per_s"] = per_second(moved.frames, elapsed_ns);
    report["mb_per_s"] = per_second(moved.bytes, elapsed_ns) / 1e6;
    report["gaps"] = sum_of(moved.gaps);
    for (const NamedCount& gap : moved.gaps) report[std::string(gap.name)] = gap.count;
    report["camera_losses"] = pump_.counters().device_losses;
    report["camera_returns"] = source_.counters().reconnects;
    report["mapping_losses"] = pump_.counters().mapping_losses;
    report_trace(report, tracer_.get());
    return report;
}

/// False when nobody reads the output any more.
bool CameraRun::print_line(const std::string& line) const {
    std::FILE* const out = options_.json ? stderr : stdout;
    return std::fprintf(out, "%s\n", line.c_str()) > 0 && std::fflush(out) == 0;
}

}  // namespace

ExitCode run_camera(const CameraOptions& options) {
    start_logging();
    stop_on_signals();
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe shows when it is written to; nothing must be left behind
    return CameraRun(options).run();
}

}  // namespace tensorpool::apps
