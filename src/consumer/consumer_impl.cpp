// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/consumer_impl.hpp"

#include "base/frame_path.hpp"
#include "base/log.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <optional>
#include <random>
#include <utility>

namespace tensorpool {
namespace {

constexpr int kControlLimit = 256;  // frame progress of everybody may be among them
constexpr int kQosLimit = 4096;     // what a large deployment says in an announce period
constexpr int kMostSubscriptions = 5;
constexpr Nanos kAnnouncePatience = 5;  // periods until a wait for announces is worth a warning
constexpr int kDrainLimit = 1 << 20;
constexpr std::ptrdiff_t kHandlerBytes = 512;       // most of what one is; how long it is nobody says
constexpr std::uint32_t kIdlePollsPerFetch = 512;   // of some 20 ns each
constexpr std::uint32_t kDescriptorTokens = 31000;  // streams.md section 2
constexpr std::uint32_t kProgressTokens = 32000;

std::uint32_t random_id() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint32_t>(1, 0x7fffffff)(device);
}

/// Makes the request for a stream of its own one that may be sent (WIRE-077).
void complete(std::optional<Endpoint>& own, std::uint32_t first_id, const ConsumerOptions& options,
              std::string_view name) {
    if (!own) return;
    if (own->stream_id == 0)
        own->stream_id = static_cast<std::int32_t>(first_id + options.consumer_id % 1000);
    if (own->channel.empty() || own->stream_id < 0 || options.hello_period_ns == 0) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("consumer: {} needs a channel, a stream id of 1 to 2147483647 (0: chosen), and a "
                        "hello period, for it is asked for in ConsumerHello",
                        name));
    }
}

ConsumerOptions validated(ConsumerOptions options) {
    if (options.stream_id == 0 || options.stream_id == 0xffffffff) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("consumer: stream_id {} is not a stream; valid are 1 to 4294967294 (CFG-012)",
                                options.stream_id));
    }
    if (options.allowed_base_dirs.empty()) {
        throw Error(ErrorCode::InvalidConfig,
                    "consumer: allowed_base_dirs is empty; nothing could ever be mapped");
    }
    if (options.announce_period_ns <= 0 || options.keepalive_interval_ns <= 0 || options.qos_period_ns < 0 ||
        options.hello_period_ns < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    "consumer: announce and keepalive periods must be positive, the QoS and "
                    "hello periods not negative");
    }
    if (options.consumer_id == 0) options.consumer_id = random_id();
    complete(options.own_descriptors, kDescriptorTokens, options, "own_descriptors");
    complete(options.own_progress, kProgressTokens, options, "own_progress");
    if (options.own_progress && !options.progress)
        throw Error(ErrorCode::InvalidConfig, "consumer: own_progress without progress: set both or neither");
    return options;
}

DriverSessionOptions session_options(const ConsumerOptions& options) {
    DriverSessionOptions session;
    session.stream_id = options.stream_id;
    session.role = Role::Consumer;
    session.client_id = options.consumer_id;
    session.control = options.endpoints.control;
    session.announce = options.endpoints.announce;
    session.hugepages = options.hugepages;
    session.keepalive_interval_ns = options.keepalive_interval_ns;
    session.announce_period_ns = options.announce_period_ns;
    return session;
}

}  // namespace

Consumer::Impl::Impl(Context& ctx, ConsumerOptions opts, DriverSession* borrowed_session)
    : context(ctx),
      self_assigned_id(opts.consumer_id == 0),
      options(validated(std::move(opts))),
      tracker(options, counters),
      sequence(options.max_outstanding_seq_gap),
      descriptors(context.messaging(), options.endpoints.descriptor),
      session(borrowed_session),
      dispatcher_(*this),
      gate_(options.max_rate_hz),
      liveness_timer_(options.announce_period_ns) {
    const auto subscribe = [&](const Endpoint& endpoint) {
        return context.messaging().add_subscription(endpoint.channel, endpoint.stream_id);
    };
    const StreamEndpoints& at = options.endpoints;
    control_ = subscribe(at.control);
    if (at.announce != at.control) announces_ = subscribe(at.announce);
    wait_set_.reserve(kMostSubscriptions);
    list_waits();
    consumer_id = options.consumer_id;
    published_.emplace(context.messaging(), telemetry::stream_owner("Consumer", consumer_id,
                                                                    options.stream_id, context.instance()));
    published_->add(telemetry::rows<ConsumerCounters>(), counters);
    published_->add(telemetry::rows<telemetry::ConsumerGauges>(), gauges_);
    read_latency_ = context.latencies().add(telemetry::Latency::DescriptorToRead, published_->owner());
    if (options.qos_period_ns > 0) {
        qos_.emplace(context.messaging().add_sparse_publication(at.qos.channel, at.qos.stream_id),
                     options.qos_period_ns, context.clock().now_ns());
        others_qos_ = context.messaging().add_subscription(at.qos.channel, at.qos.stream_id);
    }
    if (options.hello_period_ns > 0) {
        hello_.emplace(context.messaging().add_sparse_publication(at.control.channel, at.control.stream_id),
                       options.hello_period_ns, context.clock().now_ns());
    }
    if (options.use_driver && session == nullptr) {
        DriverSessionOptions wanted = session_options(options);
        if (self_assigned_id) wanted.client_id = 0;  // the session may choose another (DRV-028)
        own_session_ = std::make_unique<DriverSession>(context, wanted);
        session = own_session_.get();
        consumer_id = session->client_id();
        session->request_attach();
    }
}

