// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp supervisor: watches producers and consumers, applies the policy of its configuration, prints what it
// knows.

#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "common/telemetry_options.hpp"
#include "messaging/messaging.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/supervisor.hpp>
#include <tensorpool/supervisor_config.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <string>

namespace tensorpool::apps {
namespace {

constexpr Nanos kNap = 10 * kNanosPerMilli;

struct SupervisorProgramOptions {
    std::string config;
    MessagingOptions messaging;
    TelemetryOptions telemetry;
    double duration_s = 0;
    double interval_s = 1;
    bool observe = false;
    bool json = false;
};

/// Milliseconds since `then`; null for never.
Report age_ms(Nanos now_ns, Nanos then) {
    return then == 0 ? Report(nullptr) : Report((now_ns - then) / kNanosPerMilli);
}

Report report_of(const Supervisor& supervisor, const char* type, Nanos now_ns) {
    Report producers = Report::array();
    for (const SupervisedProducer& p : supervisor.producers()) {
        producers.push_back({{"stream_id", p.stream_id},
                             {"producer_id", p.producer_id},
                             {"epoch", p.epoch},
                             {"current_seq", p.current_seq},
                             {"announce_age_ms", age_ms(now_ns, p.last_announce_ns)},
                             {"qos_age_ms", age_ms(now_ns, p.last_qos_ns)},
                             {"stale", p.stale}});
    }
    Report consumers = Report::array();
    for (const SupervisedConsumer& c : supervisor.consumers()) {
        const auto lag = supervisor.lag(c);
        consumers.push_back({{"stream_id", c.stream_id},
                             {"consumer_id", c.consumer_id},
                             {"epoch", c.epoch},
                             {"mode", std::string(to_string(c.mode))},
                             {"last_seq", c.last_seq_seen},
                             {"lag", lag ? Report(*lag) : Report(nullptr)},
                             {"drops_gap", c.drops_gap},
                             {"drops_late", c.drops_late},
                             {"hello_age_ms", age_ms(now_ns, c.last_hello_ns)},
                             {"qos_age_ms", age_ms(now_ns, c.last_qos_ns)},
                             {"stale", c.stale},
                             {"collides", c.collides}});
    }
    const SupervisorCounters& n = supervisor.counters();
    return {{"type", type},
            {"producers", std::move(producers)},
            {"consumers", std::move(consumers)},
            {"hellos", n.hellos},
            {"configs_published", n.configs_published},
            {"consumer_qos", n.consumer_qos},
            {"producer_qos", n.producer_qos},
            {"announces", n.announces},
            {"metadata", n.metadata},
            {"liveness_checks", n.liveness_checks},
            {"became_stale", n.became_stale},
            {"collisions", n.collisions},
            {"refused_full", n.refused_full},
            {"messages_invalid", n.messages_invalid},
            {"foreign_configs", n.foreign_configs},
            {"epochs_removed", n.epochs_removed}};
}

void print_table(const Supervisor& supervisor) {
    std::string text = fmt::format("{:>10} {:>11} {:>12} {:>12} {:>8} {:>10} {:>10}  {}\n", "STREAM", "PEER",
                                   "ROLE", "SEQ", "LAG", "GAP", "LATE", "STATE");
    for (const SupervisedProducer& p : supervisor.producers()) {
        text +=
            fmt::format("{:>10} {:>11} {:>12} {:>12} {:>8} {:>10} {:>10}  {}\n", p.stream_id, p.producer_id,
                        "producer", p.current_seq, "", "", "", p.stale ? "stale" : "alive");
    }
    for (const SupervisedConsumer& c : supervisor.consumers()) {
        const auto lag = supervisor.lag(c);
        text +=
            fmt::format("{:>10} {:>11} {:>12} {:>12} {:>8} {:>10} {:>10}  {}{}\n", c.stream_id, c.consumer_id,
                        "consumer", c.last_seq_seen, lag ? std::to_string(*lag) : "-", c.drops_gap,
                        c.drops_late, c.stale ? "stale" : "alive", c.collides ? ", id used twice" : "");
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

ExitCode run_supervisor(SupervisorProgramOptions& options) {
    start_logging();
    const LoadedSupervisorConfig loaded = load_supervisor_config(options.config);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp supervisor: warning: %s\n", warning.str().c_str());
    SupervisorOptions supervising = loaded.config.options;
    if (options.observe) supervising.issue_configs = false;
    if (!supervising.issue_configs)
        std::fputs("tp supervisor: watching only; consumers are told how to read by the driver\n", stderr);
    stop_on_signals();
    Context context(
        options.telemetry.applied_to(options.messaging.context_options(loaded.config.context_options())));
    Supervisor supervisor(context, supervising);
    const ProgramTelemetry telemetry(context, options.telemetry, "tp supervisor");
    const Nanos end = deadline_after(options.duration_s);
    const auto interval = static_cast<Nanos>(options.interval_s * static_cast<double>(kNanosPerSecond));
    Nanos next_print = context.clock().now_ns() + interval;
    while (!stop_requested()) {
        const Nanos now = context.clock().now_ns();
        if (now >= end) break;
        const int work = supervisor.do_work(now);
        if (interval > 0 && now >= next_print) {
            next_print = now + interval;
            if (options.json) {
                print_report(report_of(supervisor, "interval", now), true);
            } else {
                print_table(supervisor);
            }
        }
        if (work == 0) context.messaging().wait({}, kNap);
    }
    const Report summary = report_of(supervisor, "summary", context.clock().now_ns());
    if (options.json) {
        print_report(summary, true);
    } else {
        print_table(supervisor);
    }
    return ExitCode::Ok;
}

}  // namespace

void add_supervisor_command(const cli::Command& app, Selection& selection) {
    add_command<SupervisorProgramOptions>(
        app, selection, "supervisor",
        "Watch producers and consumers, and apply the policy of [supervisor] to consumers.\n"
        "Example: tp supervisor config/driver.toml --json",
        [](const cli::Command& command, SupervisorProgramOptions& options) {
            command.add_option("config,-c,--config", options.config, "TOML file, may be the driver's")
                .required()
                .option_text("FILE");
            command.add_option("--duration-s", options.duration_s, "0: until SIGINT or SIGTERM")
                .capture_default_str()
                .check(cli::not_negative());
            command
                .add_option("--interval-s", options.interval_s,
                            "seconds between two tables; 0: only at the end")
                .capture_default_str()
                .check(cli::not_negative());
            command.add_flag("--observe", options.observe, "only watch: tell no consumer how to read");
            command.add_flag("--json", options.json, "one JSON object a line");
            options.messaging.add_to(command);
            options.telemetry.add_to(command);
        },
        run_supervisor);
}

}  // namespace tensorpool::apps
