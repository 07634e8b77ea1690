// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp join: watches the inputs of a merge map on running streams and prints what a join stage would do.

#include "common/choice.hpp"
#include "common/messaging_options.hpp"
#include "common/telemetry_options.hpp"
#include "tp/commands.hpp"
#include "tp/join_watch.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/merge_map_config.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

constexpr Nanos kLongestWait = 5 * kNanosPerMilli;

struct JoinProgramOptions {
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    ConsumerOptions consumer;
    std::string map_file;
    std::uint32_t out_stream_id = 0;
    std::uint64_t epoch = 0;
    MergeMapKind map_kind = MergeMapKind::Sequence;
    bool latest = false;
    LatestOrder order = LatestOrder::Sequence;
    std::optional<ClockDomain> clock_domain;
    bool standalone = false;
    std::uint64_t outputs = 0;  // 0: no limit
    double duration_s = 0;
    double period_s = 1;
    bool quiet = false;
    bool json = false;
};

void take_map(JoinProgramOptions& options, JoinWatchOptions& watch) {
    if (options.map_file.empty()) {
        if (options.out_stream_id == 0)
            throw UsageError("give a map FILE to announce, or --out-stream-id of a map to ask for");
        watch.out_stream_id = options.out_stream_id;
        watch.out_epoch = options.epoch == 0 ? 1 : options.epoch;
        watch.map_kind = options.map_kind;
        return;
    }
    if (options.out_stream_id != 0)
        throw UsageError("--out-stream-id asks for a map that FILE already gives; leave one of them out");
    LoadedMergeMap loaded = load_merge_map(options.map_file);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp join: warning: %s\n", warning.str().c_str());
    watch.map_kind = std::holds_alternative<SequenceMergeMap>(loaded.map) ? MergeMapKind::Sequence
                                                                          : MergeMapKind::Timestamp;
    std::visit(
        [&](auto& map) {
            if (options.epoch != 0) map.epoch = options.epoch;
            watch.out_stream_id = map.out_stream_id;
            watch.out_epoch = map.epoch;
        },
        loaded.map);
    watch.map = std::move(loaded.map);
}

JoinWatchOptions watch_options(JoinProgramOptions& options) {
    JoinWatchOptions watch;
    take_map(options, watch);
    watch.kind = options.latest                             ? JoinKind::Latest
                 : watch.map_kind == MergeMapKind::Sequence ? JoinKind::Sequence
                                                            : JoinKind::Timestamp;
    watch.order = options.order;
    watch.consumer = options.consumer;
    watch.consumer.use_driver = !options.standalone;
    watch.assumed_clock_domain = options.clock_domain;
    watch.period_ns = static_cast<Nanos>(options.period_s * static_cast<double>(kNanosPerSecond));
    return watch;
}

ExitCode run_join(JoinProgramOptions& options) {
    JoinWatchOptions watch_for = watch_options(options);
    start_logging();
    stop_on_signals();
    Context context(options.telemetry.applied_to(options.messaging.context_options()));
    JoinWatch watch(context, std::move(watch_for), [&](const Report& report) {
        if (options.quiet) return;
        const std::string text = options.json ? to_json_line(report) : to_message_line(report);
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    });
    const ProgramTelemetry telemetry(context, options.telemetry, "tp join");
    AgentInvoker invoker(watch, context.clock());
    invoker.start();
    const Nanos end = deadline_after(options.duration_s);
    while (!stop_requested() && context.clock().now_ns() < end &&
           (options.outputs == 0 || watch.outputs() < options.outputs)) {
        if (invoker.invoke() == 0) watch.wait(kLongestWait);
        if (!watch.failure().empty()) throw Error(ErrorCode::SystemError, watch.failure());
    }
    const Report summary = watch.summary();
    std::fputs((options.json ? to_json_line(summary) : to_message_line(summary)).c_str(), stdout);
    std::fflush(stdout);
    return watch.outputs() > 0 ? ExitCode::Ok : ExitCode::Negative;
}

void add_map_options(const cli::Command& command, JoinProgramOptions& options) {
    static const std::map<std::string, MergeMapKind> kKinds{{"sequence", MergeMapKind::Sequence},
                                                            {"timestamp", MergeMapKind::Timestamp}};
    static const std::map<std::string, LatestOrder> kOrders{{"sequence", LatestOrder::Sequence},
                                                            {"timestamp", LatestOrder::Timestamp}};
    static const std::map<std::string, ClockDomain> kDomains{
        {"monotonic", ClockDomain::Monotonic}, {"realtime_synced", ClockDomain::RealtimeSynced}};
    command.add_option("map", options.map_file, "TOML file with a [merge_map] to announce and to join by")
        .option_text("FILE");
    command.add_option("--out-stream-id", options.out_stream_id,
                       "without FILE: ask for the map of this output stream");
    command.add_option("--epoch", options.epoch, "of the output stream; default 1, or as FILE says");
    add_choice(command, "--kind", options.map_kind, kKinds,
               "without FILE: which map to ask for, sequence (default) or timestamp");
    command.add_flag("--latest", options.latest, "join whatever is newest, once per period");
    add_choice(command, "--order", options.order, kOrders,
               "what is newest for --latest: sequence (default) or timestamp");
    add_choice(command, "--clock-domain", options.clock_domain, kDomains,
               "of inputs that have announced none yet: monotonic or realtime_synced");
}

void add_options(const cli::Command& command, JoinProgramOptions& options) {
    add_map_options(command, options);
    command.add_flag("--standalone", options.standalone, "map what standalone producers announce; no driver");
    command
        .add_option("--allow", options.consumer.allowed_base_dirs, "directory regions may lie in; repeatable")
        .capture_default_str();
    command.add_option("--outputs", options.outputs, "stop after this many joined outputs");
    command.add_option("--duration-s", options.duration_s, "stop after this time; 0: on SIGINT")
        .check(cli::not_negative());
    command
        .add_option("--period-s", options.period_s,
                    "between two looks with --latest, else until an output that is not ready is reported")
        .capture_default_str()
        .check(cli::positive());
    command.add_flag("--quiet", options.quiet, "print the summary only");
    command.add_flag("--json", options.json, "one JSON object a line");
    options.messaging.add_to(command);
    options.telemetry.add_to(command);
    add_endpoints(command, options.consumer.endpoints);
}

}  // namespace

void add_join_command(const cli::Command& app, Selection& selection) {
    add_command<JoinProgramOptions>(
        app, selection, "join",
        "Join running streams by a merge map and print every decision; exit 3 when nothing was joined.\n"
        "Example: tp join stereo.toml --outputs 100 --json",
        add_options, run_join);
}

}  // namespace tensorpool::apps
