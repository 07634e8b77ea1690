// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/id_allocator.hpp"

#include <algorithm>

namespace tensorpool::driver {

IdAllocator::IdAllocator(std::vector<IdRange> ranges) : ranges_(std::move(ranges)) {
    std::ranges::sort(ranges_, {}, &IdRange::first);
}

bool IdAllocator::contains(std::uint32_t id) const noexcept {
    return std::ranges::any_of(ranges_, [id](const IdRange& range) { return range.contains(id); });
}

std::optional<std::uint32_t> IdAllocator::peek_next() const {
    // Walks the taken ids, not the range: a range may hold billions.
    const auto first_free_in = [this](std::uint32_t first,
                                      std::uint32_t last) -> std::optional<std::uint32_t> {
        std::uint32_t candidate = first;
        for (auto it = taken_.lower_bound(first); it != taken_.end() && *it == candidate; ++it) {
            if (candidate == last) return std::nullopt;
            ++candidate;
        }
        return candidate;
    };
    for (const IdRange& range : ranges_) {
        if (range.last < cursor_) continue;
        if (const auto id = first_free_in(std::max(range.first, cursor_), range.last)) return id;
    }
    for (const IdRange& range : ranges_) {
        if (const auto id = first_free_in(range.first, range.last)) return id;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> IdAllocator::take_next() {
    const auto id = peek_next();
    if (!id) return std::nullopt;
    taken_.insert(*id);
    cursor_ = *id + 1;  // ids stay below 2^32 - 1 (CFG-012), so this cannot wrap
    return id;
}

bool IdAllocator::take(std::uint32_t id) {
    return contains(id) && taken_.insert(id).second;
}

}  // namespace tensorpool::driver
