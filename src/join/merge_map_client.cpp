// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include "base/log.hpp"
#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"

#include <utility>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "JoinBarrier";
constexpr int kPollLimit = 64;

MergeMapClientOptions validated(MergeMapClientOptions options) {
    if (options.request_period_ns <= 0)
        throw Error(ErrorCode::InvalidConfig, "merge map client: request_period_ns must be positive");
    return options;
}

}  // namespace

class MergeMapClient::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, JoinBarrier& joined, MergeMapClientOptions options)
        : opts(validated(std::move(options))),
          barrier(joined),
          messaging(context.messaging()),
          publisher(messaging.add_sparse_publication(opts.endpoints.control.channel,
                                                     opts.endpoints.control.stream_id)),
          control(
              messaging.add_subscription(opts.endpoints.control.channel, opts.endpoints.control.stream_id)),
          dispatcher(*this),
          timer(opts.request_period_ns, context.clock().now_ns()),
          asked_epoch(joined.out_epoch()) {
        if (opts.endpoints.announce != opts.endpoints.control) {
            announces = messaging.add_subscription(opts.endpoints.announce.channel,
                                                   opts.endpoints.announce.stream_id);
        }
    }

    void on_sequence_merge_map(const control::SequenceMergeMapAnnounce& map,
                               const messaging::Message&) override {
        take(map);
    }
    void on_timestamp_merge_map(const control::TimestampMergeMapAnnounce& map,
                                const messaging::Message&) override {
        take(map);
    }
    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        barrier.set_clock_domain(announce.stream_id, announce.clock_domain);
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }

    template <typename Map>
    void take(const Map& map) {
        ++counters.announces_received;
        const std::string before = barrier.map_fault();
        // The same invalid map comes back every period: once in the log is enough.
        if (barrier.apply(map) == MapOutcome::Invalid && barrier.map_fault() != before) {
            base::log(LogLevel::Warn, kModule, "merge map of stream {} epoch {} refused: {}",
                      map.out_stream_id, map.epoch, barrier.map_fault());
        }
    }

    int do_work(Nanos now_ns) noexcept {
        int work = messaging.do_work(now_ns) + dispatcher.poll(*control, kPollLimit);
        if (announces) work += dispatcher.poll(*announces, kPollLimit);
        if (barrier.has_map()) {
            timer.trigger();  // once it is gone, ask at once
        } else {
            if (std::exchange(asked_epoch, barrier.out_epoch()) != barrier.out_epoch()) timer.trigger();
            if (publisher.is_connected() && timer.due(now_ns)) work += ask(now_ns);
        }
        return work;
    }

    int ask(Nanos now_ns) noexcept {
        timer.restart(now_ns);
        const auto sent = barrier.map_kind() == MergeMapKind::Sequence
                              ? publisher.send(control::SequenceMergeMapRequest{barrier.out_stream_id(),
                                                                                barrier.out_epoch()})
                              : publisher.send(control::TimestampMergeMapRequest{barrier.out_stream_id(),
                                                                                 barrier.out_epoch()});
        if (sent) {
            ++counters.requests_sent;
            return 1;
        }
        if (sent.error() != messaging::SendError::NotConnected) ++counters.send_failures;
        return 0;
    }

    const MergeMapClientOptions opts;
    JoinBarrier& barrier;
    messaging::Client& messaging;
    control::ControlPublisher publisher;
    std::unique_ptr<messaging::Subscription> control;
    std::unique_ptr<messaging::Subscription> announces;  // empty when announces share the control stream
    control::ControlDispatcher dispatcher;
    base::PeriodicTimer timer;
    std::uint64_t asked_epoch;
    MergeMapClientCounters counters;
};

MergeMapClient::MergeMapClient(Context& context, JoinBarrier& barrier, MergeMapClientOptions options)
    : impl_(std::make_unique<Impl>(context, barrier, std::move(options))) {
}
MergeMapClient::~MergeMapClient() = default;

const MergeMapClientCounters& MergeMapClient::counters() const noexcept {
    return impl_->counters;
}
int MergeMapClient::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

}  // namespace tensorpool
