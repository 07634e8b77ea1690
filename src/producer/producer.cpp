// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/producer.hpp>

#include "base/frame_path.hpp"
#include "base/racy_copy.hpp"
#include "producer/producer_impl.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace tensorpool {

std::string_view to_string(ClaimError error) noexcept {
    switch (error) {
        case ClaimError::NotAttached:
            return "not attached";
        case ClaimError::NoPoolFits:
            return "no pool fits";
        case ClaimError::WouldOverrun:
            return "would overrun";
        case ClaimError::UnknownPool:
            return "unknown pool";
        case ClaimError::SeqPassed:
            return "seq passed";
    }
    return "unknown";
}

std::string_view to_string(PublishResult result) noexcept {
    switch (result) {
        case PublishResult::Published:
            return "published";
        case PublishResult::NotConnected:
            return "not connected";
        case PublishResult::DescriptorLost:
            return "descriptor lost";
        case PublishResult::InvalidFrame:
            return "invalid frame";
        case PublishResult::Stale:
            return "stale";
    }
    return "unknown";
}

std::string_view to_string(ProgressResult result) noexcept {
    switch (result) {
        case ProgressResult::Sent:
            return "sent";
        case ProgressResult::Deferred:
            return "deferred";
        case ProgressResult::NotWanted:
            return "not wanted";
        case ProgressResult::Refused:
            return "refused";
    }
    return "unknown";
}

TP_FRAME_PATH SlotClaim::SlotClaim(SlotClaim&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), reservation_(other.reservation_) {
}

TP_FRAME_PATH SlotClaim::~SlotClaim() {
    abandon();
}

TP_FRAME_PATH PublishResult SlotClaim::commit(const FrameInfo& info) noexcept {
    Producer* owner = std::exchange(owner_, nullptr);
    return owner == nullptr ? PublishResult::Stale : owner->publish(reservation_, info);
}

ProgressResult SlotClaim::begin_progress(const FrameInfo& info) noexcept {
    return owner_ == nullptr ? ProgressResult::Refused : owner_->begin_progress(reservation_, info);
}

ProgressResult SlotClaim::report_progress(std::uint32_t bytes_filled) noexcept {
    return owner_ == nullptr ? ProgressResult::Refused : owner_->report_progress(reservation_, bytes_filled);
}

TP_FRAME_PATH void SlotClaim::abandon() noexcept {
    if (Producer* owner = std::exchange(owner_, nullptr)) owner->abandon(reservation_);
}

Producer::Producer(Context& context, ProducerOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options), nullptr)) {
}

Producer::Producer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {
}

Producer Producer::from_attach(Context& context, DriverSession& session, ProducerOptions options) {
    if (options.standalone) {
        throw Error(ErrorCode::InvalidArgument,
                    "producer: a standalone producer does not attach to a driver");
    }
    options.stream_id = session.options().stream_id;
    options.producer_id = session.client_id();
    return Producer(std::make_unique<Impl>(context, std::move(options), &session));
}

// The agent base has no state to move.
// NOLINTNEXTLINE(readability-redundant-member-init): gcc warns without it
Producer::Producer(Producer&& other) noexcept : Agent(), impl_(std::move(other.impl_)) {
}

Producer::~Producer() = default;

void Producer::await_ready(Nanos deadline_ns) {
    const Clock& clock = impl_->context.clock();
    while (!is_ready()) {
        const Nanos now_ns = clock.now_ns();
        do_work(now_ns);
        if (impl_->session != nullptr && impl_->session->state() == SessionState::Unattached) {
            impl_->session->request_attach();
        }
        if (is_ready()) return;
        if (now_ns >= deadline_ns) {
            throw Error(ErrorCode::Timeout, fmt::format("producer of stream {}: not ready: {}",
                                                        impl_->options.stream_id, last_error()));
        }
        impl_->context.messaging().wait({}, kNanosPerMilli);
    }
}

bool Producer::is_ready() const noexcept {
    return impl_->mapping != nullptr;
}

bool Producer::is_connected() const noexcept {
    return impl_->descriptors->is_connected() || impl_->consumers.is_connected();
}

