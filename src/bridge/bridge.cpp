// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/bridge.hpp>

#include "base/log.hpp"
#include "bridge/chunk.hpp"
#include "bridge/forwarding.hpp"
#include "bridge/receiver.hpp"
#include "bridge/resolved.hpp"
#include "bridge/sender.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <utility>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Bridge";
constexpr int kChunkLimit = 1024;
constexpr int kMessageLimit = 16;

BridgeOptions validated(BridgeOptions options) {
    ConfigReport report = validate_bridge_options(options);
    if (!report.problems.empty()) throw ConfigError(std::move(report.problems));
    return options;
}

/// Both ends of one mapping: neither counts what the other does.
void add(BridgeCounters& sum, const BridgeCounters& more) noexcept {
    using Numbers = std::array<std::uint64_t, sizeof(BridgeCounters) / sizeof(std::uint64_t)>;
    static_assert(sizeof(Numbers) == sizeof(BridgeCounters));
    auto total = std::bit_cast<Numbers>(sum);
    const auto numbers = std::bit_cast<Numbers>(more);
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += numbers[i];
    sum = std::bit_cast<BridgeCounters>(total);
}

}  // namespace

std::string_view to_string(BridgeEnd end) noexcept {
    switch (end) {
        case BridgeEnd::Both:
            return "both";
        case BridgeEnd::Send:
            return "sender";
        case BridgeEnd::Receive:
            return "receiver";
    }
    return "unknown";
}

class Bridge::Impl {
public:
    Impl(Context& local, Context& transport, BridgeOptions options);

    int do_work(Nanos now_ns) noexcept;
    [[nodiscard]] std::vector<BridgeMappingStatus> mappings() const;
    [[nodiscard]] BridgeTransportCounters counters() const noexcept;

private:
    using Receivers = std::vector<bridge::Receiver*>;
    /// One subscription on the transport and the mappings that it may be for.
    struct Link {
        Endpoint endpoint;
        std::unique_ptr<messaging::Subscription> subscription;
        Receivers receivers;
    };

    /// What other processes see of one mapping (OBS-005).
    struct Shown {
        Shown(messaging::Client& client, const std::string& instance, const bridge::Route& route);
        BridgeCounters totals;
        telemetry::BridgeGauges gauges;
        telemetry::CounterSet counters;
        int work = 0;  ///< of this cycle, on local streams
    };

    void add_receiver(const bridge::Route& route);
    void show(Nanos now_ns, int work) noexcept;
    [[nodiscard]] BridgeCounters totals_of(std::size_t mapping) const noexcept;
    void subscribe(std::vector<Link>& links, const Endpoint& endpoint, bridge::Receiver& receiver);
    void on_payload(const Receivers& receivers, const messaging::Message& message) noexcept;
    void on_control(const Receivers& receivers, std::span<const std::byte> message);
    void on_metadata(const Receivers& receivers, std::span<const std::byte> message);
    [[nodiscard]] bridge::Receiver* receiver_of(const Receivers& receivers,
                                                const bridge::Envelope& envelope) const;
    /// The envelope of a message that mappings may care about.
    [[nodiscard]] std::optional<bridge::Envelope> opened(std::span<const std::byte> message);

    Context& local_;
    Context& transport_;
    const BridgeOptions options_;
    const std::vector<bridge::Route> routes_;
    bridge::Publications local_publications_;
    bridge::Publications transport_publications_;
    std::vector<std::unique_ptr<bridge::Sender>> senders_;      // by mapping; empty where it does not send
    std::vector<std::unique_ptr<bridge::Receiver>> receivers_;  // by mapping; empty where it does not receive
    std::vector<Link> payload_links_;
    std::vector<Link> control_links_;
    std::vector<Link> metadata_links_;
    BridgeTransportCounters counters_;
    std::vector<std::unique_ptr<Shown>> shown_;  // by mapping
    BridgeTransportCounters shown_transport_;
    telemetry::CounterSet shown_bridge_;
};

Bridge::Impl::Shown::Shown(messaging::Client& client, const std::string& instance, const bridge::Route& route)
    : counters(client,
               telemetry::stream_owner("Bridge", route.wire_stream_id(), route.wire_stream_id(), instance,
                                       fmt::format("source={} end={}", route.mapping.source_stream_id,
                                                   to_string(route.mapping.end)))) {
    counters.add(telemetry::rows<BridgeCounters>(), totals);
    counters.add(telemetry::rows<telemetry::BridgeGauges>(), gauges);
}

