// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "discovery/convert.hpp"
#include "discovery/responder.hpp"
#include "discovery/stream_cache.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/tables.hpp"
#include "wire/discovery_blocks.hpp"

#include <tensorpool/discovery.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace tensorpool {
namespace {

using discovery::StreamCache;

constexpr std::string_view kModule = "Discovery";
constexpr int kAnnounceLimit = 256;
constexpr int kRequestLimit = 16;  // an answer may carry a thousand streams: announces get their turn
constexpr std::uint64_t kQueriesPerLogLine = 1000;  // DISC-087
constexpr std::uint32_t kMostStreamId = 0x7fffffff;

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorCode::InvalidConfig, "discovery: " + why);
}

void require_endpoint(const Endpoint& endpoint, std::string_view what) {
    if (endpoint.channel.empty() || endpoint.stream_id <= 0) {
        refuse(
            fmt::format("{} needs a channel and a stream id of 1 to 2147483647, not '{}' and {} (CFG-012, "
                        "CFG-013)",
                        what, endpoint.channel, endpoint.stream_id));
    }
}

void require_authority(const DiscoveryAuthority& authority) {
    if (authority.instance_id.empty()) refuse("a driver's instance_id is empty");
    require_endpoint(authority.control, "the control endpoint of " + authority.instance_id);
    require_endpoint(authority.announce, "the announce endpoint of " + authority.instance_id);
    if (authority.metadata)
        require_endpoint(*authority.metadata, "the metadata endpoint of " + authority.instance_id);
}

/// Where a message arrives says whose it is: ids and announce endpoints belong to one driver each.
void require_distinct(const std::vector<DiscoveryAuthority>& authorities) {
    for (std::size_t i = 0; i < authorities.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (authorities[i].instance_id == authorities[j].instance_id)
                refuse(fmt::format("driver '{}' is given twice", authorities[i].instance_id));
            if (authorities[i].announce == authorities[j].announce) {
                refuse(fmt::format(
                    "drivers '{}' and '{}' announce on the same {} stream {}; their streams could "
                    "not be told apart",
                    authorities[j].instance_id, authorities[i].instance_id, authorities[i].announce.channel,
                    authorities[i].announce.stream_id));
            }
        }
    }
}

DiscoveryProviderOptions validated(DiscoveryProviderOptions options) {
    require_endpoint(options.request, "the request endpoint");
    if (options.authorities.empty()) refuse("there is no driver whose streams could be listed");
    for (const DiscoveryAuthority& authority : options.authorities) require_authority(authority);
    require_distinct(options.authorities);
    if (options.max_results == 0 || options.max_results > 65534)
        refuse(fmt::format("max_results {} is outside 1 ... 65534", options.max_results));
    if (options.expiry_ns <= 0 || options.response_timeout_ns <= 0 || options.response_idle_ns <= 0)
        refuse("expiry and response times must be positive");
    if (options.max_streams == 0 || options.max_response_endpoints == 0)
        refuse("max_streams and max_response_endpoints must be positive");
    return options;
}

}  // namespace

class DiscoveryProvider::Impl final : public control::ControlHandler {
public:
    Impl(Context& context, DiscoveryProviderOptions options)
        : opts(validated(std::move(options))),
          messaging_(context.messaging()),
          cache_(opts.expiry_ns, opts.max_streams),
          responder_(messaging_, opts, counters),
          requests_(subscribe(opts.request)),
          expire_timer_(std::max<Nanos>(opts.expiry_ns / 4, 1)),
          now_ns_(context.clock().now_ns()),
          published_(messaging_,
                     telemetry::plain_owner("Discovery", static_cast<std::uint64_t>(opts.request.stream_id),
                                            context.instance())) {
        for (const DiscoveryAuthority& authority : opts.authorities) sources_.push_back(open(authority));
        for (DiscoveryLabel& label : opts.labels) set_label(std::move(label));
        list_subscriptions();
        published_.add(telemetry::rows<DiscoveryProviderCounters>(), counters);
        published_.add(telemetry::rows<telemetry::DiscoveryGauges>(), gauges_);
    }

    void set_label(DiscoveryLabel label) {
        if (label.stream_id == 0 || label.stream_id == UINT32_MAX)
            refuse(fmt::format("a label names stream {}, which is none", label.stream_id));
        const std::size_t authority = authority_of(label.instance_id);
        if (cache_.set_label(authority, std::move(label)) == StreamCache::Outcome::Full)
            throw Error(
                ErrorCode::NoSpace,
                fmt::format("discovery: no room for another label: max_streams is {}", opts.max_streams));
    }

