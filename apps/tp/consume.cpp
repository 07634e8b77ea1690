// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp consume: reads one stream in place, or out of a bridge's chunks where it may not, prints a statistics
// line a second, saves frames.

#include "common/choice.hpp"
#include "common/discovery_options.hpp"
#include "common/frame_statistics.hpp"
#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "common/telemetry_options.hpp"
#include "common/tensor_file.hpp"
#include "common/test_pattern.hpp"
#include "messaging/messaging.hpp"
#include "tp/commands.hpp"
#include "wire/frame_descriptor.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/fallback_consumer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tensorpool::apps {
namespace {

constexpr Nanos kLongestWait = 20 * kNanosPerMilli;

struct ConsumeOptions {
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    ConsumerOptions consumer;
    FallbackOptions fallback;
    std::string name;
    std::optional<std::uint32_t> max_rate_hz;
    DiscoveryOptions discovery;
    bool standalone = false;
    bool own_stream = false;
    bool spin = false;
    bool verify = false;
    bool json = false;
    std::uint32_t slow_ms = 0;
    std::uint64_t frames = 0;  // 0: no limit
    double duration_s = 0;
    double interval_s = 1;
    std::pair<std::uint32_t, std::string> save{0, ""};
};

/// Stands for work on a frame: the processor is not needed elsewhere meanwhile, the frame is.
void work_for(std::uint32_t milliseconds) {
    timespec left{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * kNanosPerMilli};
    while (!stop_requested() && ::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0) {
    }
}

/// file.png, or file-0.png, file-1.png, ... for several.
std::string numbered(const std::string& file, std::uint32_t index, std::uint32_t count) {
    if (count == 1) return file;
    const std::filesystem::path path(file);
    return (path.parent_path() /
            fmt::format("{}-{}{}", path.stem().string(), index, path.extension().string()))
        .string();
}

class ConsumeRun {
public:
    ConsumeRun(Context& context, ConsumeOptions& options)
        : context_(context),
          options_(options),
          consumer_(context, options.consumer, options.fallback),
          statistics_(context.clock().now_ns()) {}

    ExitCode run();

private:
    void on_frame(const Frame& frame);
    void save(const Frame& frame);
    void print_interval();
    [[nodiscard]] Report report(const char* type, const FrameStatistics::Rates& rates) const;
    [[nodiscard]] bool done() const {
        return stop_requested() || (options_.frames > 0 && statistics_.frames() >= options_.frames) ||
               (options_.save.first > 0 && options_.frames == 0 && options_.duration_s <= 0 &&
                saved_ >= options_.save.first);
    }

    Context& context_;
    ConsumeOptions& options_;
    /// Wherever they came from.
    [[nodiscard]] std::uint64_t frames_delivered() const {
        return consumer_.consumer().counters().frames_delivered + consumer_.counters().frames_delivered;
    }
    [[nodiscard]] std::uint32_t stream_id() const { return consumer_.consumer().stream_id(); }

