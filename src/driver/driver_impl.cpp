// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/driver_impl.hpp"

#include "base/log.hpp"
#include "driver/token.hpp"
#include "wire/driver_blocks.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Driver";
constexpr int kFragmentLimit = 64;
constexpr int kPollRounds = 16;
/// Cycles in a row that may put expiry off because keepalives may still be unread.
constexpr int kMaxBusyPolls = 8;

DriverConfig validated(DriverConfig config) {
    ConfigReport report = validate_driver_config(config);
    if (!report.problems.empty()) throw ConfigError(std::move(report.problems));
    for (const ConfigProblem& warning : report.warnings)
        base::log(LogLevel::Warn, kModule, "{}", warning.str());
    return config;
}

/// A stale client of an earlier driver must not hit a live lease by counting (TRP-23).
std::uint64_t random_first_lease_id() {
    std::random_device random;
    const std::uint64_t id = (std::uint64_t{random()} << 32U | random()) & 0x7FFFFFFFFFFFFFFFU;
    return std::max<std::uint64_t>(id, 1);
}

/// Often enough that an epoch goes soon after it may, rarely enough that an idle driver does not scan
/// directories.
Nanos collect_period(const DriverConfig& config) {
    return std::clamp<Nanos>(config.epoch_gc_min_age_ns(), 100 * kNanosPerMilli, 60 * kNanosPerSecond);
}

}  // namespace

Driver::Impl::Impl(Context& the_context, DriverConfig the_config)
    : context(the_context),
      config(validated(std::move(the_config))),
      consumer_streams(config.messaging, config.descriptor_stream_id_range, config.control_stream_id_range),
      store_(config),
      leases_(config.lease_window_ns(), random_first_lease_id()),
      node_ids_(config.policies.node_id_reuse_cooldown_ms * kNanosPerMilli),
      stream_ids_(config.stream_id_range),
      control_subscription_(
          context.messaging().add_subscription(config.control.channel, config.control.stream_id)),
      dispatcher_(*this),
      outbox_(context.messaging().add_publication(config.control.channel, config.control.stream_id),
              config.announce_endpoint() == config.control
                  ? nullptr
                  : context.messaging().add_publication(config.announce_endpoint().channel,
                                                        config.announce_endpoint().stream_id),
              [this](const driver::Outbox::Message& message, driver::Outbox::Fate fate) {
                  settle(message, fate);
              }),
      announce_timer_(config.announce_period_ns()),
      collect_timer_(collect_period(config)),
      published_(context.messaging(),
                 {fmt::format("Driver instance={}", config.instance_id), config.counter_id}) {
    start_telemetry();
    for (const DriverStreamConfig& stream : config.streams) {
        streams_.try_emplace(stream.stream_id, stream.stream_id, *config.find_profile(stream.profile), false,
                             config.epoch_gc_min_age_ns());
    }
}

Driver::Impl::~Impl() = default;

void Driver::Impl::start_telemetry() {
    published_.add(telemetry::rows<DriverCounters>(), counters);
    published_.add(telemetry::rows<telemetry::DriverGauges>(), gauges_);
    const auto recorder = [this](telemetry::Latency latency) {
        return context.latencies().add(latency, published_.owner());
    };
    latencies_.poll = recorder(telemetry::Latency::DriverPoll);
    latencies_.attach = recorder(telemetry::Latency::Attach);
    latencies_.detach = recorder(telemetry::Latency::Detach);
    latencies_.keepalive = recorder(telemetry::Latency::KeepaliveDelta);
    latencies_.expire = recorder(telemetry::Latency::LeaseExpireDelay);
    latencies_.announce = recorder(telemetry::Latency::AnnounceDelta);
}

template <typename Action>
int Driver::Impl::guarded(std::string_view what, Action&& action) noexcept {
    try {
        return action();
    } catch (const std::exception& error) {
        base::log(LogLevel::Error, kModule, "{} failed: {}", what, error.what());
    } catch (...) {
        base::log(LogLevel::Error, kModule, "{} failed", what);
    }
    ++counters.internal_errors;
    return 0;
}

int Driver::Impl::do_work(Nanos now_ns) noexcept {
    if (lifecycle == DriverLifecycle::Stopped) return 0;
    thread_check_.check("driver");
    now_ns_ = now_ns;
    int work = context.messaging().do_work(now_ns);
    if (lifecycle == DriverLifecycle::Starting) work += guarded("start", [this] { return start(); });
    work += serve();
    ++counters.duty_cycles;
    counters.work_done += static_cast<std::uint64_t>(work);
    published_.cycle(now_ns, work, [this]() noexcept {
        gauges_.streams = streams_.size();
        gauges_.leases = leases_.size();
    });
    return work;
}