Bridge::Impl::Impl(Context& local, Context& transport, BridgeOptions options)
    : local_(local),
      transport_(transport),
      options_(validated(std::move(options))),
      routes_(bridge::resolve(options_)),
      local_publications_(local.messaging()),
      transport_publications_(transport.messaging()),
      shown_bridge_(local.messaging(), telemetry::plain_owner("Bridge", 0, options_.instance_id)) {
    for (const bridge::Route& route : routes_) {
        if (!route.has_metadata())
            base::log(LogLevel::Info, kModule, "stream {}: metadata and trace links are not forwarded",
                      route.mapping.source_stream_id);
        senders_.push_back(
            route.sends() ? std::make_unique<bridge::Sender>(local, transport_publications_, options_, route)
                          : nullptr);
        receivers_.push_back(nullptr);
        if (route.receives()) add_receiver(route);
        shown_.push_back(std::make_unique<Shown>(local.messaging(), options_.instance_id, route));
    }
    shown_bridge_.add(telemetry::rows<BridgeTransportCounters>(), shown_transport_);
}

void Bridge::Impl::add_receiver(const bridge::Route& route) {
    receivers_.back() = std::make_unique<bridge::Receiver>(local_, local_publications_, options_, route);
    bridge::Receiver& receiver = *receivers_.back();
    subscribe(payload_links_, route.payload, receiver);
    subscribe(control_links_, route.control, receiver);
    if (route.has_metadata() && (options_.forward_metadata || options_.forward_tracelink))
        subscribe(metadata_links_, route.metadata, receiver);
    if (route.mapping.dest_stream_id == 0) {
        base::log(LogLevel::Info, kModule, "stream {}: its destination here is stream {}",
                  route.mapping.source_stream_id, route.dest_stream_id);
    }
}

void Bridge::Impl::subscribe(std::vector<Link>& links, const Endpoint& endpoint, bridge::Receiver& receiver) {
    auto link = std::ranges::find(links, endpoint, &Link::endpoint);
    if (link == links.end()) {
        links.push_back(
            {endpoint, transport_.messaging().add_subscription(endpoint.channel, endpoint.stream_id), {}});
        link = links.end() - 1;
    }
    link->receivers.push_back(&receiver);
}

// ---- the duty cycle ---------------------------------------------------------------------------------------

int Bridge::Impl::do_work(Nanos now_ns) noexcept {
    int work = transport_.messaging().do_work(now_ns);
    if (&local_ != &transport_) work += local_.messaging().do_work(now_ns);
    for (std::size_t i = 0; i < receivers_.size(); ++i) {
        shown_[i]->work = receivers_[i] ? receivers_[i]->do_work(now_ns) : 0;
        work += shown_[i]->work;
    }
    // Announces before chunks: a frame of a new epoch is refused until its announce was read.
    for (Link& link : control_links_) {
        work += link.subscription->poll(
            [&](const messaging::Message& message) { on_control(link.receivers, message.bytes); },
            kMessageLimit);
    }
    for (Link& link : metadata_links_) {
        work += link.subscription->poll(
            [&](const messaging::Message& message) { on_metadata(link.receivers, message.bytes); },
            kMessageLimit);
    }
    for (Link& link : payload_links_) {
        work += link.subscription->poll(
            [&](const messaging::Message& message) { on_payload(link.receivers, message); }, kChunkLimit);
    }
    for (std::size_t i = 0; i < senders_.size(); ++i) {
        if (!senders_[i]) continue;
        const int sent = senders_[i]->do_work(now_ns);
        shown_[i]->work += sent;
        work += sent;
    }
    show(now_ns, work);
    return work;
}

void Bridge::Impl::on_payload(const Receivers& receivers, const messaging::Message& message) noexcept {
    bridge::Chunk chunk;
    switch (bridge::decode_chunk(message.bytes, chunk)) {
        case bridge::ChunkDecode::Ok:
            break;
        case bridge::ChunkDecode::NotOurs:
            ++counters_.messages_foreign;
            return;
        case bridge::ChunkDecode::Malformed:
            ++counters_.messages_malformed;
            return;
    }
    const std::uint32_t stream_id = chunk.block.stream_id;
    for (bridge::Receiver* receiver : receivers) {
        if (receiver->route().accepts(stream_id)) return receiver->on_chunk(chunk);
    }
    ++counters_.chunks_unroutable;
}

std::optional<bridge::Envelope> Bridge::Impl::opened(std::span<const std::byte> message) {
    const bridge::Envelope envelope = bridge::open_envelope(message);
    if (envelope.kind == bridge::Forwarded::Other) {
        ++counters_.messages_foreign;
        return std::nullopt;
    }
    if (envelope.kind == bridge::Forwarded::Invalid) {
        ++counters_.messages_malformed;
        return std::nullopt;
    }
    return envelope;
}

