// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include "base/racy_copy.hpp"

#include <cstdint>
#include <span>

// Sleeping until a word in shared memory changes, so that whoever changes it makes no system call when nobody
// sleeps. An odd wake word says that someone sleeps, or is about to.
//
//   sleeper                                       publisher
//   1. w = word, made odd                         a. commits a message
//   2. store-load barrier                         b. store-load barrier
//   3. looks for messages; found: does not sleep  c. word is odd: makes it even, wakes one
//   4. futex wait while word == w
//
// A woken sleeper wakes two more before it goes on, so that a publisher's cost does not grow with the number
// of readers; nobody sleeps longer than 50 ms, in case a sleeper dies between the two.
//
// Either 3 sees a's message or c sees 1's odd word. A publisher should not pay for b on every message, so
// where the kernel has membarrier it only registers once, and 2 runs a barrier on every processor instead.
namespace tensorpool::messaging::embedded {

/// Registers this process for remote barriers. False: its publishers must run barrier b themselves.
[[nodiscard]] bool register_for_remote_barriers() noexcept;

/// Barrier 2, on behalf of every registered process. False when the kernel cannot.
[[nodiscard]] bool remote_barrier() noexcept;

/// Step 1. Returns the value to wait on.
[[nodiscard]] std::uint32_t announce_sleeper(std::uint32_t& word) noexcept;

/// Wakes everyone who sleeps on `word`, without looking for sleepers first. For changes of set-up.
void wake_all(std::uint32_t& word) noexcept;

/// Second half of c, out of line.
void wake_sleepers(std::uint32_t& word) noexcept;

/// Step c.
inline void wake_if_sleeping(std::uint32_t& word) noexcept {
    if ((base::load_relaxed(word) & 1U) != 0) [[unlikely]]
        wake_sleepers(word);
}

struct WaitWord {
    std::uint32_t* word;
    std::uint32_t expected;
};
inline constexpr std::size_t kMaxWaitWords = 128;  // FUTEX_WAITV_MAX

/// Step 4 over several words at once: sleeps until one is woken, or differs from what is expected, or until
/// `deadline_ns`. Kernels before 5.16 watch only the first word and sleep at most a millisecond.
/// Returns false when it slept to the end.
bool wait_on(std::span<const WaitWord> words, Nanos deadline_ns) noexcept;

}  // namespace tensorpool::messaging::embedded
