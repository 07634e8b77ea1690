// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/supervisor.hpp>

#include "base/log.hpp"
#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "control/stream_issuer.hpp"
#include "control/stream_request.hpp"
#include "supervisor/epoch_sweeper.hpp"
#include "supervisor/keyed.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"

#include <algorithm>
#include <utility>

namespace tensorpool {

// Found by argument-dependent lookup from keyed.hpp.
static supervisor::Key key_of(const SupervisedProducer& producer) noexcept {
    return {producer.stream_id, producer.producer_id};
}
static supervisor::Key key_of(const SupervisedConsumer& consumer) noexcept {
    return {consumer.stream_id, consumer.consumer_id};
}
/// Known by more than its announce: only QoS says where it stands.
static bool has_reported(const SupervisedProducer& producer) noexcept {
    return producer.last_qos_ns != 0;
}

namespace {

using supervisor::find;
using supervisor::Key;
using supervisor::position;

constexpr std::string_view kModule = "Supervisor";
constexpr int kPollLimit = 64;
constexpr int kPassesPerTimeout = 4;  // SUP-008

SupervisorOptions validated(SupervisorOptions options) {
    if (options.capacity == 0 || options.stale_after_ns < kPassesPerTimeout) {
        throw Error(ErrorCode::InvalidConfig, "supervisor: capacity and stale_after_ns must be positive");
    }
    return options;
}

Nanos last_heard(const SupervisedProducer& producer) noexcept {
    return std::max(producer.last_announce_ns, producer.last_qos_ns);
}
Nanos last_heard(const SupervisedConsumer& consumer) noexcept {
    return std::max(consumer.last_hello_ns, consumer.last_qos_ns);
}

}  // namespace

class Supervisor::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, SupervisorOptions options)
        : opts(validated(std::move(options))),
          messaging_(context.messaging()),
          issuer_(opts.per_consumer, opts.endpoints, messaging_.backend() == "embedded"),
          sweeper_(opts.sweep_base_dir, opts.sweep_namespace, opts.stale_after_ns, context.clock().now_ns()),
          dispatcher_(*this),
          liveness_timer_(opts.stale_after_ns / kPassesPerTimeout, context.clock().now_ns()) {
        const StreamEndpoints& at = opts.endpoints;
        if (opts.issue_configs)
            configs_.emplace(messaging_.add_sparse_publication(at.control.channel, at.control.stream_id));
        subscribe(at.control);
        if (at.announce != at.control) subscribe(at.announce);
        subscribe(at.qos);
        subscribe(at.metadata);
        published_.add(telemetry::rows<SupervisorCounters>(), counters);
        published_.add(telemetry::rows<telemetry::SupervisorGauges>(), gauges_);
    }

    // ---- what is heard (SUP-002, SUP-006) ---------------------------------------------------------------

    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        ++counters.announces;
        if (announce.producer_id == 0) return;  // a driver's stream without a producer
        SupervisedProducer* const producer = producer_at({announce.stream_id, announce.producer_id});
        if (producer == nullptr) return;
        producer->epoch = announce.epoch;
        producer->last_announce_ns = now_ns_;
        revive(*producer);
    }

    void on_qos_producer(const control::QosProducer& qos, const messaging::Message&) override {
        ++counters.producer_qos;
        SupervisedProducer* const producer = producer_at({qos.stream_id, qos.producer_id});
        if (producer == nullptr) return;
        producer->epoch = qos.epoch;
        producer->current_seq = qos.current_seq;
        producer->last_qos_ns = now_ns_;
        revive(*producer);
    }

    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) override {
        ++counters.hellos;
        SupervisedConsumer* const consumer = consumer_at({hello.stream_id, hello.consumer_id});
        if (consumer == nullptr) return;
        Policy& policy = policy_at(key_of(*consumer));
        if (consumer->stale) policy.sent = false;  // it reappeared
        assign_streams(hello, policy);
        policy.asked_mode = hello.mode;
        policy.supports_shm = hello.supports_shm;
        policy.heard = true;
        policy.sent = policy.sent && policy.last == config_for(policy);
        consumer->mode = hello.mode;
        consumer->last_hello_ns = now_ns_;
        revive(*consumer);
    }

    void on_qos_consumer(const control::QosConsumer& qos, const messaging::Message& message) override {
        ++counters.consumer_qos;
        SupervisedConsumer* const consumer = consumer_at({qos.stream_id, qos.consumer_id});
        if (consumer == nullptr) return;
        note_session(*consumer, message.image->session_id);
        consumer->epoch = qos.epoch;
        consumer->mode = qos.mode;
        consumer->last_seq_seen = qos.last_seq_seen;
        consumer->drops_gap = qos.drops_gap;
        consumer->drops_late = qos.drops_late;
        consumer->last_qos_ns = now_ns_;
        revive(*consumer);
    }

    void on_consumer_config(const control::ConsumerConfig& config,
                            const messaging::Message& message) override {
        if (!configs_ || message.image->session_id == configs_->publication().session_id()) return;
        if (counters.foreign_configs++ == 0) {
            base::log(LogLevel::Warn, kModule,
                      "stream {}: somebody else tells consumer {} how to read; run one supervisor (SUP-010)",
                      config.stream_id, config.consumer_id);
        }
    }
    void on_data_source_announce(const control::DataSourceAnnounce&, const messaging::Message&) override {
        ++counters.metadata;
    }
    void on_data_source_meta(const control::DataSourceMeta&, const messaging::Message&) override {
        ++counters.metadata;
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }

    int do_work(Nanos now_ns) noexcept {
        now_ns_ = now_ns;
        int work = messaging_.do_work(now_ns);
        for (const auto& subscription : subscriptions_) work += dispatcher_.poll(*subscription, kPollLimit);
        if (liveness_timer_.due(now_ns)) {
            ++counters.liveness_checks;
            check_liveness(producers, "producer");
            check_liveness(consumers, "consumer");
            release_streams();
            std::erase_if(policies_, [&](const Policy& p) { return find(consumers, p.key) == nullptr; });
            report_drops();
            ++work;
        }
        for (Policy& policy : policies_) work += send_config(policy);
        const int swept = sweeper_.do_work(now_ns);
        counters.epochs_removed += static_cast<std::uint64_t>(swept);
        work += swept;
        published_.cycle(now_ns, work, [this]() noexcept {
            gauges_.producers = producers.size();
            gauges_.consumers = consumers.size();
        });
        return work;
    }

    void reconsider() noexcept {
        for (Policy& policy : policies_) policy.sent = policy.sent && policy.last == config_for(policy);
    }

    SupervisorOptions opts;
    SupervisorCounters counters;
    std::vector<SupervisedProducer> producers;
    std::vector<SupervisedConsumer> consumers;

