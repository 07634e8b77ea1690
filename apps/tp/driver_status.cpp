// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// driver-status and its two siblings: state that no message carries (TX-01). A program that embeds the driver
// asks the Driver object; from outside there is only this answer.

#include "tp/commands.hpp"

#include <tensorpool/error.hpp>

namespace tensorpool::apps {
namespace {

struct StatusOptions {
    std::string instance_id;
};

ExitCode run_status(StatusOptions&) {
    throw Error(ErrorCode::Unsupported,
                "not available outside the driver process; `tp ls` shows streams, producers and consumers");
}

}  // namespace

void add_driver_status_commands(const cli::Command& app, Selection& selection) {
    const cli::Command hidden =
        app.add_hidden_group();  // kept out of the help page: they cannot succeed here
    for (const char* name : {"driver-status", "driver-list-leases", "driver-list-streams"}) {
        add_command<StatusOptions>(
            hidden, selection, name, "Only inside a program that embeds the driver.",
            [](const cli::Command& command, StatusOptions& options) {
                command.add_option("--instance-id", options.instance_id, "of the driver");
            },
            run_status);
    }
}

}  // namespace tensorpool::apps
