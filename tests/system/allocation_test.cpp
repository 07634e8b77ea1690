// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The per-frame path takes no memory, on either side, whichever way a frame is published.

#include "support/allocation_counter.hpp"
#include "system/standalone_processes.hpp"

namespace tensorpool::test {
namespace {

TEST(AllocationTest, PublishingAndReadingFramesAllocatesNothing) {
    const TempDir dir;
    Context producing(context_options_in(dir));
    Context consuming(context_options_in(dir));
    Producer producer(producing, producer_options_in(dir, 16));
    Consumer consumer(consuming, consumer_options_in(dir));
    const std::vector<std::byte> values(kFrameBytes, std::byte{1});
    std::uint64_t delivered = 0;
    const auto exchange = [&] {
        if (!producer.offer(values, frame_info())) return false;
        if (!publish_pattern(producer)) return false;
        const auto reservation = producer.reserve(1);
        if (!reservation) return false;
        producer.publish(*reservation, frame_info());
        consumer.poll([&](const Frame& frame) { delivered += std::uint64_t{frame.intact()}; });
        return true;
    };
    ASSERT_TRUE(eventually([&] {
        producer.do_work(monotonic_now_ns());
        consumer.do_work(monotonic_now_ns());
        return exchange() && delivered > 0;
    }));

    const std::uint64_t before = allocations_of_this_thread();
    const std::uint64_t delivered_before = delivered;
    bool all_sent = true;
    for (int i = 0; i < 10'000; ++i) all_sent = exchange() && all_sent;
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_TRUE(all_sent);
    EXPECT_EQ(delivered - delivered_before, 30'000U);
}

}  // namespace
}  // namespace tensorpool::test
