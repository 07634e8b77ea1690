// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "client/session_impl.hpp"

#include "base/log.hpp"
#include "shm/region_uri.hpp"
#include "wire/driver_blocks.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Client";
constexpr std::string_view kIdTaken = "client_id already attached";  // matched literally (TRP-03)
constexpr int kPollLimit = 64;
constexpr int kPollRounds = 16;
constexpr int kSilentPeriods = 3;  // TRP-17
/// The first wait for an answer: a driver that starts a moment after its clients must not cost them the whole
/// attach timeout. Doubles up to that.
constexpr Nanos kFirstPatience = 250 * kNanosPerMilli;
constexpr int kLeaseFallbackIntervals = 3;  // DRV-075, when the driver gave no expiry
/// Keepalives per lease window at least, whatever interval was asked for: two may get lost (DRV-072).
constexpr int kKeepalivesPerWindow = 3;
constexpr Nanos kImageCheckPeriod = 10 * kNanosPerMilli;

std::uint32_t random_client_id(std::mt19937_64& random) {
    return std::uniform_int_distribution<std::uint32_t>(1, 0x7fffffff)(random);
}

DriverSessionOptions validated(DriverSessionOptions options) {
    if (options.role != Role::Producer && options.role != Role::Consumer) {
        throw Error(ErrorCode::InvalidConfig, "driver session: role must be producer or consumer");
    }
    if (options.keepalive_interval_ns <= 0 || options.attach_timeout_ns <= 0 ||
        options.announce_period_ns <= 0) {
        throw Error(
            ErrorCode::InvalidConfig,
            "driver session: keepalive interval, attach timeout and announce period must be positive");
    }
    return options;
}

/// The first region URI that breaks the wire rules (DRV-063); empty when all are fine.
std::optional<std::string> invalid_uri(const control::AttachResponse& response) {
    if (auto uri = shm::parse_region_uri(response.header_region_uri); !uri) return std::move(uri.error());
    for (const control::PoolInfo& pool : response.pools) {
        if (auto uri = shm::parse_region_uri(pool.region_uri); !uri) return std::move(uri.error());
    }
    return std::nullopt;
}

std::mt19937_64 seeded() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
}

/// Errors that sending again may cure (TRP-18). NotConnected only means that no driver listens yet.
bool is_transient(messaging::SendError error) noexcept {
    return error == messaging::SendError::BackPressured || error == messaging::SendError::AdminAction ||
           error == messaging::SendError::NotConnected;
}

}  // namespace

DriverSession::Impl::Impl(Context& ctx, DriverSessionOptions opts)
    : context(ctx),
      options(validated(std::move(opts))),
      random_(seeded()),
      backoff_(options.backoff_initial_ns, options.backoff_max_ns),
      patience_ns_(std::min(kFirstPatience, options.attach_timeout_ns)),
      requests_(ctx.messaging().add_sparse_publication(options.control.channel, options.control.stream_id)),
      control_(ctx.messaging().add_subscription(options.control.channel, options.control.stream_id)),
      dispatcher_(*this) {
    client_id = options.client_id != 0 ? options.client_id : random_client_id(random_);
    wait_set_.push_back(control_.get());
    if (options.announce != options.control) {
        announces_ = ctx.messaging().add_subscription(options.announce.channel, options.announce.stream_id);
        wait_set_.push_back(announces_.get());
    }
}

void DriverSession::Impl::wait(Nanos timeout_ns) noexcept {
    context.messaging().wait(wait_set_, timeout_ns);
}

// ---- what the owner asks for
// --------------------------------------------------------------------------------

void DriverSession::Impl::request_attach() noexcept {
    if (state != SessionState::Unattached && state != SessionState::Backoff) return;
    wanted_ = true;
    refused_for_good = false;
    request_sent_ = false;
    correlation_id_ = next_correlation_id();
    request_deadline_ns_ = 0;  // starts when the request leaves or the first cycle runs
    state = SessionState::Attaching;
}

