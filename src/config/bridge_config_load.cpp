// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"

#include <tensorpool/bridge_config.hpp>

#include <fmt/format.h>

#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_endpoint;
using config::TomlSource;
using Table = TomlSource::Table;

/// An unsigned number that must not be 0 where it is given.
void read_positive(Table& table, std::string_view key, std::uint32_t& value, Findings& findings) {
    if (table.read(key, value) && value == 0)
        findings.problem(table.full_key(key), "0 is not allowed; remove the key for the default");
}

void read_ms(Table& table, std::string_view key, Nanos& value_ns, Findings& findings) {
    auto ms = static_cast<std::uint32_t>(value_ns / kNanosPerMilli);
    read_positive(table, key, ms, findings);
    value_ns = ms * kNanosPerMilli;
}

void read_end(Table& table, std::string_view key, BridgeEnd& end, Findings& findings) {
    std::string text;
    if (!table.read(key, text)) return;
    if (text == "both") {
        end = BridgeEnd::Both;
    } else if (text == "sender") {
        end = BridgeEnd::Send;
    } else if (text == "receiver") {
        end = BridgeEnd::Receive;
    } else {
        findings.problem(
            table.full_key(key),
            fmt::format("'{}' is no end of a bridge; use \"sender\", \"receiver\" or \"both\"", text));
    }
}

void read_transport(Table& table, BridgeConfig& config, Findings& findings) {
    std::string kind;
    const bool given = table.read("transport_messaging", kind);
    if (given && kind != "embedded" && kind != "aeron") {
        findings.problem(table.full_key("transport_messaging"),
                         fmt::format("'{}' is unknown; use \"embedded\" or \"aeron\"", kind));
    }
    // Hosts meet over UDP, which only Aeron speaks.
    const bool udp = config.options.payload.channel.starts_with("aeron:udp");
    config.transport_messaging = given ? (kind == "aeron" ? MessagingKind::Aeron : MessagingKind::Embedded)
                                 : udp ? MessagingKind::Aeron
                                       : config.messaging;
    config.transport_messaging_dir = config.messaging_dir;
    table.read("transport_messaging_dir", config.transport_messaging_dir);
    table.read("aeron_dir", config.aeron_dir);
}

void read_bridge(Table table, BridgeConfig& config, BridgeEnd& end, Findings& findings) {
    BridgeOptions& options = config.options;
    table.require("instance_id", "name this bridge, for example \"bridge-01\"");
    table.read("instance_id", options.instance_id);
    for (const char* key : {"payload", "control"}) {
        table.require(std::string(key) + "_channel", "for example \"aeron:udp?endpoint=10.0.0.2:40123\"");
        table.require(std::string(key) + "_stream_id", "choose 1 ... 2147483647, alike at both ends");
    }
    read_endpoint(table, "payload", options.payload, findings);
    read_endpoint(table, "control", options.control, findings);
    read_endpoint(table, "metadata", options.metadata, findings);
    read_transport(table, config, findings);
    if (table.read("mtu_bytes", options.mtu_bytes) && options.mtu_bytes == 0)
        findings.problem(table.full_key("mtu_bytes"), "0 is not above 128; remove the key for the channel's");
    read_positive(table, "chunk_bytes", options.chunk_bytes, findings);
    table.read("max_chunk_bytes", options.max_chunk_bytes);
    table.read("max_payload_bytes", options.max_payload_bytes);
    table.read("integrity_crc32c", options.integrity_crc32c);
    table.read("dest_stream_id_range", options.dest_stream_id_range);
    table.read("forward_metadata", options.forward_metadata);
    table.read("forward_tracelink", options.forward_tracelink);
    table.read("forward_qos", options.forward_qos);
    table.read("forward_progress", options.forward_progress);
    table.read("progress_under_dest_id", options.progress_under_dest_id);
    config::read_aeron_stream_id(table, "source_metadata_stream_id", options.source_metadata_stream_id,
                                 findings);
    read_ms(table, "assembly_timeout_ms", options.assembly_timeout_ns, findings);
    read_positive(table, "max_frames_in_flight", options.max_frames_in_flight, findings);
    read_end(table, "role", end, findings);
    table.warn_unknown();
}

