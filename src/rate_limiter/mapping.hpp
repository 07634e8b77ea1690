// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver_session.hpp>
#include <tensorpool/log.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/rate_limiter.hpp>

#include "control/messages.hpp"
#include "rate_limiter/rate_slot.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"

#include <optional>

namespace tensorpool::rate_limiter {

/// One source, one destination, one policy (rate_limiter.md section 7).
///
/// A frame whose slot is not open yet stays where the source put it: only the newest one is remembered, and
/// it is checked when it is copied. That costs nothing for the frames that are dropped, and is right because
/// the newest frame of a ring is the last to be overwritten (trap 8).
class Mapping {
public:
    Mapping(Context& context, const RateLimiterOptions& options, const RateLimiterMapping& what);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    int do_work(Nanos now_ns) noexcept;
    void on_hello(const control::ConsumerHello& hello, Nanos now_ns) noexcept;
    /// The bound consumer's lease ended.
    void on_lease_revoked(const control::LeaseRevoked& revoked, Nanos now_ns) noexcept;

    [[nodiscard]] const RateLimiterMapping& what() const noexcept { return what_; }
    [[nodiscard]] bool is_ready() const noexcept { return source_.is_ready() && dest_.is_ready(); }
    [[nodiscard]] bool is_own_consumer(std::uint32_t id) const noexcept {
        return id == source_.consumer_id();
    }
    /// Whether the outcome of that source frame is known, and it was not published.
    [[nodiscard]] bool is_dropped(std::uint64_t seq) const noexcept {
        return dest_.is_ready() && seq < dest_.next_seq() && !(published_any_ && seq == last_seq_);
    }
    [[nodiscard]] RateLimiterStatus status() const;
    /// When a waiting frame may leave; empty: none waits.
    [[nodiscard]] std::optional<Nanos> wakes_at() const noexcept {
        return pending_ ? std::optional(slot_.next_ns()) : std::nullopt;
    }
    void wait(Nanos timeout_ns) noexcept { source_.wait(timeout_ns); }

    RateLimiterCounters counters;

private:
    void follow_source() noexcept;
    void forget_pending() noexcept;
    void unbind(LogLevel level, std::string_view why, Nanos now_ns) noexcept;
    void on_frame(const Frame& frame) noexcept;
    int drain() noexcept;
    /// Section 3 of rate_limiter.md; true when the frame is out.
    bool publish(const Frame& frame) noexcept;
    [[nodiscard]] bool fits(const Frame& frame) noexcept;

    Context& context_;
    const RateLimiterMapping what_;
    const Nanos stale_after_ns_;
    Consumer source_;
    DriverSession session_;
    Producer dest_;
    RateSlot slot_;
    std::optional<std::uint32_t> consumer_id_;
    Nanos heard_ns_ = 0;
    std::optional<Frame> pending_;
    std::uint64_t source_epoch_ = 0;  // last followed
    std::uint64_t seen_remaps_ = 0;
    std::uint64_t dest_generation_ = 0;
    std::uint64_t last_seq_ = 0;
    bool published_any_ = false;  // in the destination's current epoch
    bool renewing_ = false;       // the destination's lease is given back to begin a new epoch
    Nanos now_ns_ = 0;
    telemetry::CounterSet published_;
    telemetry::RateLimiterGauges gauges_;
};

}  // namespace tensorpool::rate_limiter