void DriverSession::Impl::detach() noexcept {
    wanted_ = false;
    if (state == SessionState::Attached) {
        correlation_id_ = next_correlation_id();
        request_sent_ = false;
        request_deadline_ns_ = 0;
        state = SessionState::Detaching;
        return;
    }
    if (state == SessionState::Detaching) return;
    // An attach that is under way may still be granted; its OK is then given back (TRP-05).
    if (state == SessionState::Attaching && request_sent_) abandon_request();
    state = SessionState::Unattached;
}

// ---- the duty cycle
// -----------------------------------------------------------------------------------------

int DriverSession::Impl::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    int work = context.messaging().do_work(now_ns);
    work += poll_backlog(*control_);
    if (announces_) work += poll_backlog(*announces_);
    return work + step(now_ns);
}

/// Reads what waits, so that after a pause of the application the driver's last words count before its
/// silence.
int DriverSession::Impl::poll_backlog(messaging::Subscription& subscription) noexcept {
    int handled = 0;
    for (int round = 0; round < kPollRounds; ++round) {
        const int now_handled = dispatcher_.poll(subscription, kPollLimit);
        handled += now_handled;
        if (now_handled < kPollLimit) break;
    }
    return handled;
}

int DriverSession::Impl::step(Nanos now_ns) noexcept {
    switch (state) {
        case SessionState::Unattached:
            return 0;
        case SessionState::Attaching:
            return send_attach(now_ns);
        case SessionState::Attached:
            return stay_attached(now_ns);
        case SessionState::Detaching:
            return send_detach(now_ns);
        case SessionState::Backoff:
            if (now_ns < retry_at_ns_) return 0;
            request_attach();
            return 1;
    }
    return 0;
}

int DriverSession::Impl::send_attach(Nanos now_ns) noexcept {
    if (request_deadline_ns_ == 0) request_deadline_ns_ = now_ns + options.attach_timeout_ns;
    if (request_sent_) {
        if (now_ns < request_deadline_ns_) return 0;
        ++counters.attach_timeouts;
        complain("the driver did not answer the attach request");
        patience_ns_ = std::min(2 * patience_ns_, options.attach_timeout_ns);
        abandon_request();
        back_off("the driver did not answer the attach request", now_ns);
        return 1;
    }
    control::AttachRequest request;
    request.correlation_id = correlation_id_;
    request.stream_id = options.stream_id;
    request.client_id = client_id;
    request.role = static_cast<std::uint8_t>(options.role);
    request.expected_layout_version = options.expected_layout_version;
    if (options.publish_mode) request.publish_mode = static_cast<std::uint8_t>(*options.publish_mode);
    request.require_hugepages = static_cast<std::uint8_t>(options.hugepages);
    request.desired_node_id = options.desired_node_id ? options.desired_node_id : granted_node_id_;
    const SendResult sent = requests_.send(request);
    if (sent) {
        ++counters.attach_requests;
        request_sent_ = true;
        request_deadline_ns_ = now_ns + patience_ns_;
        return 1;
    }
    if (is_transient(sent.error()) && now_ns < request_deadline_ns_) return 0;
    ++counters.send_failures;
    back_off(fmt::format("cannot send the attach request: {}", messaging::to_string(sent.error())), now_ns);
    return 1;
}

int DriverSession::Impl::stay_attached(Nanos now_ns) noexcept {
    if (now_ns >= lease_deadline_ns_) {
        lose_lease("the lease ran out before a keepalive could be sent");
        return 1;
    }
    if (!driver_is_there(now_ns)) {
        lose_lease("the driver is gone: its control publication ended");
        return 1;
    }
    if (now_ns - driver_heard_ns_ > kSilentPeriods * options.announce_period_ns) {
        lose_lease("the driver has been silent for three announce periods");
        return 1;
    }
    if (now_ns < next_keepalive_ns_) return 0;
    control::LeaseKeepalive keepalive;
    keepalive.lease_id = attachment.lease_id;
    keepalive.stream_id = attachment.stream_id;
    keepalive.client_id = client_id;
    keepalive.role = options.role;
    keepalive.client_timestamp_ns = static_cast<std::uint64_t>(now_ns);
    const SendResult sent = requests_.send(keepalive);
    if (sent) {
        ++counters.keepalives_sent;
        next_keepalive_ns_ = now_ns + keepalive_period_ns_;
        lease_deadline_ns_ = now_ns + lease_window_ns_;
        return 1;
    }
    if (sent.error() == messaging::SendError::BackPressured ||
        sent.error() == messaging::SendError::AdminAction) {
        complain(messaging::to_string(sent.error()), "a keepalive could not be sent yet");
        return 0;  // again next cycle, until the local deadline
    }
    ++counters.send_failures;
    lose_lease(fmt::format("cannot send a keepalive: {}", messaging::to_string(sent.error())));
    return 1;
}