private:
    /// The part of a ConsumerConfig that policy decides.
    struct Content {
        bool use_shm = true;
        Mode mode = Mode::Stream;
        std::string fallback;
        Endpoint descriptor{"", 0};  // assigned to this consumer; empty and 0: none
        Endpoint control{"", 0};
        friend bool operator==(const Content&, const Content&) = default;
    };
    /// What a consumer asked for and was told.
    struct Policy {
        Key key;
        bool heard = false;  ///< it said hello; a consumer known by its QoS only is told nothing (SUP-011)
        bool supports_shm = true;
        Mode asked_mode = Mode::Stream;
        Endpoint descriptor{"", 0};  ///< assigned to it
        Endpoint control{"", 0};
        bool sent = false;
        Content last;
        std::int64_t session = 0;  ///< of its QoS
        std::int64_t session_before = 0;
        std::uint64_t drops_reported = 0;
    };
    friend Key key_of(const Policy& policy) noexcept { return policy.key; }

    void subscribe(const Endpoint& endpoint) {
        subscriptions_.push_back(messaging_.add_subscription(endpoint.channel, endpoint.stream_id));
    }

    SupervisedProducer* producer_at(const Key& key) {
        SupervisedProducer fresh;
        fresh.stream_id = key.first;
        fresh.producer_id = key.second;
        return entry(producers, fresh, "producer");
    }
    SupervisedConsumer* consumer_at(const Key& key) {
        SupervisedConsumer fresh;
        fresh.stream_id = key.first;
        fresh.consumer_id = key.second;
        return entry(consumers, fresh, "consumer");
    }
    /// The record of that key, made when there is room (SUP-015).
    template <typename Record>
    Record* entry(std::vector<Record>& records, const Record& fresh, std::string_view what) {
        if (Record* const known = find(records, key_of(fresh))) return known;
        if (records.size() >= opts.capacity) {
            if (counters.refused_full++ == 0) {
                base::log(LogLevel::Warn, kModule, "no room for {} {} of stream {}: capacity is {}", what,
                          key_of(fresh).second, key_of(fresh).first, opts.capacity);
            }
            return nullptr;
        }
        return &*records.insert(position(records, key_of(fresh)), fresh);
    }
    Policy& policy_at(const Key& key) {
        if (Policy* const known = find(policies_, key)) return *known;
        Policy fresh;
        fresh.key = key;
        return *policies_.insert(position(policies_, key), std::move(fresh));
    }

    /// Grants or declines streams of its own (SUP-012, SUP-014). Who asks is answered every time: the answer
    /// is for the producer too, which may have started since, and a decline has to be said (WIRE-080).
    void assign_streams(const control::ConsumerHello& hello, Policy& policy) {
        using control::StreamRequest;
        const StreamRequest descriptor =
            control::classify(hello.descriptor_channel, hello.descriptor_stream_id);
        const StreamRequest progress = control::classify(hello.control_channel, hello.control_stream_id);
        if (descriptor == StreamRequest::Half || progress == StreamRequest::Half) ++counters.half_requests;
        if (descriptor != StreamRequest::None || progress != StreamRequest::None) policy.sent = false;
        control::ConsumerConfig assigned;
        counters.streams_declined += static_cast<std::uint64_t>(issuer_.answer(hello, assigned));
        policy.descriptor = {assigned.descriptor_channel,
                             static_cast<std::int32_t>(assigned.descriptor_stream_id)};
        policy.control = {assigned.control_channel, static_cast<std::int32_t>(assigned.control_stream_id)};
    }

    /// Ids go back when their consumer turns stale.
    void release_streams() noexcept {
        for (Policy& policy : policies_) {
            const SupervisedConsumer* const consumer = find(consumers, policy.key);
            if (consumer != nullptr && !consumer->stale) continue;
            issuer_.release(policy.key.first, policy.key.second);
            policy.descriptor = policy.control = Endpoint{"", 0};
        }
    }

    /// Two publications that report in turn under one id: A, B, A. A restart is A, B.
    void note_session(SupervisedConsumer& consumer, std::int64_t session) {
        Policy& policy = policy_at(key_of(consumer));
        if (policy.session == session) return;
        if (policy.session_before == session && !consumer.collides) {
            consumer.collides = true;
            ++counters.collisions;
            base::log_with(LogLevel::Warn, kModule,
                           {{"stream_id", consumer.stream_id}, {"consumer_id", consumer.consumer_id}},
                           "stream {}: two consumers call themselves {}", consumer.stream_id,
                           consumer.consumer_id);
        }
        policy.session_before = std::exchange(policy.session, session);
    }

    template <typename Record>
    void revive(Record& record) noexcept {
        if (!record.stale) return;
        record.stale = false;
        base::log_with(LogLevel::Info, kModule,
                       {{"stream_id", key_of(record).first}, {"id", key_of(record).second}},
                       "stream {}: {} is back", key_of(record).first, key_of(record).second);
    }

    template <typename Record>
    void check_liveness(std::vector<Record>& records, std::string_view what) noexcept {
        std::erase_if(records, [&](Record& record) {
            const Nanos silent_ns = now_ns_ - last_heard(record);
            if (silent_ns > opts.stale_after_ns && !record.stale) {
                record.stale = true;
                ++counters.became_stale;
                base::log_with(LogLevel::Warn, kModule,
                               {{"stream_id", key_of(record).first},
                                {"role", what},
                                {"id", key_of(record).second},
                                {"silent_ns", silent_ns}},
                               "stream {}: {} {} is silent for {} ms", key_of(record).first, what,
                               key_of(record).second, silent_ns / kNanosPerMilli);
            }
            return silent_ns > 2 * opts.stale_after_ns;
        });
    }

    /// SUP-009.
    void report_drops() noexcept {
        for (const SupervisedConsumer& consumer : consumers) {
            Policy* const policy = find(policies_, key_of(consumer));
            const std::uint64_t drops = consumer.drops_gap + consumer.drops_late;
            if (policy == nullptr || drops <= policy->drops_reported) continue;
            base::log_with(LogLevel::Info, kModule,
                           {{"stream_id", consumer.stream_id},
                            {"consumer_id", consumer.consumer_id},
                            {"lost", drops - policy->drops_reported},
                            {"drops_gap", consumer.drops_gap},
                            {"drops_late", consumer.drops_late}},
                           "stream {}: consumer {} lost {} frames (gap {}, late {} in all)",
                           consumer.stream_id, consumer.consumer_id, drops - policy->drops_reported,
                           consumer.drops_gap, consumer.drops_late);
            policy->drops_reported = drops;
        }
    }

    [[nodiscard]] Content config_for(const Policy& policy) const {
        Content content;
        content.use_shm = policy.supports_shm && !opts.force_no_shm;
        content.mode = opts.force_mode.value_or(policy.asked_mode);
        if (!content.use_shm) content.fallback = opts.payload_fallback_uri;
        content.descriptor = policy.descriptor;
        content.control = policy.control;
        return content;
    }

    /// SUP-011 and SUP-013.
    int send_config(Policy& policy) noexcept {
        if (policy.sent || !policy.heard || !configs_) return 0;
        policy.last = config_for(policy);
        control::ConsumerConfig config;
        config.stream_id = policy.key.first;
        config.consumer_id = policy.key.second;
        config.use_shm = policy.last.use_shm;
        config.mode = policy.last.mode;
        config.payload_fallback_uri = policy.last.fallback;
        config.descriptor_channel = policy.last.descriptor.channel;
        config.descriptor_stream_id = static_cast<std::uint32_t>(policy.last.descriptor.stream_id);
        config.control_channel = policy.last.control.channel;
        config.control_stream_id = static_cast<std::uint32_t>(policy.last.control.stream_id);
        policy.sent = configs_->send(config).has_value();
        if (policy.sent) ++counters.configs_published;
        return policy.sent ? 1 : 0;
    }

    messaging::Client& messaging_;
    std::optional<control::ControlPublisher> configs_;  // empty: only watches
    control::StreamIssuer issuer_;
    supervisor::EpochSweeper sweeper_;
    control::ControlDispatcher dispatcher_;
    std::vector<std::unique_ptr<messaging::Subscription>> subscriptions_;
    base::PeriodicTimer liveness_timer_;
    std::vector<Policy> policies_;  // ordered by key, one per consumer
    Nanos now_ns_ = 0;
    telemetry::CounterSet published_{
        messaging_, {"Supervisor", static_cast<std::uint64_t>(opts.endpoints.control.stream_id)}};  // OBS-005
    telemetry::SupervisorGauges gauges_;
};

Supervisor::Supervisor(Context& context, SupervisorOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

Supervisor::~Supervisor() = default;

const std::vector<SupervisedProducer>& Supervisor::producers() const noexcept {
    return impl_->producers;
}
const std::vector<SupervisedConsumer>& Supervisor::consumers() const noexcept {
    return impl_->consumers;
}

std::optional<std::uint64_t> Supervisor::lag(const SupervisedConsumer& consumer) const noexcept {
    return supervisor::lag(impl_->producers, consumer.stream_id, consumer.epoch, consumer.last_seq_seen);
}

const SupervisorCounters& Supervisor::counters() const noexcept {
    return impl_->counters;
}

void Supervisor::set_policy(bool force_no_shm, std::string payload_fallback_uri,
                            std::optional<Mode> force_mode) {
    impl_->opts.force_no_shm = force_no_shm;
    impl_->opts.payload_fallback_uri = std::move(payload_fallback_uri);
    impl_->opts.force_mode = force_mode;
    impl_->reconsider();
}

int Supervisor::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
