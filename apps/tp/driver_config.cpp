// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver-config-validate, tp driver-config-dump: look at a driver's configuration without running it.

#include "common/report.hpp"
#include "tp/commands.hpp"

#include <tensorpool/driver_config.hpp>
#include <tensorpool/tensor.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool::apps {
namespace {

struct ConfigOptions {
    std::string file;
    bool json = false;
};

LoadedDriverConfig load(const ConfigOptions& options, const char* command) {
    LoadedDriverConfig loaded = load_driver_config(options.file);
    for (const ConfigProblem& warning : loaded.warnings)
        std::fprintf(stderr, "tp %s: warning: %s\n", command, warning.str().c_str());
    return loaded;
}

void add_range(Report& report, const char* key, const std::vector<IdRange>& ranges) {
    if (ranges.empty()) return;
    report[key] = Report::array();
    for (const IdRange& range : ranges) report[key].push_back({range.first, range.last});
}

/// What dump_driver_config() prints, with the same keys (TOOL-004, TOOL-029).
Report report_of(const DriverConfig& config) {
    const Endpoint announce = config.announce_endpoint();
    const DriverPolicyConfig& policies = config.policies;
    const DriverProfileConfig* const default_profile = config.default_profile();
    Report report{{"instance_id", config.instance_id},
                  {"aeron_dir", config.aeron_dir},
                  {"control_channel", config.control.channel},
                  {"control_stream_id", config.control.stream_id},
                  {"announce_channel", announce.channel},
                  {"announce_stream_id", announce.stream_id},
                  {"qos_channel", config.qos.channel},
                  {"qos_stream_id", config.qos.stream_id},
                  {"prefault_shm", policies.prefault_shm},
                  {"default_profile", default_profile == nullptr ? std::string() : default_profile->name},
                  {"allow_dynamic_streams", policies.allow_dynamic_streams},
                  {"announce_period_ms", policies.announce_period_ms},
                  {"lease_keepalive_interval_ms", policies.lease_keepalive_interval_ms},
                  {"lease_expiry_grace_intervals", policies.lease_expiry_grace_intervals}};
    add_range(report, "stream_id_range", config.stream_id_range);
    add_range(report, "descriptor_stream_id_range", config.descriptor_stream_id_range);
    add_range(report, "control_stream_id_range", config.control_stream_id_range);
    report["profiles"] = Report::array();
    for (const DriverProfileConfig& profile : config.profiles) {
        Report pools = Report::array();
        for (const DriverPoolConfig& pool : profile.payload_pools)
            pools.push_back({{"pool_id", pool.pool_id}, {"stride_bytes", pool.stride_bytes}});
        report["profiles"].push_back({{"profile", profile.name},
                                      {"header_nslots", profile.header_nslots},
                                      {"header_slot_bytes", profile.header_slot_bytes},
                                      {"max_dims", kMaxDims},
                                      {"payload_pools", std::move(pools)}});
    }
    report["streams"] = Report::array();
    for (const DriverStreamConfig& stream : config.streams) {
        report["streams"].push_back(
            {{"stream", stream.name}, {"stream_id", stream.stream_id}, {"profile", stream.profile}});
    }
    return report;
}

void add_file(const cli::Command& command, ConfigOptions& options) {
    command.add_option("config,-c,--config", options.file, "TOML file").required().option_text("FILE");
    command.add_flag("--json", options.json, "one JSON object");
}

}  // namespace

void add_driver_config_commands(const cli::Command& app, Selection& selection) {
    add_command<ConfigOptions>(
        app, selection, "driver-config-validate",
        "Check a driver configuration, environment overrides included; prints ok, or every problem.\n"
        "Example: tp driver-config-validate --config config/driver.toml",
        add_file, [](ConfigOptions& options) {
            load(options, "driver-config-validate");
            std::puts(options.json ? R"({"valid":true})" : "ok");
            return ExitCode::Ok;
        });
    add_command<ConfigOptions>(
        app, selection, "driver-config-dump",
        "Print the values a driver would use, environment overrides included.\n"
        "Example: DRIVER_CONTROL_STREAM_ID=1010 tp driver-config-dump --config config/driver.toml",
        add_file, [](ConfigOptions& options) {
            const DriverConfig config = load(options, "driver-config-dump").config;
            if (options.json) {
                print_report(report_of(config), true);
            } else {
                std::fputs(dump_driver_config(config).c_str(), stdout);
            }
            return ExitCode::Ok;
        });
}

}  // namespace tensorpool::apps