int Driver::Impl::serve() noexcept {
    const telemetry::LatencyScope timed(latencies_.poll.get(), context.clock());
    int work = guarded("sending", [this] { return outbox_.do_work(now_ns_); });
    work += guarded("control poll", [this] { return poll_control(); });
    // After the poll: a keepalive just read still counts.
    if (busy_polls_ == 0 || busy_polls_ > kMaxBusyPolls) {
        work += guarded("lease expiry", [this] { return expire_leases(); });
    }
    if (announce_timer_.due(now_ns_)) work += guarded("announce", [this] { return announce_all(); });
    if (collect_timer_.due(now_ns_)) work += guarded("epoch collection", [this] { return collect_all(); });
    work += guarded("shutdown", [this] { return drain(); });
    return work;
}

int Driver::Impl::start() {
    lifecycle = DriverLifecycle::Running;
    announce_timer_.restart(now_ns_);
    collect_timer_.restart(now_ns_);
    base::log(LogLevel::Info, kModule, "{} runs on {} stream {}, shared memory below {}", config.instance_id,
              config.control.channel, config.control.stream_id, store_.paths().base_dir);
    return config.policies.epoch_gc_on_startup ? collect_all() : 0;
}

int Driver::Impl::poll_control() {
    int handled = 0;
    for (int round = 0; round < kPollRounds; ++round) {
        const int now_handled = dispatcher_.poll(*control_subscription_, kFragmentLimit);
        handled += now_handled;
        if (now_handled < kFragmentLimit) {
            busy_polls_ = 0;
            return handled;
        }
    }
    ++busy_polls_;
    return handled;
}

void Driver::Impl::refresh_now() noexcept {
    now_ns_ = std::max(now_ns_, context.clock().now_ns());
}

void Driver::Impl::wait(Nanos timeout_ns) noexcept {
    messaging::Subscription* const subscriptions[] = {control_subscription_.get()};
    context.messaging().wait(subscriptions, timeout_ns);
}

void Driver::Impl::settle(const driver::Outbox::Message& message, driver::Outbox::Fate fate) {
    const bool sent = fate == driver::Outbox::Fate::Sent;
    struct Count {
        DriverCounters& counters;
        bool sent;
        void operator()(const control::AttachResponse&) const {
            ++(sent ? counters.attach_responses : counters.attach_response_drops);
        }
        void operator()(const control::DetachResponse&) const { counters.detach_responses += sent ? 1 : 0; }
        void operator()(const control::LeaseRevoked&) const { counters.lease_revoked += sent ? 1 : 0; }
        void operator()(const control::PoolAnnounce&) const { counters.announces += sent ? 1 : 0; }
        void operator()(const control::ConsumerConfig&) const { counters.consumer_configs += sent ? 1 : 0; }
        void operator()(const control::DriverShutdown&) const {}
    };
    std::visit(Count{counters, sent}, message);
    if (std::holds_alternative<control::DriverShutdown>(message)) notice_settled_ = true;
    const bool is_attach_response = std::holds_alternative<control::AttachResponse>(message);
    if (fate == driver::Outbox::Fate::Failed && !is_attach_response) ++counters.send_failures;
}

// ---- shutdown
// --------------------------------------------------------------------------------------------------

void Driver::Impl::request_shutdown(ShutdownReason reason) noexcept {
    int none = -1;
    requested_shutdown_.compare_exchange_strong(none, static_cast<int>(reason), std::memory_order_relaxed);
}

void Driver::Impl::on_driver_shutdown_request(const control::DriverShutdownRequest& request,
                                              const messaging::Message&) {
    if (!driver::token_matches(request.token, config.policies.shutdown_token)) {
        ++counters.shutdown_requests_refused;  // no reply: there is no message for one (TRP-24)
        base::log(LogLevel::Warn, kModule,
                  "refused a shutdown request: wrong token, or remote shutdown is off");
        return;
    }
    if (lifecycle == DriverLifecycle::Running) begin_drain(request.reason, request.error_message);
}

void Driver::Impl::on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t,
                                  control::DecodeResult, const messaging::Message&) {
    if (schema_id == wire::ShmDriverShutdownRequestBlock::kSchemaId &&
        template_id == wire::ShmDriverShutdownRequestBlock::kTemplateId) {
        ++counters.shutdown_requests_refused;  // an unknown reason ends here too
    }
    ++counters.messages_invalid;
}

void Driver::Impl::begin_drain(ShutdownReason reason, std::string message) {
    lifecycle = DriverLifecycle::Draining;
    shutdown_reason_ = reason;
    shutdown_message_ = control::truncated_error(std::move(message));
    drain_end_ns_ = base::saturating_add(now_ns_, config.policies.shutdown_timeout_ms * kNanosPerMilli);
    base::log(LogLevel::Warn, kModule, "{} drains ({}) for {} ms", config.instance_id, to_string(reason),
              config.policies.shutdown_timeout_ms);
    announce_all();
}

