// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp produce: publishes test patterns or a file's tensor at a fixed rate.

#include "common/choice.hpp"
#include "common/frame_statistics.hpp"
#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "common/standalone_options.hpp"
#include "common/telemetry_options.hpp"
#include "common/tensor_file.hpp"
#include "common/test_pattern.hpp"
#include "common/trace_options.hpp"
#include "tp/commands.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/metadata.hpp>
#include <tensorpool/producer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>

namespace tensorpool::apps {
namespace {

/// Bounds how late leases and announces are served while waiting for the next frame.
constexpr Nanos kLongestNap = 20 * kNanosPerMilli;

struct ProduceOptions {
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    ProducerOptions producer;
    StandaloneOptions standalone;
    std::vector<std::int32_t> shape{512, 512};
    Dtype dtype = Dtype::UInt8;
    Pattern pattern = Pattern::Gradient;
    std::string file;
    double rate_hz = 30;
    std::uint64_t frames = 0;
    double duration_s = 0;
    bool create = false;
    bool json = false;
    std::string name;
    std::string summary;
    std::vector<std::string> attributes;  ///< key=value
    TraceOptions trace;
};

/// What to publish: a pattern of a given shape, or the same bytes over and over.
struct Source {
    TensorLayout layout;
    std::uint32_t bytes = 0;
    std::optional<std::vector<std::byte>> fixed;
};

TensorLayout layout_of(const ProduceOptions& options) {
    TensorLayout layout;
    layout.dtype = options.dtype;
    layout.ndims = static_cast<std::uint8_t>(options.shape.size());
    std::copy(options.shape.begin(), options.shape.end(), layout.dims.begin());
    return layout;
}

std::uint32_t bytes_of(const TensorLayout& layout) {
    std::uint64_t bytes = element_size(layout.dtype);
    for (std::size_t d = 0; d < layout.ndims; ++d) {
        bytes *= static_cast<std::uint64_t>(layout.dims[d]);
        if (bytes > (std::uint64_t{1} << 31))
            throw UsageError("--shape: a frame may have at most 2147483648 bytes");
    }
    return static_cast<std::uint32_t>(bytes);
}

Source source_of(const ProduceOptions& options) {
    Source source;
    if (std::filesystem::path(options.file).extension() == ".npy") {
        TensorData tensor = read_npy(options.file);
        source.layout = tensor.layout;
        source.fixed = std::move(tensor.bytes);
    } else {
        source.layout = layout_of(options);
        if (!options.file.empty()) source.fixed = read_bytes(options.file);
    }
    source.bytes = bytes_of(source.layout);
    if (source.fixed && source.fixed->size() != source.bytes)
        throw UsageError(fmt::format("--file {}: {} bytes, but --shape and --dtype need {}", options.file,
                                     source.fixed->size(), source.bytes));
    return source;
}

/// Nothing unless the command line describes the source.
std::unique_ptr<MetadataPublisher> make_metadata(Context& context, const ProduceOptions& options,
                                                 const Producer& producer) {
    if (options.name.empty() && options.summary.empty() && options.attributes.empty()) return nullptr;
    std::vector<MetadataAttribute> attributes;
    for (const std::string& text : options.attributes) {
        const std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos)
            throw UsageError(fmt::format("--meta {}: must be key=value", text));
        attributes.push_back(
            {text.substr(0, equals), std::string(metadata_format::kText), text.substr(equals + 1)});
    }
    MetadataPublisherOptions described;
    described.stream_id = producer.stream_id();
    described.producer_id = producer.producer_id();
    described.endpoints = options.producer.endpoints;
    described.name = options.name;
    described.summary = options.summary;
    described.attributes = std::move(attributes);
    return std::make_unique<MetadataPublisher>(context, described);
}

class ProduceRun {
public:
    ProduceRun(Context& context, const ProduceOptions& options, Source source)
        : context_(context),
          options_(options),
          source_(std::move(source)),
          producer_(context, options.producer),
          metadata_(make_metadata(context, options, producer_)),
          tracer_(options.trace.make_tracer(context, producer_.stream_id(), options.producer.endpoints,
                                            options.standalone.enabled)),
          statistics_(context.clock().now_ns()) {}

