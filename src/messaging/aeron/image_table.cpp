// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/image_table.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <new>

namespace tensorpool::messaging::aeron {
namespace {

// Images that were cut off and may join again; a crowd of them is not worth remembering.
constexpr std::size_t kMostDeparted = 64;
constexpr std::size_t kLargestMessage = 16U << 20;
constexpr std::size_t kMessagesPerTerm = 8;

}  // namespace

void ImageTable::on_available(void* self, aeron_subscription_t* /*subscription*/,
                              aeron_image_t* image) noexcept {
    auto& table = *static_cast<ImageTable*>(self);
    aeron_image_constants_t constants{};
    if (::aeron_image_constants(image, &constants) != 0) return;
    table.push({.available = true,
                .key = image,
                .image = {.session_id = constants.session_id, .joined_ns = table.clock_.now_ns()},
                .position = constants.join_position,
                .term_bytes = constants.term_buffer_length});
}

void ImageTable::on_unavailable(void* self, aeron_subscription_t* /*subscription*/,
                                aeron_image_t* image) noexcept {
    static_cast<ImageTable*>(self)->push({.available = false,
                                          .key = image,
                                          .image = {},
                                          .position = ::aeron_image_position(image),
                                          .ended = ::aeron_image_is_end_of_stream(image)});
}

void ImageTable::push(const Event& event) noexcept {
    const std::lock_guard guard(mutex_);
    try {
        events_.push_back(event);
        changed_.store(true, std::memory_order_release);
    } catch (const std::bad_alloc&) {
        base::log_line(LogLevel::Error, "Aeron", "out of memory: an image is not tracked");
    }
}

void ImageTable::take_events() noexcept {
    const std::lock_guard guard(mutex_);
    changed_.store(false, std::memory_order_relaxed);
    try {
        for (const Event& event : events_) event.available ? add(event) : drop(event);
    } catch (const std::bad_alloc&) {
        base::log_line(LogLevel::Error, "Aeron", "out of memory: an image is not tracked");
    }
    events_.clear();
}

void ImageTable::add(const Event& event) {
    const auto before = std::find_if(departed_.begin(), departed_.end(), [&](const Departed& departed) {
        return departed.session_id == event.image.session_id;
    });
    if (before != departed_.end()) {
        if (event.position > before->position) {
            lost_bytes_ += static_cast<std::uint64_t>(event.position - before->position);
            ++rejoins_;
        }
        departed_.erase(before);
    }
    entries_.push_back({.key = event.key,
                        .image = event.image,
                        .capacity = std::min(event.term_bytes / kMessagesPerTerm, kLargestMessage)});
}

void ImageTable::drop(const Event& event) {
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& each) { return each.key == event.key; });
    if (entry == entries_.end()) return;
    if (!event.ended) {
        if (departed_.size() == kMostDeparted) departed_.erase(departed_.begin());
        departed_.push_back({.session_id = entry->image.session_id, .position = event.position});
    }
    entries_.erase(entry);
}

ImageTable::Entry* ImageTable::search(const void* key) noexcept {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].key != key) continue;
        last_ = i;
        return &entries_[i];
    }
    return nullptr;
}

}  // namespace tensorpool::messaging::aeron
