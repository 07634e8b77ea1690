// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "base/spsc_queue.hpp"
#include "camera/completion_signal.hpp"

#include "support/eventually.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace tensorpool {
namespace {

using base::SpscQueue;
using camera::CompletionSignal;

TEST(SpscQueueTest, RefusesWhatDoesNotFitAndKeepsTheRestInOrder) {
    SpscQueue<int> queue(4);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.push(i));
    EXPECT_FALSE(queue.push(99));
    int value = -1;
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(queue.pop(value));
        EXPECT_EQ(value, i);
    }
    EXPECT_FALSE(queue.pop(value));
}

TEST(SpscQueueTest, HandsEveryElementOverOnceAndWholeBetweenTwoThreads) {
    struct Pair {
        std::uint64_t number;
        std::uint64_t inverse;
    };
    constexpr std::uint64_t kCount = 200'000;
    SpscQueue<Pair> queue(16);
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < kCount;) {
            if (queue.push({i, ~i}))
                ++i;
            else
                std::this_thread::yield();
        }
    });
    std::uint64_t next = 0;
    std::uint64_t torn = 0;
    while (next < kCount) {
        Pair pair{};
        if (!queue.pop(pair)) {
            std::this_thread::yield();
            continue;
        }
        torn += (pair.number != next || pair.inverse != ~next) ? 1 : 0;
        ++next;
    }
    writer.join();
    EXPECT_EQ(torn, 0u);
}

TEST(CompletionSignalTest, DoesNotSleepOverAnEventThatCameBefore) {
    CompletionSignal signal;
    signal.notify();
    signal.wait(600 * kNanosPerSecond);  // returns only because of the event
    SUCCEED();
}

TEST(CompletionSignalTest, WakesASleeperFromAnotherThread) {
    CompletionSignal signal;
    std::atomic<int> woken{0};
    std::thread sleeper([&] {
        for (int i = 0; i < 200; ++i) {
            signal.wait(600 * kNanosPerSecond);
            woken.fetch_add(1);
        }
    });
    for (int i = 1; i <= 200; ++i) {
        signal.notify();
        EXPECT_TRUE(test::eventually([&] { return woken.load() >= i; }));
    }
    sleeper.join();
}

TEST(CompletionSignalTest, ReturnsAfterTheTimeoutWithoutAnEvent) {
    CompletionSignal signal;
    const Nanos begin = monotonic_now_ns();
    signal.wait(2 * kNanosPerMilli);
    EXPECT_GE(monotonic_now_ns() - begin, 2 * kNanosPerMilli);
}

}  // namespace
}  // namespace tensorpool
