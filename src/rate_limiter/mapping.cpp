// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "rate_limiter/mapping.hpp"

#include "base/log.hpp"
#include "wire/frame_descriptor.hpp"

#include <fmt/format.h>

namespace tensorpool::rate_limiter {
namespace {

constexpr std::string_view kModule = "RateLimiter";
constexpr int kPollLimit = 256;
constexpr int kPollRounds = 64;
constexpr Nanos kDetachPatience = kNanosPerSecond;

StreamEndpoints endpoints_of(const RateLimiterOptions& options, const Endpoint& descriptor) {
    StreamEndpoints at;
    at.control = options.driver_control;
    at.announce = options.driver_announce;
    at.descriptor = descriptor;
    if (options.qos) at.qos = *options.qos;
    return at;
}

ConsumerOptions source_of(const RateLimiterOptions& options, const RateLimiterMapping& what) {
    ConsumerOptions source;  // its hello says STREAM and rate 0 (trap 2)
    source.stream_id = what.source_stream_id;
    source.endpoints = endpoints_of(options, options.source_descriptor);
    source.allowed_base_dirs = options.allowed_base_dirs;
    source.announce_period_ns = options.announce_period_ns;
    source.keepalive_interval_ns = options.keepalive_interval_ns;
    if (!options.qos) source.qos_period_ns = 0;
    return source;
}

DriverSessionOptions session_of(const RateLimiterOptions& options, const RateLimiterMapping& what) {
    DriverSessionOptions session;
    session.stream_id = what.dest_stream_id;
    session.role = Role::Producer;
    session.control = options.driver_control;
    session.announce = options.driver_announce;
    session.publish_mode = PublishMode::ExistingOrCreate;
    session.keepalive_interval_ns = options.keepalive_interval_ns;
    session.attach_timeout_ns = options.attach_timeout_ns;
    session.backoff_max_ns = options.attach_retry_interval_ns;
    session.backoff_initial_ns = std::min(session.backoff_initial_ns, options.attach_retry_interval_ns);
    session.announce_period_ns = options.announce_period_ns;
    return session;
}

ProducerOptions dest_of(const RateLimiterOptions& options) {
    ProducerOptions dest;
    dest.endpoints = endpoints_of(options, options.descriptor);
    dest.allowed_base_dirs = options.allowed_base_dirs;
    if (!options.qos) dest.qos_period_ns = 0;
    return dest;
}

}  // namespace

Mapping::Mapping(Context& context, const RateLimiterOptions& options, const RateLimiterMapping& what)
    : context_(context),
      what_(what),
      stale_after_ns_(options.consumer_stale_after_ns),
      source_(context, source_of(options, what)),
      session_(context, session_of(options, what)),
      dest_(Producer::from_attach(context, session_, dest_of(options))),
      slot_(what.max_rate_hz),
      published_(
          context.messaging(),
          telemetry::stream_owner("RateLimiter", what.dest_stream_id, what.dest_stream_id,
                                  options.instance_id, fmt::format("source={}", what.source_stream_id))) {
    published_.add(telemetry::rows<RateLimiterCounters>(), counters);
    published_.add(telemetry::rows<telemetry::RateLimiterGauges>(), gauges_);
    session_.request_attach();
}

Mapping::~Mapping() {
    if (session_.state() == SessionState::Attached)
        session_.await_detach(context_.clock().now_ns() + kDetachPatience);
}

int Mapping::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    int work = session_.do_work(now_ns);
    if (renewing_ && session_.state() == SessionState::Unattached) {
        session_.request_attach();
        renewing_ = false;
    }
    work += dest_.do_work(now_ns) + source_.do_work(now_ns);
    if (dest_.generation() != dest_generation_) {
        dest_generation_ = dest_.generation();
        published_any_ = false;
        last_seq_ = 0;
    }
    if (consumer_id_ && now_ns - heard_ns_ > stale_after_ns_)
        unbind(LogLevel::Warn, "says hello no more", now_ns);
    follow_source();
    work += drain();
    if (pending_ && slot_.is_open(now_ns)) {
        const Frame frame = *pending_;
        pending_.reset();
        if (publish(frame)) slot_.on_published(now_ns);
        ++work;
    }
    published_.cycle(now_ns, work, [this]() noexcept {
        gauges_ = {source_.epoch(), dest_.epoch(), last_seq_, slot_.rate_hz()};
    });
    return work;
}

void Mapping::forget_pending() noexcept {
    pending_.reset();
    ++counters.drops_epoch;
}

/// No frame crosses the end of a mapping: what waits points into it.
void Mapping::follow_source() noexcept {
    if (pending_ && !source_.still_mapped(*pending_)) forget_pending();
    if (source_.counters().remaps == seen_remaps_) return;
    seen_remaps_ = source_.counters().remaps;
    slot_.restart();
    if (source_.epoch() == 0 || source_.epoch() == source_epoch_) return;
    source_epoch_ = source_.epoch();
    ++counters.source_epochs;
    // Its numbers start anew, so the destination's epoch must too (trap 10). One in which nothing was
    // published yet is as good as new.
    if (!published_any_) return;
    base::log(LogLevel::Info, kModule, "stream {}: new epoch {}; stream {} begins a new one",
              what_.source_stream_id, source_epoch_, what_.dest_stream_id);
    session_.detach();
    dest_.do_work(now_ns_);  // the lease is not to be used any more (DRV-079)
    renewing_ = true;
}

