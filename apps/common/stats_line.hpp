// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::apps {

/// A named total, for example a reason for gaps.
struct NamedCount {
    std::string_view name;
    std::uint64_t count = 0;
};

/// What a program has moved since it began.
struct StreamTotals {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::vector<NamedCount> gaps;  ///< frames that are missing, by reason
};

[[nodiscard]] std::uint64_t sum_of(const std::vector<NamedCount>& counts) noexcept;

/// The line a program shows once per period: rates since the last line, totals since the beginning, every
/// reason for gaps by name. `key=value` in a fixed order (TOOL-003):
///
///     frames=250 frames_per_s=25.0 mb_per_s=6.6 gaps=3 incomplete=2 missed=1
class StatsLine {
public:
    explicit StatsLine(Nanos begin_ns, Nanos period_ns = kNanosPerSecond) noexcept
        : begin_ns_(begin_ns), last_ns_(begin_ns), period_ns_(period_ns) {}

    [[nodiscard]] bool due(Nanos now_ns) const noexcept { return now_ns - last_ns_ >= period_ns_; }
    /// The line for now; the next is due a period later.
    [[nodiscard]] std::string next(Nanos now_ns, const StreamTotals& totals);
    [[nodiscard]] Nanos elapsed_ns(Nanos now_ns) const noexcept { return now_ns - begin_ns_; }

private:
    Nanos begin_ns_;
    Nanos last_ns_;
    Nanos period_ns_;
    std::uint64_t last_frames_ = 0;
    std::uint64_t last_bytes_ = 0;
};

/// `count` per second; 0 when no time has passed.
[[nodiscard]] double per_second(std::uint64_t count, Nanos elapsed_ns) noexcept;

}  // namespace tensorpool::apps
