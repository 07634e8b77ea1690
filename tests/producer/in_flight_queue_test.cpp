// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "producer/in_flight_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <random>
#include <vector>

namespace tensorpool::producer {
namespace {

using Finish = InFlightQueue::Finish;

std::vector<std::uint64_t> drained(InFlightQueue& queue) {
    std::vector<std::uint64_t> seqs;
    queue.drain([&](const DescriptorFields& fields) { seqs.push_back(fields.seq); });
    return seqs;
}

std::uint64_t reserve(InFlightQueue& queue, Nanos now_ns = 0) {
    std::uint64_t gaps = 0;
    EXPECT_TRUE(queue.make_room(gaps));
    return queue.reserve(now_ns);
}

bool has_room(InFlightQueue& queue) {
    std::uint64_t gaps = 0;
    return queue.make_room(gaps);
}

// spec: WIRE-095
TEST(InFlightQueueTest, HoldsALaterFrameBackUntilTheEarlierOneIsFinished) {
    InFlightQueue queue;
    queue.reset(8, 4);
    const auto first = reserve(queue);
    const auto second = reserve(queue);

    ASSERT_EQ(queue.publish({.seq = second}), Finish::Ok);
    EXPECT_TRUE(drained(queue).empty());
    ASSERT_EQ(queue.publish({.seq = first}), Finish::Ok);
    EXPECT_EQ(drained(queue), (std::vector<std::uint64_t>{first, second}));
}

TEST(InFlightQueueTest, AnAbandonedReservationIsAGapAndHoldsNothingBack) {
    InFlightQueue queue;
    queue.reset(8, 4);
    const auto first = reserve(queue);
    const auto second = reserve(queue);
    ASSERT_EQ(queue.publish({.seq = second}), Finish::Ok);
    ASSERT_EQ(queue.abandon(first), Finish::Ok);
    EXPECT_EQ(drained(queue), std::vector<std::uint64_t>{second});
    EXPECT_EQ(queue.next_seq(), 2u);
}

TEST(InFlightQueueTest, SkipsToALaterSequenceNumberAndNeverBack) {
    InFlightQueue queue;
    queue.reset(8, 4);
    ASSERT_TRUE(queue.skip_to(1'000'003));
    const auto first = reserve(queue);
    EXPECT_EQ(first, 1'000'003U);
    EXPECT_FALSE(queue.skip_to(first));
    EXPECT_TRUE(queue.skip_to(first + 1)) << "skipping nothing";
    ASSERT_EQ(queue.publish({.seq = first}), Finish::Ok);
    EXPECT_EQ(drained(queue), std::vector<std::uint64_t>{first});
}

TEST(InFlightQueueTest, SkipsWhileAnEarlierFrameIsOpenButNotAWholeRingAhead) {
    InFlightQueue queue;
    queue.reset(8, 4);
    const auto first = reserve(queue);
    EXPECT_FALSE(queue.skip_to(first + 8));
    ASSERT_TRUE(queue.skip_to(first + 7));
    const auto second = reserve(queue);
    EXPECT_EQ(second, first + 7);
    ASSERT_EQ(queue.publish({.seq = second}), Finish::Ok);
    EXPECT_TRUE(drained(queue).empty()) << "the first one is still open";
    ASSERT_EQ(queue.publish({.seq = first}), Finish::Ok);
    EXPECT_EQ(drained(queue), (std::vector<std::uint64_t>{first, second}));
}

TEST(InFlightQueueTest, RefusesMoreThanMaxInFlightUntilOneIsFinished) {
    InFlightQueue queue;
    queue.reset(8, 2);
    const auto first = reserve(queue);
    reserve(queue);
    EXPECT_FALSE(has_room(queue));
    ASSERT_EQ(queue.publish({.seq = first}), Finish::Ok);
    EXPECT_TRUE(has_room(queue));
}

TEST(InFlightQueueTest, NeverLapsAFrameWhoseDescriptorHasNotLeft) {
    InFlightQueue queue;
    queue.reset(4, 3);
    reserve(queue);  // never finished
    for (int i = 0; i < 3; ++i) ASSERT_EQ(queue.publish({.seq = reserve(queue)}), Finish::Ok);
    EXPECT_FALSE(has_room(queue));
    EXPECT_TRUE(drained(queue).empty());
}

TEST(InFlightQueueTest, AReservationOlderThanTheLimitBecomesAGapAndReleasesTheFramesBehindIt) {
    InFlightQueue queue;
    queue.reset(8, 4);
    const auto lost = reserve(queue, 100);
    const auto next = reserve(queue, 150);
    ASSERT_EQ(queue.publish({.seq = next}), Finish::Ok);
    EXPECT_EQ(queue.expire(199, 100), 0u);
    EXPECT_EQ(queue.expire(200, 100), 1u);
    EXPECT_EQ(drained(queue), std::vector<std::uint64_t>{next});
    EXPECT_EQ(queue.held(), 1u);
    EXPECT_EQ(queue.publish({.seq = lost}), Finish::TooLate);
    EXPECT_EQ(queue.held(), 0u);
}

TEST(InFlightQueueTest, SkipsTheSlotThatADeviceMayStillWriteInto) {
    InFlightQueue queue;
    queue.reset(4, 3);
    reserve(queue, 0);  // slot 0 is lost in the device
    ASSERT_EQ(queue.expire(10, 10), 1u);
    for (std::uint64_t expected : {1u, 2u, 3u, 5u, 6u, 7u, 9u}) {
        std::uint64_t gaps = 0;
        ASSERT_TRUE(queue.make_room(gaps));
        EXPECT_EQ(gaps, expected % 4 == 1 && expected > 1 ? 1u : 0u);
        const auto seq = queue.reserve(0);
        EXPECT_EQ(seq, expected);
        ASSERT_EQ(queue.publish({.seq = seq}), Finish::Ok);
        EXPECT_EQ(drained(queue), std::vector<std::uint64_t>{expected});
    }
}

TEST(InFlightQueueTest, AnswersUnknownForAFrameFinishedTwiceOrNeverReserved) {
    InFlightQueue queue;
    queue.reset(8, 4);
    const auto seq = reserve(queue);
    ASSERT_EQ(queue.publish({.seq = seq}), Finish::Ok);
    EXPECT_EQ(queue.publish({.seq = seq}), Finish::Unknown);
    EXPECT_EQ(queue.abandon(seq), Finish::Unknown);
    EXPECT_EQ(queue.abandon(77), Finish::Unknown);
}

TEST(InFlightQueueTest, RandomCompletionOrdersEmitEveryFinishedFrameOnceInOrder) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    InFlightQueue queue;
    queue.reset(16, 9);
    std::deque<std::uint64_t> open;
    std::vector<std::uint64_t> emitted;
    std::vector<std::uint64_t> committed;
    Nanos now = 0;
    for (int step = 0; step < 200'000; ++step) {
        ++now;
        const auto pick = random() % 8;
        std::uint64_t gaps = 0;
        if (pick < 4 && queue.make_room(gaps)) {
            open.push_back(queue.reserve(now));
        } else if (!open.empty() && pick < 7) {
            const auto at = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
            const auto seq = *at;
            open.erase(at);
            if (pick == 6) {
                EXPECT_NE(queue.abandon(seq), Finish::Unknown);
            } else if (queue.publish({.seq = seq}) == Finish::Ok) {
                committed.push_back(seq);
            }
        }
        queue.expire(now, 200);
        queue.drain([&](const DescriptorFields& fields) { emitted.push_back(fields.seq); });
        ASSERT_LT(queue.open() + queue.held(), 16u);
    }
    for (const auto seq : open) {
        EXPECT_NE(queue.abandon(seq), Finish::Unknown);
    }
    queue.drain([&](const DescriptorFields& fields) { emitted.push_back(fields.seq); });
    std::sort(committed.begin(), committed.end());
    EXPECT_EQ(emitted, committed);
}

using Place = InFlightQueue::Place;

// spec: BRG-070
TEST(InFlightQueueTest, ReservesGivenNumbersInAnyOrderWithinOneRing) {
    InFlightQueue queue;
    queue.reset(8, 4);
    EXPECT_EQ(queue.reserve_at(1'000'005, 0), Place::Reserved);
    EXPECT_EQ(queue.reserve_at(1'000'003, 0), Place::Reserved) << "nothing was emitted yet";
    EXPECT_EQ(queue.reserve_at(1'000'003, 0), Place::Passed);
    EXPECT_EQ(queue.reserve_at(1'000'010, 0), Place::Reserved);
    EXPECT_EQ(queue.reserve_at(1'000'011, 0), Place::Full) << "a whole ring ahead of the oldest";
    EXPECT_EQ(queue.reserve_at(1'000'002, 0), Place::Passed) << "a whole ring behind the newest";
    ASSERT_EQ(queue.publish({.seq = 1'000'005}), Finish::Ok);
    EXPECT_TRUE(drained(queue).empty()) << "in order";
    ASSERT_EQ(queue.abandon(1'000'003), Finish::Ok);
    EXPECT_EQ(drained(queue), std::vector<std::uint64_t>{1'000'005});
    EXPECT_EQ(queue.reserve_at(1'000'004, 0), Place::Passed) << "a later one was emitted";
    EXPECT_EQ(queue.reserve_at(1'000'011, 0), Place::Reserved);
    EXPECT_EQ(queue.open(), 2U);
}

TEST(InFlightQueueTest, ReservesNoMoreGivenNumbersThanMayBeOpen) {
    InFlightQueue queue;
    queue.reset(8, 2);
    EXPECT_EQ(queue.reserve_at(5, 0), Place::Reserved);
    EXPECT_EQ(queue.reserve_at(6, 0), Place::Reserved);
    EXPECT_EQ(queue.reserve_at(7, 0), Place::Full);
    ASSERT_EQ(queue.abandon(5), Finish::Ok);
    ASSERT_EQ(queue.abandon(6), Finish::Ok);
    EXPECT_TRUE(drained(queue).empty());
    EXPECT_EQ(queue.reserve_at(5, 0), Place::Reserved) << "given up and tried again";
}

TEST(InFlightQueueTest, GivenNumbersInRandomOrderComeOutAscendingAndOnce) {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    InFlightQueue queue;
    queue.reset(16, 6);
    std::vector<std::uint64_t> open;
    std::vector<std::uint64_t> emitted;
    std::uint64_t base = 1000;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 3 != 0) {
            base += random() % 20 == 0 ? random() % 1000 : random() % 2;
            const std::uint64_t seq = base + random() % 8;
            if (queue.reserve_at(seq, 0) == Place::Reserved) open.push_back(seq);
        } else if (!open.empty()) {
            const std::size_t at = random() % open.size();
            const std::uint64_t seq = open[at];
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
            const Finish done = random() % 4 == 0 ? queue.abandon(seq) : queue.publish({.seq = seq});
            ASSERT_EQ(done, Finish::Ok);
        }
        for (const std::uint64_t seq : drained(queue)) emitted.push_back(seq);
        ASSERT_EQ(queue.open(), open.size());
    }
    EXPECT_GT(emitted.size(), 1000U);
    EXPECT_EQ(std::ranges::adjacent_find(emitted, std::greater_equal<>()), emitted.end());
}

}  // namespace
}  // namespace tensorpool::producer
