// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shm/path_policy.hpp"
#include "shm/payload_pool.hpp"
#include "shm/region.hpp"
#include "shm/superblock.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tensorpool::shm {

struct PoolLayout {
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;
    std::string uri;
};

/// Everything needed to map a stream, as announced or granted. Hostile until StreamMapping::open() checked
/// it.
struct StreamLayout {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t layout_version = wire::kLayoutVersion;
    std::uint32_t header_nslots = 0;
    std::string header_uri;
    std::vector<PoolLayout> pools;
};

/// All regions of one stream and epoch in this process: header ring and payload pools.
/// Movable; pointers handed out stay valid across a move.
class StreamMapping {
public:
    /// Opens, checks and maps every region, or throws Error and maps none (WIRE-155, WIRE-159).
    [[nodiscard]] static StreamMapping open(const StreamLayout& layout, const PathPolicy& policy,
                                            Access access, bool lock_memory = false);
    /// Takes regions that this process just created.
    [[nodiscard]] static StreamMapping adopt(const StreamLayout& layout, Region header,
                                             std::vector<Region> pools);

    [[nodiscard]] const StreamLayout& layout() const noexcept { return layout_; }
    [[nodiscard]] std::uint32_t header_nslots() const noexcept { return layout_.header_nslots; }
    /// Slot 0 of the header ring.
    [[nodiscard]] std::byte* header_slots() const noexcept { return header_.base() + wire::kSuperblockBytes; }
    /// By ascending stride.
    [[nodiscard]] const std::vector<PayloadPool>& pools() const noexcept { return pools_; }
    /// WIRE-055; nullptr when none fits.
    [[nodiscard]] const PayloadPool* smallest_pool_for(std::uint32_t bytes) const noexcept {
        for (const PayloadPool& pool : pools_) {
            if (bytes <= pool.stride_bytes()) return &pool;
        }
        return nullptr;
    }
    [[nodiscard]] const PayloadPool* find_pool(std::uint16_t pool_id) const noexcept {
        for (const PayloadPool& pool : pools_) {
            if (pool.pool_id() == pool_id) return &pool;
        }
        return nullptr;
    }

    [[nodiscard]] wire::Superblock read_header_superblock() const noexcept {
        return read_superblock(header_.base());
    }
    /// Whether every mapped superblock is still what it was when it was mapped, activity aside (WIRE-019).
    [[nodiscard]] bool superblocks_unchanged() const noexcept;
    /// Stamps every region. Precondition: mapped for writing.
    void touch_activity(std::uint64_t now_ns) noexcept;

private:
    StreamMapping() = default;
    void remember_superblocks();

    StreamLayout layout_;
    Region header_;
    std::vector<Region> pool_regions_;
    std::vector<PayloadPool> pools_;
    std::vector<wire::Superblock> mapped_superblocks_;  // header first, then pool_regions_ in order
};

}  // namespace tensorpool::shm
