// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/trace_store.hpp>

#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"
#include "trace/store/slot_times.hpp"
#include "wire/frame_descriptor.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tensorpool {
namespace {

constexpr int kControlLimit = 256;
constexpr int kDescriptorLimit = 4096;           // per cycle: bounds how long a commit can be put off
constexpr std::size_t kMostPeers = 4096;         // streams, and attach requests under way
constexpr std::size_t kRowsPerCommit = 100'000;  // or earlier than the timer says

TraceRecorderOptions validated(TraceRecorderOptions options) {
    if (options.batch_ns <= 0)
        throw Error(ErrorCode::InvalidConfig, "trace recorder: batch_ns must be positive");
    return options;
}

}  // namespace

class TraceRecorder::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, TraceStore& store, TraceRecorderOptions options)
        : opts(validated(std::move(options))),
          messaging_(context.messaging()),
          store_(store),
          times_(opts.allowed_base_dirs),
          dispatcher_(*this),
          commit_timer_(opts.batch_ns, context.clock().now_ns()),
          published_(messaging_,
                     telemetry::plain_owner("TraceRecorder",
                                            static_cast<std::uint64_t>(opts.endpoints.control.stream_id),
                                            context.instance())) {
        published_.add(telemetry::rows<TraceRecorderCounters>(), shown_);
        published_.add(telemetry::rows<TraceStoreCounters>(), shown_store_);
        published_.add(telemetry::rows<telemetry::TraceRecorderGauges>(), gauges_);
        const StreamEndpoints& at = opts.endpoints;
        // Several names may stand for one stream, descriptors among them (STR-005).
        for (const Endpoint& endpoint : {at.control, at.announce, at.qos, at.metadata, at.descriptor}) {
            const bool open = std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& s) {
                return s->channel() == endpoint.channel && s->stream_id() == endpoint.stream_id;
            });
            if (!open)
                subscriptions_.push_back(messaging_.add_subscription(endpoint.channel, endpoint.stream_id));
        }
    }

    int do_work(Nanos now_ns) noexcept {
        now_ns_ = now_ns;
        int work = messaging_.do_work(now_ns);
        for (const auto& subscription : subscriptions_) {
            work += subscription->poll([this](const messaging::Message& message) { receive(message); },
                                       subscription->stream_id() == opts.endpoints.descriptor.stream_id
                                           ? kDescriptorLimit
                                           : kControlLimit);
        }
        if (commit_timer_.due(now_ns) || store_.pending_rows() >= kRowsPerCommit) {
            work += store_.pending_rows() != 0 ? 1 : 0;
            commit();  // a failure is counted and logged there
        }
        published_.cycle(now_ns, work, [this]() noexcept {
            shown_ = read_counters();
            shown_store_ = store_.counters();
            gauges_.rows_pending = store_.pending_rows();
        });
        return work;
    }

    [[nodiscard]] TraceRecorderCounters read_counters() const noexcept {
        TraceRecorderCounters c = counters_;
        c.messages_invalid += dispatcher_.counters().malformed + dispatcher_.counters().too_new;
        for (const auto& subscription : subscriptions_) c.messages_lost_bytes += subscription->lost_bytes();
        return c;
    }

    void commit() noexcept { std::ignore = store_.commit(); }

    const TraceRecorderOptions opts;

