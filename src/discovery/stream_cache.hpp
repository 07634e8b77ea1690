// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/discovery.hpp>

#include "control/discovery_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace tensorpool::discovery {

/// What a provider knows, by authority and stream (discovery.md section 8, "Provider cache").
///
/// Soft state: only a ShmPoolAnnounce makes a stream visible and keeps it so; names and labels wait under the
/// same key until one comes (trap 7). Times are of local reception (trap 11). Allocates when something is new
/// or has changed, not when an announce repeats itself.
class StreamCache {
public:
    enum class Outcome : std::uint8_t {
        Taken,
        Invalid,    ///< breaks the protocol; what was known stays
        Regressed,  ///< an epoch below the known one
        Full,
    };

    StreamCache(Nanos expiry_ns, std::size_t max_streams) noexcept
        : expiry_ns_(expiry_ns), max_streams_(max_streams) {}

    /// `authority` is an index; `owner` is whom it stands for.
    Outcome on_announce(std::size_t authority, const DiscoveryAuthority& owner,
                        const control::PoolAnnounce& announce, Nanos now_ns);
    Outcome on_source(std::size_t authority, const control::DataSourceAnnounce& source, Nanos now_ns);
    Outcome set_label(std::size_t authority, DiscoveryLabel label);
    /// Forgets every layout and name of an authority; labels stay.
    void forget(std::size_t authority) noexcept;
    /// Frees what is over; returns how many streams ceased to be visible. Not needed for correct answers:
    /// for_each_live() looks at the time itself.
    std::uint64_t expire(Nanos now_ns) noexcept;

    /// Calls `visit(const control::DiscoveryResult&)` for every visible stream; it returns false to stop.
    template <typename Visit>
    void for_each_live(Nanos now_ns, Visit&& visit) const {
        for (const auto& [key, entry] : entries_) {
            if (is_live(entry, now_ns) && !visit(entry.result)) return;
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    using Key = std::pair<std::size_t, std::uint32_t>;
    struct Entry {
        control::DiscoveryResult result;
        Nanos announced_ns = 0;
        Nanos named_ns = 0;
        bool visible = false;  ///< has a layout; it may have expired
        bool named = false;
        bool labelled = false;
    };

    [[nodiscard]] bool is_live(const Entry& entry, Nanos now_ns) const noexcept {
        return entry.visible && now_ns - entry.announced_ns <= expiry_ns_;  // DISC-073, DISC-075
    }
    Entry* entry_at(const Key& key);

    Nanos expiry_ns_;
    std::size_t max_streams_;
    std::map<Key, Entry> entries_;
};

}  // namespace tensorpool::discovery
