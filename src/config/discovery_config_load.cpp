// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"

#include <tensorpool/discovery_config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::read_aeron_stream_id;
using config::TomlSource;
using Table = TomlSource::Table;

/// Who may see which stream, by driver and stream; a stream that is not in here is everybody's.
using Visibility = std::map<std::pair<std::string, std::uint32_t>, std::vector<IdRange>>;

/// `key`, or what older files call it; both with different values is a contradiction (CFG-029).
bool read_with_alias(Table& table, const std::string& key, const std::string& alias, std::string& value,
                     Findings& findings) {
    std::string other;
    const bool has_key = table.read(key, value);
    if (!table.read(alias, other)) return has_key;
    if (!has_key) {
        value = other;
    } else if (other != value) {
        findings.problem(table.full_key(alias), fmt::format("'{}' contradicts {} = '{}'; give one (CFG-029)",
                                                            other, table.full_key(key), value));
    }
    return true;
}

bool read_with_alias(Table& table, const std::string& key, const std::string& alias, std::int32_t& value,
                     Findings& findings) {
    std::int32_t own = 0;
    std::int32_t other = 0;
    read_aeron_stream_id(table, key, own, findings);
    read_aeron_stream_id(table, alias, other, findings);
    if (own != 0 && other != 0 && own != other) {
        findings.problem(table.full_key(alias), fmt::format("{} contradicts {} = {}; give one (CFG-029)",
                                                            other, table.full_key(key), own));
    }
    if (own != 0 || other != 0) value = own != 0 ? own : other;
    return own != 0 || other != 0;
}

void read_request(Table& table, Endpoint& request, Findings& findings) {
    read_with_alias(table, "channel", "request_channel", request.channel, findings);
    read_with_alias(table, "stream_id", "request_stream_id", request.stream_id, findings);
}

void require_endpoint(Table& table, const std::string& prefix, const Endpoint& endpoint, Findings& findings) {
    const auto named = [&](std::string_view what) {
        return table.full_key(prefix.empty() ? std::string(what) : fmt::format("{}_{}", prefix, what));
    };
    if (endpoint.channel.empty())
        findings.problem(named("channel"), "is missing; for example \"aeron:ipc?term-length=4m\" (CFG-013)");
    if (endpoint.stream_id == 0)
        findings.problem(named("stream_id"), "is missing; give 1 ... 2147483647 (CFG-012)");
}

/// Empty and 0, or both left out: no metadata.
std::optional<Endpoint> read_metadata(Table& table, Findings& findings) {
    Endpoint metadata{"", 0};
    std::uint32_t id = 0;
    table.read("metadata_channel", metadata.channel);
    if (table.read("metadata_stream_id", id) && id != 0)
        read_aeron_stream_id(table, "metadata_stream_id", metadata.stream_id, findings);
    if (metadata.channel.empty() && id == 0) return std::nullopt;
    require_endpoint(table, "metadata", metadata, findings);
    return metadata;
}

DiscoveryAuthority read_authority(Table& table, DiscoveryAuthority authority, Findings& findings) {
    table.read("driver_instance_id", authority.instance_id);
    if (authority.instance_id.empty())
        findings.problem(table.full_key("driver_instance_id"), "is missing; write the driver's instance_id");
    read_endpoint(table, "driver_control", authority.control, findings);
    require_endpoint(table, "driver_control", authority.control, findings);
    read_endpoint(table, "announce", authority.announce, findings);
    require_endpoint(table, "announce", authority.announce, findings);
    authority.metadata = read_metadata(table, findings);
    return authority;
}

void read_limits(Table& table, DiscoveryProviderOptions& options, Findings& findings) {
    table.read("max_results", options.max_results);
    if (options.max_results == 0 || options.max_results > 65534)
        findings.problem(table.full_key("max_results"),
                         fmt::format("{} is outside 1 ... 65534", options.max_results));
    std::uint32_t period_ms = 1000;
    if (table.read("announce_period_ms", period_ms) && period_ms == 0)
        findings.problem(table.full_key("announce_period_ms"), "is 0; give at least 1");
    options.expiry_ns = 3 * std::max<Nanos>(period_ms, 1) * kNanosPerMilli;
    auto expiry_ns = static_cast<std::uint64_t>(options.expiry_ns);
    table.read("expiry_ns", expiry_ns);
    if (expiry_ns == 0 || expiry_ns > static_cast<std::uint64_t>(INT64_MAX)) {
        findings.problem(table.full_key("expiry_ns"),
                         fmt::format("{} is outside 1 ... {}", expiry_ns, INT64_MAX));
    } else {
        options.expiry_ns = static_cast<Nanos>(expiry_ns);
    }
    std::uint32_t buffer = 0;
    if (table.read("response_buf_bytes", buffer) && buffer != 0) options.response_buffer_bytes = buffer;
    table.read("explicit_denial", options.explicit_denial);
}

