// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "rate_limiter/mapping.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace tensorpool {
namespace {

constexpr int kControlLimit = 64;

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorCode::InvalidConfig, "rate limiter: " + why);
}

bool is_stream(std::uint32_t id) noexcept {
    return id != 0 && id != UINT32_MAX;
}

void require_forwarding(const std::optional<Endpoint>& source, const std::optional<Endpoint>& dest,
                        std::string_view what, std::string_view rule) {
    const auto usable = [](const Endpoint& endpoint) {
        return !endpoint.channel.empty() && endpoint.stream_id > 0;
    };
    if (!source && !dest) return;
    if (source && dest && usable(*source) && usable(*dest)) return;
    refuse(fmt::format("forwarding {} needs a source and a destination stream id, neither of them 0 ({})",
                       what, rule));
}

/// Whether following sources from `mapping` leads back to it.
bool is_loop(const std::vector<RateLimiterMapping>& mappings, const RateLimiterMapping& mapping) {
    std::uint32_t at = mapping.source_stream_id;
    for (std::size_t step = 0; step < mappings.size(); ++step) {
        const auto before = std::find_if(mappings.begin(), mappings.end(),
                                         [&](const auto& m) { return m.dest_stream_id == at; });
        if (before == mappings.end()) return false;
        at = before->source_stream_id;
        if (at == mapping.source_stream_id) return true;
    }
    return true;
}

RateLimiterOptions validated(RateLimiterOptions options) {
    if (options.instance_id.empty()) refuse("instance_id is empty (RATE-054)");
    if (options.mappings.empty()) refuse("there are no mappings (RATE-054)");
    std::set<std::uint32_t> destinations;
    for (RateLimiterMapping& mapping : options.mappings) {
        if (!is_stream(mapping.source_stream_id) || !is_stream(mapping.dest_stream_id)) {
            refuse(fmt::format("the mapping {} -> {} names no stream; valid are 1 to 4294967294 (CFG-012)",
                               mapping.source_stream_id, mapping.dest_stream_id));
        }
        if (mapping.source_stream_id == mapping.dest_stream_id)
            refuse(fmt::format("stream {} is its own destination (RATE-004)", mapping.dest_stream_id));
        if (!destinations.insert(mapping.dest_stream_id).second)
            refuse(fmt::format(
                "stream {} is the destination of two mappings; a stream has one producer (RATE-008)",
                mapping.dest_stream_id));
        if (mapping.metadata_stream_id == 0) mapping.metadata_stream_id = mapping.dest_stream_id;
    }
    for (const RateLimiterMapping& mapping : options.mappings) {
        if (is_loop(options.mappings, mapping))
            refuse(fmt::format("stream {} feeds itself through the mappings", mapping.source_stream_id));
    }
    require_forwarding(options.source_progress, options.dest_progress, "progress", "RATE-046");
    require_forwarding(options.source_qos, options.dest_qos, "QoS", "RATE-047");
    if (options.keepalive_interval_ns <= 0 || options.attach_timeout_ns <= 0 ||
        options.attach_retry_interval_ns <= 0 || options.announce_period_ns <= 0 ||
        options.consumer_stale_after_ns <= 0) {
        refuse("every interval must be positive");
    }
    return options;
}

}  // namespace

class RateLimiter::Impl final : public control::ControlHandler {
public:
    Impl(Context& ctx, RateLimiterOptions options)
        : context(ctx), opts(validated(std::move(options))), control_(subscribe(opts.driver_control)) {
        for (const RateLimiterMapping& mapping : opts.mappings)
            mappings.push_back(std::make_unique<rate_limiter::Mapping>(context, opts, mapping));
        if (opts.metadata) metadata_.emplace(*this, *opts.metadata, *opts.metadata);
        if (opts.source_progress) progress_.emplace(*this, *opts.source_progress, *opts.dest_progress);
        if (opts.source_qos) qos_.emplace(*this, *opts.source_qos, *opts.dest_qos);
    }

    int do_work(Nanos now_ns) noexcept {
        now_ns_ = now_ns;
        int work = context.messaging().do_work(now_ns);
        work += dispatcher_.poll(*control_, kControlLimit);
        for (const auto& mapping : mappings) work += mapping->do_work(now_ns);
        for (auto* forwarding : {&metadata_, &progress_, &qos_}) {
            if (*forwarding) work += dispatcher_.poll(*(*forwarding)->from, kControlLimit);
        }
        return work;
    }

    void wait(Nanos timeout_ns) noexcept {
        for (const auto& mapping : mappings) {
            if (const auto at = mapping->wakes_at())
                timeout_ns = std::min(timeout_ns, std::max<Nanos>(*at - context.clock().now_ns(), 0));
        }
        mappings.front()->wait(timeout_ns);  // all sources share one descriptor stream
    }

