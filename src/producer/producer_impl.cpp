// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "producer/producer_impl.hpp"

#include "base/frame_path.hpp"
#include "base/log.hpp"
#include "base/prefetch.hpp"
#include "client/attachment_layout.hpp"
#include "wire/frame_descriptor.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <random>
#include <tuple>
#include <utility>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Producer";
constexpr Nanos kFetchPeriod = 10'000;

std::uint32_t random_id() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint32_t>(1, 0x7fffffff)(device);
}

ProducerOptions validated(ProducerOptions options) {
    if (options.stream_id == 0 || options.stream_id == 0xffffffff) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("producer: stream_id {} is not a stream; valid are 1 to 4294967294 (CFG-012)",
                                options.stream_id));
    }
    if (options.announce_period_ns <= 0 || options.keepalive_interval_ns <= 0 || options.qos_period_ns < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    "producer: announce and keepalive periods must be positive, the QoS period not negative");
    }
    if (options.consumer_stale_after_ns < 0 || options.progress.interval_ns < 0 ||
        options.progress.least_interval_ns < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    "producer: consumer_stale_after_ns and the progress intervals must not be negative");
    }
    if (options.producer_id == 0) options.producer_id = random_id();
    return options;
}

std::vector<std::string> bases_of(const ProducerOptions& options) {
    return options.standalone ? std::vector<std::string>{options.standalone->base_dir}
                              : options.allowed_base_dirs;
}

DriverSessionOptions session_options(const ProducerOptions& options) {
    DriverSessionOptions session;
    session.stream_id = options.stream_id;
    session.role = Role::Producer;
    session.client_id = options.producer_id;
    session.control = options.endpoints.control;
    session.announce = options.endpoints.announce;
    session.publish_mode = options.publish_mode;
    session.hugepages = options.hugepages;
    session.keepalive_interval_ns = options.keepalive_interval_ns;
    session.announce_period_ns = options.announce_period_ns;
    return session;
}

}  // namespace

Producer::Impl::Impl(Context& ctx, ProducerOptions opts, DriverSession* borrowed_session)
    : context(ctx),
      options(validated(std::move(opts))),
      descriptors(context.messaging().add_publication(options.endpoints.descriptor.channel,
                                                      options.endpoints.descriptor.stream_id)),
      consumers(context, options, counters),
      session(borrowed_session),
      policy_(bases_of(options)) {
    now_ns_ = context.clock().now_ns();
    producer_id = options.producer_id;
    published_.emplace(context.messaging(), telemetry::stream_owner("Producer", producer_id,
                                                                    options.stream_id, context.instance()));
    published_->add(telemetry::rows<ProducerCounters>(), counters);
    published_->add(telemetry::rows<telemetry::ProducerGauges>(), gauges_);
    publish_latency_ = context.latencies().add(telemetry::Latency::Publish, published_->owner());
    if (options.qos_period_ns > 0) {
        const Endpoint& qos = options.endpoints.qos;
        qos_.emplace(context.messaging().add_sparse_publication(qos.channel, qos.stream_id),
                     options.qos_period_ns, now_ns_);
    }
    if (options.standalone) {
        standalone_ = std::make_unique<producer::StandaloneStream>(context, options, now_ns_);
        use(standalone_->mapping(), standalone_->epoch());
        standalone_->do_work(now_ns_, counters.announces_published);
        return;
    }
    if (session == nullptr) {
        own_session_ = std::make_unique<DriverSession>(context, session_options(options));
        session = own_session_.get();
        session->request_attach();
    }
}

Producer::Impl::~Impl() {
    if (own_session_ == nullptr || own_session_->state() != SessionState::Attached) return;
    unmap();
    own_session_->await_detach(context.clock().now_ns() + kNanosPerSecond);
}

// ---- the slot lifecycle ---------------------------------------------------------------------------------

TP_FRAME_PATH expected<const shm::PayloadPool*, ClaimError> Producer::Impl::fitting_pool(
    std::uint32_t payload_bytes) noexcept {
    if (!mapping) {
        ++counters.claims_refused_not_attached;
        return unexpected(ClaimError::NotAttached);
    }
    const shm::PayloadPool* pool = mapping->smallest_pool_for(payload_bytes);
    if (pool == nullptr) {
        ++counters.claims_refused_no_pool;
        return unexpected(ClaimError::NoPoolFits);
    }
    return pool;
}

