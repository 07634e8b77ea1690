// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <string>
#include <vector>

// What a command line offers, read from the objects that parse it: the one source of --help, of the man
// pages and of shell completion.
namespace tensorpool::apps {

struct OptionText {
    std::vector<std::string> names;  ///< as typed, long ones first; of a positional: its name
    bool positional = false;
    bool required = false;
    std::string value;                 ///< what stands for its value; empty: a flag
    std::vector<std::string> choices;  ///< the only valid values; empty: any
    char delimiter = '\0';             ///< between several values in one word
    std::string description;
    std::string default_text;
    std::string environment;
    std::string group;
};

struct CommandText {
    std::string path;     ///< "tp inspect shm-summary"
    std::string summary;  ///< may have several lines
    std::vector<std::string> examples;
    std::vector<OptionText> options;  ///< positionals first
    std::vector<CommandText> commands;

    [[nodiscard]] std::string name() const { return path.substr(path.rfind(' ') + 1); }
};

/// Everything `app` shows in its help, with its subcommands; hidden ones are left out.
[[nodiscard]] CommandText describe_commands(const cli::Command& app);
/// What the command line named last: that command when it could be parsed no further.
[[nodiscard]] CommandText describe_innermost(const cli::Command& app);
[[nodiscard]] const CLI::App& innermost_of(const CLI::App& app);

/// The part of the help that says how a command is called.
[[nodiscard]] std::string usage_of(const CommandText& command);

}  // namespace tensorpool::apps
