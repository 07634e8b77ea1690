// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tensorpool::trace {

/// The output frame of one set of links.
struct LinkedFrame {
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint64_t trace_id = 0;
};

/// Bounded hand-over of link sets from the thread that publishes to the one that sends (TRACE-036): one
/// thread calls push(), one calls pop(). Sets have different lengths, so the ring is made of words; nothing
/// is allocated after construction.
class LinkRing {
public:
    static constexpr std::size_t kFrameWords = 4;  ///< of a set, before its parents

    /// Holds at least `words` words.
    explicit LinkRing(std::size_t words)
        : mask_(std::bit_ceil(words < kFrameWords ? kFrameWords : words) - 1),
          words_(std::make_unique<std::uint64_t[]>(mask_ + 1)) {}

    /// False: no room, nothing was stored.
    [[nodiscard]] bool push(const LinkedFrame& frame, std::span<const std::uint64_t> parents) noexcept {
        const std::size_t needed = kFrameWords + parents.size();
        const std::size_t tail = tail_.load(std::memory_order_relaxed);  // only this thread stores it
        // acquire: pairs with the release in pop(), so no word is overwritten while it is read
        const std::size_t used = tail - head_.load(std::memory_order_acquire);
        if (needed > mask_ + 1 - used) return false;
        std::size_t at = tail;
        for (const std::uint64_t word :
             {std::uint64_t{parents.size()}, frame.epoch, frame.seq, frame.trace_id})
            words_[at++ & mask_] = word;
        for (const std::uint64_t parent : parents) words_[at++ & mask_] = parent;
        tail_.store(at, std::memory_order_release);  // pairs with the acquire in pop()
        return true;
    }

    /// Calls `parent(id)` for each parent after filling `frame`. False: empty.
    template <typename Parent>
    [[nodiscard]] bool pop(LinkedFrame& frame, Parent&& parent) noexcept {
        const std::size_t head = head_.load(std::memory_order_relaxed);  // only this thread stores it
        // acquire: pairs with the release in push(), so whole sets are seen
        if (head == tail_.load(std::memory_order_acquire)) return false;
        std::size_t at = head;
        const std::uint64_t parents = words_[at++ & mask_];
        frame.epoch = words_[at++ & mask_];
        frame.seq = words_[at++ & mask_];
        frame.trace_id = words_[at++ & mask_];
        for (std::uint64_t i = 0; i < parents; ++i) parent(words_[at++ & mask_]);
        head_.store(at, std::memory_order_release);  // pairs with the acquire in push()
        return true;
    }

private:
    static constexpr std::size_t kCacheLine = 64;

    const std::size_t mask_;
    const std::unique_ptr<std::uint64_t[]> words_;
    alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
    alignas(kCacheLine) std::atomic<std::size_t> head_{0};
};

}  // namespace tensorpool::trace
