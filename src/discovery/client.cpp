// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "discovery/convert.hpp"

#include <tensorpool/discovery.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace tensorpool {
namespace {

constexpr int kPollLimit = 64;
constexpr std::size_t kMostNameBytes = 256;         // DISC-037
constexpr Nanos kRetryPause = 10 * kNanosPerMilli;  // while nobody takes the request
// Above every conventional number (streams.md), so that a random one hits none.
constexpr std::int32_t kFirstOwnStream = 0x40000000;
constexpr std::int32_t kLastOwnStream = 0x7fffffff;

DiscoveryClientOptions validated(DiscoveryClientOptions options, std::mt19937_64& random) {
    if (options.request.channel.empty() || options.request.stream_id <= 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("discovery client: '{}' stream {} is no request endpoint",
                                options.request.channel, options.request.stream_id));
    }
    // Without them a provider could not answer (DISC-016, DISC-032).
    if (options.response.channel.empty() || options.response.stream_id < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("discovery client: '{}' stream {} is no response endpoint",
                                options.response.channel, options.response.stream_id));
    }
    if (options.attempt_timeout_ns <= 0 || options.fresh_for_ns <= 0 || options.attempts == 0)
        throw Error(ErrorCode::InvalidConfig, "discovery client: times and attempts must be positive");
    if (options.response.stream_id == 0) {
        options.response.stream_id =
            std::uniform_int_distribution<std::int32_t>(kFirstOwnStream, kLastOwnStream)(random);
    }
    if (options.client_id == 0)
        options.client_id = std::uniform_int_distribution<std::uint32_t>(1, 0x7fffffff)(random);
    return options;
}

std::mt19937_64 seeded() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
}

}  // namespace

class DiscoveryClient::Impl final : public control::ControlHandler {
public:
    Impl(Context& ctx, DiscoveryClientOptions options)
        : context(ctx),
          random_(seeded()),
          opts(validated(std::move(options), random_)),
          responses_(subscribe(opts.response)),  // before anything is asked
          announces_(opts.announce ? subscribe(*opts.announce) : nullptr),
          requests_(
              context.messaging().add_sparse_publication(opts.request.channel, opts.request.stream_id)) {}

    void query(DiscoveryFilter filter) {
        if (filter.data_source_name.size() > kMostNameBytes) {
            throw Error(ErrorCode::InvalidArgument,
                        fmt::format("discovery: a name of {} bytes; names have at most {} (DISC-037)",
                                    filter.data_source_name.size(), kMostNameBytes));
        }
        if (filter.tags.size() > 1024)
            throw Error(ErrorCode::InvalidArgument,
                        fmt::format("discovery: {} tags; ask for at most 1024", filter.tags.size()));
        request_ = {};
        request_.client_id = opts.client_id;
        request_.response_stream_id = static_cast<std::uint32_t>(opts.response.stream_id);
        request_.stream_id = filter.stream_id;
        request_.producer_id = filter.producer_id;
        request_.data_source_id = filter.data_source_id;
        request_.tags = std::move(filter.tags);
        request_.response_channel = opts.response.channel;
        request_.data_source_name = std::move(filter.data_source_name);
        ask_again();
    }

    void ask_again() noexcept {
        attempts_ = 0;
        unsent_since_ns_ = 0;
        new_request();
        state = DiscoveryState::Waiting;
    }

    int do_work(Nanos now_ns) noexcept {
        now_ns_ = now_ns;
        int work = context.messaging().do_work(now_ns);
        work += responses_->poll([this](const messaging::Message& m) { on_response(m); }, kPollLimit);
        if (announces_) work += dispatcher_.poll(*announces_, kPollLimit);
        if (state == DiscoveryState::Waiting) work += pursue();
        return work;
    }

    void wait(Nanos timeout_ns) noexcept {
        std::array<messaging::Subscription*, 1> set{responses_.get()};
        context.messaging().wait(set, timeout_ns);
    }

    Context& context;

private:
    std::mt19937_64 random_;

public:
    const DiscoveryClientOptions opts;
    DiscoveryClientCounters counters;
    DiscoveryState state = DiscoveryState::Idle;
    DiscoveryAnswer answer;
    bool keep_asking = false;  ///< discover() ends by its deadline, not by a number of attempts
    std::string last_refusal = "no provider took the request; is one running on this request endpoint?";

private:
    std::unique_ptr<messaging::Subscription> subscribe(const Endpoint& endpoint) {
        return context.messaging().add_subscription(endpoint.channel, endpoint.stream_id);
    }

    /// Never 0, and unlikely to be one of another client's (trap 6).
    void new_request() noexcept {
        do {
            request_.request_id = random_();
        } while (request_.request_id == 0);
        sent_ = false;
        next_try_ns_ = 0;
    }

    int pursue() noexcept {
        if (now_ns_ < next_try_ns_) return 0;
        if (sent_) {  // nobody answered in time
            last_refusal = "the provider does not answer";
            new_request();
        }
        if (attempts_ >= opts.attempts && !keep_asking) {
            state = DiscoveryState::TimedOut;
            return 1;
        }
        const auto result = requests_.send(request_);
        if (result) {
            sent_ = true;
            unsent_since_ns_ = 0;
            ++attempts_;
            ++counters.requests_sent;
            next_try_ns_ = now_ns_ + opts.attempt_timeout_ns;
            return 1;
        }
        // Nobody there yet. As long as an attempt takes anyway, that is one attempt.
        if (unsent_since_ns_ == 0) unsent_since_ns_ = now_ns_;
        if (now_ns_ - unsent_since_ns_ >= opts.attempt_timeout_ns) {
            ++attempts_;
            unsent_since_ns_ = now_ns_;
        }
        next_try_ns_ = now_ns_ + std::min(kRetryPause, opts.attempt_timeout_ns);
        return 0;
    }

