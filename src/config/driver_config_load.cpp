// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "config/common_keys.hpp"
#include "config/supervisor_keys.hpp"

#include <fmt/format.h>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_aeron_stream_id;
using config::TomlSource;
using Table = TomlSource::Table;

/// `$USER` and `${USER}` in a directory name.
std::string expand_user(std::string text, const Environment& environment) {
    const std::string user = environment("USER").value_or("");
    if (user.empty()) return text;
    for (const std::string_view pattern : {std::string_view("${USER}"), std::string_view("$USER")}) {
        for (std::size_t at = text.find(pattern); at != std::string::npos;
             at = text.find(pattern, at + user.size())) {
            text.replace(at, pattern.size(), user);
        }
    }
    return text;
}

void read_driver(Table table, DriverConfig& config, Findings& findings, const Environment& environment) {
    table.alias("aeron_dir", "AERON_DIR");
    table.alias("control_channel", "TP_CONTROL_CHANNEL");
    table.alias("control_stream_id", "TP_CONTROL_STREAM_ID");
    table.read("instance_id", config.instance_id);
    table.read("counter_id", config.counter_id);
    if (table.read("aeron_dir", config.aeron_dir)) {
        config.aeron_dir = expand_user(std::move(config.aeron_dir), environment);
    }
    table.read("control_channel", config.control.channel);
    read_aeron_stream_id(table, "control_stream_id", config.control.stream_id, findings);
    config.announce = config.control;
    table.read("announce_channel", config.announce.channel);
    read_aeron_stream_id(table, "announce_stream_id", config.announce.stream_id, findings);
    if (config.announce.channel.empty()) {
        findings.problem(table.full_key("announce_channel"),
                         "is empty (CFG-013); remove the key to announce on the control channel");
    }
    table.read("qos_channel", config.qos.channel);
    read_aeron_stream_id(table, "qos_stream_id", config.qos.stream_id, findings);
    table.read("stream_id_range", config.stream_id_range);
    table.read("descriptor_stream_id_range", config.descriptor_stream_id_range);
    table.read("control_stream_id_range", config.control_stream_id_range);
    table.warn_unknown();
}

/// "660" and the like; the digits are octal whatever TOML thinks of the number.
void read_permissions(Table& table, std::uint32_t& mode, Findings& findings) {
    std::string text;
    if (!table.read("permissions_mode", text)) return;
    const bool octal =
        (text.size() == 3 || text.size() == 4) && text.find_first_not_of("01234567") == std::string::npos;
    if (!octal) {
        findings.problem(table.full_key("permissions_mode"),
                         fmt::format("'{}' is not 3 or 4 octal digits; write for example \"660\"", text));
        return;
    }
    mode = static_cast<std::uint32_t>(std::stoul(text, nullptr, 8));
}

void read_shm(Table table, DriverShmConfig& shm, Findings& findings) {
    table.read("base_dir", shm.base_dir);
    table.read("namespace", shm.namespace_name);
    table.read("require_hugepages", shm.require_hugepages);
    table.read("page_size_bytes", shm.page_size_bytes);
    read_permissions(table, shm.permissions_mode, findings);
    table.read("allowed_base_dirs", shm.allowed_base_dirs);
    table.warn_unknown();
}

void read_policies(Table table, DriverPolicyConfig& policies) {
    table.read("allow_dynamic_streams", policies.allow_dynamic_streams);
    table.read("default_profile", policies.default_profile);
    table.read("announce_period_ms", policies.announce_period_ms);
    table.read("lease_keepalive_interval_ms", policies.lease_keepalive_interval_ms);
    table.read("lease_expiry_grace_intervals", policies.lease_expiry_grace_intervals);
    table.read("prefault_shm", policies.prefault_shm);
    table.read("mlock_shm", policies.mlock_shm);
    table.read("epoch_gc_enabled", policies.epoch_gc_enabled);
    table.read("epoch_gc_keep", policies.epoch_gc_keep);
    table.read("epoch_gc_min_age_ns", policies.epoch_gc_min_age_ns);
    table.read("epoch_gc_on_startup", policies.epoch_gc_on_startup);
    table.read("shutdown_timeout_ms", policies.shutdown_timeout_ms);
    table.read("shutdown_token", policies.shutdown_token);
    table.read("reuse_existing_shm", policies.reuse_existing_shm);
    table.read("cleanup_shm_on_exit", policies.cleanup_shm_on_exit);
    table.read("node_id_reuse_cooldown_ms", policies.node_id_reuse_cooldown_ms);
    table.warn_unknown();
}

