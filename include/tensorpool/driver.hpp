// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/driver_config.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

enum class DriverLifecycle : std::uint8_t {
    Starting,  ///< constructed, not driven yet
    Running,
    Draining,  ///< no new leases; ends with the shutdown notice
    Stopped,
};

/// Totals since construction (OBS 1.1 and 1.4; below the line our own).
struct DriverCounters {
    std::uint64_t duty_cycles = 0;
    std::uint64_t work_done = 0;
    std::uint64_t attach_responses = 0;       ///< attach responses sent, any code
    std::uint64_t attach_response_drops = 0;  ///< attach responses that could not be sent
    std::uint64_t detach_responses = 0;
    std::uint64_t keepalives = 0;  ///< accepted for a known lease
    std::uint64_t lease_revoked = 0;
    std::uint64_t announces = 0;
    std::uint64_t lease_hsm_unhandled = 0;  ///< keepalives and detaches that fit no lease in its state

    std::uint64_t attach_accepted = 0;
    std::uint64_t attach_refused = 0;
    std::uint64_t attach_repeated = 0;  ///< answered again without a new lease
    std::uint64_t leases_detached = 0;
    std::uint64_t leases_expired = 0;
    std::uint64_t leases_revoked_by_operator = 0;
    std::uint64_t epochs_created = 0;
    std::uint64_t epochs_collected = 0;
    std::uint64_t epoch_failures = 0;  ///< epochs that could not be created
    std::uint64_t consumer_configs = 0;
    std::uint64_t consumer_configs_declined = 0;
    std::uint64_t shutdown_requests_refused =
        0;                               ///< wrong or missing token, unknown reason, or remote shutdown off
    std::uint64_t messages_invalid = 0;  ///< driver messages that could not be decoded
    std::uint64_t send_failures = 0;     ///< messages dropped after retries, attach responses excluded
    std::uint64_t internal_errors = 0;   ///< unexpected failures; each is in the log
};

/// TOOL-025.
struct DriverStatus {
    std::string instance_id;
    DriverLifecycle lifecycle = DriverLifecycle::Starting;
    std::optional<ShutdownReason> shutdown_reason;  ///< set once a shutdown began
    std::string shutdown_message;
    std::size_t stream_count = 0;
    std::size_t lease_count = 0;
    std::optional<std::uint32_t> next_stream_id;  ///< of dynamic streams; empty when there is none left
    std::uint64_t next_lease_id = 0;
    std::vector<IdRange> stream_id_range;
    std::vector<IdRange> descriptor_stream_id_range;
    std::vector<IdRange> control_stream_id_range;
};

/// TOOL-026.
struct DriverLeaseInfo {
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
    Nanos expiry_ns = 0;
    Nanos expires_in_ns = 0;  ///< never below 0
    bool active = false;      ///< a keepalive arrived; otherwise just attached
    std::optional<std::uint32_t> node_id;
};

/// TOOL-027.
struct DriverStreamInfo {
    struct Pool {
        std::uint16_t pool_id = 0;
        std::uint32_t stride_bytes = 0;
        std::string uri;
    };
    std::uint32_t stream_id = 0;
    std::string profile;
    bool dynamic = false;
    std::uint64_t epoch = 0;  ///< 0: nothing provisioned yet; no URIs then
    std::uint32_t header_nslots = 0;
    std::string header_uri;
    std::vector<Pool> pools;
    std::optional<std::uint64_t> producer_lease_id;
    std::uint32_t producer_id = 0;  ///< 0: none
    std::vector<std::uint64_t> consumer_lease_ids;
};

/// Per-consumer streams in use; 0 = none of that kind.
struct DriverAssignedStreams {
    std::uint32_t consumer_id = 0;
    std::uint32_t descriptor_stream_id = 0;
    std::uint32_t control_stream_id = 0;
};

[[nodiscard]] std::string_view to_string(DriverLifecycle lifecycle) noexcept;

/// Owns the shared memory of its streams: creates files, grants and ends leases, moves epochs, announces,
/// cleans up. Runs inside an application or as `tp driver`.
///
/// Not thread-safe: call every member from the thread that drives do_work(), except request_shutdown(). There
/// must be one driver for a stream id (DRV-005) and one control endpoint per driver (TRP-23).
class Driver final : public Agent {
public:
    /// Validates the configuration, compares what it needs with the free space, creates the base directory
    /// and opens the endpoints. Throws ConfigError with every problem, Error(NoSpace) with both sizes, or the
    /// error of what could not be opened. `context` must outlive the driver.
    Driver(Context& context, DriverConfig config);
    /// Closes as on_close().
    ~Driver() override;
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    /// Serves control messages, expires leases, announces, collects old epochs. After Stopped it returns 0.
    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "driver"; }
    /// A graceful exit without a drain: sends the shutdown notice if none was sent (DRV-116), cleans up if
    /// configured. Files stay unless policies.cleanup_shm_on_exit is set.
    void on_close() noexcept override;

    /// Starts draining at the next cycle. Callable from any thread; idempotent, the first reason wins.
    void request_shutdown(ShutdownReason reason = ShutdownReason::Normal) noexcept;
    [[nodiscard]] DriverLifecycle lifecycle() const noexcept;
    [[nodiscard]] bool is_stopped() const noexcept { return lifecycle() == DriverLifecycle::Stopped; }

    /// Ends a lease by decision of an operator: notice, and for a producer a new epoch (DRV-080, DRV-086).
    /// False when there is no such lease. `why` goes into the notice.
    bool revoke(std::uint64_t lease_id, std::string_view why);

    [[nodiscard]] const DriverConfig& config() const noexcept;
    [[nodiscard]] const DriverCounters& counters() const noexcept;
    [[nodiscard]] DriverStatus status() const;
    [[nodiscard]] std::vector<DriverLeaseInfo> leases() const;    ///< sorted by lease id
    [[nodiscard]] std::vector<DriverStreamInfo> streams() const;  ///< sorted by stream id
    [[nodiscard]] std::vector<DriverAssignedStreams> assigned_streams() const;

    /// Sleeps until a control message may be there, or `timeout_ns` has passed: for wait-on-message idling.
    void wait(Nanos timeout_ns) noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