    FallbackConsumer consumer_;
    FrameStatistics statistics_;
    std::vector<std::byte> copy_;
    std::uint32_t saved_ = 0;
    std::uint64_t bad_frames_ = 0;
};

void ConsumeRun::save(const Frame& frame) {
    copy_.resize(frame.payload().size());
    if (!frame.copy_to(copy_)) return;  // overwritten meanwhile: the next one will do
    const std::string file = numbered(options_.save.second, saved_, options_.save.first);
    write_tensor(file, frame.tensor(), copy_);
    ++saved_;
    if (!options_.json)
        std::printf("saved %s (seq %llu)\n", file.c_str(), static_cast<unsigned long long>(frame.seq()));
}

void ConsumeRun::on_frame(const Frame& frame) {
    const std::uint64_t stamp =
        frame.publish_timestamp_ns() != 0 ? frame.publish_timestamp_ns() : frame.timestamp_ns();
    const Nanos latency = stamp == 0 ? 0 : context_.clock().now_ns() - static_cast<Nanos>(stamp);
    if (options_.verify && !matches_seq_pattern(frame.seq(), frame.payload()) && frame.intact())
        ++bad_frames_;
    if (saved_ < options_.save.first) save(frame);
    if (options_.slow_ms > 0) work_for(options_.slow_ms);
    statistics_.add(frame.payload().size(), latency);
}

Report ConsumeRun::report(const char* type, const FrameStatistics::Rates& rates) const {
    const ConsumerCounters& c = consumer_.consumer().counters();
    return {{"type", type},
            {"stream_id", stream_id()},
            {"consumer_id", consumer_.consumer().consumer_id()},
            {"mapped", consumer_.is_ready()},
            {"epoch", consumer_.epoch()},
            {"origin", std::string(to_string(consumer_.origin()))},
            {"frames", frames_delivered()},
            {"frames_per_s", rates.frames_per_s},
            {"mb_per_s", rates.bytes_per_s / 1e6},
            {"latency_p50_us", static_cast<double>(rates.latency_p50_ns) / 1e3},
            {"latency_p99_us", static_cast<double>(rates.latency_p99_ns) / 1e3},
            {"drops_gap", c.drops_gap},
            {"drops_late", c.drops_late},
            {"drops_odd", c.drops_odd},
            {"drops_changed", c.drops_changed},
            {"drops_frame_id_mismatch", c.drops_frame_id_mismatch},
            {"drops_header_invalid", c.drops_header_invalid},
            {"drops_payload_invalid", c.drops_payload_invalid},
            {"drops_epoch_mismatch", c.drops_epoch_mismatch},
            {"drops_unmapped", c.drops_unmapped},
            {"overruns", c.overruns},
            {"skipped", c.skipped_latest_only + c.skipped_rate_limited + c.skipped_resync},
            {"remaps", c.remaps},
            {"bad_frames", bad_frames_},
            {"saved", saved_}};
}

void ConsumeRun::print_interval() {
    const FrameStatistics::Rates rates = statistics_.next_interval(context_.clock().now_ns());
    if (options_.json) {
        print_report(report("interval", rates), true);
        return;
    }
    const ConsumerCounters& c = consumer_.consumer().counters();
    const std::uint64_t skipped = c.skipped_latest_only + c.skipped_rate_limited + c.skipped_resync;
    if (!consumer_.is_ready()) {
        std::printf("stream %u: not mapped: %s\n", stream_id(), printable(consumer_.last_error()).c_str());
    } else {
        std::printf(
            "stream %u epoch %llu: %8.1f frames/s %9.1f MB/s  latency p50 %.1f us p99 %.1f us  frames %llu "
            "gap %llu late "
            "%llu skipped %llu%s\n",
            stream_id(), static_cast<unsigned long long>(consumer_.epoch()), rates.frames_per_s,
            rates.bytes_per_s / 1e6, static_cast<double>(rates.latency_p50_ns) / 1e3,
            static_cast<double>(rates.latency_p99_ns) / 1e3,
            static_cast<unsigned long long>(frames_delivered()), static_cast<unsigned long long>(c.drops_gap),
            static_cast<unsigned long long>(c.drops_late), static_cast<unsigned long long>(skipped),
            options_.verify ? fmt::format(" bad {}", bad_frames_).c_str() : "");
    }
    std::fflush(stdout);
}

ExitCode ConsumeRun::run() {
    const Nanos end = deadline_after(options_.duration_s);
    const auto interval = static_cast<Nanos>(options_.interval_s * static_cast<double>(kNanosPerSecond));
    Nanos next_line = context_.clock().now_ns() + interval;
    std::string failure;
    while (!done()) {
        const Nanos now = context_.clock().now_ns();
        if (now >= end) break;
        int work = consumer_.do_work(now);
        // One at a time: the limits on frames and the slow reader's pace hold exactly.
        work += consumer_.poll(
            [&](const Frame& frame) {
                try {
                    on_frame(frame);
                } catch (const std::exception& error) {  // a file that cannot be written ends the run
                    failure = error.what();
                }
            },
            options_.slow_ms > 0 || options_.frames > 0 ? 1 : 64);
        if (!failure.empty()) throw Error(ErrorCode::SystemError, failure);
        if (now >= next_line) {
            print_interval();
            next_line += interval;
        }
        if (work == 0 && !options_.spin)
            consumer_.wait(std::min(kLongestWait, std::max<Nanos>(next_line - now, 0)));
    }
    print_interval();
    const Report summary = report("summary", statistics_.total(context_.clock().now_ns()));
    std::fputs((options_.json ? to_json_line(summary) : to_message_line(summary)).c_str(), stdout);
    if (bad_frames_ > 0)
        throw Error(ErrorCode::ProtocolError,
                    fmt::format("{} frames did not hold the seq pattern", bad_frames_));
    if (saved_ < options_.save.first)
        throw Error(ErrorCode::Timeout, fmt::format("{} of {} frames to save arrived; {}", saved_,
                                                    options_.save.first, consumer_.last_error()));
    return ExitCode::Ok;
}

/// The stream of that data source name, and the driver to attach to.
void find_by_name(Context& context, ConsumeOptions& options) {
    DiscoveryFilter filter;
    filter.data_source_name = options.name;
    if (options.consumer.stream_id != 0) filter.stream_id = options.consumer.stream_id;
    DiscoveryClient client(context, options.discovery.client);
    const Nanos end = context.clock().now_ns() + options.discovery.timeout_ms * kNanosPerMilli;
    // A name follows its stream's first announce by up to a second. A provider that answered once gets its
    // time to answer again: what ends the search then is that there is no such name.
    Nanos patience = end;
    while (true) {
        const DiscoveryAnswer& answer = client.discover(filter, patience);
        patience = std::max(end, context.clock().now_ns() + kNanosPerSecond);
        if (answer.status == DiscoveryStatus::Error)
            throw Error(ErrorCode::Rejected, "discovery: " + printable(answer.error_message));
        if (answer.streams.size() > 1) {
            std::string which;
            for (const DiscoveredStream& stream : answer.streams)
                which += fmt::format(" {} of {};", stream.stream_id, printable(stream.driver_instance_id));
            throw Error(ErrorCode::NotFound,
                        fmt::format("several streams are called '{}':{} choose one by --stream-id",
                                    printable(options.name), which));
        }
        if (answer.streams.size() == 1) {
            options.consumer.stream_id = answer.streams[0].stream_id;
            attach_at(answer.streams[0], options.consumer.endpoints);
            return;
        }
        if (stop_requested() || context.clock().now_ns() >= end) {
            throw Error(ErrorCode::NotFound,
                        fmt::format("no stream is called '{}'; tp discovery-list shows what there is",
                                    printable(options.name)));
        }
        context.messaging().wait({}, 50 * kNanosPerMilli);
    }
}

ExitCode run_consume(ConsumeOptions& options) {
    if (options.name.empty() && options.consumer.stream_id == 0)
        throw UsageError("give the NAME of a data source, or --stream-id");
    if (!options.name.empty() && options.standalone)
        throw UsageError("a NAME is found through a driver; --standalone needs --stream-id");
    if (options.save.first > 0) check_tensor_file_name(options.save.second);
    options.consumer.use_driver = !options.standalone;
    // Who names no rate has no wish: 0 would tell a rate limiter to let every frame through (RATE-055).
    const bool none = !options.max_rate_hz && options.consumer.delivery != Delivery::RateLimited;
    options.consumer.max_rate_hz = none ? wire::kNullU32 : options.max_rate_hz.value_or(0);
    if (options.own_stream)
        options.consumer.own_descriptors = Endpoint{options.consumer.endpoints.descriptor.channel, 0};
    start_logging();
    stop_on_signals();
    const ContextOptions messaging = options.messaging.context_options();
    Context context(options.telemetry.applied_to(messaging));
    if (messaging.messaging == MessagingKind::Aeron) options.fallback.transport = &context;
    options.fallback.aeron_dir = messaging.aeron_dir;
    const ProgramTelemetry telemetry(context, options.telemetry, "tp consume");
    if (!options.name.empty()) find_by_name(context, options);
    return ConsumeRun(context, options).run();
}

void add_options(const cli::Command& command, ConsumeOptions& options) {
    static const std::map<std::string, Delivery> kDeliveries{
        {"every", Delivery::EveryFrame}, {"latest", Delivery::LatestOnly}, {"rate", Delivery::RateLimited}};
    command.add_option("NAME", options.name, "data source name, looked up through discovery");
    command.add_option("--stream-id", options.consumer.stream_id, "tensor stream; with NAME both must hold")
        .envname("TP_STREAM_ID");
    command.add_option("--consumer-id", options.consumer.consumer_id, "0: random");
    command.add_flag("--standalone", options.standalone,
                     "map what a standalone producer announces; no driver");
    add_choice(command, "--delivery", options.consumer.delivery, kDeliveries,
               "every (default), latest: skip to the newest, rate: at most --max-rate");
    command.add_option("--max-rate", options.max_rate_hz,
                       "frames per second: kept with --delivery rate, and what a rate limiter is asked for");
    command.add_flag("--own-stream", options.own_stream,
                     "ask for a descriptor stream of its own; the producer keeps to --max-rate there");
    command
        .add_option(
            "--fallback", options.fallback.uri,
            "where to read when the stream cannot be mapped: aeron:udp?endpoint=...|stream-id=3000 of a "
            "bridge's sender, or bridge://STREAM_ID of its receiver here")
        .option_text("URI");
    command.add_option("--slow", options.slow_ms,
                       "spend this many ms on each frame, to see what a slow reader loses");
    command
        .add_option("--save", options.save,
                    "save the first N frames to FILE (.png or .npy) and stop after them")
        .option_text("N FILE");
    command.add_flag("--verify", options.verify, "check each frame against `tp produce --pattern seq`");
    command.add_option("--frames", options.frames, "stop after this many");
    command.add_option("--duration-s", options.duration_s, "stop after this time; 0: on SIGINT")
        .check(cli::not_negative());
    command.add_option("--interval-s", options.interval_s, "between two statistics lines")
        .capture_default_str()
        .check(cli::positive());
    command.add_flag("--spin", options.spin, "poll without sleeping: lowest latency, one core busy");
    command
        .add_option("--allow", options.consumer.allowed_base_dirs, "directory regions may lie in; repeatable")
        .capture_default_str();
    command.add_flag("--json", options.json, "one JSON object a line");
    options.messaging.add_to(command);
    options.telemetry.add_to(command);
    add_endpoints(command, options.consumer.endpoints);
    options.discovery.add_request_to(command);
}

}  // namespace

void add_consume_command(const cli::Command& app, Selection& selection) {
    add_command<ConsumeOptions>(
        app, selection, "consume",
        "Read a stream in place and print what arrives and what is lost.\n"
        "Example: tp consume camera-1, or tp consume --stream-id 10000 --save 1 frame.png",
        add_options, run_consume);
}

}  // namespace tensorpool::apps