TP_FRAME_PATH expected<Reservation, ClaimError> Producer::Impl::reserve_fitting(
    std::uint32_t payload_bytes) noexcept {
    const auto pool = fitting_pool(payload_bytes);
    if (!pool) return unexpected(pool.error());
    return reserve(**pool);
}

expected<Reservation, ClaimError> Producer::Impl::reserve_seq(std::uint64_t seq,
                                                              std::uint32_t payload_bytes) noexcept {
    const auto pool = fitting_pool(payload_bytes);
    if (!pool) return unexpected(pool.error());
    switch (queue.reserve_at(seq, now_ns_)) {
        case Queue::Place::Reserved:
            return begin(seq, **pool);
        case Queue::Place::Full:
            ++counters.claims_refused_overrun;
            return unexpected(ClaimError::WouldOverrun);
        case Queue::Place::Passed:
            break;
    }
    ++counters.claims_refused_seq_passed;
    return unexpected(ClaimError::SeqPassed);
}

TP_FRAME_PATH expected<Reservation, ClaimError> Producer::Impl::reserve_in_pool(
    std::uint16_t pool_id) noexcept {
    if (!mapping) {
        ++counters.claims_refused_not_attached;
        return unexpected(ClaimError::NotAttached);
    }
    const shm::PayloadPool* pool = mapping->find_pool(pool_id);
    if (pool == nullptr) {
        ++counters.claims_refused_unknown_pool;
        return unexpected(ClaimError::UnknownPool);
    }
    return reserve(*pool);
}

TP_FRAME_PATH expected<Reservation, ClaimError> Producer::Impl::reserve(
    const shm::PayloadPool& pool) noexcept {
    if (!queue.make_room(counters.frames_abandoned)) {
        ++counters.claims_refused_overrun;
        return unexpected(ClaimError::WouldOverrun);
    }
    return begin(queue.reserve(now_ns_), pool);
}

TP_FRAME_PATH Reservation Producer::Impl::begin(std::uint64_t seq, const shm::PayloadPool& pool) noexcept {
    slots_.begin(seq);
    const std::uint32_t slot = slots_.slot_of(seq);
    return Reservation{seq, generation, slot, pool.pool_id(), pool.stride_bytes(), pool.slot(slot)};
}

TP_FRAME_PATH bool Producer::Impl::is_current(const Reservation& reservation) const noexcept {
    return mapping && reservation.generation == generation &&
           queue.look(reservation.seq) == Queue::Finish::Ok;
}

TP_FRAME_PATH PublishResult Producer::Impl::publish(const Reservation& reservation,
                                                    const FrameInfo& info) noexcept {
    if (!publish_sampler_.take()) return publish_frame(reservation, info);
    const telemetry::LatencyScope timed(publish_latency_.get(), context.clock());
    return publish_frame(reservation, info);
}

TP_FRAME_PATH PublishResult Producer::Impl::publish_frame(const Reservation& reservation,
                                                          const FrameInfo& info) noexcept {
    if (!is_current(reservation)) return refuse_stale(reservation);
    if (!slots_.accepts(info, reservation.capacity_bytes)) {
        ++counters.invalid_frames;
        abandon(reservation);
        return PublishResult::InvalidFrame;
    }
    const std::uint64_t timestamp_ns =
        info.timestamp_ns != 0 ? info.timestamp_ns : static_cast<std::uint64_t>(monotonic_now_ns());
    slots_.commit(reservation.seq, reservation.pool_id, info, timestamp_ns);
    ++counters.frames_committed;
    counters.bytes_committed += info.values_len_bytes;

    const producer::DescriptorFields fields{reservation.seq, info.trace_id, info.meta_version};
    std::ignore = queue.publish(fields);
    // The frame's own descriptor decides the answer; one that must wait for an earlier frame counts as on its
    // way.
    PublishResult result = PublishResult::Published;
    queue.drain([&](const producer::DescriptorFields& ready) {
        const PublishResult sent = emit(ready);
        if (ready.seq == reservation.seq) result = sent;
    });
    if (progress_.any_open()) [[unlikely]]
        complete_progress(reservation.seq, info.values_len_bytes);
    const std::ptrdiff_t slots =
        std::ptrdiff_t{slots_.slot_of(queue.next_seq())} - std::ptrdiff_t{reservation.slot};
    next_payload_ = reservation.payload + slots * std::ptrdiff_t{reservation.capacity_bytes};
    prefetch_next();
    return result;
}

