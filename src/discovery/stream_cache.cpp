// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "discovery/stream_cache.hpp"

#include <utility>

namespace tensorpool::discovery {
namespace {

// The protocol asks senders for 256 bytes (DISC-037). A longer name is kept whole or not at all (trap 14).
constexpr std::size_t kMostNameBytes = 1024;
// A layout larger than any that could be mapped only fills memory.
constexpr std::size_t kMostPools = 1024;
constexpr std::size_t kMostUriBytes = 4096 + 256;  // PATH_MAX and the rest of a region URI

bool is_oversized(const control::PoolAnnounce& announce) noexcept {
    if (announce.pools.size() > kMostPools || announce.header_region_uri.size() > kMostUriBytes) return true;
    for (const control::PoolInfo& pool : announce.pools) {
        if (pool.region_uri.size() > kMostUriBytes) return true;
    }
    return false;
}

}  // namespace

StreamCache::Entry* StreamCache::entry_at(const Key& key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) return &found->second;
    if (entries_.size() >= max_streams_) return nullptr;
    return &entries_[key];
}

StreamCache::Outcome StreamCache::on_announce(std::size_t authority, const DiscoveryAuthority& owner,
                                              const control::PoolAnnounce& announce, Nanos now_ns) {
    if (announce.stream_id == 0 || announce.stream_id == UINT32_MAX || is_oversized(announce) ||
        control::invalid_reason(announce)) {
        return Outcome::Invalid;
    }
    Entry* const entry = entry_at({authority, announce.stream_id});
    if (entry == nullptr) return Outcome::Full;
    control::DiscoveryResult& known = entry->result;
    // An expired entry is no entry: whoever comes back after that long may be a new life of the driver.
    if (is_live(*entry, now_ns) && announce.epoch < known.epoch) return Outcome::Regressed;
    known.stream_id = announce.stream_id;
    known.producer_id = announce.producer_id;
    known.epoch = announce.epoch;
    known.layout_version = announce.layout_version;
    known.header_nslots = announce.header_nslots;
    known.header_slot_bytes = announce.header_slot_bytes;
    if (known.pools != announce.pools) known.pools = announce.pools;
    if (known.header_region_uri != announce.header_region_uri)
        known.header_region_uri = announce.header_region_uri;
    if (known.driver_instance_id != owner.instance_id) known.driver_instance_id = owner.instance_id;
    if (known.driver_control_channel != owner.control.channel)
        known.driver_control_channel = owner.control.channel;
    known.driver_control_stream_id = static_cast<std::uint32_t>(owner.control.stream_id);
    entry->visible = true;
    entry->announced_ns = now_ns;
    return Outcome::Taken;
}

StreamCache::Outcome StreamCache::on_source(std::size_t authority, const control::DataSourceAnnounce& source,
                                            Nanos now_ns) {
    if (source.stream_id == 0 || source.stream_id == UINT32_MAX || source.name.size() > kMostNameBytes)
        return Outcome::Invalid;
    Entry* const entry = entry_at({authority, source.stream_id});
    if (entry == nullptr) return Outcome::Full;
    if (entry->result.data_source_name != source.name) entry->result.data_source_name = source.name;
    entry->named = true;
    entry->named_ns = now_ns;
    return Outcome::Taken;
}

StreamCache::Outcome StreamCache::set_label(std::size_t authority, DiscoveryLabel label) {
    Entry* const entry = entry_at({authority, label.stream_id});
    if (entry == nullptr) return Outcome::Full;
    entry->result.tags = std::move(label.tags);
    entry->result.data_source_id = label.data_source_id;
    entry->labelled = !entry->result.tags.empty() || entry->result.data_source_id.has_value();
    return Outcome::Taken;
}

void StreamCache::forget(std::size_t authority) noexcept {
    for (auto& [key, entry] : entries_) {
        if (key.first != authority) continue;
        entry.visible = entry.named = false;
        entry.result.epoch = 0;
        entry.result.data_source_name.clear();
    }
    std::erase_if(entries_, [&](const auto& e) { return e.first.first == authority && !e.second.labelled; });
}

std::uint64_t StreamCache::expire(Nanos now_ns) noexcept {
    std::uint64_t expired = 0;
    for (auto& [key, entry] : entries_) {
        if (entry.visible && !is_live(entry, now_ns)) {
            entry.visible = false;
            ++expired;
        }
        if (entry.named && now_ns - entry.named_ns > expiry_ns_) {
            entry.named = entry.visible;  // a name lasts as long as its stream
        }
        if (!entry.visible && !entry.named) entry.result.data_source_name.clear();
    }
    std::erase_if(entries_,
                  [](const auto& e) { return !e.second.visible && !e.second.named && !e.second.labelled; });
    return expired;
}

}  // namespace tensorpool::discovery
