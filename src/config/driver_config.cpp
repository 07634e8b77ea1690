// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/driver_config.hpp>

#include "config/common_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace tensorpool {
namespace {

constexpr std::uint64_t kSuperblockBytes = 64;
constexpr std::uint64_t kHeaderSlotBytes = 256;

std::string join_problems(const std::vector<ConfigProblem>& problems) {
    std::string text;
    for (const ConfigProblem& problem : problems) {
        if (!text.empty()) text += '\n';
        text += problem.str();
    }
    return text;
}

void print_range(std::string& out, std::string_view key, const std::vector<IdRange>& ranges) {
    if (ranges.empty()) return;
    std::string text;
    for (const IdRange& range : ranges) {
        text += fmt::format("{}{}-{}", text.empty() ? "" : ",", range.first, range.last);
    }
    out += fmt::format("{}={}\n", key, text);
}

}  // namespace

std::string ConfigProblem::str() const {
    return source.empty() ? fmt::format("{}: {}", key, text) : fmt::format("{}: {}: {}", source, key, text);
}

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : Error(ErrorCode::InvalidConfig, join_problems(problems)), problems_(std::move(problems)) {
}

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

Endpoint DriverConfig::announce_endpoint() const {
    return {announce.channel.empty() ? control.channel : announce.channel,
            announce.stream_id == 0 ? control.stream_id : announce.stream_id};
}

const DriverProfileConfig* DriverConfig::find_profile(std::string_view name) const noexcept {
    const auto found = std::ranges::find(profiles, name, &DriverProfileConfig::name);
    return found == profiles.end() ? nullptr : &*found;
}

const DriverProfileConfig* DriverConfig::default_profile() const noexcept {
    if (!policies.default_profile.empty()) return find_profile(policies.default_profile);
    return profiles.empty() ? nullptr : &profiles.front();
}

Nanos DriverConfig::announce_period_ns() const noexcept {
    return policies.announce_period_ms * kNanosPerMilli;
}

Nanos DriverConfig::lease_window_ns() const noexcept {
    const std::uint64_t window_ms =
        std::uint64_t{policies.lease_keepalive_interval_ms} * policies.lease_expiry_grace_intervals;
    // Fits for every validated configuration; the check keeps an unvalidated one defined.
    Nanos window_ns = 0;
    const bool overflow = __builtin_mul_overflow(window_ms, kNanosPerMilli, &window_ns);
    return overflow ? std::numeric_limits<Nanos>::max() : window_ns;
}

Nanos DriverConfig::epoch_gc_min_age_ns() const noexcept {
    if (policies.epoch_gc_min_age_ns == 0) return 3 * announce_period_ns();
    return static_cast<Nanos>(std::min<std::uint64_t>(
        policies.epoch_gc_min_age_ns, static_cast<std::uint64_t>(std::numeric_limits<Nanos>::max())));
}

std::vector<std::string> DriverConfig::allowed_base_dirs() const {
    return shm.allowed_base_dirs.empty() ? std::vector<std::string>{shm.base_dir} : shm.allowed_base_dirs;
}

ContextOptions DriverConfig::context_options() const {
    return config::context_options_of(*this);
}

std::optional<std::uint64_t> epoch_size_bytes(const DriverProfileConfig& profile,
                                              std::uint64_t page_bytes) noexcept {
    // A 32-bit slot count times a 32-bit slot size always fits 64 bits, with room for the superblock and
    // rounding.
    const auto file_bytes = [page_bytes](std::uint64_t nslots, std::uint64_t slot_bytes) {
        const std::uint64_t bytes = kSuperblockBytes + nslots * slot_bytes;
        return page_bytes == 0 ? bytes : (bytes + page_bytes - 1) / page_bytes * page_bytes;
    };
    std::int64_t total = 0;
    if (__builtin_add_overflow(total, file_bytes(profile.header_nslots, kHeaderSlotBytes), &total))
        return std::nullopt;
    for (const DriverPoolConfig& pool : profile.payload_pools) {
        if (__builtin_add_overflow(total, file_bytes(profile.header_nslots, pool.stride_bytes), &total)) {
            return std::nullopt;
        }
    }
    return static_cast<std::uint64_t>(total);
}

std::string dump_driver_config(const DriverConfig& config) {
    const Endpoint announce = config.announce_endpoint();
    const DriverProfileConfig* const default_profile = config.default_profile();
    const DriverPolicyConfig& policies = config.policies;
    std::string out;
    const auto line = [&out](std::string_view key, const auto& value) {
        out += fmt::format("{}={}\n", key, value);
    };
    line("instance_id", config.instance_id);
    line("aeron_dir", config.aeron_dir);
    line("control_channel", config.control.channel);
    line("control_stream_id", config.control.stream_id);
    line("announce_channel", announce.channel);
    line("announce_stream_id", announce.stream_id);
    line("qos_channel", config.qos.channel);
    line("qos_stream_id", config.qos.stream_id);
    line("prefault_shm", policies.prefault_shm);
    line("default_profile", default_profile == nullptr ? std::string() : default_profile->name);
    line("allow_dynamic_streams", policies.allow_dynamic_streams);
    line("announce_period_ms", policies.announce_period_ms);
    line("lease_keepalive_interval_ms", policies.lease_keepalive_interval_ms);
    line("lease_expiry_grace_intervals", policies.lease_expiry_grace_intervals);
    print_range(out, "stream_id_range", config.stream_id_range);
    print_range(out, "descriptor_stream_id_range", config.descriptor_stream_id_range);
    print_range(out, "control_stream_id_range", config.control_stream_id_range);
    line("profiles", config.profiles.size());
    for (const DriverProfileConfig& profile : config.profiles) {
        out += fmt::format("profile={} header_nslots={} header_slot_bytes={} max_dims=8\n", profile.name,
                           profile.header_nslots, profile.header_slot_bytes);
        for (const DriverPoolConfig& pool : profile.payload_pools) {
            out += fmt::format("pool_id={} stride_bytes={}\n", pool.pool_id, pool.stride_bytes);
        }
    }
    line("streams", config.streams.size());
    for (const DriverStreamConfig& stream : config.streams) {
        out +=
            fmt::format("stream={} stream_id={} profile={}\n", stream.name, stream.stream_id, stream.profile);
    }
    return out;
}

}  // namespace tensorpool