void read_local(Table table, BridgeOptions& options, Findings& findings) {
    StreamEndpoints& at = options.local;
    read_endpoint(table, "control", at.control, findings);
    at.announce = at.control;
    read_endpoint(table, "announce", at.announce, findings);
    read_endpoint(table, "descriptor", at.descriptor, findings);
    read_endpoint(table, "qos", at.qos, findings);
    read_endpoint(table, "metadata", at.metadata, findings);
    table.read("source_uses_driver", options.source_uses_driver);
    table.read("allowed_base_dirs", options.allowed_base_dirs);
    read_ms(table, "keepalive_interval_ms", options.keepalive_interval_ns, findings);
    read_ms(table, "announce_period_ms", options.announce_period_ns, findings);
    table.warn_unknown();
}

/// The transport of one mapping: what it does not say is the bridge's.
void read_own_transport(Table& table, const std::string& name, const Endpoint& common,
                        std::optional<Endpoint>& own, Findings& findings) {
    Endpoint endpoint = common;
    read_endpoint(table, name, endpoint, findings);
    if (endpoint != common) own = endpoint;
}

BridgeMapping read_mapping(Table& table, const BridgeOptions& options, BridgeEnd end, Findings& findings) {
    BridgeMapping mapping;
    mapping.end = end;
    table.require("source_stream_id", "name the stream of the source host");
    table.read("source_stream_id", mapping.source_stream_id);
    table.read("dest_stream_id", mapping.dest_stream_id);
    table.read("profile", mapping.profile);
    table.read("metadata_stream_id", mapping.metadata_stream_id);
    table.read("source_control_stream_id", mapping.source_control_stream_id);
    table.read("dest_control_stream_id", mapping.dest_control_stream_id);
    read_end(table, "role", mapping.end, findings);
    read_own_transport(table, "payload", options.payload, mapping.payload, findings);
    read_own_transport(table, "control", options.control, mapping.control, findings);
    // `metadata_stream_id` of a mapping is the stream id inside metadata (trap 20), so the transport's has
    // another name here.
    read_own_transport(table, "metadata_transport", options.metadata, mapping.metadata, findings);
    table.warn_unknown();
    return mapping;
}

/// The streams of a driver in the same file may not be taken by the allocation.
void read_reserved(Table& root, BridgeOptions& options) {
    for (auto& [name, table] : root.named_tables("streams")) {
        std::uint32_t stream_id = 0;
        if (table.read("stream_id", stream_id)) options.reserved_stream_ids.push_back(stream_id);
    }
    for (const char* table : {"driver", "shm", "policies", "profiles", "supervisor"}) root.ignore(table);
}

}  // namespace

ContextOptions BridgeConfig::local_context() const {
    ContextOptions context = config::context_options_of(*this);
    context.embedded_media_driver = embedded_media_driver && messaging == MessagingKind::Aeron;
    return context;
}

ContextOptions BridgeConfig::transport_context() const {
    ContextOptions context = local_context();
    context.messaging = transport_messaging;
    context.messaging_dir = transport_messaging_dir;
    // The local side's serves both.
    context.embedded_media_driver = embedded_media_driver && messaging != MessagingKind::Aeron;
    return context;
}

LoadedBridgeConfig parse_bridge_config(std::string_view toml, const std::string& source_name,
                                       std::optional<BridgeEnd> end, const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    LoadedBridgeConfig loaded;
    BridgeConfig& config = loaded.config;
    Table root = source.root();
    config::take_messaging(config::read_messaging_keys(root, findings), config);
    BridgeEnd common_end = BridgeEnd::Both;
    read_bridge(root.fixed_table("bridge"), config, common_end, findings);
    const bool has_aeron =
        config.messaging == MessagingKind::Aeron || config.transport_messaging == MessagingKind::Aeron;
    config::check_media_driver(config.embedded_media_driver, has_aeron, findings);
    read_local(root.fixed_table("local"), config.options, findings);
    bool found = false;
    for (Table& table : root.table_array("mappings", found)) {
        config.options.mappings.push_back(
            read_mapping(table, config.options, end.value_or(common_end), findings));
    }
    read_reserved(root, config.options);
    root.warn_unknown();
    findings.merge(validate_bridge_options(config.options));
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

LoadedBridgeConfig load_bridge_config(const std::filesystem::path& file, std::optional<BridgeEnd> end,
                                      const Environment& environment) {
    return parse_bridge_config(config::read_config_file(file), file.string(), end, environment);
}

}  // namespace tensorpool
