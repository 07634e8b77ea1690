// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/discovery.hpp>
#include <tensorpool/driver_config.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// A discovery provider and how it reaches its peers.
struct DiscoveryConfig {
    MessagingKind messaging = MessagingKind::Embedded;
    std::string messaging_dir;
    bool messaging_group = false;
    bool embedded_media_driver = false;
    std::string aeron_dir;
    DiscoveryProviderOptions options;

    [[nodiscard]] ContextOptions context_options() const;
};

struct LoadedDiscoveryConfig {
    DiscoveryConfig config;
    std::vector<ConfigProblem> warnings;
};

/// Which provider of a file is meant.
enum class DiscoveryTable : std::uint8_t {
    Embedded,    ///< [discovery] beside a [driver], whose values are its defaults
    Standalone,  ///< [discovery_registry], or [discovery] where there is none
};

/// Reads the provider of a TOML file, environment overrides applied (DISCOVERY_<KEY>). Empty: the file has no
/// such table; only for Embedded, without one Standalone is an error. Throws ConfigError with every problem,
/// or Error(NotFound) when the file cannot be read.
[[nodiscard]] std::optional<LoadedDiscoveryConfig> load_discovery_config(
    const std::filesystem::path& file, DiscoveryTable which,
    const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] std::optional<LoadedDiscoveryConfig> parse_discovery_config(
    std::string_view toml, const std::string& source_name, DiscoveryTable which,
    const Environment& environment = process_environment());

}  // namespace tensorpool
