// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"

#include <tensorpool/rate_limiter_config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_aeron_stream_id;
using config::TomlSource;
using Table = TomlSource::Table;

/// A stream id whose 0 means "off" or "as something else".
std::int32_t read_optional_id(Table& table, const std::string& key, Findings& findings) {
    std::uint32_t value = 0;
    std::int32_t id = 0;
    if (table.read(key, value) && value != 0) read_aeron_stream_id(table, key, id, findings);
    return id;
}

void read_nanos(Table& table, const std::string& key, Nanos& value, Findings& findings) {
    auto raw = static_cast<std::uint64_t>(value);
    if (!table.read(key, raw)) return;
    if (raw == 0 || raw > static_cast<std::uint64_t>(INT64_MAX)) {
        findings.problem(table.full_key(key), fmt::format("{} is outside 1 ... {}", raw, INT64_MAX));
        return;
    }
    value = static_cast<Nanos>(raw);
}

void require_channel(Table& table, const std::string& key, const std::string& channel, Findings& findings) {
    if (channel.empty())
        findings.problem(table.full_key(key),
                         "is missing; for example \"aeron:ipc?term-length=4m\" (CFG-013)");
}

/// Source and destination of what is forwarded when `flag` is set; both ids must be there (CFG-026).
void read_forwarding(Table& table, const std::string& flag, const std::string& kind,
                     const std::string& channel, std::optional<Endpoint>& source,
                     std::optional<Endpoint>& dest, Findings& findings) {
    bool enabled = false;
    table.read(flag, enabled);
    const std::string source_key = fmt::format("source_{}_stream_id", kind);
    const std::string dest_key = fmt::format("dest_{}_stream_id", kind);
    const std::int32_t from = read_optional_id(table, source_key, findings);
    const std::int32_t to = read_optional_id(table, dest_key, findings);
    if (!enabled) return;
    for (const auto& [key, id] : {std::pair(source_key, from), std::pair(dest_key, to)}) {
        if (id == 0)
            findings.problem(
                table.full_key(key),
                fmt::format("is 0 or missing; {} needs a stream id of 1 ... 2147483647 (CFG-026)",
                            table.full_key(flag)));
    }
    source = Endpoint{channel, from};
    dest = Endpoint{channel, to};
}

void read_driver_endpoint(Table& table, const std::string& control_channel, RateLimiterOptions& options,
                          Findings& findings) {
    const std::int32_t control_id = read_optional_id(table, "control_stream_id", findings);
    Endpoint& driver = options.driver_control;
    driver = {control_channel, control_id};
    table.read("driver_control_channel", driver.channel);
    require_channel(table, "driver_control_channel", driver.channel, findings);
    if (const std::int32_t id = read_optional_id(table, "driver_control_stream_id", findings); id != 0)
        driver.stream_id = id;
    if (driver.stream_id == 0)
        findings.problem(
            table.full_key("driver_control_stream_id"),
            "is 0 or missing, as is control_stream_id; give the driver's control stream (RATE-054)");
    options.driver_announce = driver;
    table.read("driver_announce_channel", options.driver_announce.channel);
    if (const std::int32_t id = read_optional_id(table, "driver_announce_stream_id", findings); id != 0)
        options.driver_announce.stream_id = id;
    // One stream opened with two channels cannot work (CFG-028).
    for (const auto& forwarded : {options.source_progress, options.dest_progress}) {
        if (!forwarded || forwarded->stream_id != driver.stream_id || forwarded->channel == driver.channel)
            continue;
        findings.problem(
            table.full_key("driver_control_channel"),
            fmt::format("'{}' differs from control_channel '{}', but both are used for stream {}; give "
                        "one channel or other ids (CFG-028)",
                        driver.channel, forwarded->channel, driver.stream_id));
    }
}

