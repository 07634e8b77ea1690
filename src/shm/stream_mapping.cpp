// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/stream_mapping.hpp"

#include "shm/region_uri.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

namespace tensorpool::shm {
namespace {

constexpr std::uint32_t kMinStrideBytes = 64;

[[noreturn]] void refuse(const StreamLayout& layout, const std::string& reason) {
    throw Error(ErrorCode::ProtocolError,
                fmt::format("stream {} epoch {}: {}", layout.stream_id, layout.epoch, reason));
}

void check_shape(const StreamLayout& layout) {
    if (layout.layout_version != wire::kLayoutVersion) {
        refuse(layout, fmt::format("layout version {} is not supported; this build knows {}",
                                   layout.layout_version, wire::kLayoutVersion));
    }
    if (!std::has_single_bit(layout.header_nslots)) {
        refuse(layout,
               fmt::format("header_nslots {} is not a power of two (WIRE-057)", layout.header_nslots));
    }
    if (layout.pools.empty()) refuse(layout, "no payload pools (DRV-061)");
    std::set<std::uint16_t> ids;
    for (const PoolLayout& pool : layout.pools) {
        if (pool.pool_id == 0 || !ids.insert(pool.pool_id).second) {
            refuse(layout, fmt::format("pool id {} is 0 or appears twice", pool.pool_id));
        }
        if (pool.nslots != layout.header_nslots) {
            refuse(layout, fmt::format("pool {} has {} slots, the header ring {} (WIRE-057)", pool.pool_id,
                                       pool.nslots, layout.header_nslots));
        }
        if (!std::has_single_bit(pool.stride_bytes) || pool.stride_bytes < kMinStrideBytes) {
            refuse(layout, fmt::format("pool {} has stride {}, not a power of two of at least 64 (WIRE-061)",
                                       pool.pool_id, pool.stride_bytes));
        }
    }
}

RegionExpectation expectation(const StreamLayout& layout, const PoolLayout* pool) {
    RegionExpectation shape;
    shape.stream_id = layout.stream_id;
    shape.epoch = layout.epoch;
    shape.layout_version = layout.layout_version;
    shape.nslots = layout.header_nslots;
    if (pool != nullptr) {
        shape.type = wire::RegionType::PayloadPool;
        shape.pool_id = pool->pool_id;
        shape.stride_bytes = pool->stride_bytes;
    }
    return shape;
}

Region open_region(const StreamLayout& layout, const std::string& uri_text, const RegionExpectation& shape,
                   const PathPolicy& policy, Access access, bool lock_memory) {
    const auto uri = parse_region_uri(uri_text);
    if (!uri) refuse(layout, uri.error());
    Region region = Region::open(uri->path, region_bytes(shape.type, shape.nslots, shape.stride_bytes),
                                 uri->require_hugepages, policy, access, lock_memory);
    if (const auto fault = superblock_fault(read_superblock(region.base()), shape)) {
        refuse(layout, fmt::format("region {}: {}", uri->path, *fault));
    }
    return region;
}

}  // namespace

StreamMapping StreamMapping::open(const StreamLayout& layout, const PathPolicy& policy, Access access,
                                  bool lock_memory) {
    check_shape(layout);
    Region header =
        open_region(layout, layout.header_uri, expectation(layout, nullptr), policy, access, lock_memory);
    std::vector<Region> pools;
    for (const PoolLayout& pool : layout.pools) {
        pools.push_back(
            open_region(layout, pool.uri, expectation(layout, &pool), policy, access, lock_memory));
    }
    return adopt(layout, std::move(header), std::move(pools));
}

StreamMapping StreamMapping::adopt(const StreamLayout& layout, Region header, std::vector<Region> pools) {
    StreamMapping mapping;
    mapping.layout_ = layout;
    mapping.header_ = std::move(header);
    mapping.pool_regions_ = std::move(pools);
    for (std::size_t i = 0; i < layout.pools.size(); ++i) {
        const PoolLayout& pool = layout.pools[i];
        mapping.pools_.emplace_back(mapping.pool_regions_[i].base(), pool.pool_id, pool.nslots,
                                    pool.stride_bytes);
    }
    std::sort(mapping.pools_.begin(), mapping.pools_.end(),
              [](const PayloadPool& a, const PayloadPool& b) { return a.stride_bytes() < b.stride_bytes(); });
    mapping.remember_superblocks();
    return mapping;
}

void StreamMapping::remember_superblocks() {
    mapped_superblocks_.push_back(read_superblock(header_.base()));
    for (const Region& region : pool_regions_) mapped_superblocks_.push_back(read_superblock(region.base()));
}

bool StreamMapping::superblocks_unchanged() const noexcept {
    if (!same_superblock(read_superblock(header_.base()), mapped_superblocks_[0])) return false;
    for (std::size_t i = 0; i < pool_regions_.size(); ++i) {
        if (!same_superblock(read_superblock(pool_regions_[i].base()), mapped_superblocks_[i + 1]))
            return false;
    }
    return true;
}

void StreamMapping::touch_activity(std::uint64_t now_ns) noexcept {
    shm::touch_activity(header_.base(), now_ns);
    for (const Region& region : pool_regions_) shm::touch_activity(region.base(), now_ns);
}

}  // namespace tensorpool::shm
