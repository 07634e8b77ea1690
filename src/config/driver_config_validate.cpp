// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/driver_config.hpp>

#include "messaging/channel_uri.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <set>

namespace tensorpool {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kMaxAeronStreamId = 2147483647;
constexpr std::uint32_t kMaxPoolStreamId = 4294967294;
constexpr std::uint32_t kMinStrideBytes = 64;
constexpr std::uint32_t kSharedDescriptorStreamId = 1100;
constexpr std::uint32_t kMetadataStreamId = 1300;

class Validation {
public:
    explicit Validation(const DriverConfig& config) : config_(config) {}

    ConfigReport run() {
        check_driver();
        check_endpoint_clashes();
        check_shm();
        check_policies();
        check_profiles();
        check_streams();
        check_ranges();
        check_dynamic_streams();
        return std::move(report_);
    }

private:
    template <typename... Args>
    void problem(std::string key, fmt::format_string<Args...> format, Args&&... args) {
        report_.problems.push_back({{}, std::move(key), fmt::format(format, std::forward<Args>(args)...)});
    }
    template <typename... Args>
    void warn(std::string key, fmt::format_string<Args...> format, Args&&... args) {
        report_.warnings.push_back({{}, std::move(key), fmt::format(format, std::forward<Args>(args)...)});
    }

    void check_driver();
    void check_channel(const std::string& key, const std::string& channel);
    void check_endpoint_clashes();
    void check_shm();
    void check_base_dir();
    void check_allowed_base_dirs();
    void check_policies();
    void check_profiles();
    void check_pools(const DriverProfileConfig& profile, const std::string& key);
    void check_streams();
    void check_ranges();
    void check_range_members(const std::string& key, const IdRange& range);
    void check_dynamic_streams();

