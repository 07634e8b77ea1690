// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/racy_copy.hpp"
#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tensorpool::shm {

/// What the announce (or attach response) says a region must be.
struct RegionExpectation {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t layout_version = wire::kLayoutVersion;
    wire::RegionType type = wire::RegionType::HeaderRing;
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;  ///< pools only
};

/// Bytes of a region of this shape (wire.md section 4), in 64-bit arithmetic.
[[nodiscard]] constexpr std::uint64_t region_bytes(wire::RegionType type, std::uint32_t nslots,
                                                   std::uint32_t stride_bytes) noexcept {
    const std::uint64_t slot = type == wire::RegionType::HeaderRing ? wire::kHeaderSlotBytes : stride_bytes;
    return wire::kSuperblockBytes + static_cast<std::uint64_t>(nslots) * slot;
}

/// Initialises the superblock of a new region (WIRE-015 to WIRE-017).
void write_superblock(std::byte* region, const RegionExpectation& shape, std::uint64_t pid,
                      std::uint64_t now_ns) noexcept;

/// A private copy; the activity stamp is read atomically.
[[nodiscard]] wire::Superblock read_superblock(const std::byte* region) noexcept;

/// Why `block` is not the expected region, or nothing. Fails closed, except where peers are known to differ
/// (trap T3): slot_bytes of pools and stride_bytes of header rings are not looked at.
[[nodiscard]] std::optional<std::string> superblock_fault(const wire::Superblock& block,
                                                          const RegionExpectation& expected);

/// Whether everything but the activity stamp is as in `mapped`, without allocating (WIRE-019).
[[nodiscard]] bool same_superblock(const wire::Superblock& block, const wire::Superblock& mapped) noexcept;

/// Refreshes the activity stamp by one atomic store (TRP-29). Readers load it with acquire or weaker.
inline void touch_activity(std::byte* region, std::uint64_t now_ns) noexcept {
    auto& word =
        *reinterpret_cast<std::uint64_t*>(region + offsetof(wire::Superblock, activity_timestamp_ns));
    base::store_release(word, now_ns);
}

}  // namespace tensorpool::shm
