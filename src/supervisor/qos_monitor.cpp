// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/qos_monitor.hpp>

#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "supervisor/keyed.hpp"

#include <utility>

namespace tensorpool {

// Found by argument-dependent lookup from keyed.hpp.
static supervisor::Key key_of(const ProducerQos& report) noexcept {
    return {report.stream_id, report.producer_id};
}
static supervisor::Key key_of(const ConsumerQos& report) noexcept {
    return {report.stream_id, report.consumer_id};
}
static bool has_reported(const ProducerQos&) noexcept {
    return true;
}

namespace {

constexpr int kPollLimit = 64;

using supervisor::find;
using supervisor::Key;
using supervisor::position;

QosMonitorOptions validated(QosMonitorOptions options) {
    if (options.max_entries == 0 || options.forget_after_ns <= 0) {
        throw Error(ErrorCode::InvalidConfig,
                    "QoS monitor: max_entries and forget_after_ns must be positive");
    }
    return options;
}

}  // namespace

class QosMonitor::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, QosMonitorOptions options)
        : opts(validated(std::move(options))),
          messaging_(context.messaging()),
          subscription_(
              messaging_.add_subscription(opts.endpoints.qos.channel, opts.endpoints.qos.stream_id)),
          dispatcher_(*this),
          forget_timer_(opts.forget_after_ns, context.clock().now_ns()) {}

    void on_qos_producer(const control::QosProducer& qos, const messaging::Message&) override {
        keep(producers, {qos.stream_id, qos.producer_id, qos.epoch, qos.current_seq, qos.watermark, now_ns_},
             producer_handler);
    }
    void on_qos_consumer(const control::QosConsumer& qos, const messaging::Message&) override {
        keep(consumers,
             {qos.stream_id, qos.consumer_id, qos.epoch, qos.last_seq_seen, qos.drops_gap, qos.drops_late,
              qos.mode, now_ns_},
             consumer_handler);
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }

    template <typename Report>
    void keep(std::vector<Report>& reports, const Report& fresh,
              const std::function<void(const Report&)>& handler) {
        ++counters.reports_received;
        const auto at = position(reports, key_of(fresh));
        if (at != reports.end() && key_of(*at) == key_of(fresh)) {
            *at = fresh;
        } else if (producers.size() + consumers.size() >= opts.max_entries) {
            ++counters.dropped_full;
            return;
        } else {
            reports.insert(at, fresh);
        }
        if (handler) handler(fresh);
    }

    template <typename Report>
    void forget(std::vector<Report>& reports) noexcept {
        counters.forgotten += std::erase_if(reports, [&](const Report& report) {
            return now_ns_ - report.received_ns > opts.forget_after_ns;
        });
    }

    int do_work(Nanos now) noexcept {
        now_ns_ = now;
        const int work = messaging_.do_work(now) + dispatcher_.poll(*subscription_, kPollLimit);
        if (forget_timer_.due(now)) {
            forget(producers);
            forget(consumers);
        }
        return work;
    }

    const QosMonitorOptions opts;
    QosMonitorCounters counters;
    std::vector<ProducerQos> producers;
    std::vector<ConsumerQos> consumers;
    std::function<void(const ProducerQos&)> producer_handler;
    std::function<void(const ConsumerQos&)> consumer_handler;

private:
    messaging::Client& messaging_;
    std::unique_ptr<messaging::Subscription> subscription_;
    control::ControlDispatcher dispatcher_;
    base::PeriodicTimer forget_timer_;
    Nanos now_ns_ = 0;
};

QosMonitor::QosMonitor(Context& context, QosMonitorOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

QosMonitor::~QosMonitor() = default;

const std::vector<ProducerQos>& QosMonitor::producers() const noexcept {
    return impl_->producers;
}
const std::vector<ConsumerQos>& QosMonitor::consumers() const noexcept {
    return impl_->consumers;
}
const ProducerQos* QosMonitor::producer(std::uint32_t stream_id, std::uint32_t producer_id) const noexcept {
    return find(impl_->producers, {stream_id, producer_id});
}
const ConsumerQos* QosMonitor::consumer(std::uint32_t stream_id, std::uint32_t consumer_id) const noexcept {
    return find(impl_->consumers, {stream_id, consumer_id});
}

std::optional<std::uint64_t> QosMonitor::lag(const ConsumerQos& consumer) const noexcept {
    return supervisor::lag(impl_->producers, consumer.stream_id, consumer.epoch, consumer.last_seq_seen);
}

void QosMonitor::on_producer(std::function<void(const ProducerQos&)> handler) {
    impl_->producer_handler = std::move(handler);
}
void QosMonitor::on_consumer(std::function<void(const ConsumerQos&)> handler) {
    impl_->consumer_handler = std::move(handler);
}
const QosMonitorCounters& QosMonitor::counters() const noexcept {
    return impl_->counters;
}
int QosMonitor::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
