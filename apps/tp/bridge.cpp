// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp bridge: carries streams to or from another host as its configuration says.

#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "common/telemetry_options.hpp"
#include "tp/commands.hpp"

#include <tensorpool/bridge.hpp>
#include <tensorpool/bridge_config.hpp>
#include <tensorpool/context.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <optional>
#include <string>

namespace tensorpool::apps {
namespace {

const std::map<std::string, BridgeEnd> kRoles{
    {"sender", BridgeEnd::Send}, {"receiver", BridgeEnd::Receive}, {"both", BridgeEnd::Both}};

struct BridgeProgramOptions {
    std::string config;
    std::string role;
    std::string idle = "back-off";
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    double duration_s = 0;
    double interval_s = 1;
    bool json = false;
    bool check = false;
};

Report report_of(const BridgeMappingStatus& mapping, const char* type) {
    const BridgeCounters& n = mapping.counters;
    return {{"type", type},
            {"source_stream_id", mapping.source_stream_id},
            {"dest_stream_id", mapping.dest_stream_id},
            {"role", std::string(to_string(mapping.end))},
            {"source_epoch", mapping.source_epoch},
            {"dest_epoch", mapping.dest_epoch},
            {"frames_forwarded", n.frames_forwarded},
            {"chunks_sent", n.chunks_sent},
            {"chunks_dropped", n.chunks_dropped},
            {"assemblies_reset", n.assemblies_reset},
            {"control_forwarded", n.control_forwarded},
            {"frames_rematerialized", n.frames_rematerialized},
            {"metadata_forwarded", n.metadata_forwarded},
            {"frames_missed", n.frames_missed},
            {"frames_not_connected", n.frames_not_connected},
            {"frames_refused", n.frames_refused},
            {"frames_overrun", n.frames_overrun},
            {"frames_too_large", n.frames_too_large},
            {"drops_malformed", n.drops_malformed},
            {"drops_limits", n.drops_limits},
            {"drops_no_announce", n.drops_no_announce},
            {"drops_epoch", n.drops_epoch},
            {"drops_crc", n.drops_crc},
            {"drops_header", n.drops_header},
            {"drops_late", n.drops_late},
            {"drops_conflict", n.drops_conflict},
            {"drops_no_destination", n.drops_no_destination},
            {"duplicates_ignored", n.duplicates_ignored},
            {"resets_timeout", n.resets_timeout},
            {"resets_conflict", n.resets_conflict},
            {"resets_epoch", n.resets_epoch},
            {"resets_overtaken", n.resets_overtaken},
            {"resets_crowded_out", n.resets_crowded_out},
            {"publish_failures", n.publish_failures},
            {"progress_dropped", n.progress_dropped},
            {"messages_invalid", n.messages_invalid},
            {"forward_send_failures", n.forward_send_failures},
            {"state", printable(mapping.last_error)}};
}

void print_json(const Bridge& bridge, const char* type) {
    for (const BridgeMappingStatus& mapping : bridge.mappings()) print_report(report_of(mapping, type), true);
    const BridgeTransportCounters n = bridge.transport_counters();
    print_report({{"type", "transport"},
                  {"messages_malformed", n.messages_malformed},
                  {"messages_foreign", n.messages_foreign},
                  {"chunks_unroutable", n.chunks_unroutable},
                  {"messages_lost_bytes", n.messages_lost_bytes}},
                 true);
}

void print_table(const Bridge& bridge) {
    std::string text =
        fmt::format("{:>10} {:>10} {:>9} {:>12} {:>12} {:>12} {:>9} {:>9}  {}\n", "SOURCE", "DEST", "ROLE",
                    "FORWARDED", "REBUILT", "CHUNKS SENT", "DROPPED", "RESET", "STATE");
    for (const BridgeMappingStatus& m : bridge.mappings()) {
        const BridgeCounters& n = m.counters;
        text += fmt::format("{:>10} {:>10} {:>9} {:>12} {:>12} {:>12} {:>9} {:>9}  {}\n", m.source_stream_id,
                            m.dest_stream_id, to_string(m.end), n.frames_forwarded, n.frames_rematerialized,
                            n.chunks_sent, n.chunks_dropped, n.assemblies_reset,
                            m.last_error.empty() ? "ok" : printable(m.last_error));
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

void print_all(const Bridge& bridge, bool json, const char* type) {
    if (json) {
        print_json(bridge, type);
    } else {
        print_table(bridge);
    }
}

/// What the command line says about messaging is for whichever side is Aeron, and for the clients' side else.
ContextOptions take_command_line(MessagingOptions given, BridgeConfig& config) {
    if (!given.kind.empty()) config.messaging = parse_messaging_kind(given.kind);
    if (!given.aeron_dir.empty()) config.aeron_dir = given.aeron_dir;
    if (given.embedded_media_driver) config.embedded_media_driver = true;
    const bool has_aeron =
        config.messaging == MessagingKind::Aeron || config.transport_messaging == MessagingKind::Aeron;
    if (has_aeron) given.embedded_media_driver = false;  // the configuration hands it to the right side
    return given.context_options(config.local_context());
}

ExitCode run_bridge(BridgeProgramOptions& options) {
    start_logging();
    std::optional<BridgeEnd> end;
    if (!options.role.empty()) end = kRoles.at(options.role);
    LoadedBridgeConfig loaded = load_bridge_config(options.config, end);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp bridge: warning: %s\n", warning.str().c_str());
    if (options.check) {
        std::puts("ok");
        return ExitCode::Ok;
    }
    const auto idle = make_idle_strategy(options.idle);
    stop_on_signals();
    Context local(options.telemetry.applied_to(take_command_line(options.messaging, loaded.config)));
    Context transport(loaded.config.transport_context());
    Bridge bridge(local, transport, loaded.config.options);
    const ProgramTelemetry telemetry(local, options.telemetry, "tp bridge");
    const Nanos deadline = deadline_after(options.duration_s);
    const auto interval = static_cast<Nanos>(options.interval_s * static_cast<double>(kNanosPerSecond));
    Nanos next_print = local.clock().now_ns() + interval;
    while (!stop_requested()) {
        const Nanos now = local.clock().now_ns();
        if (now >= deadline) break;
        idle->idle(bridge.do_work(now));
        if (interval <= 0 || now < next_print) continue;
        next_print = now + interval;
        print_all(bridge, options.json, "interval");
    }
    print_all(bridge, options.json, "summary");
    return ExitCode::Ok;
}

}  // namespace

void add_bridge_command(const cli::Command& app, Selection& selection) {
    add_command<BridgeProgramOptions>(
        app, selection, "bridge",
        "Carry streams to or from another host in chunks of one MTU (docs/bridge.md).\n"
        "Example: tp bridge docs/examples/bridge_example.toml --role sender",
        [](const cli::Command& command, BridgeProgramOptions& options) {
            command.add_option("config,-c,--config", options.config, "TOML file (docs/config_reference.md)")
                .required()
                .option_text("FILE");
            command
                .add_option(
                    "--role", options.role,
                    "which end of the mappings is here: sender, receiver or both; default: as the file says")
                .check(cli::one_of({"sender", "receiver", "both"}));
            command
                .add_option("--idle", options.idle, "between messages: back-off, busy-spin, yield or sleep")
                .capture_default_str()
                .check(cli::one_of({"back-off", "busy-spin", "yield", "sleep"}));
            command.add_option("--duration-s", options.duration_s, "0: until SIGINT or SIGTERM")
                .capture_default_str()
                .check(cli::not_negative());
            command
                .add_option("--interval-s", options.interval_s,
                            "seconds between two reports; 0: only at the end")
                .capture_default_str()
                .check(cli::not_negative());
            command.add_flag("--json", options.json, "one JSON object a line and mapping");
            command.add_flag("--check", options.check,
                             "only check the configuration; prints ok, or every problem");
            options.messaging.add_to(command);
            options.telemetry.add_to(command);
        },
        run_bridge);
}

}  // namespace tensorpool::apps