Consumer::Impl::~Impl() {
    if (own_session_ == nullptr || own_session_->state() != SessionState::Attached) return;
    own_session_->await_detach(context.clock().now_ns() + kNanosPerSecond);
}

// ---- the path of one descriptor ---------------------------------------------------------------------------

TP_FRAME_PATH int Consumer::Impl::poll(Call call, void* handler, int limit) noexcept {
    const int delivered =
        descriptors.is_joining() ? poll_joining(call, handler, limit) : poll_current(call, handler, limit);
    counters.messages_lost_bytes = descriptors.lost_bytes();
    return delivered;
}

TP_FRAME_PATH int Consumer::Impl::poll_current(Call call, void* handler, int limit) noexcept {
    return options.delivery == Delivery::LatestOnly || resync_ ? poll_latest(call, handler, std::nullopt)
                                                               : poll_every(call, handler, limit);
}

int Consumer::Impl::poll_joining(Call call, void* handler, int limit) noexcept {
    // The producer sends each frame on the shared stream first: once the own stream has one, everything
    // before it is on the shared one, too.
    if (!first_own_) {
        descriptors.own().poll(
            [&](const messaging::Message& message) {
                wire::FrameDescriptorBlock descriptor;
                if (!wire::decode_frame_descriptor(message.bytes, descriptor)) {
                    ++counters.messages_invalid;
                } else if (descriptor.stream_id == options.stream_id) {
                    first_own_ = FirstOwn{descriptor, message.image->session_id};
                }
            },
            1);
    }
    int delivered = poll_current(call, handler, limit);
    if (!first_own_) return delivered;
    const bool drained = polled_ < limit || options.delivery == Delivery::LatestOnly;
    if (!drained && !has_passed(first_own_->descriptor)) {
        // Of another epoch, and in the middle of more than one poll takes: a later one shows where this ends.
        if (first_own_->descriptor.epoch != mapped_epoch_) first_own_.reset();
        return delivered;
    }
    const FirstOwn first = *first_own_;
    first_own_.reset();
    descriptors.settle();
    if (admit(first.descriptor, first.image) && deliver(first.descriptor, call, handler)) ++delivered;
    return delivered;
}

/// A consumer slower than its producer never finds the shared stream drained.
bool Consumer::Impl::has_passed(const wire::FrameDescriptorBlock& descriptor) const noexcept {
    return mapped_ != nullptr && descriptor.epoch == mapped_epoch_ && sequence.seen() &&
           sequence.last() >= descriptor.seq;
}

/// Inlined into what messaging calls: as a function of its own it cost 25 ns of 290 (docs/decisions/0013).
__attribute__((always_inline)) inline void Consumer::Impl::on_descriptor(const messaging::Message& message,
                                                                         EveryPoll& poll) noexcept {
    // Most likely it is the next one: its slot travels while the descriptor's own lines still do.
    const std::uint64_t expected = sequence.last() + 1;
    if (mapped_ != nullptr) reader_.prefetch(expected);
    wire::FrameDescriptorBlock descriptor;
    if (!wire::decode_frame_descriptor(message.bytes, descriptor)) {
        ++counters.messages_invalid;
        return;
    }
    if (descriptor.stream_id != options.stream_id) return;
    if (mapped_ != nullptr && descriptor.seq != expected) reader_.prefetch(descriptor.seq);
    if (!admit(descriptor, message.image->session_id)) return;
    if (resync_) {
        if (poll.newest) ++counters.skipped_resync;
        poll.newest = descriptor;
        return;
    }
    if (deliver(descriptor, poll.call, poll.handler)) ++poll.delivered;
}