int Driver::Impl::drain() {
    const int requested = requested_shutdown_.load(std::memory_order_relaxed);
    int work = 0;
    if (requested >= 0 && lifecycle == DriverLifecycle::Running) {
        begin_drain(static_cast<ShutdownReason>(requested), "");
        ++work;
    }
    if (lifecycle != DriverLifecycle::Draining || now_ns_ < drain_end_ns_) return work;
    if (!notice_posted_) post_shutdown_notice();
    // Not until the outbox is empty: where nothing can be sent, announces would keep it full for ever.
    if (!notice_settled_) return work;
    stop();
    return work + 1;
}

void Driver::Impl::post_shutdown_notice() {
    notice_posted_ = true;
    base::log_with(LogLevel::Warn, kModule,
                   {{"reason", to_string(shutdown_reason_.value_or(ShutdownReason::Normal))}},
                   "{} tells its clients that it shuts down", config.instance_id);
    control::DriverShutdown notice;
    notice.timestamp_ns = static_cast<std::uint64_t>(now_ns_);
    notice.reason = shutdown_reason_.value_or(ShutdownReason::Normal);
    notice.error_message = shutdown_message_;
    outbox_.post(std::move(notice), now_ns_);
}

void Driver::Impl::stop() {
    if (config.policies.cleanup_shm_on_exit) {
        for (auto& [id, stream] : streams_) {
            stream.current.reset();
            store_.remove_own(id);
        }
    }
    lifecycle = DriverLifecycle::Stopped;
    base::log(LogLevel::Info, kModule, "{} stopped", config.instance_id);
}

void Driver::Impl::close() noexcept {
    if (lifecycle == DriverLifecycle::Stopped) return;
    guarded("close", [this] {
        refresh_now();
        if (!shutdown_reason_) shutdown_reason_ = ShutdownReason::Normal;
        if (!notice_posted_) post_shutdown_notice();
        constexpr int kLastTries = 100;
        for (int i = 0; i < kLastTries && !outbox_.empty(); ++i) outbox_.do_work(now_ns_);
        stop();
        return 0;
    });
    lifecycle = DriverLifecycle::Stopped;
}

// ---- snapshots
// -------------------------------------------------------------------------------------------------

DriverStatus Driver::Impl::status() const {
    DriverStatus status;
    status.instance_id = config.instance_id;
    status.lifecycle = lifecycle;
    status.shutdown_reason = shutdown_reason_;
    status.shutdown_message = shutdown_message_;
    status.stream_count = streams_.size();
    status.lease_count = leases_.size();
    if (config.policies.allow_dynamic_streams) status.next_stream_id = stream_ids_.peek_next();
    status.next_lease_id = leases_.next_lease_id();
    status.stream_id_range = config.stream_id_range;
    status.descriptor_stream_id_range = config.descriptor_stream_id_range;
    status.control_stream_id_range = config.control_stream_id_range;
    return status;
}

std::vector<DriverLeaseInfo> Driver::Impl::leases() const {
    std::vector<DriverLeaseInfo> all;
    for (const auto& [id, lease] : leases_.all()) {
        all.push_back({.lease_id = id,
                       .stream_id = lease.stream_id,
                       .client_id = lease.client_id,
                       .role = lease.role,
                       .expiry_ns = lease.expiry_ns,
                       .expires_in_ns = std::max<Nanos>(lease.expiry_ns - now_ns_, 0),
                       .active = lease.state == driver::LeaseState::Active,
                       .node_id = lease.node_id});
    }
    return all;
}

std::vector<DriverStreamInfo> Driver::Impl::streams() const {
    std::vector<DriverStreamInfo> all;
    for (const auto& [id, stream] : streams_) {
        DriverStreamInfo info;
        info.stream_id = id;
        info.profile = stream.profile->name;
        info.dynamic = stream.dynamic;
        info.header_nslots = stream.profile->header_nslots;
        if (stream.current) {
            const shm::StreamLayout& layout = stream.current->layout();
            info.epoch = layout.epoch;
            info.header_uri = layout.header_uri;
            for (const auto& pool : layout.pools)
                info.pools.push_back({pool.pool_id, pool.stride_bytes, pool.uri});
        }
        for (const auto& [lease_id, lease] : leases_.all()) {
            if (lease.stream_id != id) continue;
            if (lease.role == Role::Producer) {
                info.producer_lease_id = lease_id;
                info.producer_id = lease.client_id;
            } else {
                info.consumer_lease_ids.push_back(lease_id);
            }
        }
        all.push_back(std::move(info));
    }
    return all;
}

}  // namespace tensorpool
