// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/superblock.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace tensorpool::shm {
namespace {

constexpr std::uint32_t kMinStrideBytes = 64;

}  // namespace

void write_superblock(std::byte* region, const RegionExpectation& shape, std::uint64_t pid,
                      std::uint64_t now_ns) noexcept {
    const bool ring = shape.type == wire::RegionType::HeaderRing;
    wire::Superblock block{};
    block.magic = wire::kSuperblockMagic;
    block.layout_version = shape.layout_version;
    block.epoch = shape.epoch;
    block.stream_id = shape.stream_id;
    block.region_type = shape.type;
    block.pool_id = shape.pool_id;
    block.nslots = shape.nslots;
    block.slot_bytes = ring ? static_cast<std::uint32_t>(wire::kHeaderSlotBytes) : shape.stride_bytes;
    block.stride_bytes = ring ? 0 : shape.stride_bytes;
    block.pid = pid;
    block.start_timestamp_ns = now_ns;
    block.activity_timestamp_ns = now_ns;
    std::memcpy(region, &block, sizeof block);
}

wire::Superblock read_superblock(const std::byte* region) noexcept {
    wire::Superblock block;
    constexpr std::size_t kActivity = offsetof(wire::Superblock, activity_timestamp_ns);
    base::racy_copy_from_shared(&block, region, kActivity);
    const auto& word = *reinterpret_cast<const std::uint64_t*>(region + kActivity);
    block.activity_timestamp_ns = base::load_acquire(word);  // pairs with touch_activity
    return block;
}

std::optional<std::string> superblock_fault(const wire::Superblock& block,
                                            const RegionExpectation& expected) {
    // Copies: the fields are misaligned and fmt takes references.
    const auto mismatch = [](std::string_view field, std::uint64_t found, std::uint64_t wanted) {
        return fmt::format("superblock {} is {}, announced is {} (WIRE-018)", field, found, wanted);
    };
    const auto type = static_cast<std::int16_t>(block.region_type);
    if (std::uint64_t magic = block.magic; magic != wire::kSuperblockMagic) {
        return fmt::format("superblock magic is {:#x}, must be {:#x} (WIRE-016)", magic,
                           wire::kSuperblockMagic);
    }
    if (block.layout_version != expected.layout_version) {
        return mismatch("layout_version", block.layout_version, expected.layout_version);
    }
    if (block.epoch != expected.epoch) return mismatch("epoch", block.epoch, expected.epoch);
    if (block.stream_id != expected.stream_id)
        return mismatch("stream_id", block.stream_id, expected.stream_id);
    if (block.region_type != expected.type) {
        return fmt::format("superblock region_type is {}, must be {} (WIRE-018)", type,
                           static_cast<std::int16_t>(expected.type));
    }
    if (block.pool_id != expected.pool_id) return mismatch("pool_id", block.pool_id, expected.pool_id);
    if (block.nslots != expected.nslots) return mismatch("nslots", block.nslots, expected.nslots);
    if (!std::has_single_bit(expected.nslots)) {
        return fmt::format("nslots {} is not a power of two (WIRE-057)", expected.nslots);
    }
    if (expected.type == wire::RegionType::HeaderRing) {
        if (block.slot_bytes != wire::kHeaderSlotBytes) {
            return mismatch("slot_bytes", block.slot_bytes, wire::kHeaderSlotBytes);
        }
        return std::nullopt;
    }
    if (block.stride_bytes != expected.stride_bytes) {
        return mismatch("stride_bytes", block.stride_bytes, expected.stride_bytes);
    }
    if (!std::has_single_bit(expected.stride_bytes) || expected.stride_bytes < kMinStrideBytes) {
        return fmt::format("stride_bytes {} is not a power of two of at least 64 (WIRE-061)",
                           expected.stride_bytes);
    }
    return std::nullopt;
}

bool same_superblock(const wire::Superblock& block, const wire::Superblock& mapped) noexcept {
    return std::memcmp(&block, &mapped, offsetof(wire::Superblock, activity_timestamp_ns)) == 0;
}

}  // namespace tensorpool::shm