TP_OFF_FRAME_PATH PublishResult Producer::Impl::refuse_stale(const Reservation& reservation) noexcept {
    if (reservation.generation == generation) {
        std::ignore = queue.abandon(reservation.seq);
        if (progress_.any_open()) progress_.forget(reservation.seq);
    }
    ++counters.stale_publishes;
    return PublishResult::Stale;
}

TP_OFF_FRAME_PATH void Producer::Impl::complete_progress(std::uint64_t seq,
                                                         std::uint32_t values_len_bytes) noexcept {
    progress_.complete(seq, values_len_bytes,
                       [this](const control::FrameProgress& progress) { send_progress(progress); });
}

TP_FRAME_PATH void Producer::Impl::prefetch_next() const noexcept {
    base::prefetch_for_write(next_payload_);
    slots_.prefetch(queue.next_seq());
    descriptors->prefetch_next();
}

TP_OFF_FRAME_PATH void Producer::Impl::abandon(const Reservation& reservation) noexcept {
    if (reservation.generation != generation || !mapping) return;
    if (queue.abandon(reservation.seq) == Queue::Finish::Ok) ++counters.frames_abandoned;
    if (progress_.any_open()) [[unlikely]]
        progress_.forget(reservation.seq);
    queue.drain([&](const producer::DescriptorFields& ready) { emit(ready); });
}

TP_FRAME_PATH PublishResult Producer::Impl::emit(const producer::DescriptorFields& fields) noexcept {
    wire::FrameDescriptorBlock descriptor;
    descriptor.stream_id = options.stream_id;
    descriptor.epoch = epoch;
    descriptor.seq = fields.seq;
    descriptor.timestamp_ns =
        options.descriptor_timestamps ? static_cast<std::uint64_t>(monotonic_now_ns()) : wire::kNullU64;
    descriptor.meta_version = fields.meta_version != 0 ? fields.meta_version : wire::kNullU32;  // WIRE-012
    descriptor.trace_id = fields.trace_id;
    // Offered, not claimed: one call instead of three costs less than the copy of 48 bytes it takes.
    std::array<std::byte, wire::kFrameDescriptorLength> message;
    wire::encode_frame_descriptor(message, descriptor);
    const auto sent = descriptors->offer(message);
    if (consumers.has_descriptor_streams()) [[unlikely]] {
        const std::uint64_t stamp_ns = descriptor.timestamp_ns != wire::kNullU64
                                           ? std::uint64_t{descriptor.timestamp_ns}
                                           : slots_.timestamp_of(fields.seq);
        if (consumers.send_descriptor(message, stamp_ns) && !sent) {
            count_refusal(sent.error());
            ++counters.frames_published;  // on at least one stream (OBS 1.2 no. 3)
            return PublishResult::Published;
        }
    }
    if (!sent) {
        count_refusal(sent.error());
        if (sent.error() != messaging::SendError::NotConnected) return PublishResult::DescriptorLost;
        ++counters.frames_published;
        return PublishResult::NotConnected;
    }
    ++counters.frames_published;
    return PublishResult::Published;
}

TP_OFF_FRAME_PATH void Producer::Impl::count_refusal(messaging::SendError error) noexcept {
    switch (error) {
        case messaging::SendError::NotConnected:
            ++counters.descriptor_not_connected;
            return;
        case messaging::SendError::BackPressured:
            ++counters.descriptor_back_pressured;
            return;
        case messaging::SendError::AdminAction:
            ++counters.descriptor_admin_action;
            return;
        case messaging::SendError::Closed:
            ++counters.descriptor_closed;
            return;
        case messaging::SendError::MaxPositionExceeded:
            ++counters.descriptor_max_position_exceeded;
            return;
        case messaging::SendError::TooLong:
        case messaging::SendError::Failed:
            ++counters.descriptor_errors;
            return;
    }
}

