// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool {

/// One payload pool as the driver described it.
struct PoolDescription {
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;
    std::string region_uri;
};

/// What the driver granted: everything needed to map a stream (DRV-049, DRV-050). Already validated.
struct Attachment {
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
    std::uint64_t epoch = 0;
    std::uint32_t layout_version = 0;
    std::uint32_t header_nslots = 0;
    std::string header_region_uri;
    std::vector<PoolDescription> pools;
    std::optional<std::uint32_t> node_id;
    std::optional<std::uint64_t> lease_expiry_timestamp_ns;
};

struct DriverSessionOptions {
    std::uint32_t stream_id = 0;
    Role role = Role::Consumer;
    std::uint32_t client_id =
        0;  ///< 0: a random non-zero id, replaced when the driver says it is taken (DRV-027/028)
    Endpoint control{"aeron:ipc?term-length=4m", 1000};
    Endpoint announce{"aeron:ipc?term-length=4m", 1000};
    std::optional<PublishMode> publish_mode{};  ///< empty: not sent, the driver reads RequireExisting
    HugepagesPolicy hugepages = HugepagesPolicy::Unspecified;
    std::uint32_t expected_layout_version = 0;  ///< 0: any
    std::optional<std::uint32_t> desired_node_id{};
    Nanos keepalive_interval_ns = kNanosPerSecond;
    /// Longest wait for an answer. The first waits are shorter: 250 ms, doubling.
    Nanos attach_timeout_ns = 2 * kNanosPerSecond;
    Nanos backoff_initial_ns = 100 * kNanosPerMilli;  ///< doubles up to backoff_max_ns, with jitter
    Nanos backoff_max_ns = 2 * kNanosPerSecond;
    Nanos announce_period_ns =
        kNanosPerSecond;   ///< driver loss: none of its announces for 3 periods (TRP-17)
    bool reattach = true;  ///< attach again by itself after a lease is lost
};

enum class SessionState : std::uint8_t { Unattached, Attaching, Attached, Backoff, Detaching };

/// Totals since construction; nothing ever resets them.
struct DriverSessionCounters {
    std::uint64_t attach_requests = 0;
    std::uint64_t attach_refused = 0;  ///< a response with a code other than OK
    std::uint64_t attach_timeouts = 0;
    std::uint64_t protocol_errors = 0;  ///< a response or notice that breaks DRV-060..063 or DRV-081
    std::uint64_t keepalives_sent = 0;
    std::uint64_t leases_lost = 0;  ///< revoked, expired locally, driver shut down or silent
    std::uint64_t late_responses =
        0;  ///< an OK for a request given up earlier: adopted, or given back (TRP-05)
    std::uint64_t send_failures = 0;
};

/// One lease: attaches to a driver, keeps the lease alive, notices its end and attaches again with back-off.
/// Not thread-safe: call every member from the thread that drives do_work().
class DriverSession final : public Agent {
public:
    /// Throws Error when the options are invalid or messaging cannot open the control streams.
    DriverSession(Context& context, DriverSessionOptions options);
    ~DriverSession() override;

    /// Starts attaching; do_work() carries it on. No-op unless Unattached or Backoff.
    void request_attach() noexcept;

    /// request_attach() and drive do_work() until attached. Throws Error(Rejected) with the driver's own text
    /// when the refusal cannot change by waiting, Error(Timeout) at `deadline_ns` naming what is missing.
    const Attachment& await_attach(Nanos deadline_ns);

    /// Gives the lease back (best effort, DRV-082) and stops re-attaching. do_work() carries it on.
    void detach() noexcept;
    /// detach() and drive do_work() until the driver confirmed or `deadline_ns` passed; true when confirmed.
    bool await_detach(Nanos deadline_ns) noexcept;

    int do_work(Nanos now_ns) noexcept override;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "driver-session"; }

    [[nodiscard]] SessionState state() const noexcept;
    /// The live lease, or nullptr: then nothing mapped from an earlier one may be used any more (DRV-079).
    [[nodiscard]] const Attachment* attachment() const noexcept;
    /// Grows by one with every granted lease, so that an owner notices a loss and re-attach between two
    /// looks.
    [[nodiscard]] std::uint64_t generation() const noexcept;
    [[nodiscard]] std::uint32_t client_id() const noexcept;
    /// Why the last attach failed or the last lease ended; empty when nothing did.
    [[nodiscard]] const std::string& last_error() const noexcept;
    [[nodiscard]] const DriverSessionCounters& counters() const noexcept;
    [[nodiscard]] const DriverSessionOptions& options() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
