// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/toml_source.hpp"

#include <tensorpool/context.hpp>

#include <filesystem>
#include <string>

// What more than one role's configuration has.
namespace tensorpool::config {

struct MessagingKeys {
    MessagingKind kind = MessagingKind::Embedded;
    std::string dir;
    bool group = false;
    bool embedded_media_driver = false;
};

/// `messaging`, `messaging_dir`, `messaging_group`, `embedded_media_driver` at the top of the file, or
/// TP_MESSAGING and so on.
[[nodiscard]] MessagingKeys read_messaging(TomlSource::Table& root, Findings& findings);
/// The same for a role that may have Aeron elsewhere: it calls check_media_driver() when it knows.
[[nodiscard]] MessagingKeys read_messaging_keys(TomlSource::Table& root, Findings& findings);
void check_media_driver(bool wanted, bool has_aeron, Findings& findings);

/// Every role's configuration has the same members for this.
template <typename Config>
void take_messaging(const MessagingKeys& keys, Config& config) {
    config.messaging = keys.kind;
    config.messaging_dir = keys.dir;
    config.messaging_group = keys.group;
    config.embedded_media_driver = keys.embedded_media_driver;
}
template <typename Config>
[[nodiscard]] ContextOptions context_options_of(const Config& config) {
    ContextOptions options;
    options.messaging = config.messaging;
    options.messaging_dir = config.messaging_dir;
    options.group_access = config.messaging_group;
    options.embedded_media_driver = config.embedded_media_driver;
    options.aeron_dir = config.aeron_dir;
    return options;
}

/// A stream id that becomes Aeron's signed 32-bit one (CFG-012).
void read_aeron_stream_id(TomlSource::Table& table, std::string_view key, std::int32_t& stream_id,
                          Findings& findings);

/// `<name>_channel` and `<name>_stream_id`: changes `endpoint` where the table says something; an empty
/// channel counts as left out (OT-12).
void read_endpoint(TomlSource::Table& table, const std::string& name, Endpoint& endpoint, Findings& findings);

/// The file's text. Throws Error(NotFound).
[[nodiscard]] std::string read_config_file(const std::filesystem::path& file);

}  // namespace tensorpool::config
