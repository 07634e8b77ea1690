// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Marks a function that every frame runs through. The linker puts all of them side by side, two pages, so
/// that fetch_frame_path() knows where they are.
#define TP_FRAME_PATH __attribute__((section("tp_frame_path")))

/// Keeps what a frame rarely needs from being inlined into those.
#define TP_OFF_FRAME_PATH [[gnu::cold, gnu::noinline]]

namespace tensorpool::base {

/// Brings the code of the frame path into this processor's caches, without waiting for it.
///
/// Whoever spins until the next frame executes a few hundred bytes over and over. What the frame itself needs
/// ran a millisecond ago, and has made room for others of this processor since: at a thousand frames a second
/// most of their cost was waiting for code (docs/decisions/0013). Those who spin call this every 10 us or so.
void fetch_frame_path() noexcept;

/// The same for the first `bytes` of a function that cannot be marked, or of anything else.
inline void fetch_lines(const void* begin, std::ptrdiff_t bytes) noexcept {
    constexpr std::ptrdiff_t kLine = 64;
    for (std::ptrdiff_t at = 0; at < bytes; at += kLine)
        __builtin_prefetch(static_cast<const char*>(begin) + at);
}

}  // namespace tensorpool::base