    const DriverConfig& config_;
    ConfigReport report_;
};

// ---- [driver]
// --------------------------------------------------------------------------------------------------

void Validation::check_channel(const std::string& key, const std::string& channel) {
    if (channel.empty()) {
        problem(key, "is empty (CFG-013); give a channel such as \"aeron:ipc?term-length=4m\"");
        return;
    }
    try {
        const auto uri = messaging::ChannelUri::parse(channel);
        (void)uri.term_length_bytes();
        if (config_.messaging == MessagingKind::Embedded && uri.media != "ipc") {
            problem(key,
                    "'{}' leaves this host, which embedded messaging cannot do; use an aeron:ipc channel or "
                    "messaging = \"aeron\"",
                    channel);
        }
    } catch (const Error& error) {
        problem(key, "{} (CFG-013)", error.what());
    }
}

void Validation::check_driver() {
    if (config_.instance_id.empty()) problem("driver.instance_id", "is empty; give this driver a name");
    if (config_.counter_id == 0 || config_.counter_id > 32767)
        problem("driver.counter_id", "is {}; valid are 1 to 32767", config_.counter_id);
    const auto check_endpoint = [this](std::string_view name, const Endpoint& endpoint) {
        check_channel(fmt::format("driver.{}_channel", name), endpoint.channel);
        if (endpoint.stream_id < 1) {
            problem(fmt::format("driver.{}_stream_id", name),
                    "{} is not a messaging stream id; choose 1 ... 2147483647 (CFG-012)", endpoint.stream_id);
        }
    };
    check_endpoint("control", config_.control);
    check_endpoint("announce", config_.announce_endpoint());
    check_endpoint("qos", config_.qos);
}

/// One stream carries one channel text: the media driver refuses the second one when they differ (CFG-013).
void Validation::check_endpoint_clashes() {
    const std::pair<std::string, Endpoint> endpoints[] = {
        {"control", config_.control}, {"announce", config_.announce_endpoint()}, {"qos", config_.qos}};
    for (std::size_t i = 0; i < std::size(endpoints); ++i) {
        for (std::size_t j = i + 1; j < std::size(endpoints); ++j) {
            const auto& [name_a, a] = endpoints[i];
            const auto& [name_b, b] = endpoints[j];
            const bool both_ipc = a.channel.starts_with("aeron:ipc") && b.channel.starts_with("aeron:ipc");
            if (a.stream_id != b.stream_id || a.channel == b.channel || !both_ipc) continue;
            problem(
                fmt::format("driver.{}_channel", name_b),
                "'{}' differs from driver.{}_channel '{}' although both use stream {} (CFG-013); write one "
                "channel for both or separate the stream ids",
                b.channel, name_a, a.channel, b.stream_id);
        }
    }
}

// ---- [shm]
// -----------------------------------------------------------------------------------------------------

/// The part of `path` that exists already: what decides about permissions and file system.
fs::path existing_ancestor(fs::path path) {
    std::error_code error;
    while (!fs::exists(fs::status(path, error)) && path.has_relative_path()) path = path.parent_path();
    return path;
}

bool on_hugetlbfs(const fs::path& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == HUGETLBFS_MAGIC;
}

fs::path canonical_form(const std::string& path) {
    std::error_code error;
    fs::path canonical = fs::weakly_canonical(path, error);
    if (!canonical.has_filename()) canonical = canonical.parent_path();
    return error ? fs::path() : canonical;
}

/// Whole components, never string prefixes (TRP-01).
bool contains_path(const fs::path& base, const fs::path& path) {
    const auto [end_of_base, rest] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
    return end_of_base == base.end();
}

void Validation::check_base_dir() {
    const std::string& base = config_.shm.base_dir;
    if (base.empty() || base.front() != '/') {
        problem("shm.base_dir", "'{}' is not an absolute path; write for example \"/dev/shm\"", base);
        return;
    }
    const fs::path ancestor = existing_ancestor(base);
    std::error_code error;
    if (!fs::is_directory(ancestor, error)) {
        problem("shm.base_dir", "'{}' cannot be used: {} is not a directory; choose another place", base,
                ancestor.string());
        return;
    }
    if (::access(ancestor.c_str(), W_OK | X_OK) != 0) {
        problem("shm.base_dir",
                "'{}' cannot be used: {} is not writable for this user; change its permissions or "
                "choose another place",
                base, ancestor.string());
    }
    if (config_.shm.require_hugepages && !on_hugetlbfs(ancestor)) {
        problem("shm.require_hugepages",
                "is true, but shm.base_dir '{}' is not on a hugetlbfs file system; mount "
                "one there or set it to false",
                base);
    }
}

void Validation::check_allowed_base_dirs() {
    if (config_.shm.allowed_base_dirs.empty()) return;
    const fs::path base = canonical_form(config_.shm.base_dir);
    bool base_is_inside = false;
    for (std::size_t i = 0; i < config_.shm.allowed_base_dirs.size(); ++i) {
        const std::string& entry = config_.shm.allowed_base_dirs[i];
        const std::string key = fmt::format("shm.allowed_base_dirs[{}]", i);
        if (entry.empty() || entry.front() != '/') {
            problem(key, "'{}' is not an absolute path", entry);
            continue;
        }
        const fs::path canonical = canonical_form(entry);
        std::error_code error;
        // base_dir itself is created later, so it may be missing now.
        if (canonical.empty() || (canonical != base && !fs::is_directory(canonical, error))) {
            problem(key, "'{}' cannot be resolved to a directory; create it or remove it from the list",
                    entry);
            continue;
        }
        base_is_inside = base_is_inside || contains_path(canonical, base);
    }
    if (!base_is_inside) {
        problem("shm.allowed_base_dirs", "does not contain shm.base_dir '{}'; add it", config_.shm.base_dir);
    }
}

void Validation::check_shm() {
    const DriverShmConfig& shm = config_.shm;
    check_base_dir();
    check_allowed_base_dirs();
    constexpr std::string_view kSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (shm.namespace_name.empty() || shm.namespace_name == "." || shm.namespace_name == ".." ||
        shm.namespace_name.find_first_not_of(kSafe) != std::string::npos) {
        problem("shm.namespace", "'{}' is not one path component of letters, digits, '.', '_' and '-'",
                shm.namespace_name);
    }
    if (shm.page_size_bytes < 4096 || !std::has_single_bit(shm.page_size_bytes)) {
        problem("shm.page_size_bytes", "{} is not a power of two of at least 4096", shm.page_size_bytes);
    }
    if (shm.permissions_mode > 0777 || (shm.permissions_mode & 0600) != 0600) {
        problem("shm.permissions_mode",
                "{:o} must be at most 777 and let the owner read and write; use for example "
                "\"660\"",
                shm.permissions_mode);
    }
}

// ---- [policies]
// ------------------------------------------------------------------------------------------------

void Validation::check_policies() {
    const DriverPolicyConfig& policies = config_.policies;
    const auto at_least_one = [this](std::string_view key, std::uint32_t value) {
        if (value == 0) problem(fmt::format("policies.{}", key), "0 is too small; choose at least 1");
    };
    at_least_one("announce_period_ms", policies.announce_period_ms);
    at_least_one("lease_keepalive_interval_ms", policies.lease_keepalive_interval_ms);
    at_least_one("lease_expiry_grace_intervals", policies.lease_expiry_grace_intervals);
    at_least_one("epoch_gc_keep", policies.epoch_gc_keep);
    const std::uint64_t window_ms =
        std::uint64_t{policies.lease_keepalive_interval_ms} * policies.lease_expiry_grace_intervals;
    Nanos window_ns = 0;
    if (__builtin_mul_overflow(window_ms, kNanosPerMilli, &window_ns)) {
        problem("policies.lease_expiry_grace_intervals",
                "{} times the keepalive interval of {} ms does not fit 64 bits of nanoseconds; shorten one "
                "of them",
                policies.lease_expiry_grace_intervals, policies.lease_keepalive_interval_ms);
    }
    if (policies.epoch_gc_min_age_ns > static_cast<std::uint64_t>(std::numeric_limits<Nanos>::max())) {
        problem("policies.epoch_gc_min_age_ns", "{} is later than any clock can show; choose less than 2^63",
                policies.epoch_gc_min_age_ns);
    }
    if (!policies.default_profile.empty() && config_.find_profile(policies.default_profile) == nullptr) {
        problem("policies.default_profile", "'{}' names no profile; add [profiles.{}] or name another",
                policies.default_profile, policies.default_profile);
    }
}

// ---- profiles and streams
// --------------------------------------------------------------------------------------

void Validation::check_pools(const DriverProfileConfig& profile, const std::string& key) {
    if (profile.payload_pools.empty()) {
        problem(key + ".payload_pools", "is empty; a stream needs at least one pool");
    }
    std::set<std::uint16_t> seen;
    for (std::size_t i = 0; i < profile.payload_pools.size(); ++i) {
        const DriverPoolConfig& pool = profile.payload_pools[i];
        const std::string pool_key = fmt::format("{}.payload_pools[{}]", key, i);
        if (pool.pool_id == 0) {
            problem(pool_key + ".pool_id", "0 names the header ring; choose 1 ... 65535");
        } else if (!seen.insert(pool.pool_id).second) {
            problem(pool_key + ".pool_id", "{} is used twice in the profile; pool ids are unique",
                    pool.pool_id);
        }
        if (pool.stride_bytes < kMinStrideBytes || !std::has_single_bit(pool.stride_bytes)) {
            const std::uint64_t next =
                std::max<std::uint64_t>(kMinStrideBytes, std::bit_ceil(std::uint64_t{pool.stride_bytes}));
            problem(pool_key + ".stride_bytes",
                    "{} is not a power of two of at least 64 (WIRE-061); the next that fits is {}",
                    pool.stride_bytes, std::min<std::uint64_t>(next, 2147483648U));
        }
    }
}

void Validation::check_profiles() {
    if (config_.profiles.empty()) {
        problem("profiles", "is missing; add a table [profiles.<name>] with payload_pools");
        return;
    }
    for (const DriverProfileConfig& profile : config_.profiles) {
        const std::string key = fmt::format("profiles.{}", profile.name);
        if (!std::has_single_bit(profile.header_nslots)) {
            problem(
                key + ".header_nslots", "{} is not a power of two (WIRE-057); the next that fits is {}",
                profile.header_nslots,
                std::min<std::uint64_t>(std::bit_ceil(std::uint64_t{profile.header_nslots}), 2147483648U));
        }
        if (profile.header_slot_bytes != 256) {
            problem(key + ".header_slot_bytes",
                    "{} is not possible: a header slot has 256 bytes (WIRE-024); remove "
                    "the key",
                    profile.header_slot_bytes);
        }
        check_pools(profile, key);
        const std::uint64_t page = config_.shm.require_hugepages ? 2U << 20U : 0;
        if (!epoch_size_bytes(profile, page)) {
            problem(key,
                    "needs more bytes than a file offset can count (CFG-019); use fewer slots or smaller "
                    "strides");
        }
    }
}

void Validation::check_streams() {
    if (config_.streams.empty() && !config_.policies.allow_dynamic_streams) {
        problem("streams", "has no entry; add [streams.<name>] or set policies.allow_dynamic_streams = true");
    }
    for (std::size_t i = 0; i < config_.streams.size(); ++i) {
        const DriverStreamConfig& stream = config_.streams[i];
        const std::string key = fmt::format("streams.{}", stream.name);
        if (stream.stream_id < 1 || stream.stream_id > kMaxPoolStreamId) {
            problem(key + ".stream_id", "{} is not a pool stream id; choose 1 ... 4294967294 (CFG-012)",
                    stream.stream_id);
        }
        const auto twin =
            std::find_if(config_.streams.begin(), config_.streams.begin() + static_cast<std::ptrdiff_t>(i),
                         [&](const auto& other) { return other.stream_id == stream.stream_id; });
        if (twin != config_.streams.begin() + static_cast<std::ptrdiff_t>(i)) {
            problem(key + ".stream_id", "{} is already used by streams.{}; stream ids are unique",
                    stream.stream_id, twin->name);
        }
        if (config_.find_profile(stream.profile) == nullptr) {
            problem(key + ".profile", "'{}' names no profile; add [profiles.{}] or name another",
                    stream.profile, stream.profile);
        }
    }
}

// ---- ranges
// ----------------------------------------------------------------------------------------------------

void Validation::check_range_members(const std::string& key, const IdRange& range) {
    const auto refuse = [&](std::string_view owner, std::uint32_t id) {
        problem(key, "{}-{} contains {} {} (CFG-016); move one of them", range.first, range.last, owner, id);
    };
    const std::pair<std::string_view, std::int32_t> endpoints[] = {
        {"driver.control_stream_id", config_.control.stream_id},
        {"driver.announce_stream_id", config_.announce_endpoint().stream_id},
        {"driver.qos_stream_id", config_.qos.stream_id}};
    for (const auto& [owner, id] : endpoints) {
        if (id > 0 && range.contains(static_cast<std::uint32_t>(id)))
            refuse(owner, static_cast<std::uint32_t>(id));
    }
    for (const DriverStreamConfig& stream : config_.streams) {
        if (range.contains(stream.stream_id))
            refuse(fmt::format("streams.{}.stream_id", stream.name), stream.stream_id);
    }
    for (const auto& [use, id] :
         {std::pair{"descriptors", kSharedDescriptorStreamId}, std::pair{"metadata", kMetadataStreamId}}) {
        if (!range.contains(id)) continue;
        warn(key, "{}-{} contains {}, by convention the shared stream of {} (CFG-016)", range.first,
             range.last, id, use);
    }
}

void Validation::check_ranges() {
    struct Named {
        std::string key;
        IdRange range;
    };
    std::vector<Named> all;
    const auto collect = [&](const char* key, const std::vector<IdRange>& ranges, std::uint32_t largest) {
        for (const IdRange& range : ranges) {
            if (range.first < 1 || range.first > range.last) {
                problem(key, "{}-{} breaks 1 <= first <= last (CFG-014)", range.first, range.last);
                continue;
            }
            if (range.last > largest) {
                problem(key, "{}-{} goes beyond {} (CFG-012)", range.first, range.last, largest);
            }
            check_range_members(key, range);
            for (const Named& other : all) {
                if (range.first > other.range.last || other.range.first > range.last) continue;
                problem(key, "{}-{} overlaps {} {}-{} (CFG-016); make them disjoint", range.first, range.last,
                        other.key, other.range.first, other.range.last);
            }
            all.push_back({key, range});
        }
    };
    collect("driver.stream_id_range", config_.stream_id_range, kMaxPoolStreamId);
    collect("driver.descriptor_stream_id_range", config_.descriptor_stream_id_range, kMaxAeronStreamId);
    collect("driver.control_stream_id_range", config_.control_stream_id_range, kMaxAeronStreamId);
}

void Validation::check_dynamic_streams() {
    if (!config_.policies.allow_dynamic_streams || !config_.stream_id_range.empty()) return;
    warn("policies.allow_dynamic_streams",
         "is true without driver.stream_id_range: every dynamic stream will be "
         "refused (CFG-017); give a range such as \"20000-29999\"");
}

}  // namespace

ConfigReport validate_driver_config(const DriverConfig& config) {
    return Validation(config).run();
}

}  // namespace tensorpool
