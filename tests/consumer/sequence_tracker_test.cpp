// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/sequence_tracker.hpp"

#include "base/rate_gate.hpp"

#include <gtest/gtest.h>

namespace tensorpool::consumer {
namespace {

using base::RateGate;
using Verdict = SequenceTracker::Verdict;
constexpr std::int64_t kImage = 1;

TEST(SequenceTrackerTest, TheFirstDescriptorAfterMappingIsNoGap) {
    SequenceTracker tracker(256);
    const auto outcome = tracker.on_descriptor(1000, kImage);
    EXPECT_EQ(outcome.verdict, Verdict::InOrder);
    EXPECT_EQ(outcome.gap, 0u);
    tracker.restart();
    EXPECT_EQ(tracker.on_descriptor(5, kImage).gap, 0u);
}

// spec: WIRE-128
TEST(SequenceTrackerTest, CountsTheFramesBetweenTwoDescriptorsAsAGapAlsoAfterSeqZero) {
    SequenceTracker tracker(256);
    tracker.on_descriptor(0, kImage);
    EXPECT_EQ(tracker.on_descriptor(1, kImage).gap, 0u);
    EXPECT_EQ(tracker.on_descriptor(5, kImage).gap, 3u);
}

// spec: WIRE-129
TEST(SequenceTrackerTest, AsksToResynchroniseWhenTheGapExceedsTheLimit) {
    SequenceTracker tracker(10);
    tracker.on_descriptor(0, kImage);
    EXPECT_EQ(tracker.on_descriptor(11, kImage).verdict, Verdict::InOrder);
    const auto outcome = tracker.on_descriptor(23, kImage);
    EXPECT_EQ(outcome.verdict, Verdict::Resync);
    EXPECT_EQ(outcome.gap, 11u);
}

// spec: WIRE-135
TEST(SequenceTrackerTest, ASequenceThatGoesBackOnOneImageIsARegression) {
    SequenceTracker tracker(256);
    tracker.on_descriptor(7, kImage);
    EXPECT_EQ(tracker.on_descriptor(7, kImage).verdict, Verdict::Regression);
    EXPECT_EQ(tracker.on_descriptor(3, kImage).verdict, Verdict::Regression);
}

TEST(SequenceTrackerTest, TheSameSequenceOnAnotherImageIsASilentDuplicate) {
    SequenceTracker tracker(256);
    tracker.on_descriptor(7, kImage);
    EXPECT_EQ(tracker.on_descriptor(7, kImage + 1).verdict, Verdict::Duplicate);
    EXPECT_EQ(tracker.on_descriptor(8, kImage + 1).verdict, Verdict::InOrder);
}

// spec: WIRE-094
TEST(RateGateTest, AdmitsFramesOnTheGridOfTheRequestedRate) {
    RateGate gate(100);  // 10 ms
    int admitted = 0;
    for (std::uint64_t t = 0; t < 1'000'000'000; t += 1'000'000) admitted += gate.admit(t) ? 1 : 0;
    EXPECT_EQ(admitted, 100);
}

TEST(RateGateTest, AdmitsEverythingWhenUnlimited) {
    RateGate gate(0);
    EXPECT_TRUE(gate.admit(5));
    EXPECT_TRUE(gate.admit(5));
}

TEST(RateGateTest, AClockThatWentBackStartsAfresh) {
    RateGate gate(1);
    EXPECT_TRUE(gate.admit(10'000'000'000));
    EXPECT_FALSE(gate.admit(10'500'000'000));
    EXPECT_TRUE(gate.admit(1'000'000'000));
}

TEST(RateGateTest, KeepsTheRateUnderJitter) {
    RateGate gate(100);
    int admitted = 0;
    for (std::uint64_t i = 0; i < 1000; ++i)
        admitted += gate.admit(i * 10'000'000 + (i % 3) * 400'000) ? 1 : 0;
    EXPECT_GE(admitted, 990);
}

TEST(RateGateTest, EveryFrameOfAnotherGatePassesOneThatAllowsForItWhereverTheGridsLie) {
    std::uint64_t state = 12345;
    const auto random = [&state](std::uint64_t below) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (state >> 33) % below;
    };
    for (int round = 0; round < 200; ++round) {
        RateGate producer(100);
        RateGate consumer(100);
        const std::uint64_t joins = random(40);
        std::uint64_t stamp = 1'000'000'000;
        std::uint64_t refused = 0;
        for (std::uint64_t i = 0; i < 500; ++i) {
            stamp += 100'000 + random(9'000'000);
            if (producer.admit(stamp) && i >= joins) refused += consumer.admit_thinned(stamp) ? 0U : 1U;
        }
        EXPECT_EQ(refused, 0U) << "round " << round;
    }
}

TEST(RateGateTest, HoldsTheRateOfAStreamThatWasNotThinnedOut) {
    RateGate gate(100);
    int admitted = 0;
    for (std::uint64_t stamp = 0; stamp < 1'000'000'000; stamp += 1'000'000)
        admitted += gate.admit_thinned(1'000'000'000 + stamp) ? 1 : 0;
    EXPECT_LE(admitted, 102);
}

TEST(SequenceTrackerTest, AThinnedImageMayHaveLargeGaps) {
    SequenceTracker tracker(10);
    tracker.on_descriptor(1, kImage);
    const auto outcome = tracker.on_descriptor(1000, kImage, true);
    EXPECT_EQ(outcome.verdict, Verdict::InOrder);
    EXPECT_EQ(outcome.gap, 998U);
}

}  // namespace
}  // namespace tensorpool::consumer