std::vector<DriverProfileConfig> read_profiles(Table& root, Findings& findings) {
    std::vector<DriverProfileConfig> profiles;
    for (auto& [name, table] : root.named_tables("profiles")) {
        DriverProfileConfig profile;
        profile.name = name;
        table.read("header_nslots", profile.header_nslots);
        table.read("header_slot_bytes", profile.header_slot_bytes);
        bool found = false;
        for (Table& entry : table.table_array("payload_pools", found)) {
            DriverPoolConfig pool;
            entry.require("pool_id", "give 1 ... 65535, unique in the profile");
            entry.require("stride_bytes", "give a power of two of at least 64");
            entry.read("pool_id", pool.pool_id);
            entry.read("stride_bytes", pool.stride_bytes);
            entry.warn_unknown();
            profile.payload_pools.push_back(pool);
        }
        if (!found) {
            findings.problem(table.full_key("payload_pools"),
                             "is missing; add payload_pools = [{ pool_id = 1, stride_bytes = 1048576 }]");
        }
        table.warn_unknown();
        profiles.push_back(std::move(profile));
    }
    return profiles;
}

std::vector<DriverStreamConfig> read_streams(Table& root) {
    std::vector<DriverStreamConfig> streams;
    for (auto& [name, table] : root.named_tables("streams")) {
        DriverStreamConfig stream;
        stream.name = name;
        table.require("stream_id", "give 1 ... 4294967294, unique among the streams");
        table.require("profile", "name one of the [profiles.*] tables");
        table.read("stream_id", stream.stream_id);
        table.read("profile", stream.profile);
        table.warn_unknown();
        streams.push_back(std::move(stream));
    }
    return streams;
}

/// The supervisor inside the driver (SUP-001), at the driver's endpoints (OT-12).
std::optional<SupervisorOptions> read_embedded_supervisor(Table table, const DriverConfig& config,
                                                          Findings& findings) {
    if (!table.present()) return std::nullopt;
    SupervisorOptions options;
    options.endpoints.control = config.control;
    options.endpoints.announce = config.announce_endpoint();
    options.endpoints.qos = config.qos;
    config::read_supervisor(table, options, findings);
    if (!options.sweep_base_dir.empty()) {
        findings.problem("supervisor.sweep_base_dir",
                         "is for streams without a driver; the driver removes its own epochs (SUP-018)");
    }
    return options;
}

}  // namespace

LoadedDriverConfig parse_driver_config(std::string_view toml, const std::string& source_name,
                                       const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    LoadedDriverConfig loaded;
    DriverConfig& config = loaded.config;
    Table root = source.root();
    tensorpool::config::take_messaging(tensorpool::config::read_messaging(root, findings), config);
    read_driver(root.fixed_table("driver"), config, findings, environment);
    read_shm(root.fixed_table("shm"), config.shm, findings);
    read_policies(root.fixed_table("policies"), config.policies);
    config.profiles = read_profiles(root, findings);
    config.streams = read_streams(root);
    loaded.supervisor = read_embedded_supervisor(root.fixed_table("supervisor"), config, findings);
    config.supervised = loaded.supervisor.has_value();
    for (const char* table : {"discovery", "discovery_registry"}) root.ignore(table);  // their own readers'
    root.warn_unknown();
    findings.merge(validate_driver_config(config));
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

LoadedDriverConfig load_driver_config(const std::filesystem::path& file, const Environment& environment) {
    return parse_driver_config(config::read_config_file(file), file.string(), environment);
}

}  // namespace tensorpool