    void on_response(const messaging::Message& message) {
        control::DiscoveryResponse response;
        const control::DecodeResult decoded = control::decode(message.bytes, response);
        if (decoded == control::DecodeResult::NotOurs) return;
        if (decoded != control::DecodeResult::Ok) {
            ++counters.messages_invalid;
            return;
        }
        if (state != DiscoveryState::Waiting || response.request_id != request_.request_id) {
            ++counters.responses_foreign;  // DISC-044
            return;
        }
        ++counters.responses_received;
        answer = {};
        answer.status = response.status;
        answer.error_message = std::move(response.error_message);
        answer.received_ns = now_ns_;
        if (response.status == DiscoveryStatus::Ok) {  // DISC-049
            for (const control::DiscoveryResult& result : response.results) take(result);
        }
        state = DiscoveryState::Answered;
    }

    /// One of each driver and stream, the newest epoch (DISC-096).
    void take(const control::DiscoveryResult& result) {
        if (control::invalid_reason(result)) {
            ++counters.results_invalid;
            return;
        }
        const auto same = std::find_if(answer.streams.begin(), answer.streams.end(), [&](const auto& known) {
            return known.stream_id == result.stream_id &&
                   known.driver_instance_id == result.driver_instance_id;
        });
        if (same == answer.streams.end()) {
            answer.streams.push_back(discovery::to_public(result));
        } else if (same->epoch < result.epoch) {
            *same = discovery::to_public(result);
        }
    }

    /// An announce is nearer to the truth than a list (DISC-097).
    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        if (state != DiscoveryState::Answered || control::invalid_reason(announce)) return;
        const bool contradicted =
            std::any_of(answer.streams.begin(), answer.streams.end(), [&](const DiscoveredStream& stream) {
                return stream.stream_id == announce.stream_id && stream.epoch <= announce.epoch &&
                       (stream.epoch != announce.epoch || stream.layout_version != announce.layout_version ||
                        stream.header_nslots != announce.header_nslots);
            });
        if (!contradicted) return;
        ++counters.answers_voided;
        answer.streams.clear();
        ask_again();
    }

    std::unique_ptr<messaging::Subscription> responses_;
    std::unique_ptr<messaging::Subscription> announces_;
    control::ControlPublisher requests_;
    control::ControlDispatcher dispatcher_{*this};
    control::DiscoveryRequest request_;
    std::uint32_t attempts_ = 0;
    bool sent_ = false;
    Nanos next_try_ns_ = 0;
    Nanos unsent_since_ns_ = 0;
    Nanos now_ns_ = 0;
};

DiscoveryClient::DiscoveryClient(Context& context, DiscoveryClientOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

DiscoveryClient::~DiscoveryClient() = default;

void DiscoveryClient::query(DiscoveryFilter filter) {
    impl_->keep_asking = false;
    impl_->query(std::move(filter));
}
DiscoveryState DiscoveryClient::state() const noexcept {
    return impl_->state;
}
const DiscoveryAnswer& DiscoveryClient::answer() const noexcept {
    return impl_->answer;
}
bool DiscoveryClient::is_fresh(Nanos now_ns) const noexcept {
    return impl_->state == DiscoveryState::Answered &&
           now_ns - impl_->answer.received_ns <= impl_->opts.fresh_for_ns;
}

const DiscoveryAnswer& DiscoveryClient::discover(DiscoveryFilter filter, Nanos deadline_ns) {
    impl_->query(std::move(filter));
    impl_->keep_asking = true;
    while (true) {
        const Nanos now_ns = impl_->context.clock().now_ns();
        do_work(now_ns);
        if (impl_->state == DiscoveryState::Answered) return impl_->answer;
        if (now_ns >= deadline_ns) {
            impl_->state = DiscoveryState::TimedOut;
            throw Error(ErrorCode::Timeout,
                        fmt::format("discovery on {} stream {}: {}", impl_->opts.request.channel,
                                    impl_->opts.request.stream_id, impl_->last_refusal));
        }
        impl_->wait(kNanosPerMilli);
    }
}

const DiscoveryClientCounters& DiscoveryClient::counters() const noexcept {
    return impl_->counters;
}
int DiscoveryClient::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}

void attach_at(const DiscoveredStream& stream, StreamEndpoints& endpoints) {
    const bool announces_on_control = endpoints.announce == endpoints.control;
    endpoints.control = stream.driver_control;
    if (announces_on_control) endpoints.announce = stream.driver_control;
}

std::optional<std::string> contradiction(const DiscoveredStream& stream, const Attachment& attachment) {
    const auto differs = [](std::string_view what, std::uint64_t listed, std::uint64_t granted) {
        return fmt::format("{} {} was listed, the driver granted {}", what, listed, granted);
    };
    if (stream.stream_id != attachment.stream_id)
        return differs("stream", stream.stream_id, attachment.stream_id);
    if (stream.epoch != attachment.epoch) return differs("epoch", stream.epoch, attachment.epoch);
    if (stream.layout_version != attachment.layout_version)
        return differs("layout_version", stream.layout_version, attachment.layout_version);
    if (stream.header_nslots != attachment.header_nslots)
        return differs("header_nslots", stream.header_nslots, attachment.header_nslots);
    return std::nullopt;
}

}  // namespace tensorpool