    ExitCode run();

private:
    void publish();
    void nap_until(Nanos wake_ns) const;
    void print_interval();
    [[nodiscard]] Report report(const char* type, const FrameStatistics::Rates& rates) const;

    Context& context_;
    const ProduceOptions& options_;
    Source source_;
    Producer producer_;
    std::unique_ptr<MetadataPublisher> metadata_;
    std::unique_ptr<Tracer> tracer_;
    FrameStatistics statistics_;
};

void ProduceRun::publish() {
    auto claim = producer_.try_claim(source_.bytes);
    if (!claim) {
        if (claim.error() == ClaimError::NoPoolFits)
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("stream {}: no pool holds frames of {} bytes; the largest takes {}",
                                    producer_.stream_id(), source_.bytes, producer_.max_payload_bytes()));
        return;  // not attached: counted by the producer, tried again at the next frame's time
    }
    const std::span<std::byte> payload = claim->payload().first(source_.bytes);
    if (source_.fixed) {
        std::memcpy(payload.data(), source_.fixed->data(), payload.size());
    } else {
        fill_pattern(options_.pattern, source_.layout, claim->seq(), payload);
    }
    FrameInfo info;
    info.tensor = source_.layout;
    info.values_len_bytes = source_.bytes;
    info.timestamp_ns = static_cast<std::uint64_t>(context_.clock().now_ns());
    if (metadata_) info.meta_version = metadata_->version();
    if (tracer_) info.trace_id = tracer_->mint();
    producer_.commit(std::move(*claim), info);
    statistics_.add(source_.bytes, 0);
}

