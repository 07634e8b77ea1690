// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/driver_config.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// A bridge and how it reaches the clients of this host and the other host.
struct BridgeConfig {
    MessagingKind messaging = MessagingKind::Embedded;  ///< of this host
    std::string messaging_dir;
    bool messaging_group = false;
    /// Of whichever is Aeron: the clients' messaging, the transport, or both, which then share it.
    bool embedded_media_driver = false;
    MessagingKind transport_messaging = MessagingKind::Embedded;  ///< to the other host
    std::string transport_messaging_dir;                          ///< empty: as messaging_dir
    std::string aeron_dir;                                        ///< of both, where they are Aeron
    BridgeOptions options;

    [[nodiscard]] ContextOptions local_context() const;
    [[nodiscard]] ContextOptions transport_context() const;
};

struct LoadedBridgeConfig {
    BridgeConfig config;
    std::vector<ConfigProblem> warnings;
};

/// Reads [bridge], [local] and [[mappings]] of a TOML file, environment overrides applied (BRIDGE_<KEY>,
/// LOCAL_<KEY>), and validates the result. `end`, when given, stands for every mapping that does not say
/// which of its ends is here. Throws ConfigError with every problem, or Error(NotFound) when the file cannot
/// be read.
[[nodiscard]] LoadedBridgeConfig load_bridge_config(const std::filesystem::path& file,
                                                    std::optional<BridgeEnd> end = std::nullopt,
                                                    const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] LoadedBridgeConfig parse_bridge_config(std::string_view toml, const std::string& source_name,
                                                     std::optional<BridgeEnd> end = std::nullopt,
                                                     const Environment& environment = process_environment());

}  // namespace tensorpool