private:
    void receive(const messaging::Message& message) {
        wire::FrameDescriptorBlock descriptor;
        if (wire::decode_frame_descriptor(message.bytes, descriptor)) return record(descriptor);
        dispatcher_.dispatch(message);
    }

    void record(const wire::FrameDescriptorBlock& descriptor) {
        ++counters_.descriptors;
        TracedFrame frame;
        frame.trace_id = descriptor.trace_id;
        if (frame.trace_id == 0) {
            ++counters_.frames_untraced;
            if (!opts.untraced) return;
        }
        frame.stream_id = descriptor.stream_id;
        frame.epoch = descriptor.epoch;
        frame.seq = descriptor.seq;
        if (const auto stage = stages_.find(frame.stream_id); stage != stages_.end())
            frame.stage_id = stage->second;
        if (const auto t_ns = times_.timestamp_of(frame.stream_id, frame.epoch, frame.seq)) {
            ++counters_.slots_read;
            frame.t_ns = *t_ns;
        } else {
            ++counters_.slots_missed;
            const std::uint64_t published = descriptor.timestamp_ns;
            frame.status =
                published != wire::kNullU64 ? TraceFrameStatus::PublishTime : TraceFrameStatus::ReceiveTime;
            frame.t_ns = published != wire::kNullU64 ? published : static_cast<std::uint64_t>(now_ns_);
        }
        store_.add(frame);
    }

    [[nodiscard]] bool wants_trace_links() const noexcept override { return true; }
    void on_trace_link_set(const control::TraceLinkSet& set, const messaging::Message&) override {
        ++counters_.link_sets;
        counters_.links += set.parents.size();
        for (const std::uint64_t parent : set.parents) store_.add_link(set.trace_id, parent);
    }

    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        if (announce.producer_id != 0) note_stage(announce.stream_id, announce.producer_id);
        times_.announce(announce.stream_id, announce.epoch, announce.header_nslots,
                        announce.header_region_uri);
    }
    void on_qos_producer(const control::QosProducer& qos, const messaging::Message&) override {
        note_stage(qos.stream_id, qos.producer_id);
    }

    // A response says which node id, but not whose: that stands in the request, which may have been sent
    // before we knew of its publication, and in every keepalive of the lease.
    void on_attach_request(const control::AttachRequest& request, const messaging::Message&) override {
        if (requests_.size() >= kMostPeers) requests_.erase(requests_.begin());
        requests_[request.correlation_id] = request;
    }
    void on_lease_keepalive(const control::LeaseKeepalive& keepalive, const messaging::Message&) override {
        const auto found = unnamed_nodes_.find(keepalive.lease_id);
        if (found == unnamed_nodes_.end()) return;
        note_node(found->second, keepalive.client_id);
        if (keepalive.role == Role::Producer) note_stage(keepalive.stream_id, keepalive.client_id);
        unnamed_nodes_.erase(found);
    }
    void on_attach_response(const control::AttachResponse& response, const messaging::Message&) override {
        if (response.code != ResponseCode::Ok || !response.stream_id || !response.lease_id) return;
        if (response.epoch && response.header_nslots)
            times_.announce(*response.stream_id, *response.epoch, *response.header_nslots,
                            response.header_region_uri);
        const auto request = requests_.find(response.correlation_id);
        if (request != requests_.end()) {
            const control::AttachRequest asked = request->second;
            requests_.erase(request);
            if (asked.role == static_cast<std::uint8_t>(Role::Producer))
                note_stage(*response.stream_id, asked.client_id);
            if (response.node_id) note_node({*response.node_id, 0, wall_ns()}, asked.client_id);
        } else if (response.node_id) {
            if (unnamed_nodes_.size() >= kMostPeers) unnamed_nodes_.erase(unnamed_nodes_.begin());
            unnamed_nodes_[*response.lease_id] = {*response.node_id, 0, wall_ns()};
        }
    }

    static std::uint64_t wall_ns() noexcept { return static_cast<std::uint64_t>(realtime_now_ns()); }

    void note_node(TraceNode node, std::uint32_t client_id) {
        node.process_id = client_id;
        ++counters_.nodes;
        store_.add(node);
    }

    void note_stage(std::uint32_t stream_id, std::uint32_t producer_id) {
        if (stages_.size() < kMostPeers || stages_.count(stream_id) != 0) stages_[stream_id] = producer_id;
    }

    messaging::Client& messaging_;
    TraceStore& store_;
    trace::SlotTimes times_;
    control::ControlDispatcher dispatcher_;
    std::vector<std::unique_ptr<messaging::Subscription>> subscriptions_;
    std::unordered_map<std::uint32_t, std::uint32_t> stages_;  // stream to producer
    std::map<std::int64_t, control::AttachRequest> requests_;
    std::map<std::uint64_t, TraceNode> unnamed_nodes_;  // lease to node
    base::PeriodicTimer commit_timer_;
    TraceRecorderCounters counters_;
    Nanos now_ns_ = 0;
    TraceRecorderCounters shown_;
    TraceStoreCounters shown_store_;
    telemetry::TraceRecorderGauges gauges_;
    telemetry::CounterSet published_;
};

TraceRecorder::TraceRecorder(Context& context, TraceStore& store, TraceRecorderOptions options)
    : impl_(std::make_unique<Impl>(context, store, std::move(options))) {
}

TraceRecorder::~TraceRecorder() {
    impl_->commit();
}

int TraceRecorder::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
TraceRecorderCounters TraceRecorder::counters() const noexcept {
    return impl_->read_counters();
}

}  // namespace tensorpool
