// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/stats_line.hpp"

#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using apps::per_second;
using apps::StatsLine;
using apps::StreamTotals;

TEST(StatsLineTest, ShowsRatesSinceTheLastLineAndTotalsSinceTheBeginning) {
    StatsLine stats(10 * kNanosPerSecond);
    EXPECT_FALSE(stats.due(11 * kNanosPerSecond - 1));
    ASSERT_TRUE(stats.due(11 * kNanosPerSecond));
    EXPECT_EQ(stats.next(11 * kNanosPerSecond, {100, 25'000'000, {{"incomplete", 2}, {"missed", 1}}}),
              "frames=100 frames_per_s=100.0 mb_per_s=25.0 gaps=3 incomplete=2 missed=1");
    EXPECT_FALSE(stats.due(11 * kNanosPerSecond));
    EXPECT_EQ(stats.next(13 * kNanosPerSecond, {120, 30'000'000, {{"incomplete", 2}, {"missed", 5}}}),
              "frames=120 frames_per_s=10.0 mb_per_s=2.5 gaps=7 incomplete=2 missed=5");
    EXPECT_EQ(stats.elapsed_ns(13 * kNanosPerSecond), 3 * kNanosPerSecond);
}

TEST(StatsLineTest, ShowsZeroRatesWhenNoTimeHasPassed) {
    EXPECT_EQ(per_second(5, 0), 0.0);
    StatsLine stats(0);
    EXPECT_EQ(stats.next(0, StreamTotals{5, 500, {}}), "frames=5 frames_per_s=0.0 mb_per_s=0.0 gaps=0");
}

}  // namespace
}  // namespace tensorpool