expected<PublishResult, ClaimError> Producer::offer(std::span<const std::byte> values,
                                                    const FrameInfo& info) noexcept {
    if (values.size() > UINT32_MAX) {
        ++impl_->counters.claims_refused_no_pool;
        return unexpected(ClaimError::NoPoolFits);
    }
    auto reservation = impl_->reserve_fitting(static_cast<std::uint32_t>(values.size()));
    if (!reservation) return unexpected(reservation.error());
    if (!values.empty()) base::racy_copy_to_shared(reservation->payload, values.data(), values.size());
    FrameInfo sized = info;
    sized.values_len_bytes = static_cast<std::uint32_t>(values.size());
    return impl_->publish(*reservation, sized);
}

TP_FRAME_PATH expected<SlotClaim, ClaimError> Producer::try_claim(std::uint32_t payload_bytes) noexcept {
    auto reservation = impl_->reserve_fitting(payload_bytes);
    if (!reservation) return unexpected(reservation.error());
    return SlotClaim(*this, *reservation);
}

PublishResult Producer::commit(SlotClaim&& claim, const FrameInfo& info) noexcept {
    return claim.commit(info);
}

std::optional<std::uint16_t> Producer::pool_for(std::uint32_t payload_bytes) const noexcept {
    if (!impl_->mapping) return std::nullopt;
    const shm::PayloadPool* const pool = impl_->mapping->smallest_pool_for(payload_bytes);
    return pool != nullptr ? std::optional(pool->pool_id()) : std::nullopt;
}

std::optional<DeviceSlots> Producer::device_slots(std::uint16_t pool_id) const {
    return impl_->device_slots(pool_id);
}

TP_FRAME_PATH expected<Reservation, ClaimError> Producer::reserve(std::uint16_t pool_id) noexcept {
    return impl_->reserve_in_pool(pool_id);
}

expected<Reservation, ClaimError> Producer::reserve_seq(std::uint64_t seq,
                                                        std::uint32_t payload_bytes) noexcept {
    return impl_->reserve_seq(seq, payload_bytes);
}

TP_FRAME_PATH PublishResult Producer::publish(const Reservation& reservation,
                                              const FrameInfo& info) noexcept {
    return impl_->publish(reservation, info);
}

void Producer::abandon(const Reservation& reservation) noexcept {
    impl_->abandon(reservation);
}

ProgressResult Producer::begin_progress(const Reservation& reservation, const FrameInfo& info) noexcept {
    if (!impl_->consumers.wants_progress()) return ProgressResult::NotWanted;
    return impl_->begin_progress(reservation, info);
}

ProgressResult Producer::report_progress(const Reservation& reservation,
                                         std::uint32_t bytes_filled) noexcept {
    return impl_->report_progress(reservation, bytes_filled);
}

std::uint32_t Producer::in_flight() const noexcept {
    return impl_->queue.open();
}

bool Producer::skip_to(std::uint64_t seq) noexcept {
    constexpr std::uint64_t kEnd = std::uint64_t{1} << 63;  // seq_commit has no room for more (trap T30)
    return impl_->mapping != nullptr && seq < kEnd && impl_->queue.skip_to(seq);
}

void Producer::on_start() {
    impl_->thread_check.release();
}

int Producer::do_work(Nanos now_ns) noexcept {
    impl_->thread_check.check("producer");
    return impl_->do_work(now_ns);
}

std::uint32_t Producer::stream_id() const noexcept {
    return impl_->options.stream_id;
}
std::uint32_t Producer::producer_id() const noexcept {
    return impl_->producer_id;
}
std::uint64_t Producer::epoch() const noexcept {
    return impl_->epoch;
}
std::optional<std::uint32_t> Producer::node_id() const noexcept {
    return impl_->node_id;
}
std::uint64_t Producer::next_seq() const noexcept {
    return impl_->queue.next_seq();
}

std::uint32_t Producer::header_nslots() const noexcept {
    return impl_->mapping ? impl_->mapping->header_nslots() : 0;
}

std::uint32_t Producer::max_payload_bytes() const noexcept {
    return impl_->mapping ? impl_->mapping->pools().back().stride_bytes() : 0;
}

std::uint64_t Producer::generation() const noexcept {
    return impl_->generation;
}
const ProducerCounters& Producer::counters() const noexcept {
    return impl_->counters;
}

std::string Producer::last_error() const {
    if (is_ready()) return {};
    if (!impl_->mapping_error.empty()) return impl_->mapping_error;
    if (impl_->session == nullptr) return "the standalone stream is closed";
    const std::string& error = impl_->session->last_error();
    return error.empty()
               ? "no driver answered yet; is one running on this messaging directory and control stream?"
               : error;
}

}  // namespace tensorpool