void ProduceRun::nap_until(Nanos wake_ns) const {
    const Nanos now = context_.clock().now_ns();
    const Nanos until = std::min(wake_ns, now + kLongestNap);
    if (until <= now || options_.rate_hz <= 0) return;
    const timespec at{static_cast<time_t>(until / kNanosPerSecond),
                      static_cast<long>(until % kNanosPerSecond)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

Report ProduceRun::report(const char* type, const FrameStatistics::Rates& rates) const {
    const ProducerCounters& c = producer_.counters();
    return {{"type", type},
            {"stream_id", producer_.stream_id()},
            {"producer_id", producer_.producer_id()},
            {"ready", producer_.is_ready()},
            {"epoch", producer_.epoch()},
            {"next_seq", producer_.next_seq()},
            {"frames", c.frames_committed},
            {"frames_per_s", rates.frames_per_s},
            {"mb_per_s", rates.bytes_per_s / 1e6},
            {"not_connected", c.descriptor_not_connected},
            {"claims_refused_not_attached", c.claims_refused_not_attached},
            {"remaps", c.remaps}};
}

void ProduceRun::print_interval() {
    const FrameStatistics::Rates rates = statistics_.next_interval(context_.clock().now_ns());
    if (options_.json) return print_report(report("interval", rates), true);
    if (producer_.is_ready()) {
        std::printf("stream %u epoch %llu: %8.1f frames/s %9.1f MB/s  seq %llu%s\n", producer_.stream_id(),
                    static_cast<unsigned long long>(producer_.epoch()), rates.frames_per_s,
                    rates.bytes_per_s / 1e6, static_cast<unsigned long long>(producer_.next_seq()),
                    producer_.is_connected() ? "" : "  (no reader)");
    } else {
        std::printf("stream %u: not ready: %s\n", producer_.stream_id(),
                    printable(producer_.last_error()).c_str());
    }
    std::fflush(stdout);
}

ExitCode ProduceRun::run() {
    const Nanos end = deadline_after(options_.duration_s);
    const Nanos period = options_.rate_hz > 0
                             ? static_cast<Nanos>(static_cast<double>(kNanosPerSecond) / options_.rate_hz)
                             : 0;
    Nanos next_frame = context_.clock().now_ns();
    Nanos next_line = next_frame + kNanosPerSecond;
    while (!stop_requested() && (options_.frames == 0 || statistics_.frames() < options_.frames)) {
        const Nanos now = context_.clock().now_ns();
        if (now >= end) break;
        producer_.do_work(now);
        drive(tracer_.get(), producer_, now);
        if (metadata_) {
            metadata_->set_epoch(producer_.epoch());
            metadata_->do_work(now);
        }
        if (now >= next_frame) {
            if (producer_.is_ready()) publish();
            next_frame = std::max(next_frame + period, now - period);  // a late frame is not made up for
        }
        if (now >= next_line) {
            print_interval();
            next_line += kNanosPerSecond;
        }
        nap_until(std::min(next_frame, next_line));
    }
    Report summary = report("summary", statistics_.total(context_.clock().now_ns()));
    report_trace(summary, tracer_.get());
    std::fputs((options_.json ? to_json_line(summary) : to_message_line(summary)).c_str(), stdout);
    return ExitCode::Ok;
}

ExitCode run_produce(ProduceOptions& options) {
    Source source = source_of(options);
    if (options.standalone.enabled) options.producer.standalone = options.standalone.layout_for(source.bytes);
    if (options.create) options.producer.publish_mode = PublishMode::ExistingOrCreate;
    start_logging();
    stop_on_signals();
    Context context(options.telemetry.applied_to(options.messaging.context_options()));
    const ProgramTelemetry telemetry(context, options.telemetry, "tp produce");
    return ProduceRun(context, options, std::move(source)).run();
}

void add_options(const cli::Command& command, ProduceOptions& options) {
    static const std::map<std::string, Dtype> kDtypes{
        {"uint8", Dtype::UInt8},     {"int8", Dtype::Int8},     {"uint16", Dtype::UInt16},
        {"int16", Dtype::Int16},     {"uint32", Dtype::UInt32}, {"int32", Dtype::Int32},
        {"uint64", Dtype::UInt64},   {"int64", Dtype::Int64},   {"float32", Dtype::Float32},
        {"float64", Dtype::Float64}, {"bool", Dtype::Boolean}};
    static const std::map<std::string, Pattern> kPatterns{
        {"gradient", Pattern::Gradient}, {"checker", Pattern::Checker}, {"seq", Pattern::Seq}};
    command.add_option("--stream-id", options.producer.stream_id, "tensor stream")
        .required()
        .envname("TP_STREAM_ID");
    command.add_option("--producer-id", options.producer.producer_id, "0: random");
    command.add_option("--shape", options.shape, "extent of each dimension, for example 480,640,3")
        .delimiter(',')
        .capture_default_str()
        .expected(1, kMaxDims)
        .check(cli::range(1, std::numeric_limits<std::int32_t>::max()));
    add_choice(command, "--dtype", options.dtype, kDtypes, "element type; default uint8");
    add_choice(command, "--pattern", options.pattern, kPatterns,
               "gradient (default), checker, or seq: bytes derived from seq, for `tp consume --verify`");
    command
        .add_option("--file", options.file, "publish this instead: .npy, or raw bytes of --shape and --dtype")
        .check(cli::existing_file());
    command.add_option("--rate", options.rate_hz, "frames per second; 0: as fast as possible")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_option("--frames", options.frames, "stop after this many");
    command.add_option("--duration-s", options.duration_s, "stop after this time; 0: on SIGINT")
        .check(cli::not_negative());
    command.add_flag("--create", options.create,
                     "let the driver create a dynamic stream (existing_or_create)");
    command
        .add_option("--allow", options.producer.allowed_base_dirs, "directory regions may lie in; repeatable")
        .capture_default_str();
    command.add_option("--name", options.name, "metadata: name of the data source");
    command.add_option("--summary", options.summary, "metadata: what it is, in a few words");
    command.add_option("--meta", options.attributes, "metadata: an attribute, key=value; repeatable");
    command.add_flag("--json", options.json, "one JSON object a line");
    options.standalone.add_to(command);
    options.trace.add_to(command);
    options.messaging.add_to(command);
    options.telemetry.add_to(command);
    add_endpoints(command, options.producer.endpoints);
}

}  // namespace

void add_produce_command(const cli::Command& app, Selection& selection) {
    add_command<ProduceOptions>(app, selection, "produce",
                                "Publish test patterns or a file's tensor at a fixed rate.\n"
                                "Example: tp produce --stream-id 10000 --shape 512,512 --rate 100",
                                add_options, run_produce);
}

}  // namespace tensorpool::apps
