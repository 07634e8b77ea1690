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

TEST(AllocationTest, StreamsOfSingleConsumersAndProgressAllocateNothingEither) {
    const TempDir dir;
    Context producing(context_options_in(dir));
    Context consuming(context_options_in(dir));
    ProducerOptions options = producer_options_in(dir, 16);
    options.progress.least_interval_ns = 0;
    options.progress.max_rate_hz = 0;
    Producer producer(producing, options);
    ConsumerOptions asking = consumer_options_in(dir);
    asking.own_descriptors = Endpoint{"aeron:ipc?term-length=64k", 0};
    asking.own_progress = Endpoint{"aeron:ipc?term-length=64k", 0};
    asking.progress = ProgressHints{.interval_us = 0, .bytes_delta = 1024, .major_delta_units = 0};
    // Their messages are made once a second, with strings: not while this counts.
    asking.hello_period_ns = asking.qos_period_ns = 3600 * kNanosPerSecond;
    std::uint64_t delivered = 0;
    std::uint64_t parts = 0;
    Consumer consumer(consuming, asking);
    consumer.on_progress([&](const PartialFrame& frame) { parts += std::uint64_t{frame.intact()}; });
    const auto exchange = [&] {
        auto claim = producer.try_claim(kFrameBytes);
        if (!claim) return false;
        claim->begin_progress(frame_info());
        claim->report_progress(kFrameBytes / 2);
        claim->report_progress(kFrameBytes);
        claim->commit(frame_info());
        consumer.poll([&](const Frame& frame) { delivered += std::uint64_t{frame.intact()}; });
        return true;
    };
    ASSERT_TRUE(eventually([&] {
        producer.do_work(monotonic_now_ns());
        consumer.do_work(monotonic_now_ns());
        return exchange() && consumer.on_own_stream() && parts > 0;
    }));
    consumer.do_work(monotonic_now_ns());  // what the last exchange left
    const std::uint64_t delivered_before = delivered;
    const std::uint64_t parts_before = parts;
    bool all_sent = true;
    std::uint64_t allocated = 0;
    for (int i = 0; i < 2'000; ++i) {
        const std::uint64_t before = allocations_of_this_thread();
        all_sent = exchange() && all_sent;
        allocated += allocations_of_this_thread() - before;
        // Announces and hellos come here too, and they do take memory; progress does not.
        const std::uint64_t announces = producer.counters().announces_published;
        const std::uint64_t cycle_before = allocations_of_this_thread();
        producer.do_work(monotonic_now_ns());
        consumer.do_work(monotonic_now_ns());
        if (producer.counters().announces_published == announces)
            allocated += allocations_of_this_thread() - cycle_before;
    }
    EXPECT_EQ(allocated, 0U);
    EXPECT_TRUE(all_sent);
    EXPECT_EQ(delivered - delivered_before, 2'000U);
    EXPECT_EQ(parts - parts_before, 8'000U);
}

}  // namespace
}  // namespace tensorpool::test
