// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp trace in a build without SQLite.

#include "tp/commands.hpp"

#include <tensorpool/error.hpp>

namespace tensorpool::apps {

void add_trace_commands(const cli::Command& app, Selection& selection) {
    struct NoOptions {};
    add_command<NoOptions>(
        app, selection, "trace", "Not in this build: it was made without SQLite.",
        [](const cli::Command& command, NoOptions&) { command.allow_extras(); },
        [](NoOptions&) -> ExitCode {
            throw Error(ErrorCode::Unsupported,
                        "this build has no trace store; install libsqlite3-dev and configure it again");
        });
}

}  // namespace tensorpool::apps
