// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace tensorpool::config {

MessagingKeys read_messaging(TomlSource::Table& root, Findings& findings) {
    MessagingKeys keys = read_messaging_keys(root, findings);
    check_media_driver(keys.embedded_media_driver, keys.kind == MessagingKind::Aeron, findings);
    return keys;
}

MessagingKeys read_messaging_keys(TomlSource::Table& root, Findings& findings) {
    MessagingKeys keys;
    root.alias("messaging", "TP_MESSAGING");
    root.alias("messaging_dir", "TP_MESSAGING_DIR");
    root.alias("messaging_group", "TP_MESSAGING_GROUP");
    root.alias("embedded_media_driver", "TP_EMBEDDED_MEDIA_DRIVER");
    std::string kind;
    if (root.read("messaging", kind)) {
        if (kind == "embedded" || kind == "aeron") {
            keys.kind = kind == "aeron" ? MessagingKind::Aeron : MessagingKind::Embedded;
        } else {
            findings.problem("messaging",
                             fmt::format("'{}' is unknown; use \"embedded\" or \"aeron\"", kind));
        }
    }
    root.read("messaging_dir", keys.dir);
    root.read("messaging_group", keys.group);
    root.read("embedded_media_driver", keys.embedded_media_driver);
    return keys;
}

void check_media_driver(bool wanted, bool has_aeron, Findings& findings) {
    if (!wanted || has_aeron) return;
    findings.problem("embedded_media_driver",
                     "is for messaging = \"aeron\"; the embedded messaging needs no media driver");
}

void read_aeron_stream_id(TomlSource::Table& table, std::string_view key, std::int32_t& stream_id,
                          Findings& findings) {
    std::uint32_t value = 0;
    if (!table.read(key, value)) return;
    if (value < 1 || !std::in_range<std::int32_t>(value)) {
        findings.problem(table.full_key(key),
                         fmt::format("{} is not a messaging stream id; choose 1 ... 2147483647 "
                                     "(CFG-012)",
                                     value));
        return;
    }
    stream_id = static_cast<std::int32_t>(value);
}

void read_endpoint(TomlSource::Table& table, const std::string& name, Endpoint& endpoint,
                   Findings& findings) {
    std::string channel;
    if (table.read(name + "_channel", channel) && !channel.empty()) endpoint.channel = channel;
    read_aeron_stream_id(table, name + "_stream_id", endpoint.stream_id, findings);
}

std::string read_config_file(const std::filesystem::path& file) {
    std::error_code ignored;
    std::ifstream stream;
    if (!std::filesystem::is_directory(file, ignored)) stream.open(file, std::ios::binary);
    if (!stream.is_open()) {
        throw Error(ErrorCode::NotFound,
                    fmt::format("{}: cannot be read; check the path and its permissions", file.string()));
    }
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace tensorpool::config