    Context& context;
    const RateLimiterOptions opts;
    std::vector<std::unique_ptr<rate_limiter::Mapping>> mappings;

private:
    /// A stream of messages that goes on under the destination's number.
    struct Forwarding {
        Forwarding(Impl& owner, const Endpoint& source, const Endpoint& dest)
            : from(owner.subscribe(source)),
              to(owner.context.messaging().add_publication(dest.channel, dest.stream_id)) {}
        std::unique_ptr<messaging::Subscription> from;
        control::ControlPublisher to;
    };

    std::unique_ptr<messaging::Subscription> subscribe(const Endpoint& endpoint) {
        return context.messaging().add_subscription(endpoint.channel, endpoint.stream_id);
    }

    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) override {
        for (const auto& mapping : mappings) mapping->on_hello(hello, now_ns_);
    }
    void on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message&) override {
        for (const auto& mapping : mappings) mapping->on_lease_revoked(revoked, now_ns_);
    }

    void on_data_source_announce(const control::DataSourceAnnounce& message,
                                 const messaging::Message&) override {
        forward(metadata_, message, &RateLimiterCounters::metadata_forwarded,
                [](const auto& mapping) { return mapping.what().metadata_stream_id; });
    }
    void on_data_source_meta(const control::DataSourceMeta& message, const messaging::Message&) override {
        forward(metadata_, message, &RateLimiterCounters::metadata_forwarded,
                [](const auto& mapping) { return mapping.what().metadata_stream_id; });
    }
    void on_frame_progress(const control::FrameProgress& message, const messaging::Message&) override {
        forward(progress_, message, &RateLimiterCounters::progress_forwarded,
                [&](auto& mapping) -> std::uint32_t {
                    if (!mapping.is_dropped(message.seq)) return mapping.what().dest_stream_id;
                    ++mapping.counters.progress_suppressed;
                    return 0;
                });
    }
    void on_qos_producer(const control::QosProducer& message, const messaging::Message&) override {
        forward(qos_, message, &RateLimiterCounters::qos_forwarded,
                [](const auto& mapping) { return mapping.what().dest_stream_id; });
    }
    void on_qos_consumer(const control::QosConsumer& message, const messaging::Message&) override {
        // The limiter itself is one of the source's consumers, but no consumer of the destination.
        forward(qos_, message, &RateLimiterCounters::qos_forwarded, [&](const auto& mapping) {
            return mapping.is_own_consumer(message.consumer_id) ? 0 : mapping.what().dest_stream_id;
        });
    }

    /// Once per mapping with that source (trap 14). `stream_of` gives the number to go on under; 0: not at
    /// all.
    template <typename Message, typename StreamOf>
    void forward(std::optional<Forwarding>& forwarding, const Message& message,
                 std::uint64_t RateLimiterCounters::*count, StreamOf&& stream_of) {
        if (!forwarding) return;
        for (const auto& mapping : mappings) {
            if (message.stream_id != mapping->what().source_stream_id) continue;
            const std::uint32_t stream_id = stream_of(*mapping);
            if (stream_id == 0) continue;
            Message onward = message;
            onward.stream_id = stream_id;
            RateLimiterCounters& totals = mapping->counters;
            const auto sent = forwarding->to.send(onward);
            if (sent) {
                ++(totals.*count);
            } else if (sent.error() != messaging::SendError::NotConnected) {
                ++totals.send_failures;
            }
        }
    }

    std::unique_ptr<messaging::Subscription> control_;
    std::optional<Forwarding> metadata_;
    std::optional<Forwarding> progress_;
    std::optional<Forwarding> qos_;
    control::ControlDispatcher dispatcher_{*this};
    Nanos now_ns_ = 0;
};

RateLimiter::RateLimiter(Context& context, RateLimiterOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

RateLimiter::~RateLimiter() = default;

bool RateLimiter::is_ready() const noexcept {
    return std::all_of(impl_->mappings.begin(), impl_->mappings.end(),
                       [](const auto& mapping) { return mapping->is_ready(); });
}

void RateLimiter::await_ready(Nanos deadline_ns) {
    const Clock& clock = impl_->context.clock();
    while (!is_ready()) {
        const Nanos now_ns = clock.now_ns();
        do_work(now_ns);
        if (is_ready()) return;
        if (now_ns >= deadline_ns) {
            std::string missing;
            for (const RateLimiterStatus& mapping : status()) {
                if (mapping.last_error.empty()) continue;
                missing += fmt::format(" {} -> {}: {};", mapping.source_stream_id, mapping.dest_stream_id,
                                       mapping.last_error);
            }
            throw Error(ErrorCode::Timeout, "rate limiter: not ready:" + missing);
        }
        impl_->context.messaging().wait({}, kNanosPerMilli);
    }
}

std::vector<RateLimiterStatus> RateLimiter::status() const {
    std::vector<RateLimiterStatus> all;
    all.reserve(impl_->mappings.size());
    for (const auto& mapping : impl_->mappings) all.push_back(mapping->status());
    return all;
}

int RateLimiter::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
void RateLimiter::wait(Nanos timeout_ns) noexcept {
    impl_->wait(timeout_ns);
}

}  // namespace tensorpool
