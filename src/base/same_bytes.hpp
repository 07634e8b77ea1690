// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/racy_copy.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tensorpool::base {

namespace detail {

[[nodiscard]] inline std::uint64_t word_at(const std::byte* bytes) noexcept {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

}  // namespace detail

/// Whether two pieces of `Bytes` bytes are equal: memcmp() == 0 without the call, for a length known
/// beforehand.
template <std::size_t Bytes>
[[nodiscard]] inline bool same_bytes(const void* left, const void* right) noexcept {
    static_assert(Bytes >= sizeof(std::uint64_t));
    const auto* a = static_cast<const std::byte*>(left);
    const auto* b = static_cast<const std::byte*>(right);
    std::uint64_t difference = 0;
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= Bytes; at += sizeof(std::uint64_t))
        difference |= detail::word_at(a + at) ^ detail::word_at(b + at);
    constexpr std::size_t kLast = Bytes - sizeof(std::uint64_t);  // overlaps the word before it
    difference |= detail::word_at(a + kLast) ^ detail::word_at(b + kLast);
    return difference == 0;
}

/// The same where `shared` may change meanwhile: the answer may be that of a torn read, so the caller checks
/// its stamp afterwards, as for racy_copy_from_shared().
template <std::size_t Bytes>
[[nodiscard]] inline bool racy_same_bytes(const void* shared, const void* own) noexcept {
#ifdef TP_THREAD_SANITIZER
    std::byte copy[Bytes];
    racy_copy_from_shared(copy, shared, Bytes);
    return same_bytes<Bytes>(copy, own);
#else
    const bool same = same_bytes<Bytes>(shared, own);
    compiler_barrier();
    return same;
#endif
}

}  // namespace tensorpool::base
