// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/id_allocator.hpp"

#include <gtest/gtest.h>

namespace tensorpool::driver {
namespace {

// spec: DRV-122, TRP-08
TEST(IdAllocatorTest, HandsOutTheNextFreeIdAndStartsOverAtTheEndOfTheRange) {
    IdAllocator ids({{10, 12}});
    EXPECT_EQ(ids.peek_next(), 10U);
    EXPECT_EQ(ids.take_next(), 10U);
    EXPECT_EQ(ids.take_next(), 11U);
    ids.release(10);
    EXPECT_EQ(ids.take_next(), 12U) << "a number just given back rests while others are free";
    EXPECT_EQ(ids.take_next(), 10U);
    EXPECT_EQ(ids.take_next(), std::nullopt);
}

TEST(IdAllocatorTest, TakesAWantedIdOnceAndOnlyInsideItsRanges) {
    IdAllocator ids({{10, 12}, {20, 20}});
    EXPECT_TRUE(ids.take(20));
    EXPECT_FALSE(ids.take(20));
    EXPECT_FALSE(ids.take(13));
    EXPECT_TRUE(ids.is_taken(20));
    EXPECT_TRUE(ids.contains(11));
    EXPECT_FALSE(ids.contains(19));
}

TEST(IdAllocatorTest, CrossesFromOneRangeToTheNextWhateverTheirOrder) {
    IdAllocator ids({{20, 21}, {5, 5}});
    EXPECT_EQ(ids.take_next(), 5U);
    EXPECT_EQ(ids.take_next(), 20U);
    EXPECT_EQ(ids.take_next(), 21U);
    EXPECT_EQ(ids.take_next(), std::nullopt);
}

TEST(IdAllocatorTest, AWholeRangeOfBillionsCostsNothingAndItsLastIdCanBeReached) {
    IdAllocator ids({{1, 4294967294U}});
    EXPECT_TRUE(ids.take(4294967293U));
    EXPECT_EQ(ids.take_next(), 1U);
    IdAllocator end({{4294967293U, 4294967294U}});
    EXPECT_EQ(end.take_next(), 4294967293U);
    EXPECT_EQ(end.take_next(), 4294967294U);
    EXPECT_EQ(end.take_next(), std::nullopt);
}

// spec: DRV-125
TEST(IdAllocatorTest, WithoutARangeThereIsNothingToHandOut) {
    IdAllocator ids({});
    EXPECT_FALSE(ids.is_configured());
    EXPECT_EQ(ids.take_next(), std::nullopt);
    EXPECT_FALSE(ids.take(1));
}

}  // namespace
}  // namespace tensorpool::driver
