// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/node_id_allocator.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tensorpool::driver {
namespace {

// spec: DRV-048, TRP-26
TEST(NodeIdAllocatorTest, GivesEachClientItsOwnIdFromTheTenBitField) {
    NodeIdAllocator nodes(1000);
    std::set<std::uint32_t> seen;
    for (std::uint32_t client = 1; client <= 1023; ++client) {
        const auto id = nodes.assign(client, 0);
        ASSERT_TRUE(id.has_value());
        EXPECT_GE(*id, 1U);
        EXPECT_LE(*id, 1023U);
        EXPECT_TRUE(seen.insert(*id).second);
    }
    EXPECT_EQ(nodes.assign(5000, 0), std::nullopt);
}

// spec: DRV-048, TRP-26
TEST(NodeIdAllocatorTest, AReleasedIdRestsForOthersButNotForTheClientThatHadIt) {
    NodeIdAllocator nodes(1000);
    ASSERT_TRUE(nodes.assign_exactly(7, 42, 0));
    EXPECT_FALSE(nodes.is_available(7, 43, 0));
    nodes.release(7, 500);
    EXPECT_FALSE(nodes.is_available(7, 43, 1499));
    EXPECT_TRUE(nodes.is_available(7, 43, 1500));
    EXPECT_TRUE(nodes.is_available(7, 42, 500));
    EXPECT_EQ(nodes.assign(42, 501), 7U) << "the same client gets its old id back";
}

// spec: DRV-046, DRV-047
TEST(NodeIdAllocatorTest, AWantedIdIsRefusedWhenHeldOrOutsideTheField) {
    NodeIdAllocator nodes(0);
    EXPECT_FALSE(nodes.assign_exactly(0, 1, 0));
    EXPECT_FALSE(nodes.assign_exactly(1024, 1, 0));
    EXPECT_TRUE(nodes.assign_exactly(1023, 1, 0));
    EXPECT_FALSE(nodes.assign_exactly(1023, 2, 0));
    nodes.release(1023, 5);
    EXPECT_TRUE(nodes.assign_exactly(1023, 2, 5)) << "no cooldown configured";
    nodes.release(12, 6);
}

}  // namespace
}  // namespace tensorpool::driver
