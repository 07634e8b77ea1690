// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/superblock.hpp"

#include "support/golden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <span>

namespace tensorpool::shm {
namespace {

using testing::HasSubstr;
using testing::Optional;
using wire::RegionType;
using wire::Superblock;

RegionExpectation ring() {
    RegionExpectation shape;
    shape.stream_id = 10000;
    shape.epoch = 5;
    shape.nslots = 8;
    return shape;
}

RegionExpectation pool() {
    RegionExpectation shape = ring();
    shape.type = RegionType::PayloadPool;
    shape.pool_id = 3;
    shape.stride_bytes = 4096;
    return shape;
}

struct alignas(64) FirstLine {
    std::array<std::byte, 64> bytes{};
};

Superblock written(const RegionExpectation& shape) {
    FirstLine region;
    write_superblock(region.bytes.data(), shape, 4711, 123);
    return read_superblock(region.bytes.data());
}

std::optional<std::string> fault_after(const RegionExpectation& shape,
                                       const std::function<void(Superblock&)>& change) {
    Superblock block = written(shape);
    change(block);
    return superblock_fault(block, shape);
}

/// A packed field by value: nothing may bind a reference to it.
template <typename T>
T copy(T value) noexcept {
    return value;
}

// spec: WIRE-015 WIRE-016 WIRE-017 WIRE-021
TEST(SuperblockTest, AHeaderRingSaysWhatItIs) {
    const Superblock block = written(ring());
    EXPECT_EQ(copy(block.magic), 0x544F504C53484D31U);
    EXPECT_EQ(copy(block.layout_version), 1U);
    EXPECT_EQ(copy(block.epoch), 5U);
    EXPECT_EQ(copy(block.stream_id), 10000U);
    EXPECT_EQ(copy(block.region_type), RegionType::HeaderRing);
    EXPECT_EQ(copy(block.pool_id), 0);
    EXPECT_EQ(copy(block.nslots), 8U);
    EXPECT_EQ(copy(block.slot_bytes), 256U);
    EXPECT_EQ(copy(block.stride_bytes), 0U);
    EXPECT_EQ(copy(block.pid), 4711U);
    EXPECT_EQ(copy(block.start_timestamp_ns), 123U);
    EXPECT_EQ(copy(block.activity_timestamp_ns), 123U);
}

// spec: WIRE-017 WIRE-021
TEST(SuperblockTest, APoolSaysWhatItIsWithItsStrideInBothFields) {
    const Superblock block = written(pool());
    EXPECT_EQ(copy(block.region_type), RegionType::PayloadPool);
    EXPECT_EQ(copy(block.pool_id), 3);
    EXPECT_EQ(copy(block.slot_bytes), 4096U);
    EXPECT_EQ(copy(block.stride_bytes), 4096U);
}

// spec: WIRE-018 WIRE-023
TEST(SuperblockTest, OneOfTheExpectedRegionPasses) {
    EXPECT_EQ(superblock_fault(written(ring()), ring()), std::nullopt);
    EXPECT_EQ(superblock_fault(written(pool()), pool()), std::nullopt);
    EXPECT_NE(superblock_fault(written(ring()), pool()), std::nullopt);
    EXPECT_NE(superblock_fault(written(pool()), ring()), std::nullopt);
}

// spec: WIRE-016 WIRE-023
TEST(SuperblockTest, AnyOtherMagicMakesTheRegionInvalid) {
    EXPECT_THAT(fault_after(ring(), [](auto& b) { b.magic = 0x54504F4C53484D31; }),
                Optional(HasSubstr("WIRE-016")))
        << "the text TPOLSHM1 read as a number";
    EXPECT_THAT(fault_after(ring(), [](auto& b) { b.magic = __builtin_bswap64(wire::kSuperblockMagic); }),
                Optional(HasSubstr("WIRE-016")))
        << "a big-endian host's";
    EXPECT_THAT(fault_after(ring(), [](auto& b) { b.magic = 0; }), Optional(HasSubstr("WIRE-016")));
    for (int bit = 0; bit < 64; ++bit) {
        EXPECT_THAT(fault_after(pool(), [&](auto& b) { b.magic = b.magic ^ (std::uint64_t{1} << bit); }),
                    Optional(HasSubstr("WIRE-016")));
    }
}

// spec: WIRE-018 WIRE-021 WIRE-023
TEST(SuperblockTest, EveryFieldThatDiffersFromTheAnnouncedIsNamed) {
    const std::vector<std::pair<std::string_view, std::function<void(Superblock&)>>> changes{
        {"layout_version", [](Superblock& b) { b.layout_version = 2; }},
        {"epoch", [](Superblock& b) { b.epoch = 4; }},
        {"epoch", [](Superblock& b) { b.epoch = 5 + (std::uint64_t{1} << 32); }},
        {"stream_id", [](Superblock& b) { b.stream_id = 10001; }},
        {"region_type", [](Superblock& b) { b.region_type = static_cast<RegionType>(3); }},
        {"region_type", [](Superblock& b) { b.region_type = static_cast<RegionType>(-32768); }},
        {"pool_id", [](Superblock& b) { b.pool_id = 9; }},
        {"nslots", [](Superblock& b) { b.nslots = 16; }},
        {"nslots", [](Superblock& b) { b.nslots = 0; }}};
    for (const auto& [field, change] : changes) {
        for (const RegionExpectation& shape : {ring(), pool()}) {
            EXPECT_THAT(fault_after(shape, change), Optional(HasSubstr(std::string(field))));
        }
    }
}

// spec: WIRE-018 WIRE-066
TEST(SuperblockTest, AHeaderRingOfOtherSlotsThan256BytesIsRefused) {
    for (const std::uint32_t bytes : {0U, 128U, 255U, 512U, 0xFFFFFFFFU}) {
        EXPECT_THAT(fault_after(ring(), [&](auto& b) { b.slot_bytes = bytes; }),
                    Optional(HasSubstr("slot_bytes")));
    }
}

// spec: WIRE-018 WIRE-061
TEST(SuperblockTest, APoolOfAnotherStrideIsRefused) {
    for (const std::uint32_t bytes : {0U, 64U, 8192U, 0xFFFFFFFFU}) {
        EXPECT_THAT(fault_after(pool(), [&](auto& b) { b.stride_bytes = bytes; }),
                    Optional(HasSubstr("stride_bytes")));
    }
}

// spec: WIRE-018
TEST(SuperblockTest, TheTwoFieldsThatPeersFillDifferentlyAreNotLookedAt) {
    for (const std::uint32_t value : {0U, 256U, 4096U, 0xFFFFFFFFU}) {
        EXPECT_EQ(fault_after(pool(), [&](auto& b) { b.slot_bytes = value; }), std::nullopt) << value;
        EXPECT_EQ(fault_after(ring(), [&](auto& b) { b.stride_bytes = value; }), std::nullopt) << value;
    }
}

// spec: WIRE-137
TEST(SuperblockTest, ProcessAndTimesSayNothingAboutValidity) {
    EXPECT_EQ(fault_after(ring(),
                          [](auto& b) {
                              b.pid = 1;
                              b.start_timestamp_ns = 0;
                              b.activity_timestamp_ns = 0xFFFFFFFFFFFFFFFF;
                          }),
              std::nullopt);
}

// spec: WIRE-023 WIRE-057 WIRE-061 WIRE-062
TEST(SuperblockTest, ARegionMayAgreeWithAnAnnounceThatIsWrongItself) {
    for (const std::uint32_t nslots : {0U, 3U, 12U, 0xFFFFFFFFU}) {
        RegionExpectation shape = ring();
        shape.nslots = nslots;
        EXPECT_THAT(superblock_fault(written(shape), shape), Optional(HasSubstr("WIRE-057"))) << nslots;
    }
    for (const std::uint32_t stride : {0U, 32U, 96U, 65600U}) {
        RegionExpectation shape = pool();
        shape.stride_bytes = stride;
        EXPECT_THAT(superblock_fault(written(shape), shape), Optional(HasSubstr("WIRE-061"))) << stride;
    }
    RegionExpectation smallest = pool();
    smallest.stride_bytes = 64;
    EXPECT_EQ(superblock_fault(written(smallest), smallest), std::nullopt) << "no page size asked for";
}

// spec: WIRE-017
TEST(SuperblockTest, ARefreshChangesTheActivityStampAndNoOtherByte) {
    FirstLine region;
    write_superblock(region.bytes.data(), pool(), 4711, 123);
    const auto before = region.bytes;
    touch_activity(region.bytes.data(), 0x1122334455667788);
    EXPECT_EQ(test::to_hex(std::span(region.bytes).first(56)), test::to_hex(std::span(before).first(56)));
    EXPECT_EQ(test::to_hex(std::span(region.bytes).last(8)), "8877665544332211");
    EXPECT_EQ(copy(read_superblock(region.bytes.data()).activity_timestamp_ns), 0x1122334455667788U);
}

// spec: WIRE-019 WIRE-137
TEST(SuperblockTest, AnyChangeButTheActivityStampIsSeen) {
    FirstLine region;
    write_superblock(region.bytes.data(), pool(), 4711, 123);
    const Superblock mapped = read_superblock(region.bytes.data());
    for (std::size_t at = 0; at < region.bytes.size(); ++at) {
        FirstLine changed = region;
        changed.bytes[at] ^= std::byte{1};
        EXPECT_EQ(same_superblock(read_superblock(changed.bytes.data()), mapped), at >= 56) << "byte " << at;
    }
}

TEST(SuperblockTest, RegionSizesAreComputedIn64Bits) {
    EXPECT_EQ(region_bytes(RegionType::HeaderRing, 8, 0), 64U + 8 * 256);
    EXPECT_EQ(region_bytes(RegionType::HeaderRing, 8, 4096), 64U + 8 * 256)
        << "a ring has slots, not strides";
    EXPECT_EQ(region_bytes(RegionType::PayloadPool, 8, 4096), 64U + 8 * 4096);
    EXPECT_EQ(region_bytes(RegionType::PayloadPool, 1U << 13, 1U << 20), 64U + (std::uint64_t{1} << 33));
    EXPECT_EQ(region_bytes(RegionType::PayloadPool, 0x80000000, 0x80000000), 64U + (std::uint64_t{1} << 62));
    EXPECT_EQ(region_bytes(RegionType::HeaderRing, 0x80000000, 0), 64U + (std::uint64_t{1} << 39));
}

}  // namespace
}  // namespace tensorpool::shm