void Bridge::Impl::on_control(const Receivers& receivers, std::span<const std::byte> message) {
    const auto envelope = opened(message);
    if (!envelope) return;
    if (bridge::Receiver* receiver = receiver_of(receivers, *envelope))
        receiver->on_control(*envelope, message);
}

/// Announces and QoS name the destination, progress the source. The other id is taken too (traps 1 and 2),
/// unless it is another mapping's regular one: two mappings that form a loop.
bridge::Receiver* Bridge::Impl::receiver_of(const Receivers& receivers,
                                            const bridge::Envelope& envelope) const {
    const std::uint32_t id = envelope.stream_id;
    const bool by_source = envelope.kind == bridge::Forwarded::Progress;
    const auto regular = [&](const bridge::Route& route) {
        return id == (by_source ? route.mapping.source_stream_id : route.dest_stream_id);
    };
    const auto named = std::ranges::find_if(receivers, [&](const auto* r) { return regular(r->route()); });
    if (named != receivers.end()) return *named;
    const auto other = std::ranges::find_if(receivers, [&](const auto* r) { return r->route().accepts(id); });
    if (other == receivers.end()) return nullptr;
    const Endpoint& endpoint = (*other)->route().control;
    const bool is_anothers = std::ranges::any_of(
        routes_, [&](const bridge::Route& route) { return regular(route) && route.control == endpoint; });
    return is_anothers ? nullptr : *other;
}

void Bridge::Impl::on_metadata(const Receivers& receivers, std::span<const std::byte> message) {
    const auto envelope = opened(message);
    if (!envelope) return;
    for (bridge::Receiver* receiver : receivers) {
        if (!receiver->route().is_metadata_of(envelope->stream_id)) continue;
        return receiver->on_metadata(*envelope, message);
    }
}

// ---- what can be seen -------------------------------------------------------------------------------------

void Bridge::Impl::show(Nanos now_ns, int work) noexcept {
    for (std::size_t i = 0; i < shown_.size(); ++i) {
        Shown& shown = *shown_[i];
        shown.counters.cycle(now_ns, shown.work, [&]() noexcept {
            shown.totals = totals_of(i);
            if (senders_[i]) shown.gauges.source_epoch = senders_[i]->epoch();
            if (!receivers_[i]) return;
            if (receivers_[i]->source_epoch() != 0 || !senders_[i])
                shown.gauges.source_epoch = receivers_[i]->source_epoch();
            shown.gauges.dest_epoch = receivers_[i]->dest_epoch();
        });
    }
    shown_bridge_.cycle(now_ns, work, [this]() noexcept { shown_transport_ = counters(); });
}

BridgeCounters Bridge::Impl::totals_of(std::size_t mapping) const noexcept {
    BridgeCounters totals;
    if (senders_[mapping]) add(totals, senders_[mapping]->counters());
    if (receivers_[mapping]) add(totals, receivers_[mapping]->counters());
    return totals;
}

std::vector<BridgeMappingStatus> Bridge::Impl::mappings() const {
    std::vector<BridgeMappingStatus> all;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        const bridge::Route& route = routes_[i];
        BridgeMappingStatus status;
        status.source_stream_id = route.mapping.source_stream_id;
        status.dest_stream_id = route.dest_stream_id;
        status.end = route.mapping.end;
        status.counters = totals_of(i);
        if (const auto& sender = senders_[i]) {
            status.source_epoch = sender->epoch();
            status.last_error = sender->last_error();
        }
        if (const auto& receiver = receivers_[i]) {
            if (receiver->source_epoch() != 0) status.source_epoch = receiver->source_epoch();
            status.dest_epoch = receiver->dest_epoch();
            if (status.last_error.empty()) status.last_error = receiver->last_error();
        }
        all.push_back(std::move(status));
    }
    return all;
}

BridgeTransportCounters Bridge::Impl::counters() const noexcept {
    BridgeTransportCounters counters = counters_;
    for (const auto* links : {&payload_links_, &control_links_, &metadata_links_}) {
        for (const Link& link : *links) counters.messages_lost_bytes += link.subscription->lost_bytes();
    }
    return counters;
}

Bridge::Bridge(Context& local, Context& transport, BridgeOptions options)
    : impl_(std::make_unique<Impl>(local, transport, std::move(options))) {
}

Bridge::~Bridge() = default;

int Bridge::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

std::vector<BridgeMappingStatus> Bridge::mappings() const {
    return impl_->mappings();
}

BridgeTransportCounters Bridge::transport_counters() const noexcept {
    return impl_->counters();
}

}  // namespace tensorpool
