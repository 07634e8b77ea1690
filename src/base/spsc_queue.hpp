// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace tensorpool::base {

/// Bounded hand-over from one thread to another without locks. One thread calls push(), one calls pop();
/// nothing is allocated after construction.
template <typename T>
requires std::is_trivially_copyable_v<T>
class SpscQueue {
public:
    /// Holds at least `capacity` elements.
    explicit SpscQueue(std::size_t capacity)
        : mask_(std::bit_ceil(capacity < 2 ? 2 : capacity) - 1),
          elements_(std::make_unique<T[]>(mask_ + 1)) {}

    /// False: full, nothing was stored.
    [[nodiscard]] bool push(const T& element) noexcept {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);  // only this thread stores it
        // acquire: pairs with the release in pop(), so the element is not overwritten while it is copied out
        if (tail - head_.load(std::memory_order_acquire) > mask_) return false;
        elements_[tail & mask_] = element;
        tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire in pop()
        return true;
    }

    /// False: empty.
    [[nodiscard]] bool pop(T& element) noexcept {
        const std::size_t head = head_.load(std::memory_order_relaxed);  // only this thread stores it
        // acquire: pairs with the release in push(), so the element is seen whole
        if (head == tail_.load(std::memory_order_acquire)) return false;
        element = elements_[head & mask_];
        head_.store(head + 1, std::memory_order_release);  // pairs with the acquire in push()
        return true;
    }

private:
    static constexpr std::size_t kCacheLine = 64;

    const std::size_t mask_;
    const std::unique_ptr<T[]> elements_;
    alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
    alignas(kCacheLine) std::atomic<std::size_t> head_{0};
};

}  // namespace tensorpool::base