int DriverSession::Impl::send_detach(Nanos now_ns) noexcept {
    if (request_deadline_ns_ == 0) request_deadline_ns_ = now_ns + options.attach_timeout_ns;
    if (request_sent_ || now_ns >= request_deadline_ns_) {
        if (now_ns < request_deadline_ns_) return 0;
        state = SessionState::Unattached;  // best effort: the lease expires by itself (DRV-082)
        return 1;
    }
    control::DetachRequest request;
    request.correlation_id = correlation_id_;
    request.lease_id = attachment.lease_id;
    request.stream_id = attachment.stream_id;
    request.client_id = client_id;
    request.role = options.role;
    const SendResult sent = requests_.send(request);
    if (sent) {
        request_sent_ = true;
        return 1;
    }
    if (!is_transient(sent.error()) || sent.error() == messaging::SendError::NotConnected) {
        ++counters.send_failures;
        state = SessionState::Unattached;
    }
    return 1;
}

// ---- what the driver says
// -----------------------------------------------------------------------------------

void DriverSession::Impl::on_attach_response(const control::AttachResponse& response,
                                             const messaging::Message& message) {
    if (state == SessionState::Attaching && request_sent_ && response.correlation_id == correlation_id_) {
        if (response.code == ResponseCode::Ok) {
            accept(response, message);
        } else {
            refuse(response);
        }
        return;
    }
    // Everybody's responses pass here; only our own earlier requests matter (TRP-04, DRV-034).
    if (is_abandoned(response.correlation_id) && response.code == ResponseCode::Ok)
        on_late_grant(response, message);
}

void DriverSession::Impl::on_late_grant(const control::AttachResponse& response,
                                        const messaging::Message& message) {
    ++counters.late_responses;
    if (state == SessionState::Attaching || state == SessionState::Backoff) {
        if (state == SessionState::Attaching && request_sent_) abandon_request();
        accept(response, message);
        return;
    }
    // A driver that took two requests for one grants the same lease twice.
    const bool holds_it = state != SessionState::Unattached && response.lease_id == attachment.lease_id;
    if (!holds_it) give_back(response);
}