/// `[[discovery.labels]]`: tags, data source id and visibility of single streams.
void read_labels(Table& table, DiscoveryProviderOptions& options, Findings& findings) {
    bool found = false;
    Visibility rules;
    for (Table& entry : table.table_array("labels", found)) {
        DiscoveryLabel label;
        if (options.authorities.size() == 1) label.instance_id = options.authorities[0].instance_id;
        entry.read("driver_instance_id", label.instance_id);
        const bool known = std::any_of(options.authorities.begin(), options.authorities.end(),
                                       [&](const auto& a) { return a.instance_id == label.instance_id; });
        if (!known) {
            findings.problem(entry.full_key("driver_instance_id"),
                             fmt::format("'{}' is none of the drivers listed here", label.instance_id));
        }
        entry.require("stream_id", "give 1 ... 4294967294");
        entry.read("stream_id", label.stream_id);
        if (label.stream_id == 0 || label.stream_id == UINT32_MAX)
            findings.problem(
                entry.full_key("stream_id"),
                fmt::format("{} is not a stream; give 1 ... 4294967294 (CFG-012)", label.stream_id));
        entry.read("tags", label.tags);
        std::uint64_t data_source_id = 0;
        if (entry.read("data_source_id", data_source_id)) label.data_source_id = data_source_id;
        std::vector<IdRange> clients;
        if (entry.read("visible_to", clients)) rules[{label.instance_id, label.stream_id}] = clients;
        entry.warn_unknown();
        options.labels.push_back(std::move(label));
    }
    if (rules.empty()) return;
    options.visible = [rules = std::move(rules)](std::uint32_t client_id, const DiscoveredStream& stream) {
        const auto rule = rules.find({stream.driver_instance_id, stream.stream_id});
        return rule == rules.end() ||
               std::any_of(rule->second.begin(), rule->second.end(),
                           [&](const IdRange& range) { return range.contains(client_id); });
    };
}

/// The driver that a `[driver]` table in the same file describes.
DiscoveryAuthority read_driver(Table table, std::string& aeron_dir, Findings& findings) {
    DiscoveryAuthority driver{"", {"", 0}, {"", 0}, std::nullopt};
    if (!table.present()) return driver;
    table.alias("aeron_dir", "AERON_DIR");
    table.read("aeron_dir", aeron_dir);
    const bool is_driver = table.read("instance_id", driver.instance_id);
    const Endpoint control = driver.control;
    read_endpoint(table, "control", driver.control, findings);
    if (is_driver || driver.control != control) {  // more than an aeron_dir
        const DriverConfig defaults;
        if (driver.instance_id.empty()) driver.instance_id = defaults.instance_id;
        if (driver.control.channel.empty()) driver.control.channel = defaults.control.channel;
        if (driver.control.stream_id == 0) driver.control.stream_id = defaults.control.stream_id;
        driver.announce = driver.control;
        read_endpoint(table, "announce", driver.announce, findings);
    }
    return driver;
}

void read_single(Table table, DiscoveryAuthority driver, DiscoveryProviderOptions& options,
                 Findings& findings) {
    options.request = driver.control;  // DISC-014
    read_request(table, options.request, findings);
    require_endpoint(table, "", options.request, findings);
    options.authorities = {read_authority(table, std::move(driver), findings)};
    read_limits(table, options, findings);
    read_labels(table, options, findings);
    table.warn_unknown();
}

void read_registry(Table table, DiscoveryProviderOptions& options, Findings& findings) {
    options.request = {"", 0};
    read_request(table, options.request, findings);
    require_endpoint(table, "", options.request, findings);
    bool found = false;
    std::set<std::string> ids;
    for (Table& entry : table.table_array("endpoints", found)) {
        DiscoveryAuthority authority = read_authority(entry, {"", {"", 0}, {"", 0}, std::nullopt}, findings);
        if (!authority.instance_id.empty() && !ids.insert(authority.instance_id).second) {
            findings.problem(entry.full_key("driver_instance_id"),
                             fmt::format("'{}' is given twice", authority.instance_id));
        }
        for (const DiscoveryAuthority& other : options.authorities) {
            if (other.announce != authority.announce || authority.announce.channel.empty()) continue;
            findings.problem(
                entry.full_key("announce_stream_id"),
                fmt::format("'{}' announces on {} stream {} too; their streams could not be told apart",
                            other.instance_id, other.announce.channel, other.announce.stream_id));
        }
        entry.warn_unknown();
        options.authorities.push_back(std::move(authority));
    }
    if (options.authorities.empty())
        findings.problem(table.full_key("endpoints"),
                         "is missing; add one [[discovery_registry.endpoints]] for each driver");
    read_limits(table, options, findings);
    read_labels(table, options, findings);
    table.warn_unknown();
}

}  // namespace

ContextOptions DiscoveryConfig::context_options() const {
    return config::context_options_of(*this);
}

std::optional<LoadedDiscoveryConfig> parse_discovery_config(std::string_view toml,
                                                            const std::string& source_name,
                                                            DiscoveryTable which,
                                                            const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    LoadedDiscoveryConfig loaded;
    Table root = source.root();
    config::take_messaging(config::read_messaging(root, findings), loaded.config);
    DiscoveryAuthority driver = read_driver(root.fixed_table("driver"), loaded.config.aeron_dir, findings);
    Table single = root.fixed_table("discovery");
    Table registry = root.fixed_table("discovery_registry");
    if (which == DiscoveryTable::Standalone && registry.present()) {
        read_registry(std::move(registry), loaded.config.options, findings);
    } else if (single.present()) {
        if (which == DiscoveryTable::Embedded && driver.instance_id.empty()) {
            const DriverConfig defaults;
            driver = {defaults.instance_id, defaults.control, defaults.control, std::nullopt};
        }
        read_single(std::move(single), std::move(driver), loaded.config.options, findings);
    } else if (which == DiscoveryTable::Embedded) {
        return std::nullopt;
    } else {
        findings.problem(
            "discovery_registry",
            "is missing; add [discovery_registry] with the drivers to list, or [discovery] for one");
    }
    for (const char* table : {"shm", "policies", "profiles", "streams", "supervisor"}) root.ignore(table);
    root.warn_unknown();
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

std::optional<LoadedDiscoveryConfig> load_discovery_config(const std::filesystem::path& file,
                                                           DiscoveryTable which,
                                                           const Environment& environment) {
    return parse_discovery_config(config::read_config_file(file), file.string(), which, environment);
}

}  // namespace tensorpool
