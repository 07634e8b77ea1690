// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/stream.hpp"

#include "base/timer.hpp"

#include <algorithm>

namespace tensorpool::driver {

void EpochTimeline::announced(std::uint64_t epoch, Nanos now_ns) {
    if (!entries_.empty() && entries_.back().epoch >= epoch) return;
    entries_.push_back({epoch, now_ns});
    // Everything before the newest settled entry can never decide again.
    while (entries_.size() > 1 && base::saturating_add(entries_[1].since_ns, min_age_ns_) <= now_ns) {
        entries_.erase(entries_.begin());
    }
}

std::uint64_t EpochTimeline::pinned_from(std::uint64_t attach_epoch, Nanos now_ns) const noexcept {
    std::uint64_t pinned = attach_epoch;
    for (const Entry& entry : entries_) {
        if (base::saturating_add(entry.since_ns, min_age_ns_) <= now_ns)
            pinned = std::max(pinned, entry.epoch);
    }
    return pinned;
}

std::optional<std::uint64_t> oldest_pinned_epoch(const Stream& stream, const LeaseTable& leases,
                                                 Nanos now_ns) {
    std::optional<std::uint64_t> oldest;
    for (const auto& [id, lease] : leases.all()) {
        if (lease.stream_id != stream.stream_id) continue;
        const std::uint64_t pinned = stream.timeline.pinned_from(lease.attach_epoch, now_ns);
        oldest = std::min(oldest.value_or(pinned), pinned);
    }
    return oldest;
}

}  // namespace tensorpool::driver
