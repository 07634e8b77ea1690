// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/agent.hpp>
#include <tensorpool/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Publishes a stream again at a lower rate, in shared memory of its own, so that a slow reader finds frames
// that nobody overwrites under its eyes (docs/protocol/rate_limiter.md).
namespace tensorpool {

/// One stream and its thinned copy: one rate policy, for one consumer (RATE-011, RATE-016).
struct RateLimiterMapping {
    std::uint32_t source_stream_id = 0;
    std::uint32_t dest_stream_id = 0;
    /// Frames per second until a consumer's hello says otherwise; 0 = unlimited (RATE-015).
    std::uint32_t max_rate_hz = 0;
    /// What forwarded metadata calls the stream; 0 = dest_stream_id (RATE-033).
    std::uint32_t metadata_stream_id = 0;
};

struct RateLimiterOptions {
    std::string instance_id;
    std::vector<RateLimiterMapping> mappings{};
    Endpoint driver_control{"aeron:ipc?term-length=4m", 1000};  ///< leases, and the hellos of consumers
    Endpoint driver_announce{"aeron:ipc?term-length=4m", 1000};
    Endpoint source_descriptor{"aeron:ipc?term-length=4m", 1100};
    Endpoint descriptor{"aeron:ipc?term-length=4m", 1100};  ///< of every destination; may be the sources'
    /// Where DataSourceAnnounce and DataSourceMeta are read and written; empty: not forwarded.
    std::optional<Endpoint> metadata{Endpoint{"aeron:ipc?term-length=4m", 1300}};
    /// Both or neither (RATE-046).
    std::optional<Endpoint> source_progress{};
    std::optional<Endpoint> dest_progress{};
    /// Both or neither (RATE-047).
    std::optional<Endpoint> source_qos{};
    std::optional<Endpoint> dest_qos{};
    /// Where the limiter reports its own QoS, as consumer and as producer; empty: nowhere.
    std::optional<Endpoint> qos{Endpoint{"aeron:ipc?term-length=4m", 1200}};
    std::vector<std::string> allowed_base_dirs{"/dev/shm"};
    Nanos keepalive_interval_ns = kNanosPerSecond;
    Nanos attach_timeout_ns = 5 * kNanosPerSecond;
    Nanos attach_retry_interval_ns = kNanosPerSecond;
    Nanos announce_period_ns = kNanosPerSecond;
    /// A bound consumer that says no hello for this long is gone (WIRE-071 asks for one a second).
    Nanos consumer_stale_after_ns = 5 * kNanosPerSecond;
};

/// Totals of one mapping since construction. Every frame of the source ends in one of the first seven.
struct RateLimiterCounters {
    std::uint64_t frames_published = 0;
    std::uint64_t drops_rate = 0;          ///< a newer frame took its place before its slot opened
    std::uint64_t drops_too_large = 0;     ///< no destination pool fits (RATE-027)
    std::uint64_t drops_no_slot = 0;       ///< no destination slot at once (RATE-028)
    std::uint64_t drops_not_attached = 0;  ///< no producer lease, or its epoch is being renewed (RATE-051)
    std::uint64_t drops_overwritten = 0;   ///< the source reused the slot before it was copied
    std::uint64_t drops_regressed = 0;     ///< not above the last number published in this epoch (trap 10)
    std::uint64_t drops_epoch = 0;         ///< waited for its slot while the source's epoch ended (RATE-050)
    std::uint64_t bytes_published = 0;
    std::uint64_t source_epochs = 0;   ///< epochs of the source that were followed
    std::uint64_t hellos = 0;          ///< of the bound consumer
    std::uint64_t hellos_ignored = 0;  ///< of a second consumer (RATE-016)
    std::uint64_t metadata_forwarded = 0;
    std::uint64_t progress_forwarded = 0;
    std::uint64_t progress_suppressed = 0;  ///< of frames known to be dropped (RATE-040)
    std::uint64_t qos_forwarded = 0;
    std::uint64_t send_failures =
        0;  ///< forwarded messages that messaging refused, other than "nobody listens"
};

/// Where one mapping stands.
struct RateLimiterStatus {
    std::uint32_t source_stream_id = 0;
    std::uint32_t dest_stream_id = 0;
    std::uint64_t source_epoch = 0;            ///< 0: not mapped
    std::uint64_t dest_epoch = 0;              ///< 0: no lease
    std::uint64_t last_seq = 0;                ///< published; 0 before the first of an epoch
    std::uint32_t rate_hz = 0;                 ///< in force; 0 = unlimited
    std::optional<std::uint32_t> consumer_id;  ///< whose hello gives the rate
    bool pending = false;                      ///< a frame waits for its slot
    std::string last_error;  ///< why source or destination is not there; empty when they are
    RateLimiterCounters counters;
};

/// Consumer of each source, sole producer of each destination. Not thread-safe: call every member from the
/// thread that drives do_work(). Forwarding a frame allocates nothing and copies its payload once.
class RateLimiter final : public Agent {
public:
    /// Starts attaching. Throws Error(InvalidConfig) with what is wrong in the options, or the error of an
    /// endpoint.
    RateLimiter(Context& context, RateLimiterOptions options);
    /// Gives the leases back.
    ~RateLimiter() override;

    /// Drives do_work() until every source is mapped and every destination can be published to. Throws
    /// Error(Timeout) at `deadline_ns` naming what is missing.
    void await_ready(Nanos deadline_ns);
    [[nodiscard]] bool is_ready() const noexcept;
    [[nodiscard]] std::vector<RateLimiterStatus> status() const;  ///< in the order of the mappings

    int do_work(Nanos now_ns) noexcept override;
    /// Sleeps until a source may have something, a slot opens, or `timeout_ns` passed.
    void wait(Nanos timeout_ns) noexcept;
    [[nodiscard]] std::string_view role_name() const noexcept override { return "rate-limiter"; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tensorpool
