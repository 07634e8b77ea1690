// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp rate-limiter: publishes streams again at a lower rate, until a signal ends it.

#include "common/report.hpp"
#include "common/service.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/rate_limiter.hpp>
#include <tensorpool/rate_limiter_config.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

struct RateLimiterProgramOptions {
    ServiceOptions service;
    bool json = false;
};

Report report_of(const RateLimiter& limiter, const char* type) {
    Report mappings = Report::array();
    for (const RateLimiterStatus& m : limiter.status()) {
        const RateLimiterCounters& c = m.counters;
        mappings.push_back({{"source_stream_id", m.source_stream_id},
                            {"dest_stream_id", m.dest_stream_id},
                            {"source_epoch", m.source_epoch},
                            {"dest_epoch", m.dest_epoch},
                            {"rate_hz", m.rate_hz},
                            {"consumer_id", m.consumer_id ? Report(*m.consumer_id) : Report(nullptr)},
                            {"last_seq", m.last_seq},
                            {"frames_published", c.frames_published},
                            {"bytes_published", c.bytes_published},
                            {"drops_rate", c.drops_rate},
                            {"drops_too_large", c.drops_too_large},
                            {"drops_no_slot", c.drops_no_slot},
                            {"drops_not_attached", c.drops_not_attached},
                            {"drops_overwritten", c.drops_overwritten},
                            {"drops_regressed", c.drops_regressed},
                            {"drops_epoch", c.drops_epoch},
                            {"hellos_ignored", c.hellos_ignored},
                            {"metadata_forwarded", c.metadata_forwarded},
                            {"progress_forwarded", c.progress_forwarded},
                            {"qos_forwarded", c.qos_forwarded},
                            {"error", m.last_error.empty() ? Report(nullptr) : Report(m.last_error)}});
    }
    return {{"type", type}, {"mappings", std::move(mappings)}};
}

void print_table(const RateLimiter& limiter) {
    std::string text;
    for (const RateLimiterStatus& m : limiter.status()) {
        const RateLimiterCounters& c = m.counters;
        text += fmt::format("{} -> {}: ", m.source_stream_id, m.dest_stream_id);
        if (!m.last_error.empty()) {
            text += printable(m.last_error) + "\n";
            continue;
        }
        text += fmt::format(
            "{} by {}, seq {}, published {}, dropped: rate {}, too large {}, other {}\n",
            m.rate_hz == 0 ? "unlimited" : fmt::format("{} Hz", m.rate_hz),
            m.consumer_id ? fmt::format("consumer {}", *m.consumer_id) : "configuration", m.last_seq,
            c.frames_published, c.drops_rate, c.drops_too_large,
            c.drops_no_slot + c.drops_not_attached + c.drops_overwritten + c.drops_regressed + c.drops_epoch);
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

ExitCode run_rate_limiter(RateLimiterProgramOptions& options) {
    start_logging();
    const LoadedRateLimiterConfig loaded = load_rate_limiter_config(options.service.config);
    print_warnings("tp rate-limiter", loaded.warnings);
    stop_on_signals();
    Context context(options.service.context_options(loaded.config.context_options()));
    RateLimiter limiter(context, loaded.config.options);
    const ProgramTelemetry telemetry(context, options.service.telemetry, "tp rate-limiter");
    serve(context, options.service, limiter, [&](const char* type) {
        if (options.json) {
            print_report(report_of(limiter, type), true);
        } else {
            print_table(limiter);
        }
    });
    return ExitCode::Ok;
}

}  // namespace

void add_rate_limiter_command(const cli::Command& app, Selection& selection) {
    add_command<RateLimiterProgramOptions>(
        app, selection, "rate-limiter",
        "Publish streams again at the rate their consumer asks for.\n"
        "Example: tp rate-limiter config/rate_limiter.toml",
        [](const cli::Command& command, RateLimiterProgramOptions& options) {
            options.service.add_to(command, "TOML file (docs/rate_limiter.md)");
            command.add_flag("--json", options.json, "one JSON object a line");
        },
        run_rate_limiter);
}

}  // namespace tensorpool::apps
