// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/payload_pool.hpp"

#include "shm/region.hpp"
#include "shm/superblock.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace tensorpool::shm {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

TEST(PayloadPoolTest, SlotsFollowTheSuperblockAtMultiplesOfTheStride) {
    std::vector<std::byte> region(64 + 8 * 256);
    const PayloadPool pool(region.data(), 3, 8, 256);
    EXPECT_EQ(pool.pool_id(), 3);
    EXPECT_EQ(pool.nslots(), 8U);
    EXPECT_EQ(pool.stride_bytes(), 256U);
    for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(pool.slot(i) - region.data(), 64 + 256 * i);
}

// spec: WIRE-062
TEST(PayloadPoolTest, TheLastSlotOfTheLargestPoolIsAddressedIn64Bits) {
    // Addresses only: no machine has this much memory, and none is touched.
    auto* const region = reinterpret_cast<std::byte*>(0x1000);
    const PayloadPool pool(region, 1, 0x80000000, 0x80000000);
    const auto last = reinterpret_cast<std::uintptr_t>(pool.slot(0x7FFFFFFF));
    EXPECT_EQ(last, 0x1000U + 64U + 0x7FFFFFFFULL * 0x80000000ULL);
}

/// A pool file of more than 5 GiB that takes only the few pages that are written.
class SparsePoolTest : public testing::TestWithParam<std::uint32_t> {
protected:
    [[nodiscard]] std::uint32_t stride() const { return GetParam(); }
    [[nodiscard]] std::uint32_t nslots() const { return static_cast<std::uint32_t>(8 * kGiB / stride()); }
    [[nodiscard]] std::uint64_t bytes() const {
        return region_bytes(wire::RegionType::PayloadPool, nslots(), stride());
    }
};

std::string stride_name(const testing::TestParamInfo<std::uint32_t>& stride) {
    return "Stride" + std::to_string(stride.param);
}

INSTANTIATE_TEST_SUITE_P(Strides, SparsePoolTest, testing::Values(64U, 4096U, 1U << 20, 1U << 30, 1U << 31),
                         stride_name);

TEST_P(SparsePoolTest, EverySlotBeyond4GiBLiesWhereTheFormatPutsIt) {
    const test::TempDir dir;
    const std::string path = dir.str() + "/1.pool";
    RegionCreation how;
    how.prefault = false;
    const Region region = Region::create(path, bytes(), how);
    ASSERT_EQ(std::filesystem::file_size(path), 64 + 8 * kGiB);
    const PayloadPool pool(region.base(), 1, nslots(), stride());
    std::vector<std::uint32_t> slots{0, 1, nslots() / 2 - 1, nslots() / 2, nslots() - 1};
    const auto slot_at_5_gib = static_cast<std::uint32_t>(5 * kGiB / stride());
    slots.push_back(slot_at_5_gib);
    for (const std::uint32_t slot : slots) *pool.slot(slot) = static_cast<std::byte>(slot % 251 + 1);

    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    for (const std::uint32_t slot : slots) {
        unsigned char found = 0;
        const auto offset = static_cast<off_t>(64 + static_cast<std::uint64_t>(slot) * stride());
        ASSERT_EQ(::pread(fd.get(), &found, 1, offset), 1) << slot;
        EXPECT_EQ(found, slot % 251 + 1) << "slot " << slot;
    }
    struct stat status {};
    ASSERT_EQ(::fstat(fd.get(), &status), 0);
    EXPECT_LT(static_cast<std::uint64_t>(status.st_blocks) * 512, 64U << 20) << "still sparse";
}

}  // namespace
}  // namespace tensorpool::shm