TP_FRAME_PATH int Consumer::Impl::poll_every(Call call, void* handler, int limit) noexcept {
    EveryPoll poll{.call = call, .handler = handler, .newest = {}};
    const auto on_message = [&](const messaging::Message& message) { on_descriptor(message, poll); };
    const messaging::MessageHandler on_each = on_message;
    polled_ = descriptors.current().poll(on_each, limit);
    if (polled_ == 0 && ++idle_polls_ % kIdlePollsPerFetch == 0) [[unlikely]]
        stay_ready(on_each.code(), call);
    return poll.newest ? poll.delivered + poll_latest(call, handler, poll.newest) : poll.delivered;
}

TP_OFF_FRAME_PATH void Consumer::Impl::stay_ready(const void* on_message, Call call) const noexcept {
    base::fetch_frame_path();
    base::fetch_lines(on_message, kHandlerBytes);
    base::fetch_lines(reinterpret_cast<const void*>(call), kHandlerBytes / 2);
    reader_.stay_ready(sequence.last());
}

int Consumer::Impl::poll_latest(Call call, void* handler,
                                std::optional<wire::FrameDescriptorBlock> newest) noexcept {
    std::uint64_t& skipped = resync_ ? counters.skipped_resync : counters.skipped_latest_only;
    polled_ = descriptors.current().poll(
        [&](const messaging::Message& message) {
            wire::FrameDescriptorBlock descriptor;
            if (!wire::decode_frame_descriptor(message.bytes, descriptor)) {
                ++counters.messages_invalid;
                return;
            }
            if (descriptor.stream_id != options.stream_id || !admit(descriptor, message.image->session_id))
                return;
            if (newest) ++skipped;
            newest = descriptor;
        },
        kDrainLimit);
    resync_ = false;
    return newest && mapped_ != nullptr && deliver(*newest, call, handler) ? 1 : 0;
}

TP_FRAME_PATH bool Consumer::Impl::admit(const wire::FrameDescriptorBlock& descriptor,
                                         std::int64_t image) noexcept {
    ++counters.descriptors_received;
    if (mapped_ == nullptr) {
        ++counters.drops_unmapped;
        return false;
    }
    if (descriptor.epoch != mapped_epoch_) {
        ++counters.drops_epoch_mismatch;
        return false;
    }
    const bool thinned = is_thinned();
    const auto outcome = sequence.on_descriptor(descriptor.seq, image, thinned);
    (thinned ? counters.skipped_rate_limited : counters.drops_gap) += outcome.gap;
    switch (outcome.verdict) {
        case consumer::SequenceTracker::Verdict::InOrder:
            return true;
        case consumer::SequenceTracker::Verdict::Duplicate:
            ++counters.drops_duplicate;
            return false;
        case consumer::SequenceTracker::Verdict::Resync:
            ++counters.resynchronisations;
            resync_ = true;
            return true;
        case consumer::SequenceTracker::Verdict::Regression:
            on_regression(descriptor.seq);
            return false;
    }
    return false;
}

TP_OFF_FRAME_PATH void Consumer::Impl::on_regression(std::uint64_t seq) noexcept {
    ++counters.seq_regressions;
    if (regression_log_.pass(now_ns_)) {
        base::log_with(LogLevel::Warn, "Consumer",
                       {{"stream_id", options.stream_id},
                        {"epoch", mapped_epoch_},
                        {"seq", seq},
                        {"held_back", regression_log_.take_held_back()}},
                       "stream {}: seq went back to {}", options.stream_id, seq);
    }
    tracker.on_sequence_regression();
    sync_mapping();
}

TP_FRAME_PATH bool Consumer::Impl::deliver(const wire::FrameDescriptorBlock& descriptor, Call call,
                                           void* handler) noexcept {
    const FrameReader::Result result = reader_.read(descriptor);
    if (result != FrameReader::Result::Ok) {
        count_drop(result);
        return false;
    }
    const Frame& frame = reader_.frame();
    if (mode() == Mode::RateLimited && !passes_rate(frame)) return false;
    if (read_sampler_.take()) measure(frame);
    try {
        call(handler, frame);
    } catch (...) {
        ++counters.handler_errors;
    }
    if (!frame.intact()) {
        on_overrun(frame.seq());
        return false;
    }
    ++counters.frames_delivered;
    counters.bytes_delivered += frame.payload().size();
    return true;
}

