// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/service.hpp"

#include <cstdio>

namespace tensorpool::apps {

void ServiceOptions::add_to(const cli::Command& command, const std::string& config_help) {
    command.add_option("config,-c,--config", config, config_help).required().option_text("FILE");
    command.add_option("--duration-s", duration_s, "0: until SIGINT or SIGTERM")
        .capture_default_str()
        .check(cli::not_negative());
    command.add_option("--interval-s", interval_s, "seconds between two reports; 0: only at the end")
        .capture_default_str()
        .check(cli::not_negative());
    messaging.add_to(command);
    telemetry.add_to(command);
}

ContextOptions ServiceOptions::context_options(const ContextOptions& of_file) const {
    return telemetry.applied_to(messaging.context_options(of_file));
}

void print_warnings(std::string_view program, const std::vector<ConfigProblem>& warnings) {
    for (const ConfigProblem& warning : warnings) {
        std::fprintf(stderr, "%.*s: warning: %s\n", static_cast<int>(program.size()), program.data(),
                     warning.str().c_str());
    }
}

}  // namespace tensorpool::apps