// ---- frames that are being filled -----------------------------------------------------------------------

ProgressResult Producer::Impl::begin_progress(const Reservation& reservation,
                                              const FrameInfo& info) noexcept {
    if (!is_current(reservation) || !slots_.accepts(info, reservation.capacity_bytes)) {
        ++counters.progress_refused;
        return ProgressResult::Refused;
    }
    // Before the first message: who gets one finds the header (trap T12).
    slots_.write_header(reservation.seq, reservation.pool_id, info, info.timestamp_ns);
    const bool begun =
        progress_.begin(reservation.seq, info.values_len_bytes, slots_.line_bytes(),
                        consumers.progress_limits(), context.clock().now_ns(),
                        [this](const control::FrameProgress& progress) { send_progress(progress); });
    if (begun) return ProgressResult::Sent;
    ++counters.progress_deferred;
    return ProgressResult::Deferred;
}

ProgressResult Producer::Impl::report_progress(const Reservation& reservation,
                                               std::uint32_t bytes_filled) noexcept {
    if (!progress_.any_open()) {
        // Nothing was begun, most likely because nobody listens.
        if (!consumers.wants_progress()) return ProgressResult::NotWanted;
        ++counters.progress_refused;
        return ProgressResult::Refused;
    }
    ProgressResult result = ProgressResult::Refused;
    if (is_current(reservation) && progress_.is_open(reservation.seq)) {
        result = progress_.report(
            reservation.seq, bytes_filled, consumers.progress_limits(), context.clock().now_ns(),
            [this](const control::FrameProgress& progress) { send_progress(progress); });
    }
    if (result == ProgressResult::Refused) ++counters.progress_refused;
    if (result == ProgressResult::Deferred) ++counters.progress_deferred;
    return result;
}

void Producer::Impl::send_progress(control::FrameProgress progress) noexcept {
    progress.stream_id = options.stream_id;
    progress.epoch = epoch;
    std::array<std::byte, sizeof(wire::MessageHeader) + wire::FrameProgressBlock::kBlockLength> message;
    const std::size_t bytes = control::encode(message, progress);
    if (consumers.send_progress(std::span(message).first(bytes))) ++counters.progress_published;
}

std::optional<DeviceSlots> Producer::Impl::device_slots(std::uint16_t pool_id) const {
    if (!mapping) return std::nullopt;
    const shm::PayloadPool* pool = mapping->find_pool(pool_id);
    if (pool == nullptr) return std::nullopt;
    return DeviceSlots{pool_id, pool->nslots(), pool->stride_bytes(), pool->slot(0), generation, mapping};
}

// ---- the duty cycle -------------------------------------------------------------------------------------

int Producer::Impl::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    if (publish_latency_) publish_sampler_.cycle(now_ns);
    if (now_ns - fetched_ns_ >= kFetchPeriod) {
        fetched_ns_ = now_ns;
        base::fetch_frame_path();
        if (next_payload_ != nullptr) prefetch_next();
    }
    int work = context.messaging().do_work(now_ns);
    if (own_session_) work += own_session_->do_work(now_ns);
    if (session != nullptr) work += follow_session();
    work += consumers.do_work(now_ns);
    if (standalone_) {
        if (consumers.somebody_new()) standalone_->announce_soon();
        work += standalone_->do_work(now_ns, counters.announces_published);
    }
    if (qos_ && mapping) report_qos(now_ns);
    if (mapping && progress_.any_open()) {
        work += progress_.flush(consumers.progress_limits(), now_ns,
                                [this](const control::FrameProgress& progress) { send_progress(progress); });
    }
    if (options.reservation_timeout_ns > 0 && queue.open() > 0) {
        const std::uint32_t expired = queue.expire(now_ns, options.reservation_timeout_ns);
        if (expired > 0) {
            counters.reservations_timed_out += expired;
            counters.frames_abandoned += expired;
            queue.drain([&](const producer::DescriptorFields& ready) { emit(ready); });
            work += static_cast<int>(expired);
        }
    }
    published_->cycle(now_ns, work, [&]() noexcept {
        refresh_gauges();
        report_refusals(now_ns);
    });
    return work;
}