TP_OFF_FRAME_PATH bool Consumer::Impl::passes_rate(const Frame& frame) noexcept {
    // Frame time: publish time, else capture time, else ours (WIRE-094).
    const std::uint64_t stamp = frame.publish_timestamp_ns() != 0 ? frame.publish_timestamp_ns()
                                : frame.timestamp_ns() != 0       ? frame.timestamp_ns()
                                                                  : static_cast<std::uint64_t>(now_ns_);
    if (is_thinned() ? gate_.admit_thinned(stamp) : gate_.admit(stamp)) return true;
    ++counters.skipped_rate_limited;
    return false;
}

TP_OFF_FRAME_PATH void Consumer::Impl::on_overrun(std::uint64_t seq) noexcept {
    ++counters.overruns;
    count_drop(FrameReader::Result::Changed);
    // The writer is a whole ring ahead and this handler is too slow to catch up: the next oldest frame would
    // be lost the same way (WIRE-129).
    ++counters.resynchronisations;
    resync_ = true;
    try {
        if (overrun_handler) overrun_handler(seq);
    } catch (...) {
        ++counters.handler_errors;
    }
}

bool Consumer::Impl::read(std::uint64_t seq, Call call, void* handler) noexcept {
    bool good = false;
    if (mapped_ != nullptr) {
        wire::FrameDescriptorBlock descriptor{};
        descriptor.stream_id = options.stream_id;
        descriptor.epoch = mapped_epoch_;
        descriptor.seq = seq;
        descriptor.timestamp_ns = wire::kNullU64;
        good = look_up_.read(descriptor) == FrameReader::Result::Ok;
    }
    if (good) {
        try {
            call(handler, look_up_.frame());
        } catch (...) {
            ++counters.handler_errors;
        }
        good = look_up_.frame().intact();
    }
    ++(good ? counters.frames_read : counters.reads_failed);
    return good;
}

/// From the publish time, where descriptors carry one, else from the capture time. Stamps of another clock
/// show as times that lie ahead or too far back, and are left out.
void Consumer::Impl::measure(const Frame& frame) noexcept {
    constexpr Nanos kLongest = 60 * kNanosPerSecond;
    const std::uint64_t stamp =
        frame.publish_timestamp_ns() != 0 ? frame.publish_timestamp_ns() : frame.timestamp_ns();
    const auto now_ns = static_cast<std::uint64_t>(context.clock().now_ns());
    if (stamp == 0 || stamp > now_ns || now_ns - stamp > std::uint64_t{kLongest}) return;
    read_latency_->record(static_cast<Nanos>(now_ns - stamp));
}

void Consumer::Impl::count_drop(FrameReader::Result result) noexcept {
    ++counters.drops_late;
    switch (result) {
        case FrameReader::Result::Ok:
            return;
        case FrameReader::Result::Odd:
            ++counters.drops_odd;
            return;
        case FrameReader::Result::Changed:
            ++counters.drops_changed;
            return;
        case FrameReader::Result::IdMismatch:
            ++counters.drops_frame_id_mismatch;
            return;
        case FrameReader::Result::HeaderInvalid:
            ++counters.drops_header_invalid;
            return;
        case FrameReader::Result::PayloadInvalid:
            ++counters.drops_payload_invalid;
            return;
    }
}

// ---- the duty cycle ---------------------------------------------------------------------------------------

int Consumer::Impl::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    if (read_latency_) read_sampler_.cycle(now_ns);
    int work = context.messaging().do_work(now_ns);
    if (own_session_) work += own_session_->do_work(now_ns);
    if (session != nullptr) work += follow_session(now_ns);
    work += dispatcher_.poll(*control_, kControlLimit);
    if (announces_) work += dispatcher_.poll(*announces_, kControlLimit);
    if (options.progress) work += poll_own_progress();
    if (descriptors.follow(std::exchange(polled_, -1) == 0)) {
        if (!descriptors.on_own()) ++counters.streams_returned;
        list_waits();
    }
    if (liveness_timer_.due(now_ns)) {
        tracker.check_liveness(now_ns);
        report_wait(now_ns);
        if (others_qos_) work += dispatcher_.poll(*others_qos_, kQosLimit);
    }
    sync_mapping();
    if (hello_) say_hello(now_ns);
    if (qos_) report_qos(now_ns);
    if (frame_handler) {
        work += poll(
            [](void* f, const Frame& frame) { (*static_cast<std::function<void(const Frame&)>*>(f))(frame); },
            &frame_handler, 16);
    }
    published_->cycle(now_ns, work, [this]() noexcept {
        gauges_.epoch = mapped_epoch_;
        gauges_.last_seq = sequence.seen() ? sequence.last() : 0;
    });
    return work;
}

