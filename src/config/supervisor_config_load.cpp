// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"
#include "config/supervisor_keys.hpp"
#include "messaging/channel_uri.hpp"

#include <tensorpool/supervisor_config.hpp>

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_endpoint;
using config::TomlSource;
using Table = TomlSource::Table;

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

/// One kind of stream: channel, base and range (SUP-014).
void read_range(Table& table, const std::string& kind, ConsumerStreamRange& range, Findings& findings) {
    const std::string prefix = "per_consumer_" + kind;
    table.read(prefix + "_channel", range.channel);
    if (!range.channel.empty() && !messaging::is_consumer_channel(range.channel, false)) {
        findings.problem(table.full_key(prefix + "_channel"),
                         fmt::format("'{}' is no channel, or its term-length is above 16m; write for example "
                                     "aeron:ipc?term-length=64k, or nothing for the one a consumer names",
                                     range.channel));
    }
    table.read(prefix + "_base", range.base);
    table.read(prefix + "_range", range.range);
    constexpr std::uint32_t kMax = std::numeric_limits<std::int32_t>::max();
    if (range.base != 0 && (range.range == 0 || range.base > kMax || range.range - 1 > kMax - range.base)) {
        findings.problem(table.full_key(prefix + "_range"),
                         fmt::format("ids {} and the {} after it are not all in 1 ... 2147483647 (STR-007); "
                                     "give a range of at least 1, for example 1000",
                                     range.base, range.range));
    }
}

/// The ids of shared streams and of the other kind are not for single consumers (STR-001).
void check_ranges(const Table& table, const SupervisorOptions& options, Findings& findings) {
    const auto holds = [](const ConsumerStreamRange& range, std::uint64_t id) {
        return range.base != 0 && id >= range.base && id < std::uint64_t{range.base} + range.range;
    };
    const ConsumerStreamRange& descriptor = options.per_consumer.descriptor;
    const ConsumerStreamRange& control = options.per_consumer.control;
    if (holds(descriptor, control.base) || holds(control, descriptor.base)) {
        findings.problem(table.full_key("per_consumer_control_base"),
                         "the ids overlap those of per_consumer_descriptor_base (STR-001)");
    }
    const StreamEndpoints& at = options.endpoints;
    for (const Endpoint* shared : {&at.control, &at.announce, &at.qos, &at.metadata}) {
        const auto id = static_cast<std::uint64_t>(shared->stream_id);
        for (const char* kind : {"descriptor", "control"}) {
            if (!holds(kind[0] == 'd' ? descriptor : control, id)) continue;
            findings.problem(table.full_key(fmt::format("per_consumer_{}_base", kind)),
                             fmt::format("the ids hold {}, which is a shared stream (STR-001)", id));
        }
    }
}

void read_per_consumer(Table& table, SupervisorOptions& options, Findings& findings) {
    table.read("per_consumer_enabled", options.per_consumer.enabled);
    read_range(table, "descriptor", options.per_consumer.descriptor, findings);
    read_range(table, "control", options.per_consumer.control, findings);
    check_ranges(table, options, findings);
}

void read_sweep(Table& table, SupervisorOptions& options, Findings& findings) {
    table.read("sweep_base_dir", options.sweep_base_dir);
    table.read("sweep_namespace", options.sweep_namespace);
    if (!options.sweep_base_dir.empty() && !options.sweep_base_dir.starts_with('/')) {
        findings.problem(table.full_key("sweep_base_dir"),
                         fmt::format("'{}' is not an absolute path", options.sweep_base_dir));
    }
}

}  // namespace

void config::read_supervisor(Table table, SupervisorOptions& options, Findings& findings) {
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
    read_per_consumer(table, options, findings);
    read_sweep(table, options, findings);
    table.warn_unknown();
}

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
    Table driver = root.fixed_table("driver");
    std::vector<IdRange> assigned;  // by the driver to consumers that ask for streams of their own
    std::vector<IdRange> assigned_control;
    driver.read("descriptor_stream_id_range", assigned);
    driver.read("control_stream_id_range", assigned_control);
    const bool driver_assigns = !assigned.empty() || !assigned_control.empty();
    read_driver_endpoints(driver, loaded.config, findings);
    Table supervisor = root.fixed_table("supervisor");
    const bool is_drivers_file = !root.named_tables("profiles").empty();
    SupervisorOptions& options = loaded.config.options;
    // SUP-010: the driver of this file runs the supervisor itself, or assigns the streams of consumers.
    options.issue_configs = !is_drivers_file || !(supervisor.present() || driver_assigns);
    config::read_supervisor(supervisor, options, findings);
    if (is_drivers_file && !options.sweep_base_dir.empty()) {
        findings.problem(
            "supervisor.sweep_base_dir",
            "is for streams without a driver; the driver of this file removes its own epochs (SUP-018)");
    }
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
