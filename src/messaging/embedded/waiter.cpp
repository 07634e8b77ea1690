// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/waiter.hpp"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>

#if !defined(SYS_futex_waitv) && defined(__x86_64__)
#define SYS_futex_waitv 449
#endif

namespace tensorpool::messaging::embedded {
namespace {

/// A sleeper that was woken and killed before it could wake the next ones delays them by no more than this.
constexpr Nanos kLongestSleepNs = 50 * kNanosPerMilli;
constexpr Nanos kSliceNs = kNanosPerMilli;

timespec to_timespec(Nanos ns) noexcept {
    return {static_cast<time_t>(ns / kNanosPerSecond), static_cast<long>(ns % kNanosPerSecond)};
}

void futex_wake(std::uint32_t& word, int sleepers) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, sleepers, nullptr, nullptr, 0);
}

/// Wakes the next sleepers on every word that moved: the publisher woke one, each wakes two more. When nobody
/// is left this costs one system call, paid by the readers and not by the publisher.
void pass_on(std::span<const WaitWord> words) noexcept {
    for (const WaitWord& word : words) {
        if (base::load_relaxed(*word.word) != word.expected) futex_wake(*word.word, 2);
    }
}

bool wait_on_first(const WaitWord& word, Nanos deadline_ns) noexcept {
    const Nanos now = monotonic_now_ns();
    if (now >= deadline_ns) return false;
    const timespec timeout = to_timespec(std::min(deadline_ns - now, kSliceNs));
    const long rc = ::syscall(SYS_futex, word.word, FUTEX_WAIT, word.expected, &timeout, nullptr, 0);
    return rc == 0 || errno != ETIMEDOUT || monotonic_now_ns() < deadline_ns;
}

/// True unless the deadline passed.
bool sleep_on(std::span<const WaitWord> words, Nanos deadline_ns) noexcept {
#ifdef SYS_futex_waitv
    std::array<futex_waitv, kMaxWaitWords> entries;
    const std::size_t count = std::min(words.size(), entries.size());
    for (std::size_t i = 0; i < count; ++i) {
        entries[i] = {.val = words[i].expected,
                      .uaddr = reinterpret_cast<std::uintptr_t>(words[i].word),
                      .flags = FUTEX_32,
                      .__reserved = 0};
    }
    const timespec deadline = to_timespec(deadline_ns);
    const long rc = ::syscall(SYS_futex_waitv, entries.data(), static_cast<unsigned>(count), 0U, &deadline,
                              CLOCK_MONOTONIC);
    if (rc >= 0) return true;
    if (errno != ENOSYS && errno != EPERM) return errno != ETIMEDOUT;
#endif
    return wait_on_first(words.front(), deadline_ns);
}

}  // namespace

bool register_for_remote_barriers() noexcept {
    // Again for every publication: the kernel answers at once when that is done already, and a forked child
    // is right too.
    return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool remote_barrier() noexcept {
    return ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

std::uint32_t announce_sleeper(std::uint32_t& word) noexcept {
    // Sequentially consistent, as are the publishers' fences: see b in waiter.hpp.
    return std::atomic_ref(word).fetch_or(1U, std::memory_order_seq_cst) | 1U;
}

void wake_sleepers(std::uint32_t& word) noexcept {
    // Odd becomes even, so that a burst of messages wakes once. Whoever changes it first also wakes.
    std::uint32_t seen = base::load_relaxed(word);
    std::atomic_ref shared(word);
    while ((seen & 1U) != 0) {
        if (shared.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst))
            return futex_wake(word, 1);
    }
}

void wake_all(std::uint32_t& word) noexcept {
    std::atomic_ref(word).fetch_add(2, std::memory_order_seq_cst);
    futex_wake(word, INT_MAX);
}

bool wait_on(std::span<const WaitWord> words, Nanos deadline_ns) noexcept {
    if (words.empty()) return false;
    const Nanos longest_ns = monotonic_now_ns() + kLongestSleepNs;
    const bool woken = sleep_on(words, std::min(deadline_ns, longest_ns));
    pass_on(words);
    return woken || deadline_ns > longest_ns;
}

}  // namespace tensorpool::messaging::embedded
