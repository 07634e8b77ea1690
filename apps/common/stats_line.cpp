// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/stats_line.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tensorpool::apps {

std::uint64_t sum_of(const std::vector<NamedCount>& counts) noexcept {
    std::uint64_t sum = 0;
    for (const NamedCount& count : counts) sum += count.count;
    return sum;
}

double per_second(std::uint64_t count, Nanos elapsed_ns) noexcept {
    if (elapsed_ns <= 0) return 0;
    return static_cast<double>(count) * static_cast<double>(kNanosPerSecond) /
           static_cast<double>(elapsed_ns);
}

std::string StatsLine::next(Nanos now_ns, const StreamTotals& totals) {
    const Nanos elapsed_ns = now_ns - last_ns_;
    std::string line =
        fmt::format("frames={} frames_per_s={:.1f} mb_per_s={:.1f} gaps={}", totals.frames,
                    per_second(totals.frames - last_frames_, elapsed_ns),
                    per_second(totals.bytes - last_bytes_, elapsed_ns) / 1e6, sum_of(totals.gaps));
    for (const NamedCount& gap : totals.gaps)
        fmt::format_to(std::back_inserter(line), " {}={}", gap.name, gap.count);
    last_ns_ = now_ns;
    last_frames_ = totals.frames;
    last_bytes_ = totals.bytes;
    return line;
}

}  // namespace tensorpool::apps
