// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/subscription.hpp"

#include "base/racy_copy.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

namespace tensorpool::messaging::aeron {
namespace {

constexpr std::uint8_t kBegin = 0x80;
constexpr std::uint8_t kEnd = 0x40;
constexpr std::uint8_t kWhole = kBegin | kEnd;
constexpr std::size_t kFrameHeader = 32;
constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kFrameAlignment = 32;
constexpr std::size_t kLargestFragment = 64U << 10;
constexpr std::uint32_t kIdleLooksPerNudge = 64;

std::int32_t next_offset(std::int32_t offset, std::size_t length) noexcept {
    const std::size_t frame =
        (length + kFrameHeader + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
    return offset + static_cast<std::int32_t>(frame);
}

std::span<const std::byte> as_bytes(const std::uint8_t* bytes, std::size_t length) noexcept {
    return {reinterpret_cast<const std::byte*>(bytes), length};
}

}  // namespace

struct AeronSubscription::Poll {
    AeronSubscription& subscription;
    MessageHandler handler;
    int delivered = 0;
};

AeronSubscription::AeronSubscription(std::shared_ptr<Core> core, std::string channel, std::int32_t stream_id)
    : core_(std::move(core)),
      channel_(std::move(channel)),
      stream_id_(stream_id),
      fragment_(std::make_unique_for_overwrite<std::byte[]>(kLargestFragment)) {
    core_->add(*this);
    refresh();
}

AeronSubscription::~AeronSubscription() {
    core_->remove(*this, [this] {
        ::aeron_subscription_close(next_.subscription, nullptr, nullptr);
        ::aeron_subscription_close(live_.subscription, nullptr, nullptr);
        if (step_ == Step::Subscribe && !asked_->closed()) {
            // Nobody takes the answer any more.
            ::aeron_async_remove_subscription(::aeron_async_add_subscription_get_registration_id(request_),
                                              asked_->client(), nullptr, nullptr);
        }
    });
}

int AeronSubscription::poll(MessageHandler handler, int limit) noexcept {
    if (polling_) return 0;
    refresh();
    Poll poll{.subscription = *this, .handler = handler};
    if (live_.subscription != nullptr && limit > 0) {
        polling_ = true;
        for (;;) {
            // A message may have many fragments, and those of one without an end count for nothing.
            const int asked = limit - poll.delivered;
            const int got = ::aeron_subscription_poll(live_.subscription, &on_fragment, &poll,
                                                      static_cast<std::size_t>(asked));
            if (got < asked || poll.delivered >= limit) break;
        }
        polling_ = false;
    }
    if (poll.delivered == 0) look_around();
    return poll.delivered;
}

void AeronSubscription::on_fragment(void* state, const std::uint8_t* bytes, std::size_t length,
                                    aeron_header_t* header) {
    auto& poll = *static_cast<Poll*>(state);
    AeronSubscription& self = poll.subscription;
    ImageTable::Entry* entry = self.entry_of(::aeron_header_context(header));
    if (entry == nullptr) return;
    // The frame's own header lies before its bytes; asking Aeron for a copy of it costs a tenth of a short
    // message.
    const std::uint8_t flags = *(bytes - kFrameHeader + kFlagsAt);
    if ((flags & kWhole) == kWhole && length <= kLargestFragment) [[likely]] {
        base::racy_copy_from_shared(self.fragment_.get(), bytes, length);
        self.deliver(poll, entry->image, {self.fragment_.get(), length});
        return;
    }
    aeron_header_values_t values;
    if (::aeron_header_values(header, &values) != 0) return;
    self.assemble(poll, *entry, as_bytes(bytes, length), values.frame);
}

ImageTable::Entry* AeronSubscription::entry_of(const void* image) noexcept {
    if (auto* entry = live_.images->find(image); entry != nullptr) [[likely]]
        return entry;
    // Aeron lists an image a moment before it tells of it, which it does under this mutex.
    { const std::lock_guard guard(core_->mutex()); }
    live_.images->refresh();
    return live_.images->find(image);
}

void AeronSubscription::assemble(Poll& poll, ImageTable::Entry& entry, std::span<const std::byte> fragment,
                                 const aeron_header_values_frame_t& frame) noexcept {
    if ((frame.flags & kBegin) != 0) {
        if (entry.message == nullptr) entry.message.reset(new (std::nothrow) std::byte[entry.capacity]);
        entry.assembled = 0;
    } else if (entry.next_offset != frame.term_offset) {
        // The network lost a fragment for good; the rest of this message is no use.
        lost_bytes_ += fragment.size() + std::exchange(entry.assembled, 0);
        losses_ += entry.next_offset >= 0 ? 1 : 0;
        entry.next_offset = -1;
        return;
    }
    if (entry.message == nullptr || fragment.size() > entry.capacity - entry.assembled) {
        lost_bytes_ += fragment.size();
        entry.next_offset = -1;
        return;
    }
    base::racy_copy_from_shared(entry.message.get() + entry.assembled, fragment.data(), fragment.size());
    entry.assembled += fragment.size();
    entry.next_offset = next_offset(frame.term_offset, fragment.size());
    if ((frame.flags & kEnd) == 0) return;
    entry.next_offset = -1;
    deliver(poll, entry.image, {entry.message.get(), std::exchange(entry.assembled, 0)});
}

void AeronSubscription::deliver(Poll& poll, const Image& image, std::span<const std::byte> message) noexcept {
    ++poll.delivered;
    try {
        poll.handler(Message{message, &image});
    } catch (...) {
        ++handler_errors_;
    }
}

bool AeronSubscription::pending() noexcept {
    refresh();
    if (live_.subscription == nullptr) return false;
    bool found = false;
    const auto look = [](void* state, const std::uint8_t*, std::size_t,
                         aeron_header_t*) -> aeron_controlled_fragment_handler_action_t {
        *static_cast<bool*>(state) = true;
        return AERON_ACTION_ABORT;  // left where it is
    };
    ::aeron_subscription_controlled_poll(live_.subscription, look, &found, 1);
    return found;
}

bool AeronSubscription::is_connected() const noexcept {
    return image_count() > 0;
}

int AeronSubscription::image_count() const noexcept {
    refresh();
    const bool open = live_.subscription != nullptr && !::aeron_subscription_is_closed(live_.subscription);
    const int count = open ? static_cast<int>(live_.images->entries().size()) : 0;
    if (count == 0) look_around();
    return count;
}

void AeronSubscription::for_each_image(ImageHandler handler) const noexcept {
    if (image_count() == 0) return;
    for (const ImageTable::Entry& entry : live_.images->entries()) {
        try {
            handler(entry.image);
        } catch (...) {
            continue;  // an exception ends one call only; nothing passes through
        }
    }
}

std::uint64_t AeronSubscription::lost_bytes() const noexcept {
    return lost_bytes_ + (live_.images ? live_.images->lost_bytes() : 0);
}

std::uint64_t AeronSubscription::overruns() const noexcept {
    return losses_ + (live_.images ? live_.images->rejoins() : 0);
}

void AeronSubscription::refresh() const noexcept {
    if (polling_) return;  // the entry that a message belongs to stays where it is
    if (has_next_.load(std::memory_order_acquire)) [[unlikely]]
        adopt();
    if (live_.images) live_.images->refresh();
}

void AeronSubscription::adopt() const noexcept {
    const std::uint64_t lost = lost_bytes();
    const std::uint64_t losses = overruns();
    {
        const std::lock_guard guard(core_->mutex());
        has_next_.store(false, std::memory_order_relaxed);
        // The old one is closed already, as all of its session is.
        std::swap(live_, next_);
        next_ = {};
    }
    lost_bytes_ = lost;
    losses_ = losses;
}

void AeronSubscription::look_around() const noexcept {
    if (++idle_looks_ % kIdleLooksPerNudge == 0) core_->nudge();
}

Resource::Progress AeronSubscription::begin(std::shared_ptr<Session> session) noexcept {
    next_ = {};
    has_next_.store(false, std::memory_order_relaxed);
    asked_ = std::move(session);
    step_ = Step::None;
    try {
        next_.images = std::make_shared<ImageTable>(core_->clock());
    } catch (const std::bad_alloc&) {
        return Progress::Failed;
    }
    return ask(Step::Look);
}

Resource::Progress AeronSubscription::ask(Step step) noexcept {
    if (::aeron_async_next_session_id(&question_, asked_->client(), stream_id_) != 0) return Progress::Failed;
    step_ = step;
    return Progress::Waiting;
}

Resource::Progress AeronSubscription::subscribe() noexcept {
    step_ = Step::None;
    try {
        // A media driver lets a subscription join where the slowest one stands. Here it joins at the end:
        // what a publication sends once it sees this subscription is delivered, what it sent before is not.
        ends_ = read_stream_ends(*asked_, stream_id_, channel_.starts_with("aeron:ipc"));
    } catch (const std::bad_alloc&) {
        return Progress::Failed;
    }
    const int result = ::aeron_async_add_subscription(
        &request_, asked_->client(), channel_.c_str(), stream_id_, &ImageTable::on_available,
        next_.images.get(), &ImageTable::on_unavailable, next_.images.get());
    if (result != 0) return Progress::Failed;
    step_ = Step::Subscribe;
    return Progress::Waiting;
}

Resource::Progress AeronSubscription::advance() noexcept {
    if (step_ != Step::Subscribe) {
        std::int32_t unused = 0;
        if (::aeron_async_next_session_id_poll(&unused, question_) == 0) return Progress::Waiting;
        if (step_ == Step::Look) return ask(Step::LookAgain);
        return step_ == Step::LookAgain ? subscribe() : settle();
    }
    const int result = ::aeron_async_add_subscription_poll(&next_.subscription, request_);
    if (result == 0) return Progress::Waiting;
    step_ = Step::None;
    if (result < 0) return Progress::Failed;
    if (ask(Step::Settle) == Progress::Waiting) return Progress::Waiting;
    ::aeron_subscription_close(std::exchange(next_.subscription, nullptr), nullptr, nullptr);
    return Progress::Failed;
}

Resource::Progress AeronSubscription::settle() noexcept {
    step_ = Step::None;
    skip_to(ends_, next_.subscription);
    next_.session = std::move(asked_);
    has_next_.store(true, std::memory_order_release);
    return Progress::Done;
}

std::string AeronSubscription::describe() const {
    return fmt::format("subscription of stream {} on {}", stream_id_, channel_);
}

}  // namespace tensorpool::messaging::aeron
