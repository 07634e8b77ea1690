// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"

#include <aeronc.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace tensorpool::messaging::aeron {

/// The images of one subscription of one media driver: told of by the conductor, used by the thread that
/// polls.
class ImageTable {
public:
    /// One image and the message that is being put together from its fragments.
    struct Entry {
        const void* key;  ///< Aeron's image, which only its conductor may look into
        Image image;
        std::unique_ptr<std::byte[]> message{};
        std::size_t capacity = 0;  ///< of `message`, once it is there
        std::size_t assembled = 0;
        std::int32_t next_offset = -1;
    };

    explicit ImageTable(const Clock& clock) : clock_(clock) {}

    // By the conductor; `self` is the table.
    static void on_available(void* self, aeron_subscription_t* subscription, aeron_image_t* image) noexcept;
    static void on_unavailable(void* self, aeron_subscription_t* subscription, aeron_image_t* image) noexcept;

    // By the thread that polls.
    /// Takes over what the conductor told.
    void refresh() noexcept {
        if (changed_.load(std::memory_order_acquire)) [[unlikely]]
            take_events();
    }
    [[nodiscard]] Entry* find(const void* key) noexcept {
        if (last_ < entries_.size() && entries_[last_].key == key) return &entries_[last_];
        return search(key);
    }
    [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
    /// Bytes between where an image left this subscription and where it joined it again.
    [[nodiscard]] std::uint64_t lost_bytes() const noexcept { return lost_bytes_; }
    [[nodiscard]] std::uint64_t rejoins() const noexcept { return rejoins_; }

private:
    struct Event {
        bool available;
        const void* key;
        Image image;
        std::int64_t position;  ///< where it joined, or how far it was read
        bool ended = false;
        std::size_t term_bytes = 0;
    };
    struct Departed {
        std::int64_t session_id;
        std::int64_t position;
    };

    void push(const Event& event) noexcept;
    void take_events() noexcept;
    void add(const Event& event);
    void drop(const Event& event);
    Entry* search(const void* key) noexcept;

    const Clock& clock_;
    std::mutex mutex_;
    std::vector<Event> events_;
    std::atomic<bool> changed_{false};
    std::vector<Entry> entries_;
    std::size_t last_ = 0;
    std::vector<Departed> departed_;
    std::uint64_t lost_bytes_ = 0;
    std::uint64_t rejoins_ = 0;
};

}  // namespace tensorpool::messaging::aeron
