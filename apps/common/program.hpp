// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <tensorpool/clock.hpp>
#include <tensorpool/log.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

// What every program here does the same way: exit codes, error lines, logging, stopping on a signal.
namespace tensorpool::apps {

/// TOOL section 1.
enum class ExitCode : int {
    Ok = 0,
    Failed = 1,    ///< something failed at run time
    Usage = 2,     ///< the command line is wrong
    Negative = 3,  ///< the answer is no: `false`, a refusal, an unstable slot
    TimedOut = 4,
};

/// The command line asks for something that cannot be; becomes exit code 2.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The command that the command line selected. Exactly one subcommand's callback sets it.
struct Selection {
    std::function<ExitCode()> run;
};

/// Adds a subcommand whose options live in an `Options` shared with `run`.
/// `setup(const cli::Command&, Options&)` adds the options; `run(Options&)` does the work after parsing.
template <typename Options, typename Setup, typename Run>
cli::Command add_command(const cli::Command& parent, Selection& selection, const std::string& name,
                         const std::string& description, Setup setup, Run run) {
    const cli::Command command = parent.add_subcommand(name, description);
    auto options = std::make_shared<Options>();
    setup(command, *options);
    command.callback(
        [&selection, options, run] { selection.run = [options, run] { return run(*options); }; });
    return command;
}

/// Parses, runs what was selected and turns every failure into one line on stderr and an exit code.
int run_program(const cli::Program& program, Selection& selection, int argc, const char* const* argv);

/// Makes SIGINT, SIGTERM and SIGHUP set a flag instead of ending the process. A second signal ends it at
/// once.
void stop_on_signals();
[[nodiscard]] bool stop_requested() noexcept;

/// With TP_LOG=1: logs as the TP_LOG variables say; else nothing is logged (OBS-017 to OBS-020). Throws Error
/// when the log file cannot be opened.
void start_logging();
/// A line of this program about itself on stderr. With TP_LOG set only records stand there: nothing is said.
void say(const std::string& line);

/// From now on failures of the messaging are called those of `name`: "Aeron" (TOOL-005), else "Messaging".
void name_messaging(std::string_view name);

/// The end of a run limited by `seconds`; 0 = no limit.
[[nodiscard]] Nanos deadline_after(double seconds);

}  // namespace tensorpool::apps
