// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp trace: records the lineage of a deployment into a file, and asks it.

#include "common/choice.hpp"
#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "common/telemetry_options.hpp"
#include "tp/commands.hpp"
#include "tp/trace_render.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/trace_store.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <string>

namespace tensorpool::apps {
namespace {

// Nobody waits for the recorder, and it waits for nobody: a sleeper in the messaging would make every
// publisher pay for waking it.
constexpr Nanos kNap = 2 * kNanosPerMilli;

// ---- record -----------------------------------------------------------------------------------------------

struct RecordOptions {
    std::string file;
    TraceRecorderOptions recorder;
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    std::uint32_t batch_ms = 50;
    double duration_s = 0;
    double interval_s = 1;
    bool json = false;
};

Report report_of(const TraceRecorder& recorder, const TraceStore& store, const char* type) {
    const TraceRecorderCounters c = recorder.counters();
    const TraceStoreCounters& s = store.counters();
    return {{"type", type},
            {"frames", c.descriptors},
            {"frames_untraced", c.frames_untraced},
            {"link_sets", c.link_sets},
            {"links", c.links},
            {"nodes", c.nodes},
            {"rows_written", s.rows_written},
            {"rows_pending", store.pending_rows()},
            {"rows_dropped", s.rows_dropped},
            {"commits", s.commits},
            {"commits_failed", s.commits_failed},
            {"messages_invalid", c.messages_invalid},
            {"messages_lost_bytes", c.messages_lost_bytes},
            {"slots_read", c.slots_read},
            {"slots_missed", c.slots_missed}};
}

void print_interval(const Report& report, bool json) {
    const std::string line = json ? to_json_line(report) : to_message_line(report);
    std::ignore = std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

ExitCode run_record(RecordOptions& options) {
    options.recorder.batch_ns = options.batch_ms * kNanosPerMilli;
    start_logging();
    stop_on_signals();
    TraceStore store({.path = options.file});
    Context context(options.telemetry.applied_to(options.messaging.context_options()));
    Report summary;
    {
        TraceRecorder recorder(context, store, options.recorder);
        const ProgramTelemetry telemetry(context, options.telemetry, "tp trace record");
        std::fprintf(stderr, "tp trace: recording into %s\n", options.file.c_str());
        const Nanos end = deadline_after(options.duration_s);
        const auto interval = static_cast<Nanos>(options.interval_s * static_cast<double>(kNanosPerSecond));
        Nanos next_line = context.clock().now_ns() + interval;
        while (!stop_requested()) {
            const Nanos now = context.clock().now_ns();
            if (now >= end) break;
            const int work = recorder.do_work(now);
            if (interval > 0 && now >= next_line) {
                next_line = now + interval;
                print_interval(report_of(recorder, store, "interval"), options.json);
            }
            const timespec nap{0, kNap};
            if (work == 0) ::nanosleep(&nap, nullptr);
        }
        recorder.do_work(context.clock().now_ns());  // what came since
        std::ignore = store.commit();
        summary = report_of(recorder, store, "summary");
    }
    print_interval(summary, options.json);
    if (store.pending_rows() == 0) return ExitCode::Ok;
    throw Error(ErrorCode::SystemError,
                fmt::format("{} rows could not be written: {}", store.pending_rows(), store.last_error()));
}

// ---- lineage ----------------------------------------------------------------------------------------------

struct LineageOptions {
    std::string file;
    std::string trace_id;
    std::string frame;
    LineageQuery query;
    bool json = false;
    bool dot = false;
};

/// A decimal number, all of `text`.
std::uint64_t number_of(std::string_view text, const std::string& whole, const char* form) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw UsageError(fmt::format("'{}' is not {}", whole, form));
    return value;
}

std::uint64_t trace_of_frame(const TraceReader& reader, const std::string& text) {
    constexpr const char* kForm = "a frame; write STREAM:EPOCH:SEQ, for example 20001:5:1234";
    std::array<std::uint64_t, 3> parts{};
    std::string_view rest = text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t colon = i + 1 < parts.size() ? rest.find(':') : rest.size();
        if (colon == std::string_view::npos) throw UsageError(fmt::format("'{}' is not {}", text, kForm));
        parts[i] = number_of(rest.substr(0, colon), text, kForm);
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    if (parts[0] > std::numeric_limits<std::uint32_t>::max())
        throw UsageError(fmt::format("'{}' is not {}", text, kForm));
    const auto id = reader.trace_of(static_cast<std::uint32_t>(parts[0]), parts[1], parts[2]);
    if (!id)
        throw Error(ErrorCode::NotFound,
                    fmt::format("frame {} is not recorded; `tp trace frames` lists what is", text));
    if (*id == 0)
        throw Error(ErrorCode::NotFound, fmt::format("frame {} is recorded, but was not traced", text));
    return *id;
}

ExitCode run_lineage(LineageOptions& options) {
    if (options.trace_id.empty() == options.frame.empty())
        throw UsageError("give a TRACE_ID, or --frame STREAM:EPOCH:SEQ");
    const TraceReader reader(options.file);
    options.query.trace_id =
        options.frame.empty() ? number_of(options.trace_id, options.trace_id, "a trace id, a decimal number")
                              : trace_of_frame(reader, options.frame);
    const Lineage lineage = reader.lineage(options.query);
    const LineageNode& root = lineage.nodes.front();
    if (root.frames.empty() && root.parents.empty() && root.children.empty() && root.open_windows.empty())
        throw Error(ErrorCode::NotFound, fmt::format("{}: no frame or link has the trace id {}", options.file,
                                                     options.query.trace_id));
    if (options.json) {
        print_report(lineage_report(lineage), true);
    } else {
        const std::string text =
            options.dot ? lineage_dot(lineage) : lineage_tree(lineage, options.query.direction);
        std::ignore = std::fwrite(text.data(), 1, text.size(), stdout);
    }
    if (lineage.truncated)
        std::fprintf(stderr, "tp trace: there is more; --depth and --limit say how far to go\n");
    for (const LineageNode& node : lineage.nodes) {
        if (node.open_windows.empty()) continue;
        std::fprintf(stderr,
                     "tp trace: %llu has windows whose frames are not looked up yet: tp trace expand %s\n",
                     static_cast<unsigned long long>(node.trace_id), options.file.c_str());
        break;
    }
    return ExitCode::Ok;
}

// ---- frames, expand ---------------------------------------------------------------------------------------

struct FramesOptions {
    std::string file;
    std::uint32_t stream_id = 0;
    std::uint32_t count = 10;
    bool json = false;
};

ExitCode run_frames(FramesOptions& options) {
    const TraceReader reader(options.file);
    Report frames = Report::array();
    for (const TracedFrame& frame : reader.newest_frames(options.stream_id, options.count))
        frames.push_back(frame_report(frame));
    Report nodes = Report::array();
    for (const TraceNode& node : reader.nodes())
        nodes.push_back(
            {{"node_id", node.node_id}, {"process_id", node.process_id}, {"start_time", node.start_time}});
    const TraceReader::Totals totals = reader.totals();
    print_report({{"frames_recorded", totals.frames},
                  {"links_recorded", totals.links},
                  {"windows_recorded", totals.windows},
                  {"nodes", std::move(nodes)},
                  {"newest", std::move(frames)}},
                 options.json);
    return ExitCode::Ok;
}

struct ExpandOptions {
    std::string file;
    bool all = false;
    bool json = false;
};

ExitCode run_expand(ExpandOptions& options) {
    std::ignore = TraceReader(options.file);  // expanding makes no file
    TraceStore store({.path = options.file});
    const TraceExpansion done = store.expand_windows(options.all);
    print_report({{"windows", done.windows}, {"waiting", done.waiting}, {"links", done.links}}, options.json);
    return ExitCode::Ok;
}

// ---- prune ------------------------------------------------------------------------------------------------

struct PruneOptions {
    std::string file;
    double older_than_s = 0;
    TracePruning what;
    bool json = false;
};

ExitCode run_prune(PruneOptions& options) {
    std::ignore = TraceReader(options.file);  // pruning makes no file
    const auto age_ns = static_cast<Nanos>(options.older_than_s * static_cast<double>(kNanosPerSecond));
    options.what.before_unix_ms = (realtime_now_ns() - age_ns) / kNanosPerMilli;
    // Times of this host since it was started; what lies ahead is of an earlier start, and at least as old.
    const Nanos since_start_ns = monotonic_now_ns();
    if (since_start_ns > age_ns) {
        options.what.untraced_before_ns = static_cast<std::uint64_t>(since_start_ns - age_ns);
        options.what.untraced_after_ns = static_cast<std::uint64_t>(since_start_ns);
    }
    TraceStore store({.path = options.file});
    const TracePruned done = store.prune(options.what);
    print_report({{"frames", done.frames},
                  {"links", done.links},
                  {"windows", done.windows},
                  {"nodes", done.nodes},
                  {"file_bytes", std::filesystem::file_size(options.file)}},
                 options.json);
    return ExitCode::Ok;
}

void add_prune(const cli::Command& command, PruneOptions& options) {
    TraceIdLayout& layout = options.what.layout;
    command.add_option("db", options.file, "the trace store").required().option_text("DB");
    command.add_option("--older-than-s", options.older_than_s, "delete what is older than so many seconds")
        .required()
        .check(cli::range(0.0, 4e9));
    command.add_flag("--vacuum", options.what.vacuum,
                     "give the space back to the file system; who records waits meanwhile");
    command.add_option("--node-id-bits", layout.node_id_bits, "of the deployment's trace ids")
        .capture_default_str()
        .check(cli::range(0, 22));
    command.add_option("--sequence-bits", layout.sequence_bits, "of the deployment's trace ids")
        .capture_default_str()
        .check(cli::range(0, 22));
    command.add_option("--timestamp-offset-ms", layout.timestamp_offset_ms, "of the deployment's trace ids")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_flag("--json", options.json, "one JSON object");
}

// ---- the command line -------------------------------------------------------------------------------------

void add_file(const cli::Command& command, std::string& file) {
    command.add_option("db", file, "the trace store").required().option_text("DB");
}

void add_record(const cli::Command& command, RecordOptions& options) {
    add_file(command, options.file);
    command.add_option("--duration-s", options.duration_s, "0: until SIGINT or SIGTERM")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_option("--interval-s", options.interval_s, "seconds between two lines; 0: only at the end")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_option("--batch-ms", options.batch_ms, "time from one transaction to the next")
        .capture_default_str()
        .check(cli::range(1, 60'000));
    command
        .add_option("--allow", options.recorder.allowed_base_dirs,
                    "directory regions may lie in, to read capture times; repeatable")
        .capture_default_str();
    command.add_flag("--untraced", options.recorder.untraced, "also record frames without a trace id");
    command.add_flag("--json", options.json, "one JSON object a line");
    options.messaging.add_to(command);
    options.telemetry.add_to(command);
    add_endpoints(command, options.recorder.endpoints);
}

void add_lineage(const cli::Command& command, LineageOptions& options) {
    static const std::map<std::string, LineageDirection> kDirections{{"parents", LineageDirection::Parents},
                                                                     {"children", LineageDirection::Children},
                                                                     {"both", LineageDirection::Both}};
    add_file(command, options.file);
    command.add_option("trace_id", options.trace_id, "whose lineage").option_text("TRACE_ID");
    command.add_option("--frame", options.frame, "in place of TRACE_ID: a frame")
        .option_text("STREAM:EPOCH:SEQ");
    add_choice(command, "--direction", options.query.direction, kDirections,
               "parents (default): where it came from; children: what became of it; both");
    command.add_option("--depth", options.query.max_depth, "steps to go").capture_default_str();
    command.add_option("--limit", options.query.max_ids, "trace ids to visit")
        .capture_default_str()
        .check(cli::range(1, 10'000'000));
    const cli::Option json = command.add_flag("--json", options.json, "one JSON object");
    command.add_flag("--dot", options.dot, "a graph for Graphviz: | dot -Tsvg").excludes(json);
}

}  // namespace

void add_trace_commands(const cli::Command& app, Selection& selection) {
    const cli::Command trace =
        app.add_subcommand("trace",
                           "Record which frames led to which frame, and ask for it.\n"
                           "Example: tp trace record run.db &\n"
                           "         tp trace frames run.db --stream-id 20001 --count 1\n"
                           "         tp trace lineage run.db 7147375873228804096");
    trace.require_subcommand();
    add_command<RecordOptions>(
        trace, selection, "record",
        "Record frames and links of a running deployment until stopped; goes on with an "
        "existing file.\n"
        "Example: tp trace record run.db --interval-s 10",
        add_record, run_record);
    add_command<LineageOptions>(trace, selection, "lineage",
                                "Print the frames that led to a frame, or that came from it.\n"
                                "Example: tp trace lineage run.db --frame 20001:5:1234 --direction both",
                                add_lineage, run_lineage);
    add_command<FramesOptions>(
        trace, selection, "frames",
        "Print totals, node ids and the newest recorded frames.\n"
        "Example: tp trace frames run.db --stream-id 20001 --count 1 --json",
        [](const cli::Command& command, FramesOptions& options) {
            add_file(command, options.file);
            command.add_option("--stream-id", options.stream_id, "only of this stream");
            command.add_option("--count", options.count).capture_default_str();
            command.add_flag("--json", options.json, "one JSON object");
        },
        run_frames);
    add_command<ExpandOptions>(
        trace, selection, "expand",
        "Turn the windows of integrators into links, once their frames are recorded: for a periodic job.\n"
        "Example: tp trace expand run.db",
        [](const cli::Command& command, ExpandOptions& options) {
            add_file(command, options.file);
            command.add_flag("--all", options.all, "also windows whose last frame was never recorded");
            command.add_flag("--json", options.json, "one JSON object");
        },
        run_expand);
    add_command<PruneOptions>(
        trace, selection, "prune",
        "Delete what is old, also while it is being recorded into: for a periodic job.\n"
        "Example: tp trace prune run.db --older-than-s 86400",
        add_prune, run_prune);
}

}  // namespace tensorpool::apps
