// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
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

}  // namespace tensorpool::supervisor
