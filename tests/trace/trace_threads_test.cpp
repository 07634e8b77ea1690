// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "trace/link_ring.hpp"

#include <tensorpool/trace.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

namespace tensorpool::test {
namespace {

// spec: TRACE-006
TEST(TraceIdThreadsTest, ThreadsThatShareAGeneratorNeverGetTheSameId) {
    constexpr std::size_t kThreads = 4;
    constexpr std::size_t kEach = 20'000;
    TraceIdGenerator generator(12);
    std::array<std::vector<std::uint64_t>, kThreads> ids;
    std::vector<std::thread> threads;
    for (auto& mine : ids) {
        threads.emplace_back([&] {
            while (mine.size() < kEach) {
                const auto block = generator.try_next(1 + mine.size() % 32);
                for (std::uint32_t i = 0; i < block.count; ++i) mine.push_back(block.first + i);
                if (block.count == 0) mine.push_back(generator.next());
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<std::uint64_t> all;
    for (const auto& mine : ids) {
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end())) << "each thread's ids rise";
        all.insert(all.end(), mine.begin(), mine.end());
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

// spec: TRACE-036
TEST(LinkRingThreadsTest, SetsArriveWholeAndInOrderAtTheOtherThread) {
    constexpr std::uint64_t kSets = 50'000;
    trace::LinkRing ring(256);  // small: wraps and fills up all the time
    std::thread publisher([&] {
        std::vector<std::uint64_t> parents;
        for (std::uint64_t i = 1; i <= kSets; ++i) {
            parents.assign(i % 7, i);
            while (!ring.push({i, i + 1, i + 2}, parents)) std::this_thread::yield();
        }
    });
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 1; i <= kSets;) {
        trace::LinkedFrame frame;
        std::uint64_t parents = 0;
        const bool got = ring.pop(frame, [&](std::uint64_t parent) {
            ++parents;
            if (parent != i) ++wrong;
        });
        if (!got) {
            std::this_thread::yield();
            continue;
        }
        if (frame.epoch != i || frame.seq != i + 1 || frame.trace_id != i + 2 || parents != i % 7) ++wrong;
        ++i;
    }
    publisher.join();
    EXPECT_EQ(wrong, 0U);
    trace::LinkedFrame frame;
    EXPECT_FALSE(ring.pop(frame, [](std::uint64_t) {}));
}

// spec: TRACE-036
TEST(LinkRingThreadsTest, RefusesASetThatDoesNotFitAndKeepsTheRest) {
    trace::LinkRing ring(8);
    const std::vector<std::uint64_t> parents{1, 2};
    EXPECT_TRUE(ring.push({1, 1, 1}, parents));
    EXPECT_FALSE(ring.push({2, 2, 2}, {}));
    trace::LinkedFrame frame;
    std::vector<std::uint64_t> got;
    ASSERT_TRUE(ring.pop(frame, [&](std::uint64_t parent) { got.push_back(parent); }));
    EXPECT_EQ(got, parents);
    EXPECT_FALSE(ring.push({3, 3, 3}, std::vector<std::uint64_t>(5, 1))) << "never fits";
    EXPECT_TRUE(ring.push({3, 3, 3}, std::vector<std::uint64_t>(4, 1)));
}

}  // namespace
}  // namespace tensorpool::test