void read_limiter(Table table, RateLimiterConfig& config, std::uint32_t& max_rate_hz, Findings& findings) {
    RateLimiterOptions& options = config.options;
    table.alias("aeron_dir", "AERON_DIR");
    table.read("aeron_dir", config.aeron_dir);
    table.read("instance_id", options.instance_id);
    if (options.instance_id.empty())
        findings.problem(table.full_key("instance_id"), "is missing; name this limiter (RATE-054)");
    options.descriptor = {"", 0};
    table.read("descriptor_channel", options.descriptor.channel);
    require_channel(table, "descriptor_channel", options.descriptor.channel, findings);
    read_aeron_stream_id(table, "descriptor_stream_id", options.descriptor.stream_id, findings);
    if (options.descriptor.stream_id == 0)
        findings.problem(table.full_key("descriptor_stream_id"),
                         "is missing; give 1 ... 2147483647 (RATE-054)");
    options.source_descriptor = options.descriptor;
    table.read("source_descriptor_channel", options.source_descriptor.channel);
    read_aeron_stream_id(table, "source_descriptor_stream_id", options.source_descriptor.stream_id, findings);
    table.read("max_rate_hz", max_rate_hz);

    std::string control_channel = "aeron:ipc?term-length=1m";
    std::string qos_channel = control_channel;
    table.read("control_channel", control_channel);
    table.read("qos_channel", qos_channel);
    read_forwarding(table, "forward_progress", "control", control_channel, options.source_progress,
                    options.dest_progress, findings);
    read_forwarding(table, "forward_qos", "qos", qos_channel, options.source_qos, options.dest_qos, findings);
    read_driver_endpoint(table, control_channel, options, findings);
    const std::int32_t own_qos = read_optional_id(table, "qos_stream_id", findings);
    options.qos = own_qos != 0 ? std::optional(Endpoint{qos_channel, own_qos}) : std::nullopt;

    bool forward_metadata = true;
    Endpoint metadata{"", 0};
    table.read("forward_metadata", forward_metadata);
    table.read("metadata_channel", metadata.channel);
    metadata.stream_id = read_optional_id(table, "metadata_stream_id", findings);
    const bool complete = !metadata.channel.empty() && metadata.stream_id != 0;
    options.metadata = forward_metadata && complete ? std::optional(metadata) : std::nullopt;
    if (forward_metadata && !complete) {
        findings.warn(
            table.full_key("forward_metadata"),
            "has no effect without metadata_channel and metadata_stream_id; consumers get no metadata");
    }
    std::string base_dir = "/dev/shm";
    table.read("shm_base_dir", base_dir);
    options.allowed_base_dirs = {base_dir};
    read_nanos(table, "keepalive_interval_ns", options.keepalive_interval_ns, findings);
    read_nanos(table, "attach_timeout_ns", options.attach_timeout_ns, findings);
    read_nanos(table, "attach_retry_interval_ns", options.attach_retry_interval_ns, findings);
    table.ignore("aeron_uri");  // of peers: their default channel; every channel here has its own key
    table.warn_unknown();
}

void read_mappings(Table& root, std::uint32_t max_rate_hz, RateLimiterOptions& options, Findings& findings) {
    bool found = false;
    std::set<std::uint32_t> destinations;
    for (Table& table : root.table_array("mappings", found)) {
        RateLimiterMapping mapping;
        mapping.max_rate_hz = max_rate_hz;
        const auto read_stream = [&](const char* key, std::uint32_t& id) {
            table.require(key, "give 1 ... 4294967294");
            if (table.read(key, id) && (id == 0 || id == UINT32_MAX))
                findings.problem(table.full_key(key),
                                 fmt::format("{} is not a stream; give 1 ... 4294967294 (CFG-012)", id));
        };
        read_stream("source_stream_id", mapping.source_stream_id);
        read_stream("dest_stream_id", mapping.dest_stream_id);
        table.read("max_rate_hz", mapping.max_rate_hz);
        table.read("metadata_stream_id", mapping.metadata_stream_id);
        if (mapping.dest_stream_id != 0 && mapping.dest_stream_id == mapping.source_stream_id)
            findings.problem(table.full_key("dest_stream_id"),
                             fmt::format("{} is the source itself; give another stream (RATE-004)",
                                         mapping.dest_stream_id));
        if (mapping.dest_stream_id != 0 && !destinations.insert(mapping.dest_stream_id).second)
            findings.problem(
                table.full_key("dest_stream_id"),
                fmt::format("{} is the destination of another mapping too; a stream has one producer "
                            "(RATE-008)",
                            mapping.dest_stream_id));
        table.warn_unknown();
        options.mappings.push_back(mapping);
    }
    if (options.mappings.empty())
        findings.problem("mappings", "is missing; add [[mappings]] with source_stream_id and dest_stream_id");
}

}  // namespace

ContextOptions RateLimiterConfig::context_options() const {
    return config::context_options_of(*this);
}

LoadedRateLimiterConfig parse_rate_limiter_config(std::string_view toml, const std::string& source_name,
                                                  const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    LoadedRateLimiterConfig loaded;
    Table root = source.root();
    config::take_messaging(config::read_messaging(root, findings), loaded.config);
    std::uint32_t max_rate_hz = 0;
    read_limiter(root.fixed_table("rate_limiter"), loaded.config, max_rate_hz, findings);
    read_mappings(root, max_rate_hz, loaded.config.options, findings);
    root.warn_unknown();
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

LoadedRateLimiterConfig load_rate_limiter_config(const std::filesystem::path& file,
                                                 const Environment& environment) {
    return parse_rate_limiter_config(config::read_config_file(file), file.string(), environment);
}

}  // namespace tensorpool
