// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"
#include "messaging/channel_uri.hpp"

#include <tensorpool/supervisor_config.hpp>

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_aeron_stream_id;
using config::TomlSource;
using Table = TomlSource::Table;

/// Changes `endpoint` where the table says something; empty counts as left out (OT-12).
void read_endpoint(Table& table, const std::string& name, Endpoint& endpoint, Findings& findings) {
    std::string channel;
    if (table.read(name + "_channel", channel) && !channel.empty()) endpoint.channel = channel;
    read_aeron_stream_id(table, name + "_stream_id", endpoint.stream_id, findings);
}

/// The endpoints of the driver in the same file.
void read_driver_endpoints(Table table, SupervisorConfig& config, Findings& findings) {
    if (!table.present()) return;
    StreamEndpoints& at = config.options.endpoints;
    table.read("aeron_dir", config.aeron_dir);
    read_endpoint(table, "control", at.control, findings);
    at.announce = at.control;
    read_endpoint(table, "announce", at.announce, findings);
    read_endpoint(table, "qos", at.qos, findings);
}

void read_policy(Table& table, SupervisorOptions& options, Findings& findings) {
    table.read("force_no_shm", options.force_no_shm);
    std::uint32_t mode = 0;
    table.read("force_mode", mode);
    if (mode > 2) {
        findings.problem(table.full_key("force_mode"),
                         fmt::format("{} is no mode; 0 none, 1 STREAM, 2 RATE_LIMITED", mode));
    } else if (mode != 0) {
        options.force_mode = mode == 1 ? Mode::Stream : Mode::RateLimited;
    }
    table.read("payload_fallback_uri", options.payload_fallback_uri);
    const std::string& uri = options.payload_fallback_uri;
    if (!uri.empty() && !messaging::is_payload_fallback(uri)) {
        findings.problem(table.full_key("payload_fallback_uri"),
                         fmt::format("'{}' has no defined scheme; write aeron:... or bridge://<id> "
                                     "(WIRE-090)",
                                     uri));
    }
}

void read_per_consumer(Table& table, Findings& findings) {
    bool enabled = false;
    if (table.read("per_consumer_enabled", enabled) && enabled) {
        findings.problem(table.full_key("per_consumer_enabled"),
                         "must be false: no producer serves streams of single consumers; they stay on the "
                         "shared ones");
    }
    for (const char* key :
         {"per_consumer_descriptor_channel", "per_consumer_descriptor_base", "per_consumer_descriptor_range",
          "per_consumer_control_channel", "per_consumer_control_base", "per_consumer_control_range"}) {
        table.ignore(key);
    }
}

void read_supervisor(Table table, SupervisorConfig& config, Findings& findings) {
    SupervisorOptions& options = config.options;
    StreamEndpoints& at = options.endpoints;
    const bool announces_on_control = at.announce == at.control;
    read_endpoint(table, "control", at.control, findings);
    if (announces_on_control) at.announce = at.control;
    read_endpoint(table, "announce", at.announce, findings);
    read_endpoint(table, "qos", at.qos, findings);
    read_endpoint(table, "metadata", at.metadata, findings);
    auto capacity = static_cast<std::uint32_t>(options.capacity);
    table.read("consumer_capacity", capacity);
    if (capacity == 0) findings.problem(table.full_key("consumer_capacity"), "is 0; give at least 1");
    options.capacity = capacity;
    auto stale_ms = static_cast<std::uint32_t>(options.stale_after_ns / kNanosPerMilli);
    table.read("consumer_stale_ms", stale_ms);
    if (stale_ms == 0) findings.problem(table.full_key("consumer_stale_ms"), "is 0; give at least 1");
    options.stale_after_ns = stale_ms * kNanosPerMilli;
    read_policy(table, options, findings);
    read_per_consumer(table, findings);
    table.warn_unknown();
}

}  // namespace

ContextOptions SupervisorConfig::context_options() const {
    return config::context_options_of(*this);
}

LoadedSupervisorConfig parse_supervisor_config(std::string_view toml, const std::string& source_name,
                                               const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    LoadedSupervisorConfig loaded;
    Table root = source.root();
    config::take_messaging(config::read_messaging(root, findings), loaded.config);
    read_driver_endpoints(root.fixed_table("driver"), loaded.config, findings);
    read_supervisor(root.fixed_table("supervisor"), loaded.config, findings);
    for (const char* table : {"shm", "policies", "profiles", "streams", "discovery", "discovery_registry"})
        root.ignore(table);
    root.warn_unknown();
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

LoadedSupervisorConfig load_supervisor_config(const std::filesystem::path& file,
                                              const Environment& environment) {
    return parse_supervisor_config(config::read_config_file(file), file.string(), environment);
}

}  // namespace tensorpool