int Consumer::Impl::follow_session(Nanos now_ns) noexcept {
    const Attachment* attachment = session->attachment();
    if (attachment == nullptr) {
        if (session_generation_ == 0) return 0;
        session_generation_ = 0;
        tracker.on_lease_lost();
        return 1;
    }
    if (session->generation() == session_generation_) return 0;
    if (session_generation_ != 0) tracker.on_lease_lost();  // lost and granted again between two looks
    session_generation_ = session->generation();
    consumer_id = attachment->client_id;
    tracker.on_attached(*attachment, now_ns);
    if (hello_) hello_->trigger();  // under the id of the lease: only its holder gets streams of its own
    return 1;
}

/// SUP-016, WIRE-072. In driver mode the id is the one of the lease: the driver told it from its other
/// clients.
void Consumer::Impl::on_qos_consumer(const control::QosConsumer& qos, const messaging::Message& message) {
    if (qos.stream_id != options.stream_id || qos.consumer_id != consumer_id) return;
    if (message.image->session_id == qos_->session_id()) return;
    ++counters.id_collisions;
    const bool may_choose = self_assigned_id && session == nullptr;
    if (!may_choose && std::exchange(collision_logged_, true)) return;
    const std::uint32_t former = consumer_id;
    if (may_choose) consumer_id = random_id();
    base::log(LogLevel::Warn, "Consumer", "stream {}: another consumer reports as {}; {}", options.stream_id,
              former,
              may_choose ? fmt::format("going on as {}", consumer_id)
                         : std::string("this id was given, not chosen: give each consumer its own"));
}

void Consumer::Impl::report_qos(Nanos now_ns) noexcept {
    const bool sent = qos_->send_if_due(now_ns, [&] {
        control::QosConsumer qos;
        qos.stream_id = options.stream_id;
        qos.consumer_id = consumer_id;
        qos.epoch = mapped_epoch_;  // 0: nothing is mapped
        qos.last_seq_seen = sequence.seen() ? sequence.last() : 0;
        qos.drops_gap = counters.drops_gap;
        qos.drops_late = counters.drops_late;
        qos.mode = mode();
        return qos;
    });
    if (sent) ++counters.qos_published;
}

/// Says once that announces are overdue. Without a lease it is the driver that is missed, and the session
/// says so.
void Consumer::Impl::report_wait(Nanos now_ns) noexcept {
    const bool waits = tracker.mapping() == nullptr && remote.use_shm &&
                       (session == nullptr || session->attachment() != nullptr);
    if (!waits) {
        waiting_since_ns_.reset();
        wait_reported_ = false;
        return;
    }
    if (!waiting_since_ns_) waiting_since_ns_ = now_ns;
    const Nanos waited_ns = now_ns - *waiting_since_ns_;
    if (wait_reported_ || waited_ns < kAnnouncePatience * options.announce_period_ns) return;
    wait_reported_ = true;
    base::log_with(LogLevel::Warn, "Consumer",
                   {{"stream_id", options.stream_id},
                    {"waited_ns", waited_ns},
                    {"reason", std::string_view(tracker.last_error())}},
                   "stream {}: no announce to map for {} ms", options.stream_id, waited_ns / kNanosPerMilli);
}

void Consumer::Impl::sync_mapping() noexcept {
    const shm::StreamMapping* mapping = tracker.mapping();
    if (tracker.mapping_id() == mapping_id_) return;
    mapping_id_ = tracker.mapping_id();
    // WIRE-133: everything about the old epoch is forgotten; frames in flight are dropped by their epoch.
    mapped_ = mapping;
    mapped_epoch_ = tracker.epoch();
    reader_.attach(mapping, mapping_id_);
    if (options.progress) progress_reader_.attach(mapping);
    look_up_.attach(mapping, mapping_id_);
    if (hello_ && mapping != nullptr)
        hello_->trigger();  // whoever produces now may not have heard the last one
    sequence.restart();
    gate_.restart();
    resync_ = false;
}

void Consumer::Impl::on_pool_announce(const control::PoolAnnounce& announce,
                                      const messaging::Message& message) {
    // In driver mode an announce alone grants nothing: without a lease there is nothing to map.
    if (session != nullptr && session->attachment() == nullptr) return;
    tracker.on_announce(announce, message.image->joined_ns, now_ns_);
}

void Consumer::Impl::on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message&) {
    if (session != nullptr) tracker.on_lease_revoked(revoked);
}

void Consumer::Impl::wait(Nanos timeout_ns) noexcept {
    context.messaging().wait(wait_set_, timeout_ns);
}

}  // namespace tensorpool