void DriverSession::Impl::accept(const control::AttachResponse& response, const messaging::Message& message) {
    auto fault = control::invalid_reason(response);
    if (!fault) fault = invalid_uri(response);
    if (!fault && options.stream_id != 0 && *response.stream_id != options.stream_id) {
        fault = fmt::format("asked for stream {}, granted {}", options.stream_id, *response.stream_id);
    }
    if (fault) {
        ++counters.protocol_errors;
        give_back(response);
        back_off("invalid attach response: " + *fault, now_ns_);
        return;
    }
    attachment = {};
    attachment.lease_id = *response.lease_id;
    attachment.stream_id = *response.stream_id;
    attachment.client_id = client_id;
    attachment.role = options.role;
    attachment.epoch = *response.epoch;
    attachment.layout_version = *response.layout_version;
    attachment.header_nslots = *response.header_nslots;
    attachment.header_region_uri = response.header_region_uri;
    for (const control::PoolInfo& pool : response.pools) {
        attachment.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
    }
    attachment.node_id = response.node_id;
    // Trace ids name it: asked for again at the next attach, also from a driver that was restarted (TT-02).
    granted_node_id_ = response.node_id;
    attachment.lease_expiry_timestamp_ns = response.lease_expiry_timestamp_ns;

    lease_window_ns_ = kLeaseFallbackIntervals * options.keepalive_interval_ns;
    if (response.lease_expiry_timestamp_ns) {
        const auto now = static_cast<std::uint64_t>(now_ns_);
        const std::uint64_t expiry = *response.lease_expiry_timestamp_ns;
        lease_window_ns_ =
            expiry > now ? static_cast<Nanos>(std::min<std::uint64_t>(expiry - now, INT64_MAX / 4)) : 0;
    }
    lease_deadline_ns_ = now_ns_ + lease_window_ns_;
    keepalive_period_ns_ = std::min(options.keepalive_interval_ns, lease_window_ns_ / kKeepalivesPerWindow);
    next_keepalive_ns_ = now_ns_ + keepalive_period_ns_;
    driver_heard_ns_ = now_ns_;
    driver_session_ = message.image->session_id;
    next_image_check_ns_ = now_ns_;
    backoff_.reset();
    patience_ns_ = std::min(kFirstPatience, options.attach_timeout_ns);
    last_error.clear();
    detach_confirmed = false;
    state = SessionState::Attached;
    ++generation;
    base::log_with(LogLevel::Info, kModule,
                   {{"stream_id", attachment.stream_id},
                    {"client_id", client_id},
                    {"role", to_string(options.role)},
                    {"lease_id", attachment.lease_id},
                    {"epoch", attachment.epoch}},
                   "stream {}: attached as {} {} to epoch {}", attachment.stream_id, to_string(options.role),
                   client_id, attachment.epoch);
}

void DriverSession::Impl::refuse(const control::AttachResponse& response) {
    ++counters.attach_refused;
    granted_node_id_.reset();  // in case somebody else has it by now: any will do
    if (response.error_message == kIdTaken && options.client_id == 0) {
        client_id = random_client_id(random_);  // DRV-028
        abandoned_count_ = 0;                   // they named the old id
    } else {
        // REJECTED may clear by itself: the other producer's lease can end. The other two cannot.
        refused_for_good =
            response.code == ResponseCode::InvalidParams || response.code == ResponseCode::Unsupported;
    }
    const std::string why = fmt::format("{}: {}", to_string(response.code), response.error_message);
    complain(why);
    back_off(why, now_ns_);
}

void DriverSession::Impl::give_back(const control::AttachResponse& response) noexcept {
    if (!response.lease_id) return;
    control::DetachRequest request;
    request.correlation_id = next_correlation_id();
    request.lease_id = *response.lease_id;
    request.stream_id = response.stream_id.value_or(options.stream_id);
    request.client_id = client_id;
    request.role = options.role;
    if (!requests_.send(request)) ++counters.send_failures;
}

void DriverSession::Impl::on_detach_response(const control::DetachResponse& response,
                                             const messaging::Message&) {
    if (state != SessionState::Detaching || response.correlation_id != correlation_id_) return;
    confirm_detach();
}

void DriverSession::Impl::confirm_detach() noexcept {
    detach_confirmed = true;
    state = SessionState::Unattached;
    base::log_with(LogLevel::Info, kModule,
                   {{"stream_id", attachment.stream_id},
                    {"client_id", client_id},
                    {"role", to_string(options.role)},
                    {"lease_id", attachment.lease_id}},
                   "stream {}: detached", attachment.stream_id);
}

/// Once a second: a condition that lasts, and that is tried again by itself.
void DriverSession::Impl::complain(std::string_view why, std::string_view what) noexcept {
    if (!trouble_log_.pass(now_ns_)) return;
    base::log_with(LogLevel::Warn, kModule,
                   {{"stream_id", options.stream_id},
                    {"client_id", client_id},
                    {"reason", why},
                    {"held_back", trouble_log_.take_held_back()}},
                   "stream {}: {}: {}", options.stream_id, what, why);
}

void DriverSession::Impl::on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message&) {
    const bool live = state == SessionState::Attached || state == SessionState::Detaching;
    if (!live || revoked.lease_id != attachment.lease_id) return;  // DRV-091, DRV-093, DRV-095
    if (!revoked.role || !revoked.reason) {
        ++counters.protocol_errors;
        lose_lease("a revocation of the own lease with an unknown role or reason");  // TRP-22
        return;
    }
    if (revoked.stream_id != attachment.stream_id || *revoked.role != options.role) return;
    if (state == SessionState::Detaching) {
        confirm_detach();  // TRP-19
        return;
    }
    lose_lease(fmt::format("the driver revoked the lease ({}): {}", to_string(*revoked.reason),
                           revoked.error_message));
}

