// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver: owns the shared memory of the streams in a configuration file until a signal or an authorised
// shutdown request ends it.

#include "common/messaging_options.hpp"
#include "common/telemetry_options.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/discovery_config.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/driver_config.hpp>
#include <tensorpool/supervisor.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>

namespace tensorpool::apps {
namespace {

struct DriverOptions {
    std::string config;
    MessagingOptions messaging;
    TelemetryOptions telemetry;
};

/// Bounds how late a timer of the idle driver is, and how long a signal that hits between two looks waits.
constexpr Nanos kLongestWait = 20 * kNanosPerMilli;
/// The driver wakes for its control stream; questions on another one wait this long at most.
constexpr Nanos kWaitBetweenQuestions = 5 * kNanosPerMilli;

ExitCode run_driver(DriverOptions& options) {
    start_logging();
    LoadedDriverConfig loaded = load_driver_config(options.config);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp driver: warning: %s\n", warning.str().c_str());
    // With a [discovery] table the driver also answers what it has.
    const auto discovery = load_discovery_config(options.config, DiscoveryTable::Embedded);
    if (discovery) {
        for (const ConfigProblem& warning : discovery->warnings)
            std::fprintf(stderr, "tp driver: warning: %s\n", warning.str().c_str());
    }

    stop_on_signals();
    Context context(
        options.telemetry.applied_to(options.messaging.context_options(loaded.config.context_options())));
    const DriverConfig& config = loaded.config;
    const std::string started =
        fmt::format("tp driver: {} runs on {} stream {}, shared memory below {}", config.instance_id,
                    config.control.channel, config.control.stream_id, config.shm.base_dir);
    const bool asked_elsewhere = discovery && discovery->config.options.request != loaded.config.control;
    // Listens before the driver says anything.
    std::optional<DiscoveryProvider> provider;
    if (discovery) provider.emplace(context, discovery->config.options);
    Driver driver(context, std::move(loaded.config));
    std::optional<Supervisor> supervisor;
    if (loaded.supervisor) supervisor.emplace(context, *loaded.supervisor);
    const ProgramTelemetry telemetry(context, options.telemetry, "tp driver");
    driver.do_work(context.clock().now_ns());
    say(started);
    while (!stop_requested() && !driver.is_stopped()) {
        const Nanos now = context.clock().now_ns();
        int work = driver.do_work(now);
        if (supervisor) work += supervisor->do_work(now);
        if (provider) work += provider->do_work(now);
        if (work == 0) driver.wait(asked_elsewhere ? kWaitBetweenQuestions : kLongestWait);
    }
    driver.on_close();
    return ExitCode::Ok;
}

}  // namespace

void add_driver_command(const cli::Command& app, Selection& selection) {
    add_command<DriverOptions>(
        app, selection, "driver",
        "Own the shared memory of the configured streams until SIGINT or SIGTERM; with a [supervisor] table "
        "also supervise them.\n"
        "Example: tp driver config/driver.toml",
        [](const cli::Command& command, DriverOptions& options) {
            command.add_option("config,-c,--config", options.config, "TOML file (docs/config_reference.md)")
                .required()
                .option_text("FILE");
            options.messaging.add_to(command);
            options.telemetry.add_to(command);
        },
        run_driver);
}

}  // namespace tensorpool::apps
