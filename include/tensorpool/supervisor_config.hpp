// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/driver_config.hpp>
#include <tensorpool/supervisor.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// A supervisor and how it reaches its peers.
struct SupervisorConfig {
    MessagingKind messaging = MessagingKind::Embedded;
    std::string messaging_dir;
    bool messaging_group = false;
    bool embedded_media_driver = false;
    std::string aeron_dir;
    SupervisorOptions options;

    [[nodiscard]] ContextOptions context_options() const;
};

struct LoadedSupervisorConfig {
    SupervisorConfig config;
    std::vector<ConfigProblem> warnings;
};

/// Reads the [supervisor] table of a TOML file, environment overrides applied (SUPERVISOR_<KEY>). The file
/// may be a driver's: an endpoint that [supervisor] leaves out or empty is the one of [driver] (OT-12).
/// Throws ConfigError with every problem, or Error(NotFound) when the file cannot be read.
[[nodiscard]] LoadedSupervisorConfig load_supervisor_config(
    const std::filesystem::path& file, const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] LoadedSupervisorConfig parse_supervisor_config(
    std::string_view toml, const std::string& source_name,
    const Environment& environment = process_environment());

}  // namespace tensorpool
