// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace tensorpool::supervisor {

/// Stream and peer: ids are unique per stream only (SUP-005). Found by `key_of` of a record.
using Key = std::pair<std::uint32_t, std::uint32_t>;

/// Where `key` is in records ordered by key, or belongs.
template <typename Records>
auto position(Records& records, const Key& key) noexcept {
    return std::lower_bound(records.begin(), records.end(), key,
                            [](const auto& record, const Key& wanted) { return key_of(record) < wanted; });
}

template <typename Records>
auto* find(Records& records, const Key& key) noexcept {
    const auto at = position(records, key);
    return at == records.end() || key_of(*at) != key ? nullptr : &*at;
}

/// Frames that a consumer at `seen` in `epoch` is behind the producer of its stream and epoch (OBS-016).
/// Empty: it has nothing mapped (epoch 0), or no producer of that epoch `has_reported`.
template <typename Producers>
std::optional<std::uint64_t> lag(const Producers& producers, std::uint32_t stream_id, std::uint64_t epoch,
                                 std::uint64_t seen) noexcept {
    if (epoch == 0) return std::nullopt;
    for (auto at = position(producers, {stream_id, 0}); at != producers.end() && at->stream_id == stream_id;
         ++at) {
        if (at->epoch == epoch && has_reported(*at))
            return at->current_seq > seen ? at->current_seq - seen - 1 : 0;
    }
    return std::nullopt;
}

}  // namespace tensorpool::supervisor
