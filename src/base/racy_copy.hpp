// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Words and bytes in shared memory that another thread or process may be writing at this moment.
//
// A seqlock writer does   store_relaxed(stamp, in progress); fence_release(); racy_copy_to_shared(...);
//                         store_release(stamp, committed);
// and its reader          load_acquire(stamp); racy_copy_from_shared(...); fence_acquire();
// load_relaxed(stamp);
//
// ThreadSanitizer does not model fences. Its build copies word by word with acquire loads and release stores,
// which order the same things without a fence; the fences then only hold back the compiler.
namespace tensorpool::base {

#if defined(__SANITIZE_THREAD__)
#define TP_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TP_THREAD_SANITIZER 1
#endif
#endif
#ifdef TP_THREAD_SANITIZER
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

/// Keeps the compiler from moving or repeating memory accesses across this point. No instruction.
inline void compiler_barrier() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

inline void fence_acquire() noexcept {
#ifdef TP_THREAD_SANITIZER
    compiler_barrier();
#else
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

inline void fence_release() noexcept {
#ifdef TP_THREAD_SANITIZER
    compiler_barrier();
#else
    std::atomic_thread_fence(std::memory_order_release);
#endif
}

inline void fence_seq_cst() noexcept {
#ifdef TP_THREAD_SANITIZER
    __sync_synchronize();
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

namespace detail {

// std::atomic_ref takes no const object before C++26. A load never writes, also not to a read-only mapping:
// lock-free words of up to 8 bytes load with one plain instruction.
template <typename T>
[[nodiscard]] std::atomic_ref<T> shared_word(const T& word) noexcept {
    static_assert(std::is_integral_v<T> && std::atomic_ref<T>::is_always_lock_free);
    return std::atomic_ref<T>(const_cast<T&>(word));
}

}  // namespace detail

/// Atomic access to one naturally aligned integer in shared memory.
template <typename T>
[[nodiscard]] T load_relaxed(const T& word) noexcept {
    return detail::shared_word(word).load(std::memory_order_relaxed);
}
template <typename T>
[[nodiscard]] T load_acquire(const T& word) noexcept {
    return detail::shared_word(word).load(std::memory_order_acquire);
}
template <typename T>
void store_relaxed(T& word, std::type_identity_t<T> value) noexcept {
    detail::shared_word(word).store(value, std::memory_order_relaxed);
}
template <typename T>
void store_release(T& word, std::type_identity_t<T> value) noexcept {
    detail::shared_word(word).store(value, std::memory_order_release);
}

#ifdef TP_THREAD_SANITIZER

namespace detail {

using ByteWord = unsigned char;

inline bool word_aligned(const void* address) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) % sizeof(std::uint64_t) == 0;
}

}  // namespace detail

inline void racy_copy_from_shared(void* to, const void* from_shared, std::size_t bytes) noexcept {
    auto* out = static_cast<detail::ByteWord*>(to);
    auto* in = static_cast<detail::ByteWord*>(const_cast<void*>(from_shared));
    while (bytes > 0) {
        if (bytes >= sizeof(std::uint64_t) && detail::word_aligned(in)) {
            const std::uint64_t word =
                load_acquire(*reinterpret_cast<std::uint64_t*>(static_cast<void*>(in)));
            std::memcpy(out, &word, sizeof(word));
            out += sizeof(word), in += sizeof(word), bytes -= sizeof(word);
        } else {
            *out++ = load_acquire(*in++);
            --bytes;
        }
    }
}

inline void racy_copy_to_shared(void* to_shared, const void* from, std::size_t bytes) noexcept {
    auto* out = static_cast<detail::ByteWord*>(to_shared);
    auto* in = static_cast<const detail::ByteWord*>(from);
    while (bytes > 0) {
        if (bytes >= sizeof(std::uint64_t) && detail::word_aligned(out)) {
            std::uint64_t word;
            std::memcpy(&word, in, sizeof(word));
            store_release(*reinterpret_cast<std::uint64_t*>(static_cast<void*>(out)), word);
            out += sizeof(word), in += sizeof(word), bytes -= sizeof(word);
        } else {
            store_release(*out++, *in++);
            --bytes;
        }
    }
}

#else

/// Copies bytes that may change while they are copied into private memory. The result may be torn: the caller
/// checks its stamp afterwards, and then uses only the copy. The barrier keeps the compiler from reading the
/// shared bytes again in place of the copy.
inline void racy_copy_from_shared(void* to, const void* from_shared, std::size_t bytes) noexcept {
    std::memcpy(to, from_shared, bytes);
    compiler_barrier();
}

/// Copies private bytes into shared memory that others may be reading. Ordered only by the caller's stamps.
inline void racy_copy_to_shared(void* to_shared, const void* from, std::size_t bytes) noexcept {
    std::memcpy(to_shared, from, bytes);
}

#endif

}  // namespace tensorpool::base
