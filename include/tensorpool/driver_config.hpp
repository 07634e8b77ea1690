// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/supervisor.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// Inclusive on both ends (CFG-014).
struct IdRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;

    [[nodiscard]] bool contains(std::uint32_t id) const noexcept { return first <= id && id <= last; }
    friend bool operator==(const IdRange&, const IdRange&) = default;
};

struct DriverPoolConfig {
    std::uint16_t pool_id = 0;       ///< 1..65535; 0 names the header ring
    std::uint32_t stride_bytes = 0;  ///< a power of two of at least 64
};

/// `[profiles.<name>]`: the shape of a stream's shared memory.
struct DriverProfileConfig {
    std::string name;
    std::uint32_t header_nslots = 1024;  ///< a power of two; also the slot count of every pool
    std::uint16_t header_slot_bytes = 256;
    std::vector<DriverPoolConfig> payload_pools;
};

/// `[streams.<name>]`: a stream that exists from the start.
struct DriverStreamConfig {
    std::string name;
    std::uint32_t stream_id = 0;
    std::string profile;
};

/// `[shm]`
struct DriverShmConfig {
    std::string base_dir = "/dev/shm";
    std::string namespace_name = "default";  ///< key `namespace`
    bool require_hugepages = false;
    std::uint32_t page_size_bytes = 4096;        ///< backing check only; never constrains strides
    std::uint32_t permissions_mode = 0660;       ///< applied exactly, whatever the umask
    std::vector<std::string> allowed_base_dirs;  ///< empty: only base_dir
};

/// `[policies]`
struct DriverPolicyConfig {
    bool allow_dynamic_streams = false;
    std::string default_profile;  ///< empty: the first profile
    std::uint32_t announce_period_ms = 1000;
    std::uint32_t lease_keepalive_interval_ms = 1000;
    std::uint32_t lease_expiry_grace_intervals = 3;
    bool prefault_shm = true;
    bool mlock_shm = false;
    bool epoch_gc_enabled = true;
    std::uint32_t epoch_gc_keep = 2;        ///< the current epoch and keep - 1 older ones
    std::uint64_t epoch_gc_min_age_ns = 0;  ///< 0: three announce periods
    bool epoch_gc_on_startup = false;
    std::uint32_t shutdown_timeout_ms = 2000;  ///< 0: no drain
    std::string shutdown_token;                ///< empty: remote shutdown is off. Never printed.
    bool reuse_existing_shm = false;
    bool cleanup_shm_on_exit = false;
    std::uint32_t node_id_reuse_cooldown_ms = 1000;
};

/// Everything a driver needs to know. A default-constructed value lacks only profiles and streams.
struct DriverConfig {
    MessagingKind messaging = MessagingKind::Embedded;
    std::string messaging_dir;           ///< embedded messaging only; empty: its default
    bool messaging_group = false;        ///< embedded messaging only: share it with the user's group
    bool embedded_media_driver = false;  ///< Aeron only: run the media driver in this process

    std::string instance_id = "driver-01";
    std::uint32_t counter_id = 32767;  ///< owner id of the driver's counters, 1..32767 (OBS-005)
    std::string aeron_dir;             ///< empty: Aeron's default
    Endpoint control{"aeron:ipc?term-length=4m", 1000};
    Endpoint announce{"", 0};  ///< empty channel or 0: as control
    Endpoint qos{"aeron:ipc?term-length=4m", 1200};
    std::vector<IdRange> stream_id_range;             ///< dynamic pool streams
    std::vector<IdRange> descriptor_stream_id_range;  ///< per-consumer descriptor streams
    std::vector<IdRange> control_stream_id_range;     ///< per-consumer control streams
    /// A supervisor answers consumers, so this driver sends no ConsumerConfig (SUP-010). Set by a
    /// [supervisor] table.
    bool supervised = false;

    DriverShmConfig shm;
    DriverPolicyConfig policies;
    std::vector<DriverProfileConfig> profiles;  ///< in file order
    std::vector<DriverStreamConfig> streams;    ///< in file order

    [[nodiscard]] Endpoint announce_endpoint() const;
    [[nodiscard]] const DriverProfileConfig* find_profile(std::string_view name) const noexcept;
    /// The profile of dynamic streams; nullptr without profiles.
    [[nodiscard]] const DriverProfileConfig* default_profile() const noexcept;
    [[nodiscard]] Nanos announce_period_ns() const noexcept;
    /// How long a lease lives without a keepalive: interval x grace. Clients need it out-of-band (CFG-015).
    [[nodiscard]] Nanos lease_window_ns() const noexcept;
    [[nodiscard]] Nanos epoch_gc_min_age_ns() const noexcept;
    [[nodiscard]] std::vector<std::string> allowed_base_dirs() const;
    /// The messaging selection as the options of a Context.
    [[nodiscard]] ContextOptions context_options() const;
};

/// One thing wrong, or odd, in a configuration.
struct ConfigProblem {
    std::string source;  ///< "file:line" or the environment variable; empty when the value was set in code
    std::string key;     ///< full name, for example "profiles.raw.payload_pools[1].stride_bytes"
    std::string text;    ///< the value, the rule it breaks and the remedy

    [[nodiscard]] std::string str() const;
};

/// Thrown with everything that is wrong at once; what() has one line per problem (CFG-009, CFG-010).
class ConfigError : public Error {
public:
    explicit ConfigError(std::vector<ConfigProblem> problems);
    [[nodiscard]] const std::vector<ConfigProblem>& problems() const noexcept { return problems_; }

private:
    std::vector<ConfigProblem> problems_;
};

/// What is wrong with a configuration (empty: nothing) and what is merely suspicious.
struct ConfigReport {
    std::vector<ConfigProblem> problems;
    std::vector<ConfigProblem> warnings;
};

/// Checks every value and every cross rule. Looks at the file system but changes nothing.
[[nodiscard]] ConfigReport validate_driver_config(const DriverConfig& config);

/// How environment variables are read; empty optional = unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

struct LoadedDriverConfig {
    DriverConfig config;
    /// Of a [supervisor] table: whoever drives the driver drives a Supervisor with these options too, on the
    /// same thread (SUP-001). `tp driver` does.
    std::optional<SupervisorOptions> supervisor;
    std::vector<ConfigProblem> warnings;  ///< unknown keys and the like; worth showing, never fatal (CFG-002)
};

/// Reads a TOML file, applies environment overrides (default < TOML < environment) and validates the result.
/// Throws ConfigError, or Error(NotFound) when the file cannot be read. No other effect.
[[nodiscard]] LoadedDriverConfig load_driver_config(const std::filesystem::path& file,
                                                    const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] LoadedDriverConfig parse_driver_config(std::string_view toml, const std::string& source_name,
                                                     const Environment& environment = process_environment());

/// The effective values as `key=value` lines in the order of TOOL-029.
[[nodiscard]] std::string dump_driver_config(const DriverConfig& config);

/// Shared memory one epoch of a profile takes, files rounded up to `page_bytes` (0: not rounded); empty when
/// the sum does not fit 63 bits (CFG-019).
[[nodiscard]] std::optional<std::uint64_t> epoch_size_bytes(const DriverProfileConfig& profile,
                                                            std::uint64_t page_bytes = 0) noexcept;

}  // namespace tensorpool