    void replace_authority(std::string_view instance_id, const DiscoveryAuthority& fresh) {
        const std::size_t at = authority_of(instance_id);
        require_authority(fresh);
        std::vector<DiscoveryAuthority> all = opts.authorities;
        all[at] = fresh;
        require_distinct(all);
        Source source = open(fresh);
        cache_.forget(at);  // DISC-077
        opts.authorities = std::move(all);
        sources_[at] = std::move(source);
        list_subscriptions();
    }

    int do_work(Nanos now_ns) noexcept {
        now_ns_ = now_ns;
        int work = messaging_.do_work(now_ns);
        for (at_ = 0; at_ < sources_.size(); ++at_) {
            Source& source = sources_[at_];
            work += dispatcher_.poll(*source.announces, kAnnounceLimit);
            if (source.metadata) work += dispatcher_.poll(*source.metadata, kAnnounceLimit);
        }
        if (expire_timer_.due(now_ns)) counters.expired += cache_.expire(now_ns);
        // After the announces: an answer knows what was said before its question.
        work +=
            requests_->poll([this](const messaging::Message& m) { on_request_message(m); }, kRequestLimit);
        work += responder_.do_work(now_ns);
        published_.cycle(now_ns, work, [this]() noexcept { gauges_.streams = cache_.size(); });
        return work;
    }

    void wait(Nanos timeout_ns) noexcept { messaging_.wait(wait_set_, timeout_ns); }

    [[nodiscard]] std::vector<DiscoveredStream> streams(const DiscoveryFilter& filter) const {
        std::vector<DiscoveredStream> found;
        cache_.for_each_live(now_ns_, [&](const control::DiscoveryResult& result) {
            if (discovery::matches(result, filter)) found.push_back(discovery::to_public(result));
            return true;
        });
        return found;
    }

    DiscoveryProviderOptions opts;
    DiscoveryProviderCounters counters;

private:
    struct Source {
        std::unique_ptr<messaging::Subscription> announces;
        std::unique_ptr<messaging::Subscription> metadata;
    };

