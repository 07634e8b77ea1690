// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/publication.hpp"

#include "base/prefetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tensorpool::messaging::aeron {
namespace {

// Aeron's own limits, used for as long as no media driver has said more.
constexpr std::size_t kLargestMessage = 16U << 20;
constexpr std::size_t kMessagesPerTerm = 8;
constexpr std::size_t kFrameHeader = 32;
constexpr std::size_t kFrameAlignment = 32;
constexpr std::size_t kDefaultMaxClaim = 1408 - kFrameHeader;
constexpr std::size_t kCacheLine = 64;

SendError error_of(std::int64_t result) noexcept {
    switch (result) {
        case AERON_PUBLICATION_NOT_CONNECTED:
        case AERON_PUBLICATION_CLOSED:  // with its media driver: it is registered again with the next one
            return SendError::NotConnected;
        case AERON_PUBLICATION_BACK_PRESSURED:
            return SendError::BackPressured;
        case AERON_PUBLICATION_ADMIN_ACTION:
            return SendError::AdminAction;
        case AERON_PUBLICATION_MAX_POSITION_EXCEEDED:
            return SendError::MaxPositionExceeded;
        default:
            return SendError::Failed;
    }
}

}  // namespace

AeronPublication::AeronPublication(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id,
                                   std::size_t term_bytes)
    : core_(std::move(core)), channel_(std::move(channel)), stream_id_(stream_id) {
    live_.max_message = std::min(term_bytes / kMessagesPerTerm, kLargestMessage);
    live_.max_claim = std::min(kDefaultMaxClaim, live_.max_message);
    core_->add(*this);
    adopt();
}

AeronPublication::~AeronPublication() {
    core_->remove(*this, [this] {
        ::aeron_exclusive_publication_close(next_.publication, nullptr, nullptr);
        ::aeron_exclusive_publication_close(live_.publication, nullptr, nullptr);
        if (request_ != nullptr && !asked_->closed()) {
            // Nobody takes the answer any more.
            ::aeron_async_remove_exclusive_publication(
                ::aeron_async_add_exclusive_publication_get_registration_id(request_), asked_->client(),
                nullptr, nullptr);
        }
    });
}

template <typename Send>
expected<void, SendError> AeronPublication::send(Send&& send) noexcept {
    if (live_.publication == nullptr && !adopt()) [[unlikely]]
        return unexpected(SendError::NotConnected);
    std::int64_t result = send(live_.publication);
    if (result >= 0) [[likely]]
        return {};
    // The next term is ready when this returns; only every hundred thousandth message or so comes here.
    if (result == AERON_PUBLICATION_ADMIN_ACTION) result = send(live_.publication);
    if (result == AERON_PUBLICATION_CLOSED && adopt()) result = send(live_.publication);
    if (result >= 0) return {};
    return unexpected(error_of(result));
}

expected<void, SendError> AeronPublication::offer(std::span<const std::byte> message) noexcept {
    if (message.size() > live_.max_message) return unexpected(SendError::TooLong);
    if (message.size() <= live_.max_claim) [[likely]] {
        // What Aeron's own offer does for a message of one fragment, and we learn where it lies.
        aeron_buffer_claim_t claim;
        const auto sent = this->claim(message.size(), claim);
        if (!sent) return sent;
        if (!message.empty()) std::memcpy(claim.data, message.data(), message.size());
        ::aeron_buffer_claim_commit(&claim);
        return {};
    }
    static constexpr std::uint8_t kNothing = 0;
    const auto* bytes = message.empty() ? &kNothing : reinterpret_cast<const std::uint8_t*>(message.data());
    return send([&](aeron_exclusive_publication_t* publication) {
        return ::aeron_exclusive_publication_offer(publication, bytes, message.size(), nullptr, nullptr);
    });
}

expected<void, SendError> AeronPublication::claim(std::size_t length, aeron_buffer_claim_t& claim) noexcept {
    const auto sent = send([&](aeron_exclusive_publication_t* publication) {
        return ::aeron_exclusive_publication_try_claim(publication, length, &claim);
    });
    if (!sent) return sent;
    constexpr std::size_t kMask = kFrameAlignment - 1;
    end_ = claim.frame_header + ((kFrameHeader + length + kMask) & ~kMask);
    return {};
}

expected<Claim, SendError> AeronPublication::try_claim(std::size_t length) noexcept {
    if (length > live_.max_claim) return unexpected(SendError::TooLong);
    if (claim_open_) return unexpected(SendError::Failed);
    if (const auto sent = claim(length, claim_); !sent) return unexpected(sent.error());
    claim_open_ = true;
    return Claim(*this, {reinterpret_cast<std::byte*>(claim_.data), length}, 0);
}

void AeronPublication::commit_claim(std::uint64_t /*token*/) noexcept {
    ::aeron_buffer_claim_commit(&claim_);
    claim_open_ = false;
}

void AeronPublication::abort_claim(std::uint64_t /*token*/) noexcept {
    ::aeron_buffer_claim_abort(&claim_);
    claim_open_ = false;
}

void AeronPublication::prefetch_next() noexcept {
    // A short message lies in two cache lines. Readers that spin look at the first one all the time. An
    // address behind the log does no harm.
    if (end_ != nullptr) base::prefetch_for_write(reinterpret_cast<const std::byte*>(end_) + kCacheLine);
}

bool AeronPublication::is_connected() const noexcept {
    if (live_.publication != nullptr && ::aeron_exclusive_publication_is_connected(live_.publication)) {
        return true;
    }
    return adopt() && ::aeron_exclusive_publication_is_connected(live_.publication);
}

bool AeronPublication::adopt() const noexcept {
    // Not under a claim, which points into the old log.
    if (claim_open_ || !has_next_.load(std::memory_order_acquire)) return false;
    const std::lock_guard guard(core_->mutex());
    has_next_.store(false, std::memory_order_relaxed);
    // The old one is closed already, as all of its session is.
    live_ = std::exchange(next_, Live{});
    end_ = nullptr;
    return live_.publication != nullptr;
}

Resource::Progress AeronPublication::begin(std::shared_ptr<Session> session) noexcept {
    next_ = {};
    has_next_.store(false, std::memory_order_relaxed);
    asked_ = std::move(session);
    const int result =
        ::aeron_async_add_exclusive_publication(&request_, asked_->client(), channel_.c_str(), stream_id_);
    if (result == 0) return Progress::Waiting;
    request_ = nullptr;
    return Progress::Failed;
}

Resource::Progress AeronPublication::advance() noexcept {
    aeron_exclusive_publication_t* publication = nullptr;
    const int result = ::aeron_async_add_exclusive_publication_poll(&publication, request_);
    if (result == 0) return Progress::Waiting;
    request_ = nullptr;
    aeron_publication_constants_t constants{};
    if (result < 0 || ::aeron_exclusive_publication_constants(publication, &constants) != 0) {
        ::aeron_exclusive_publication_close(publication, nullptr, nullptr);
        return Progress::Failed;
    }
    next_ = {.session = std::move(asked_),
             .publication = publication,
             .max_message = constants.max_message_length,
             .max_claim = constants.max_payload_length,
             .session_id = constants.session_id};
    has_next_.store(true, std::memory_order_release);
    return Progress::Done;
}

std::string AeronPublication::describe() const {
    return fmt::format("publication of stream {} on {}", stream_id_, channel_);
}

}  // namespace tensorpool::messaging::aeron
