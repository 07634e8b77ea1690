// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/node_id_allocator.hpp"

namespace tensorpool::driver {

bool NodeIdAllocator::is_available(std::uint32_t node_id, std::uint32_t client, Nanos now_ns) const noexcept {
    if (node_id < kFirst || node_id > kLast) return false;
    const auto found = entries_.find(node_id);
    if (found == entries_.end()) return true;
    const Entry& entry = found->second;
    if (entry.held) return false;
    return entry.client == client || now_ns - entry.released_ns >= cooldown_ns_;
}

bool NodeIdAllocator::assign_exactly(std::uint32_t node_id, std::uint32_t client, Nanos now_ns) {
    if (!is_available(node_id, client, now_ns)) return false;
    entries_[node_id] = {.client = client, .held = true, .released_ns = 0};
    return true;
}

std::optional<std::uint32_t> NodeIdAllocator::assign(std::uint32_t client, Nanos now_ns) {
    for (const auto& [node_id, entry] : entries_) {
        if (entry.client != client || entry.held) continue;
        if (assign_exactly(node_id, client, now_ns)) return node_id;
    }
    for (std::uint32_t tried = kFirst; tried <= kLast; ++tried) {
        const std::uint32_t candidate = next_;
        next_ = next_ == kLast ? kFirst : next_ + 1;
        if (assign_exactly(candidate, client, now_ns)) return candidate;
    }
    return std::nullopt;
}

void NodeIdAllocator::release(std::uint32_t node_id, Nanos now_ns) noexcept {
    const auto found = entries_.find(node_id);
    if (found == entries_.end()) return;
    found->second.held = false;
    found->second.released_ns = now_ns;
}

}  // namespace tensorpool::driver
