// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver-config-validate, tp driver-config-dump: look at a driver's configuration without running it.

#include "common/report.hpp"
#include "tp/commands.hpp"

#include <tensorpool/driver_config.hpp>

#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

struct ConfigOptions {
    std::string file;
};

LoadedDriverConfig load(const ConfigOptions& options, const char* command) {
    LoadedDriverConfig loaded = load_driver_config(options.file);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp %s: warning: %s\n", command, warning.str().c_str());
    return loaded;
}

void add_file(CLI::App& command, ConfigOptions& options) {
    command.add_option("config,-c,--config", options.file, "TOML file")->required()->option_text("FILE");
}

}  // namespace

void add_driver_config_commands(CLI::App& app, Selection& selection) {
    add_command<ConfigOptions>(
        app, selection, "driver-config-validate",
        "Check a driver configuration, environment overrides included; prints ok, or every problem.\n"
        "Example: tp driver-config-validate --config config/driver.toml",
        add_file, [](ConfigOptions& options) {
            load(options, "driver-config-validate");
            std::puts("ok");
            return ExitCode::Ok;
        });
    add_command<ConfigOptions>(
        app, selection, "driver-config-dump",
        "Print the values a driver would use, environment overrides included.\n"
        "Example: DRIVER_CONTROL_STREAM_ID=1010 tp driver-config-dump --config config/driver.toml",
        add_file, [](ConfigOptions& options) {
            std::fputs(dump_driver_config(load(options, "driver-config-dump").config).c_str(), stdout);
            return ExitCode::Ok;
        });
}

}  // namespace tensorpool::apps