    std::unique_ptr<messaging::Subscription> subscribe(const Endpoint& endpoint) {
        return messaging_.add_subscription(endpoint.channel, endpoint.stream_id);
    }
    Source open(const DiscoveryAuthority& authority) {
        return {subscribe(authority.announce), authority.metadata ? subscribe(*authority.metadata) : nullptr};
    }
    void list_subscriptions() {
        wait_set_ = {requests_.get()};
        for (const Source& source : sources_) {
            wait_set_.push_back(source.announces.get());
            if (source.metadata) wait_set_.push_back(source.metadata.get());
        }
    }
    [[nodiscard]] std::size_t authority_of(std::string_view instance_id) const {
        const auto found = std::find_if(opts.authorities.begin(), opts.authorities.end(),
                                        [&](const auto& a) { return a.instance_id == instance_id; });
        if (found == opts.authorities.end()) {
            throw Error(ErrorCode::NotFound,
                        fmt::format("discovery: no driver is called '{}' here", instance_id));
        }
        return static_cast<std::size_t>(found - opts.authorities.begin());
    }

    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) override {
        count(cache_.on_announce(at_, opts.authorities[at_], announce, now_ns_), counters.announces,
              counters.announces_invalid);
    }
    void on_data_source_announce(const control::DataSourceAnnounce& source,
                                 const messaging::Message&) override {
        count(cache_.on_source(at_, source, now_ns_), counters.metadata, counters.metadata_invalid);
    }
    /// No answer carries attributes; they make no stream visible and keep none alive.
    void on_data_source_meta(const control::DataSourceMeta&, const messaging::Message&) override {
        ++counters.metadata;
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t, control::DecodeResult,
                        const messaging::Message&) override {
        ++counters.messages_invalid;
    }
    void count(StreamCache::Outcome outcome, std::uint64_t& taken, std::uint64_t& invalid) noexcept {
        switch (outcome) {
            case StreamCache::Outcome::Taken:
                ++taken;
                return;
            case StreamCache::Outcome::Invalid:
                ++invalid;
                return;
            case StreamCache::Outcome::Regressed:
                ++counters.announces_regressed;
                return;
            case StreamCache::Outcome::Full:
                ++counters.dropped_full;
                return;
        }
    }

    void on_request_message(const messaging::Message& message) noexcept {
        try {
            control::DiscoveryRequest request;
            switch (control::decode(message.bytes, request)) {
                case control::DecodeResult::Ok:
                    return on_request(request);
                case control::DecodeResult::NotOurs:  // control traffic, or our own answers (DISC-015, trap
                                                      // 13)
                    return;
                case control::DecodeResult::TooNew:
                case control::DecodeResult::Malformed:
                case control::DecodeResult::BadEnum:
                    ++counters.messages_invalid;
                    return;
            }
        } catch (const std::exception& error) {
            ++counters.internal_errors;
            base::log(LogLevel::Error, kModule, "a request failed: {}", error.what());
        }
    }

    void on_request(const control::DiscoveryRequest& request) {
        ++counters.requests;
        if (request.response_channel.empty() || request.response_stream_id == 0 ||
            request.response_stream_id > kMostStreamId) {
            ++counters.requests_refused;  // DISC-030, DISC-031, trap 3: there is nowhere to say so
            return;
        }
        const DiscoveryFilter filter = discovery::filter_of(request);
        bool too_many = false;
        bool hidden = false;
        matches_.clear();
        cache_.for_each_live(now_ns_, [&](const control::DiscoveryResult& result) {
            if (!discovery::matches(result, filter)) return true;
            if (!is_visible(request.client_id, result)) {
                hidden = true;
                return true;
            }
            too_many = matches_.size() == opts.max_results;
            if (!too_many) matches_.push_back(&result);
            return !too_many;
        });
        control::DiscoveryAnswerView answer{request.request_id, DiscoveryStatus::Ok, matches_, {}};
        const std::string limit =
            too_many ? fmt::format("result limit exceeded: more than {} streams match; add filters",
                                   opts.max_results)
                     : std::string();
        if (too_many) {
            answer = {request.request_id, DiscoveryStatus::Error, {}, limit};
        } else if (matches_.empty() && hidden && opts.explicit_denial) {
            answer = {request.request_id, DiscoveryStatus::Error, {}, "not authorised"};
        } else if (matches_.empty() && opts.visible) {
            answer.status = DiscoveryStatus::NotFound;  // whether something is hidden or not (trap 1)
        }
        log_query(answer);
        responder_.send({request.response_channel, static_cast<std::int32_t>(request.response_stream_id)},
                        answer, now_ns_);
    }

    /// Fails closed.
    [[nodiscard]] bool is_visible(std::uint32_t client_id, const control::DiscoveryResult& result) {
        if (!opts.visible) return true;
        try {
            return opts.visible(client_id, discovery::to_public(result));
        } catch (...) {
            ++counters.internal_errors;
            return false;
        }
    }

    /// One in a thousand, and nothing of what was asked or by whom.
    void log_query(const control::DiscoveryAnswerView& answer) noexcept {
        if (queries_++ % kQueriesPerLogLine != 0) return;
        base::log(LogLevel::Info, kModule, "query {}: {}, {} results", queries_, to_string(answer.status),
                  answer.results.size());
    }

    messaging::Client& messaging_;
    StreamCache cache_;
    discovery::Responder responder_;
    std::unique_ptr<messaging::Subscription> requests_;
    std::vector<Source> sources_;  // by authority
    std::vector<messaging::Subscription*> wait_set_;
    control::ControlDispatcher dispatcher_{*this};
    base::PeriodicTimer expire_timer_;
    std::vector<const control::DiscoveryResult*> matches_;
    std::uint64_t queries_ = 0;
    std::size_t at_ = 0;  // the authority being polled
    Nanos now_ns_ = 0;
    telemetry::CounterSet published_;
    telemetry::DiscoveryGauges gauges_;
};

DiscoveryProvider::DiscoveryProvider(Context& context, DiscoveryProviderOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {
}

DiscoveryProvider::~DiscoveryProvider() = default;

void DiscoveryProvider::set_label(DiscoveryLabel label) {
    impl_->set_label(std::move(label));
}
void DiscoveryProvider::replace_authority(std::string_view instance_id, const DiscoveryAuthority& authority) {
    impl_->replace_authority(instance_id, authority);
}
std::vector<DiscoveredStream> DiscoveryProvider::streams(const DiscoveryFilter& filter) const {
    return impl_->streams(filter);
}
const DiscoveryProviderCounters& DiscoveryProvider::counters() const noexcept {
    return impl_->counters;
}
int DiscoveryProvider::do_work(Nanos now_ns) noexcept {
    return impl_->do_work(now_ns);
}
void DiscoveryProvider::wait(Nanos timeout_ns) noexcept {
    impl_->wait(timeout_ns);
}

}  // namespace tensorpool
