// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <tensorpool/context.hpp>

#include <string>

namespace tensorpool::apps {

/// `--messaging`, `--messaging-dir`, `--messaging-group`, `--aeron-dir`,
/// `--embedded-media-driver`: how a program reaches its peers.
struct MessagingOptions {
    std::string kind;
    std::string directory;
    bool group_access = false;
    std::string aeron_dir;
    bool embedded_media_driver = false;

    void add_to(const cli::Command& command);
    /// Option, else environment, else default.
    [[nodiscard]] ContextOptions context_options() const;
    /// The same with a configuration file's choice in the place of the default and the environment.
    [[nodiscard]] ContextOptions context_options(ContextOptions from_file) const;
};

/// Keeps what was just sent readable for a moment: a log goes with its publication, and who subscribed may
/// not have opened it yet.
void linger(Context& context);

/// `--<name>-channel`, `--<name>-stream-id` with their environment variables (empty: none).
void add_endpoint(const cli::Command& command, const std::string& name, Endpoint& endpoint,
                  const std::string& channel_variable = "", const std::string& stream_variable = "");

/// All five, for programs that produce or consume.
void add_endpoints(const cli::Command& command, StreamEndpoints& endpoints);

}  // namespace tensorpool::apps
