// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace tensorpool {
namespace {

using base::Histogram;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(HistogramTest, AnswersZeroWhileItIsEmpty) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0u);
    EXPECT_EQ(histogram.max(), 0u);
    EXPECT_EQ(histogram.quantile(0.5), 0u);
    EXPECT_EQ(histogram.quantile(1), 0u);
}

TEST(HistogramTest, CountsSmallValuesExactly) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 31; ++value) histogram.record(value);
    EXPECT_EQ(histogram.count(), 31u);
    for (std::uint64_t rank = 1; rank <= 31; ++rank)
        EXPECT_EQ(histogram.quantile((static_cast<double>(rank) - 0.5) / 31), rank);
}

TEST(HistogramTest, ReportsEveryValueAsAtLeastItselfAndAtMostAThirtySecondMore) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const std::uint64_t value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1,
                                          (std::uint64_t{1} << bit) + (std::uint64_t{1} << bit) / 3}) {
            Histogram histogram;
            histogram.record(value);
            histogram.record(kMost);  // so that the maximum does not cut the bucket's edge
            const std::uint64_t reported = histogram.quantile(0.5);
            EXPECT_GE(reported, value);
            EXPECT_LE(reported - value, value / 32) << value;
        }
    }
}

TEST(HistogramTest, NeverReportsMoreThanTheLargestValue) {
    Histogram histogram;
    histogram.record(1'000'001);
    EXPECT_EQ(histogram.quantile(0.5), 1'000'001u);
    EXPECT_EQ(histogram.quantile(1), 1'000'001u);
    histogram.record(kMost);
    EXPECT_EQ(histogram.quantile(1), kMost);
    EXPECT_EQ(histogram.max(), kMost);
}

TEST(HistogramTest, FindsQuantilesOfRandomValuesWithinTheWidthOfABucket) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto histogram = std::make_unique<Histogram>();
    std::vector<std::uint64_t> values(5000);
    for (std::uint64_t& value : values) {
        value = random() >> (random() % 64);
        histogram->record(value);
    }
    std::sort(values.begin(), values.end());
    for (const double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(quantile * 5000.0));
        const std::uint64_t exact = values[rank - 1];
        EXPECT_GE(histogram->quantile(quantile), exact) << quantile;
        EXPECT_LE(histogram->quantile(quantile) - exact, exact / 32) << quantile;
    }
}

TEST(HistogramTest, AddsUpWhatOthersCounted) {
    Histogram sum;
    Histogram other;
    for (int i = 0; i < 3; ++i) sum.record(10);
    other.record(20);
    other.record(30);
    sum.add(other);
    EXPECT_EQ(sum.count(), 5u);
    EXPECT_EQ(sum.max(), 30u);
    EXPECT_EQ(sum.quantile(0.6), 10u);
    EXPECT_EQ(sum.quantile(0.8), 20u);
    EXPECT_EQ(sum.quantile(1), 30u);
    EXPECT_EQ(other.count(), 2u) << "the other keeps its own";
}

TEST(HistogramTest, TellsWhatCameSinceAnOlderCopy) {
    Histogram histogram;
    histogram.record(1'000'000);
    histogram.record(10);
    const Histogram before = histogram;
    EXPECT_EQ(histogram.since(before).count(), 0u);
    EXPECT_EQ(histogram.since(before).max(), 0u);
    histogram.record(20);
    histogram.record(10);
    const Histogram since = histogram.since(before);
    EXPECT_EQ(since.count(), 2u);
    EXPECT_EQ(since.sum(), 30u);
    EXPECT_EQ(since.max(), 20u);
    EXPECT_EQ(since.quantile(0.5), 10u);
}

TEST(SharedHistogramTest, CopiesAreWhatOneThreadRecorded) {
    base::SharedHistogram shared;
    Histogram plain;
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{31}, std::uint64_t{12345}, kMost}) {
        shared.record(value);
        plain.record(value);
    }
    const Histogram copy = shared.snapshot();
    EXPECT_EQ(copy.count(), plain.count());
    EXPECT_EQ(copy.sum(), plain.sum());
    EXPECT_EQ(copy.max(), plain.max());
    for (const double quantile : {0.25, 0.5, 0.75, 1.0})
        EXPECT_EQ(copy.quantile(quantile), plain.quantile(quantile));
}

TEST(HistogramTest, ForgetsEverythingWhenCleared) {
    Histogram histogram;
    histogram.record(1000);
    histogram.clear();
    EXPECT_EQ(histogram.count(), 0u);
    EXPECT_EQ(histogram.max(), 0u);
    histogram.record(5);
    EXPECT_EQ(histogram.quantile(1), 5u);
}

}  // namespace
}  // namespace tensorpool