void DriverSession::Impl::on_driver_shutdown(const control::DriverShutdown& shutdown,
                                             const messaging::Message&) {
    if (state == SessionState::Detaching) {
        state = SessionState::Unattached;
        return;
    }
    if (state == SessionState::Attached) {  // and lose_lease() says so in the log (OBS-024)
        lose_lease(fmt::format("the driver shut down ({})", to_string(shutdown.reason)));
    }
}

void DriverSession::Impl::on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message&) {
    if (announce.stream_id != options.stream_id && announce.stream_id != attachment.stream_id) return;
    driver_heard_ns_ = now_ns_;
    // A stream moves on to a new epoch only when its producer's lease is over (DRV-101, DRV-118): the driver
    // was restarted, or the notice got lost.
    if (state == SessionState::Attached && options.role == Role::Producer &&
        announce.stream_id == attachment.stream_id && announce.epoch > attachment.epoch) {
        lose_lease(fmt::format("the stream moved on to epoch {}", announce.epoch));
    }
}

void DriverSession::Impl::on_undecodable(std::uint16_t schema_id, std::uint16_t template_id,
                                         std::int64_t correlation_id, control::DecodeResult why,
                                         const messaging::Message&) {
    if (schema_id != wire::ShmAttachResponseBlock::kSchemaId) return;
    const bool own_response = template_id == wire::ShmAttachResponseBlock::kTemplateId &&
                              state == SessionState::Attaching && request_sent_ &&
                              correlation_id == correlation_id_;
    if (!own_response) return;
    ++counters.protocol_errors;
    back_off(fmt::format("the attach response cannot be read: {}", control::to_string(why)), now_ns_);
}

bool DriverSession::Impl::driver_is_there(Nanos now_ns) noexcept {
    if (now_ns < next_image_check_ns_) return true;
    next_image_check_ns_ = now_ns + kImageCheckPeriod;
    bool there = false;
    control_->for_each_image(
        [&](const messaging::Image& image) { there |= image.session_id == driver_session_; });
    return there;
}

// ---- transitions
// --------------------------------------------------------------------------------------------

void DriverSession::Impl::lose_lease(std::string_view why) noexcept {
    ++counters.leases_lost;
    wanted_ = wanted_ && options.reattach;
    base::log_with(LogLevel::Warn, kModule,
                   {{"stream_id", attachment.stream_id}, {"lease_id", attachment.lease_id}, {"reason", why}},
                   "stream {}: lease {} lost: {}", attachment.stream_id, attachment.lease_id, why);
    back_off(why, now_ns_);
}

void DriverSession::Impl::back_off(std::string_view why, Nanos now_ns) noexcept {
    set_error(why);
    if (!wanted_) {
        state = SessionState::Unattached;
        return;
    }
    retry_at_ns_ = now_ns + backoff_.next(random_);
    state = SessionState::Backoff;
}

void DriverSession::Impl::set_error(std::string_view why) noexcept {
    try {
        last_error = why;
    } catch (...) {
        last_error.clear();
    }
}

void DriverSession::Impl::abandon_request() noexcept {
    abandoned_[abandoned_count_++ % abandoned_.size()] = correlation_id_;
}

bool DriverSession::Impl::is_abandoned(std::int64_t correlation_id) const noexcept {
    const auto end =
        abandoned_.begin() + static_cast<std::ptrdiff_t>(std::min(abandoned_count_, abandoned_.size()));
    return std::find(abandoned_.begin(), end, correlation_id) != end;
}

std::int64_t DriverSession::Impl::next_correlation_id() noexcept {
    // 63 random bits each time: never one of an earlier run, never one still outstanding (DRV-031 to
    // DRV-033).
    return static_cast<std::int64_t>(random_() >> 1);
}

}  // namespace tensorpool
