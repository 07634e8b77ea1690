// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp completion, tp man: the command line in the form that shells and man want.

#include "common/completion.hpp"
#include "common/man_page.hpp"
#include "tp/commands.hpp"

#include <tensorpool/version.hpp>

#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

struct DescriptionOptions {
    std::string shell;
    std::string out;
};

}  // namespace

void add_self_description_commands(const cli::Command& app, Selection& selection) {
    add_command<DescriptionOptions>(
        app, selection, "completion",
        "Print a script that completes this command line.\n"
        "Example: source <(tp completion bash)",
        [](const cli::Command& command, DescriptionOptions& options) {
            command.add_option("shell", options.shell, "bash, zsh or fish")
                .required()
                .option_text("SHELL")
                .check(cli::one_of({"bash", "zsh", "fish"}));
        },
        [&app](DescriptionOptions& options) {
            std::fputs(completion_script(describe_commands(app), options.shell).c_str(), stdout);
            return ExitCode::Ok;
        });
    add_command<DescriptionOptions>(
        app, selection, "man",
        "Write the manual pages of this program and its commands.\n"
        "Example: tp man --out ~/.local/share/man/man1",
        [](const cli::Command& command, DescriptionOptions& options) {
            command.add_option("--out", options.out, "directory for the pages").required().option_text("DIR");
        },
        [&app](DescriptionOptions& options) {
            write_man_pages(describe_commands(app), TENSORPOOL_VERSION, options.out);
            return ExitCode::Ok;
        })
        .hide();  // packaging calls it
}

}  // namespace tensorpool::apps
