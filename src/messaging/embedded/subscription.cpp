// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/subscription.hpp"

#include "base/frame_path.hpp"
#include "base/log.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool::messaging::embedded {
namespace {

// A log that is garbage may hold nothing but cells to skip: look at it again in the next poll.
constexpr int kMaxSkipsPerPoll = 4096;
constexpr std::uint32_t kPollsPerRetry = 4096;

}  // namespace

EmbeddedSubscription::EmbeddedSubscription(std::shared_ptr<Core> core, std::string channel,
                                           std::int32_t stream_id)
    : core_(std::move(core)), channel_(std::move(channel)) {
    seen_wakes = base::load_relaxed(core_->wake_word());
    core_->join_stream(stream_id, [&](StreamRegistry& registry) {
        registry_ = &registry;
        slot_ = registry.claim_subscriber();
        try {
            // The order matters. First the position in every log there is, then becoming visible: what is
            // offered once a publication sees us lies behind these positions. A log that shows up later was
            // made later, so all of it is ours. The directory's lock keeps the set of logs still meanwhile.
            refresh_images(JoinAt::Tail);
            registry.show_subscriber(slot_);
        } catch (...) {
            registry.release_subscriber(slot_);
            throw;
        }
    });
}

EmbeddedSubscription::~EmbeddedSubscription() {
    images_.clear();
    core_->leave_stream(*registry_, [&] { registry_->release_subscriber(slot_); });
}

TP_FRAME_PATH int EmbeddedSubscription::poll(MessageHandler handler, int limit) noexcept {
    if (polling_) return 0;  // a handler polls its own subscription
    if (registry_->generation() != seen_generation_) [[unlikely]]
        rescan();
    if (retry_rescan_ && --polls_until_retry_ == 0) [[unlikely]]
        rescan();
    const std::size_t count = images_.size();
    if (count == 0) return 0;
    polling_ = true;
    if (first_image_ >= count) first_image_ = 0;
    std::size_t at = first_image_++;
    int delivered = 0;
    for (std::size_t i = 0; i < count && delivered < limit; ++i) {
        delivered += poll_image(images_[at], handler, limit - delivered);
        if (++at == count) at = 0;
    }
    polling_ = false;
    if (any_closed_) [[unlikely]]
        drop_drained();
    return delivered;
}

TP_FRAME_PATH int EmbeddedSubscription::poll_image(LogImage& image, MessageHandler handler,
                                                   int limit) noexcept {
    int delivered = 0;
    int skipped = 0;
    while (delivered < limit && skipped < kMaxSkipsPerPoll) {
        std::span<const std::byte> record;
        const ReadStatus status = image.reader.read(buffer_, record, losses_);
        if (status == ReadStatus::Empty) {
            image.drained = image.closed;
            break;
        }
        if (status == ReadStatus::Skipped) {
            ++skipped;
            continue;
        }
        ++delivered;
        try {
            handler(Message{record, &image.image});
        } catch (...) {
            ++handler_errors_;
        }
    }
    return delivered;
}

void EmbeddedSubscription::drop_drained() noexcept {
    std::erase_if(images_, [](const LogImage& image) { return image.drained; });
    any_closed_ =
        std::any_of(images_.begin(), images_.end(), [](const LogImage& image) { return image.closed; });
}

void EmbeddedSubscription::rescan() noexcept {
    try {
        refresh_images(JoinAt::Start);
    } catch (...) {
        retry_rescan_ = true;
        polls_until_retry_ = kPollsPerRetry;
    }
}

void EmbeddedSubscription::refresh_images(JoinAt at) {
    // Before the bits are read: a change in between makes the next poll come here again.
    seen_generation_ = registry_->generation();
    retry_rescan_ = false;
    for (LogImage& image : images_) {
        if (image.closed || registry_->lists(image.identity)) continue;
        image.closed = true;
        any_closed_ = true;
    }
    std::erase_if(refused_, [&](std::int64_t session) {
        bool listed = false;
        registry_->for_each_publication(
            [&](const LogIdentity& identity) { listed |= identity.session_id == session; });
        return !listed;
    });
    registry_->for_each_publication([&](const LogIdentity& identity) {
        if (!known(identity.session_id)) join(identity, at);
    });
}

bool EmbeddedSubscription::known(std::int64_t session_id) const noexcept {
    return std::any_of(images_.begin(), images_.end(),
                       [&](const LogImage& image) { return image.identity.session_id == session_id; }) ||
           std::find(refused_.begin(), refused_.end(), session_id) != refused_.end();
}

void EmbeddedSubscription::join(const LogIdentity& identity, JoinAt at) {
    OpenFailure failure{};
    auto log = open_log(registry_->dir_fd(), identity, failure);
    if (!log) {
        if (failure == OpenFailure::Gone) return;
        if (failure == OpenFailure::TryLater) {
            throw Error(
                ErrorCode::SystemError,
                fmt::format("messaging: stream {}: cannot map a publication's log: too many open files "
                            "or mappings; raise the limit (ulimit -n)",
                            identity.stream_id));
        }
        refused_.push_back(identity.session_id);
        base::log(LogLevel::Warn, "Client", "messaging: stream {}: {} is not a message log; ignored",
                  identity.stream_id, log_name(identity).data());
        return;
    }
    // All memory is had now: a poll allocates nothing.
    if (const std::size_t bytes = max_message_bytes(log->cells); bytes > large_bytes_) {
        large_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
        large_bytes_ = bytes;
        buffer_.large = large_.get();
    }
    LogReader reader(log->mapping.data(), log->cells);
    if (at == JoinAt::Tail) reader.join_at_tail();
    images_.push_back({.identity = identity,
                       .log = std::move(*log),
                       .reader = reader,
                       .image = {.session_id = identity.session_id, .joined_ns = core_->clock().now_ns()}});
}

void EmbeddedSubscription::for_each_image(ImageHandler handler) const noexcept {
    for (const LogImage& image : images_) {
        try {
            handler(image.image);
        } catch (...) {
            continue;  // an exception ends one call only; nothing passes through
        }
    }
}

bool EmbeddedSubscription::pending() const noexcept {
    if (registry_->generation() != seen_generation_) return true;
    return std::any_of(images_.begin(), images_.end(),
                       [](const LogImage& image) { return image.reader.pending() || image.closed; });
}

bool EmbeddedSubscription::has_relaxed_writer() const noexcept {
    return std::any_of(images_.begin(), images_.end(), [](const LogImage& image) {
        return base::load_relaxed(image.log.header().relaxed_writer) != 0;
    });
}

}  // namespace tensorpool::messaging::embedded
