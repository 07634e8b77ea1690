// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <cstdint>

namespace tensorpool::trace {

/// Milliseconds since 1970 by `wall_clock`, or CLOCK_REALTIME for nullptr (TT-04).
[[nodiscard]] inline std::int64_t unix_ms(const Clock* wall_clock) noexcept {
    const Nanos now = wall_clock != nullptr ? wall_clock->now_ns() : realtime_now_ns();
    return now / kNanosPerMilli;
}

}  // namespace tensorpool::trace
