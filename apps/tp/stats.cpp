// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp stats, driver-counters, bridge-status: the counters of every living role (TOOL-030 to TOOL-032).

#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "messaging/messaging.hpp"
#include "telemetry/reading.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

namespace tensorpool::apps {
namespace {

struct StatsOptions {
    MessagingOptions messaging;
    std::string filter;
    bool ours_only = false;
    bool all = false;
    bool json = false;
};

/// TOOL-032: role names stand for their counters.
std::string expanded(const std::string& filter) {
    static const std::map<std::string, std::string> kLabels{{"producer", "Name=Producer"},
                                                            {"consumer", "Name=Consumer"},
                                                            {"driver", "Name=Driver"},
                                                            {"bridge", "Name=Bridge"},
                                                            {"supervisor", "Name=Supervisor"},
                                                            {"discovery", "Name=Discovery"},
                                                            {"rate-limiter", "Name=RateLimiter"},
                                                            {"join", "Name=Join"},
                                                            {"trace", "Name=Trace"}};
    const auto found = kLabels.find(filter);
    return found == kLabels.end() ? filter : found->second;
}

void print(const messaging::CounterInfo& info, bool json) {
    Report report{{"id", info.id}, {"type", info.type_id}, {"value", info.value}, {"label", info.label}};
    if (json) return print_report(report, true);
    std::printf("id=%d type=%d value=%lld label=%s\n", info.id, info.type_id,
                static_cast<long long>(info.value), printable(info.label).c_str());
}

ExitCode run_stats(StatsOptions& options) {
    const std::string wanted = expanded(options.filter);
    const telemetry::CounterReader reader;
    Context context(options.messaging.context_options());
    context.messaging().for_each_counter([&](const messaging::CounterInfo& info) {
        if (info.label.find(wanted) == std::string_view::npos) return;
        if (options.ours_only) {
            const auto reading = reader.read(info);
            if (!reading || (!options.all && reading->metric.number >= telemetry::kFirstOwnNumber)) return;
        }
        print(info, options.json);
    });
    std::fflush(stdout);
    return ExitCode::Ok;
}

void add_one(const cli::Command& app, Selection& selection, const char* name, const char* description,
             const char* filter, bool ours_only) {
    add_command<StatsOptions>(
        app, selection, name, description,
        [=](const cli::Command& command, StatsOptions& options) {
            options.filter = filter;
            options.ours_only = ours_only;
            const cli::Option option = command.add_option(
                "--filter", options.filter,
                ours_only
                    ? "producer, consumer, driver, bridge, supervisor, discovery, rate-limiter, join, trace, "
                      "or any part of a label"
                    : "any part of a label");
            option.capture_default_str();
            if (ours_only)
                command.add_flag(
                    "--all", options.all,
                    "also what goes beyond the protocol's tables: more counters, gauges, latencies");
            command.add_flag("--json", options.json, "one JSON object a line");
            options.messaging.add_to(command);
        },
        run_stats);
}

}  // namespace

void add_stats_commands(const cli::Command& app, Selection& selection) {
    add_one(app, selection, "stats",
            "Print the counters of every running role.\n"
            "Example: tp stats --filter consumer",
            "", true);
    add_one(app, selection, "driver-counters",
            "Print the counters of the drivers.\n"
            "Example: tp driver-counters --json",
            "Name=Driver", false);
    add_one(app, selection, "bridge-status",
            "Print the counters of the bridges.\n"
            "Example: tp bridge-status",
            "Name=Bridge", false);
}

}  // namespace tensorpool::apps