int Mapping::drain() noexcept {
    int work = 0;
    for (int round = 0; round < kPollRounds; ++round) {
        const int delivered = source_.poll([this](const Frame& frame) { on_frame(frame); }, kPollLimit);
        work += delivered;
        // Polling itself unmaps when the numbers go back.
        if (!source_.is_ready()) {
            follow_source();
            return work;
        }
        if (delivered == 0) break;
    }
    return work;
}

void Mapping::on_frame(const Frame& frame) noexcept {
    if (!slot_.is_limited()) {
        if (pending_) {
            ++counters.drops_rate;
            pending_.reset();
        }
        publish(frame);
        return;
    }
    if (!fits(frame)) return;
    if (pending_) ++counters.drops_rate;
    pending_ = frame;  // the newest goes out when the slot opens (RATE-010)
}

bool Mapping::fits(const Frame& frame) noexcept {
    if (!dest_.is_ready() || frame.payload().size() <= dest_.max_payload_bytes()) return true;
    ++counters.drops_too_large;
    return false;
}

bool Mapping::publish(const Frame& frame) noexcept {
    if (renewing_ || !dest_.is_ready()) {
        ++counters.drops_not_attached;
        return false;
    }
    if (!fits(frame)) return false;
    if (!dest_.skip_to(frame.seq())) {
        ++counters.drops_regressed;
        return false;
    }
    const auto bytes = static_cast<std::uint32_t>(frame.payload().size());
    auto claim = dest_.try_claim(bytes);
    if (!claim) {
        ++(claim.error() == ClaimError::NotAttached ? counters.drops_not_attached : counters.drops_no_slot);
        return false;
    }
    if (!frame.copy_to(claim->payload())) {
        ++counters.drops_overwritten;
        return false;  // the claim gives itself up
    }
    FrameInfo info;
    info.tensor = frame.tensor();
    info.values_len_bytes = bytes;
    // A capture time that is not known must not become the time of this copy.
    info.timestamp_ns = frame.timestamp_ns() != 0 ? frame.timestamp_ns() : wire::kNullU64;
    info.meta_version = frame.meta_version();
    info.trace_id = frame.trace_id();  // one frame in, one out: the same trace (trap 11)
    const PublishResult result = claim->commit(info);
    if (result == PublishResult::InvalidFrame || result == PublishResult::Stale) {
        ++counters.drops_no_slot;
        return false;
    }
    last_seq_ = frame.seq();
    published_any_ = true;
    ++counters.frames_published;
    counters.bytes_published += bytes;
    return true;
}

void Mapping::on_hello(const control::ConsumerHello& hello, Nanos now_ns) noexcept {
    if (hello.stream_id != what_.dest_stream_id) return;
    // A rate that is no number is as good as no hello (trap 1).
    const std::uint32_t rate = hello.max_rate_hz == UINT32_MAX ? what_.max_rate_hz : hello.max_rate_hz;
    if (consumer_id_ && *consumer_id_ != hello.consumer_id) {
        if (counters.hellos_ignored++ == 0) {
            base::log(
                LogLevel::Warn, kModule,
                "stream {}: consumer {} says hello too; consumer {} gives the rate. Use one mapping for each "
                "consumer (RATE-012)",
                what_.dest_stream_id, hello.consumer_id, *consumer_id_);
        }
        return;
    }
    if (!consumer_id_) {
        base::log(LogLevel::Info, kModule, "stream {}: bound to consumer {}, {} Hz", what_.dest_stream_id,
                  hello.consumer_id, rate);
    }
    consumer_id_ = hello.consumer_id;
    heard_ns_ = now_ns;
    ++counters.hellos;
    slot_.change_rate(rate, now_ns);
}

void Mapping::on_lease_revoked(const control::LeaseRevoked& revoked, Nanos now_ns) noexcept {
    if (revoked.stream_id != what_.dest_stream_id || revoked.role != Role::Consumer) return;
    if (consumer_id_ && revoked.client_id == *consumer_id_)
        unbind(LogLevel::Info, "gave its lease back or lost it", now_ns);
}

void Mapping::unbind(LogLevel level, std::string_view why, Nanos now_ns) noexcept {
    base::log(level, kModule, "stream {}: consumer {} {}", what_.dest_stream_id, *consumer_id_, why);
    consumer_id_.reset();
    slot_.change_rate(what_.max_rate_hz, now_ns);
}

RateLimiterStatus Mapping::status() const {
    RateLimiterStatus status;
    status.source_stream_id = what_.source_stream_id;
    status.dest_stream_id = what_.dest_stream_id;
    status.source_epoch = source_.epoch();
    status.dest_epoch = dest_.epoch();
    status.last_seq = last_seq_;
    status.rate_hz = slot_.rate_hz();
    status.consumer_id = consumer_id_;
    status.pending = pending_.has_value();
    if (!source_.is_ready()) {
        status.last_error = fmt::format("source: {}", source_.last_error());
    } else if (!dest_.is_ready()) {
        status.last_error = fmt::format("destination: {}", dest_.last_error());
    }
    status.counters = counters;
    return status;
}

}  // namespace tensorpool::rate_limiter
