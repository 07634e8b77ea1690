// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/timer.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tensorpool {
namespace {

using base::CachedClock;
using base::PeriodicTimer;

TEST(PeriodicTimerTest, IsDueOncePerPeriodAndNotBefore) {
    PeriodicTimer timer(100, 1000);
    EXPECT_FALSE(timer.due(999));
    EXPECT_TRUE(timer.due(1000));
    EXPECT_FALSE(timer.due(1000));
    EXPECT_FALSE(timer.due(1099));
    EXPECT_TRUE(timer.due(1100));
}

TEST(PeriodicTimerTest, FiresOnceAfterAStallAndStaysOnItsGrid) {
    PeriodicTimer timer(100, 1000);
    EXPECT_TRUE(timer.due(1000));
    EXPECT_TRUE(timer.due(5730));
    EXPECT_FALSE(timer.due(5731));
    EXPECT_FALSE(timer.due(5799));
    EXPECT_TRUE(timer.due(5800));
}

TEST(PeriodicTimerTest, DoesNotDriftWhenEachCycleIsALittleLate) {
    PeriodicTimer timer(100, 0);
    int fired = 0;
    for (Nanos now = 0; now < 100'000; now += 7) fired += timer.due(now) ? 1 : 0;
    EXPECT_EQ(fired, 1000);
}

TEST(PeriodicTimerTest, RestartBeginsANewGridAndTriggerFiresAtOnce) {
    PeriodicTimer timer(100, 0);
    timer.restart(1050);
    EXPECT_FALSE(timer.due(1149));
    EXPECT_TRUE(timer.due(1150));
    timer.trigger();
    EXPECT_TRUE(timer.due(1151));
    EXPECT_FALSE(timer.due(1151));
}

TEST(PeriodicTimerTest, HoldsAtTheEndOfTimeInsteadOfWrapping) {
    constexpr Nanos kEnd = std::numeric_limits<Nanos>::max();
    PeriodicTimer timer(kEnd - 10, 0);
    EXPECT_TRUE(timer.due(100));
    timer.restart(1'000'000);
    EXPECT_EQ(timer.next_ns(), kEnd);
    EXPECT_FALSE(timer.due(kEnd - 1));
}

TEST(CachedClockTest, ShowsTheTimeOfTheLastUpdate) {
    CachedClock clock;
    EXPECT_EQ(clock.now_ns(), 0);
    clock.update(42);
    EXPECT_EQ(clock.now_ns(), 42);
}

}  // namespace
}  // namespace tensorpool
