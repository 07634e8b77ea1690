// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

namespace tensorpool::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// How often a randomised test repeats itself: `full`, or a twentieth where a sanitizer makes everything
/// slow.
[[nodiscard]] constexpr int rounds(int full) noexcept {
    return kSanitized ? std::max(1, full / 20) : full;
}

}  // namespace tensorpool::test