void Producer::Impl::refresh_gauges() noexcept {
    gauges_.epoch = epoch;
    gauges_.next_seq = mapping ? queue.next_seq() : 0;
    gauges_.header_nslots = mapping ? mapping->header_nslots() : 0;
    gauges_.in_flight = mapping ? queue.open() : 0;
}

/// OBS-023. Nobody listening is normal and says nothing.
void Producer::Impl::report_refusals(Nanos now_ns) noexcept {
    const std::uint64_t refusals = counters.descriptor_back_pressured + counters.descriptor_admin_action +
                                   counters.descriptor_closed + counters.descriptor_max_position_exceeded +
                                   counters.descriptor_errors;
    if (refusals == refusals_reported_ || !refusal_log_.pass(now_ns)) return;
    refusals_reported_ = refusals;
    base::log_with(LogLevel::Info, kModule,
                   {{"stream_id", options.stream_id},
                    {"back_pressured", counters.descriptor_back_pressured},
                    {"not_connected", counters.descriptor_not_connected},
                    {"admin_action", counters.descriptor_admin_action},
                    {"closed", counters.descriptor_closed},
                    {"max_position_exceeded", counters.descriptor_max_position_exceeded},
                    {"errors", counters.descriptor_errors}},
                   "stream {}: {} descriptors were refused so far", options.stream_id, refusals);
}

void Producer::Impl::report_qos(Nanos now_ns) noexcept {
    const bool sent = qos_->send_if_due(now_ns, [&] {
        control::QosProducer qos;
        qos.stream_id = options.stream_id;
        qos.producer_id = producer_id;
        qos.epoch = epoch;
        qos.current_seq = queue.next_seq();
        return qos;
    });
    if (sent) ++counters.qos_published;
}

int Producer::Impl::follow_session() noexcept {
    const Attachment* attachment = session->attachment();
    if (attachment == nullptr) {
        if (!mapping) return 0;
        unmap();
        return 1;
    }
    if (session->generation() == session_generation_) return 0;
    unmap();
    session_generation_ = session->generation();
    try {
        map(*attachment);
        mapping_error.clear();
    } catch (const std::exception& error) {
        mapping_error = error.what();
        base::log_with(LogLevel::Warn, kModule,
                       {{"stream_id", options.stream_id},
                        {"epoch", attachment->epoch},
                        {"reason", std::string_view(error.what())}},
                       "stream {}: cannot map epoch {}: {}", options.stream_id, attachment->epoch,
                       error.what());
    }
    return 1;
}

void Producer::Impl::map(const Attachment& attachment) {
    auto fresh = std::make_shared<shm::StreamMapping>(shm::StreamMapping::open(
        client::layout_of(attachment), policy_, shm::Access::ReadWrite, options.lock_memory));
    producer_id = attachment.client_id;
    node_id = attachment.node_id;
    use(std::move(fresh), attachment.epoch);
}

void Producer::Impl::use(std::shared_ptr<shm::StreamMapping> fresh, std::uint64_t fresh_epoch) {
    const std::uint32_t nslots = fresh->header_nslots();
    const std::uint32_t most = nslots > 1 ? nslots - 1 : 1;
    const std::uint32_t wanted = options.max_in_flight != 0 ? options.max_in_flight : nslots / 2;
    queue.reset(nslots, std::clamp<std::uint32_t>(wanted, 1, most));
    slots_.attach(*fresh);
    progress_.reset(nslots);
    mapping = std::move(fresh);
    epoch = fresh_epoch;
    ++generation;
    ++counters.remaps;
    base::log_with(LogLevel::Info, kModule, {{"stream_id", options.stream_id}, {"epoch", epoch}},
                   "stream {}: mapped epoch {}", options.stream_id, epoch);
}

void Producer::Impl::unmap() noexcept {
    if (mapping) {
        base::log_with(LogLevel::Info, kModule, {{"stream_id", options.stream_id}, {"epoch", epoch}},
                       "stream {}: unmapped epoch {}", options.stream_id, epoch);
    }
    // Device slots may keep the memory alive; nothing of it is readable by consumers of a later epoch.
    mapping.reset();
    next_payload_ = nullptr;
    epoch = 0;
}

}  // namespace tensorpool
