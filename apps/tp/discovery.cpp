// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp discovery: answers which streams exist, over one driver or several, until a signal ends it.

#include "common/report.hpp"
#include "common/service.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/discovery.hpp>
#include <tensorpool/discovery_config.hpp>

#include <cstdio>

namespace tensorpool::apps {
namespace {

Report report_of(const DiscoveryProvider& provider, const char* type) {
    const DiscoveryProviderCounters& n = provider.counters();
    return {{"type", type},
            {"streams", provider.streams().size()},
            {"announces", n.announces},
            {"announces_invalid", n.announces_invalid},
            {"announces_regressed", n.announces_regressed},
            {"metadata", n.metadata},
            {"dropped_full", n.dropped_full},
            {"expired", n.expired},
            {"requests", n.requests},
            {"requests_refused", n.requests_refused},
            {"messages_invalid", n.messages_invalid},
            {"responses_ok", n.responses_ok},
            {"responses_not_found", n.responses_not_found},
            {"responses_error", n.responses_error},
            {"response_endpoints_refused", n.response_endpoints_refused},
            {"responses_dropped", n.responses_dropped},
            {"internal_errors", n.internal_errors}};
}

ExitCode run_discovery(ServiceOptions& options) {
    start_logging();
    const auto loaded = load_discovery_config(options.config, DiscoveryTable::Standalone);
    print_warnings("tp discovery", loaded->warnings);
    stop_on_signals();
    Context context(options.context_options(loaded->config.context_options()));
    const DiscoveryProviderOptions& provides = loaded->config.options;
    DiscoveryProvider provider(context, provides);
    std::fprintf(stderr, "tp discovery: lists %zu drivers on %s stream %d\n", provides.authorities.size(),
                 provides.request.channel.c_str(), provides.request.stream_id);
    const ProgramTelemetry telemetry(context, options.telemetry, "tp discovery");
    serve(context, options, provider,
          [&](const char* type) { print_report(report_of(provider, type), true); });
    return ExitCode::Ok;
}

}  // namespace

void add_discovery_command(const cli::Command& app, Selection& selection) {
    add_command<ServiceOptions>(
        app, selection, "discovery",
        "Answer which streams exist, from what the drivers in [discovery_registry] announce.\n"
        "Example: tp discovery config/discovery.toml",
        [](const cli::Command& command, ServiceOptions& options) {
            options.add_to(command, "TOML file (docs/discovery.md)");
        },
        run_discovery);
}

}  // namespace tensorpool::apps
