// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/racy_copy.hpp"

#include <cstddef>
#include <cstdint>

// The commit protocol of one header slot (WIRE-035 to WIRE-045). docs/memory_model.md has the argument.
//
// `slot` is the first byte of a 256-byte slot: 64-byte aligned, so its seq_commit word is naturally aligned.
namespace tensorpool::shm {

[[nodiscard]] constexpr std::uint64_t in_progress_word(std::uint64_t seq) noexcept {
    return seq << 1;
}
[[nodiscard]] constexpr std::uint64_t committed_word(std::uint64_t seq) noexcept {
    return (seq << 1) | 1;
}
[[nodiscard]] constexpr bool is_committed(std::uint64_t word) noexcept {
    return (word & 1) != 0;
}
[[nodiscard]] constexpr std::uint64_t seq_of(std::uint64_t word) noexcept {
    return word >> 1;
}

namespace detail {

[[nodiscard]] inline std::uint64_t& seq_commit_of(std::byte* slot) noexcept {
    return *reinterpret_cast<std::uint64_t*>(slot);
}
[[nodiscard]] inline const std::uint64_t& seq_commit_of(const std::byte* slot) noexcept {
    return *reinterpret_cast<const std::uint64_t*>(slot);
}

}  // namespace detail

/// Writer, first: readers drop the slot from here on. No later write to payload or header becomes visible
/// before the in-progress word: the fence pairs with the one in seqlock_unchanged().
inline void seqlock_begin(std::byte* slot, std::uint64_t seq) noexcept {
    base::store_relaxed(detail::seq_commit_of(slot), in_progress_word(seq));
    base::fence_release();
}

/// Writer, last: everything written before is visible to whoever loads the committed word. Pairs with the
/// acquire in seqlock_load().
inline void seqlock_commit(std::byte* slot, std::uint64_t seq) noexcept {
    base::store_release(detail::seq_commit_of(slot), committed_word(seq));
}

/// Reader, first look. Pairs with the release in seqlock_commit().
[[nodiscard]] inline std::uint64_t seqlock_load(const std::byte* slot) noexcept {
    return base::load_acquire(detail::seq_commit_of(slot));
}

/// Reader, second look: whether everything read since `seen` was loaded belongs to that commit. The fence
/// keeps those reads before the load and pairs with the release fence in seqlock_begin(): had one of them
/// seen a byte of a later write, this load would see that write's in-progress word.
[[nodiscard]] inline bool seqlock_unchanged(const std::byte* slot, std::uint64_t seen) noexcept {
    base::fence_acquire();
    return base::load_relaxed(detail::seq_commit_of(slot)) == seen;
}

}  // namespace tensorpool::shm
