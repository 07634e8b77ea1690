// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Consumers with streams of their own, killed at random moments: their producer goes on, and nothing of
// theirs stays.

#include "system/driver_processes.hpp"
#include "system/standalone_processes.hpp"

namespace tensorpool::test {
namespace {

constexpr const char* kOwnChannel = "aeron:ipc?term-length=64k";

struct KillBoard {
    std::atomic<std::uint64_t> on_own{0};  ///< times a consumer reached its own stream
    std::atomic<std::uint64_t> frames{0};
    std::atomic<std::uint64_t> rows{0};
    std::atomic<std::uint64_t> wrong{0};
};

ConsumerOptions own_streams_in(const TempDir& dir) {
    ConsumerOptions options = consumer_options_in(dir);
    options.own_descriptors = Endpoint{kOwnChannel, 0};
    options.own_progress = Endpoint{kOwnChannel, 0};
    options.progress = ProgressHints{.interval_us = 0, .bytes_delta = 1024, .major_delta_units = 0};
    options.hello_period_ns = options.qos_period_ns = 5 * kNanosPerMilli;
    return options;
}

/// Reads frames and the beginnings of frames until it is killed.
[[noreturn]] void consume_for_ever(const TempDir& dir, KillBoard& board) {
    Context context(context_options_in(dir));
    Consumer consumer(context, own_streams_in(dir));
    std::vector<std::byte> copy(kFrameBytes);
    consumer.on_progress([&](const PartialFrame& frame) {
        // The pattern of a seq is known: what is said to be there is there.
        std::vector<std::byte> expected(kFrameBytes);
        fill_pattern(expected, frame.seq());
        const bool same = std::equal(frame.filled().begin(), frame.filled().end(), expected.begin());
        if (frame.intact() && !same) ++board.wrong;
        ++board.rows;
    });
    bool counted = false;
    while (true) {
        consumer.do_work(monotonic_now_ns());
        consumer.poll([&](const Frame& frame) {
            if (frame.copy_to(copy) && read_pattern(copy) != frame.seq()) ++board.wrong;
            ++board.frames;
        });
        if (consumer.on_own_stream() && !counted) ++board.on_own, counted = true;
    }
}

// spec: WIRE-086 WIRE-087 WIRE-109
TEST(PerConsumerKillTest, AProducerGoesOnAndClosesTheStreamsOfKilledConsumers) {
    std::mt19937_64 random = printed_seed();
    const TempDir dir;
    const Shared<KillBoard> board;
    {
        Context context(context_options_in(dir));
        ProducerOptions options = producer_options_in(dir, 64);
        options.consumer_stale_after_ns = 60 * kNanosPerMilli;
        options.progress.least_interval_ns = 0;
        options.progress.max_rate_hz = 0;
        options.max_consumers = 256;
        Producer producer(context, options);
        std::uint64_t published = 0;
        const auto produce = [&] {
            producer.do_work(monotonic_now_ns());
            auto claim = producer.try_claim(kFrameBytes);
            ASSERT_TRUE(claim);
            const std::span<std::byte> payload = claim->payload().first(kFrameBytes);
            claim->begin_progress(frame_info());
            fill_pattern(payload, claim->seq());
            claim->report_progress(kFrameBytes / 2);
            claim->report_progress(kFrameBytes);
            claim->commit(frame_info());
            ++published;
        };
        for (int round = 0; round < rounds(220); ++round) {
            const std::uint64_t before = board->on_own.load();
            ForkedChild reader([&]() -> int { consume_for_ever(dir, *board); });
            if (round % 4 == 0) {  // surely one that has its streams
                ASSERT_TRUE(eventually([&] {
                    produce();
                    return board->on_own.load() > before;
                })) << "round "
                    << round;
            }
            spend(random, 8 * kNanosPerMilli, produce);
            reader.kill();
        }
        const ProducerCounters& counters = producer.counters();
        EXPECT_TRUE(eventually([&] {
            produce();
            return counters.consumer_streams_closed == counters.consumer_streams_opened &&
                   !producer.is_connected();
        })) << counters.consumer_streams_opened
            << " opened, " << counters.consumer_streams_closed << " closed";
        EXPECT_EQ(counters.frames_committed, published);
        EXPECT_EQ(producer.next_seq(), published);
        EXPECT_EQ(board->wrong.load(), 0U);
        EXPECT_GT(board->frames.load(), 0U);
        EXPECT_GT(board->rows.load(), 0U);
        std::printf(
            "%llu streams opened and closed, %llu consumers reached theirs, %llu frames, %llu parts\n",
            static_cast<unsigned long long>(counters.consumer_streams_opened),
            static_cast<unsigned long long>(board->on_own.load()),
            static_cast<unsigned long long>(board->frames.load()),
            static_cast<unsigned long long>(board->rows.load()));
    }
    EXPECT_EQ(paths_below(dir.path()), std::vector<std::string>{});
}

// spec: WIRE-086
TEST(PerConsumerKillTest, AConsumerOutlivesKilledProducersThatServedItAlone) {
    std::mt19937_64 random = printed_seed();
    const TempDir dir;
    {
        Context context(context_options_in(dir));
        // A live producer that waits for a processor must not count as dead: its epoch would be over for
        // good.
        constexpr Nanos kPeriod = 10 * kAnnouncePeriod;
        ConsumerOptions options = own_streams_in(dir);
        options.announce_period_ns = kPeriod;
        Consumer consumer(context, options);
        std::vector<std::byte> copy(kFrameBytes);
        std::uint64_t wrong = 0;
        std::uint64_t delivered = 0;
        const auto cycle = [&] {
            consumer.do_work(monotonic_now_ns());
            consumer.poll([&](const Frame& frame) {
                ++delivered;
                if (frame.copy_to(copy) && read_pattern(copy) != frame.seq()) ++wrong;
            });
        };
        int reached = 0;
        for (int round = 0; round < rounds(60); ++round) {
            ForkedChild producer([&]() -> int { produce_for_ever(dir, 8, kPeriod); });
            const std::uint64_t epoch = consumer.epoch();
            ASSERT_TRUE(eventually([&] {
                cycle();
                return consumer.epoch() > epoch && (round % 4 != 0 || consumer.on_own_stream());
            })) << "round "
                << round << ": " << consumer.last_error();
            reached += consumer.on_own_stream() ? 1 : 0;
            spend(random, 5 * kNanosPerMilli, cycle);
            producer.kill();
        }
        EXPECT_EQ(wrong, 0U);
        EXPECT_GT(delivered, 0U);
        EXPECT_GT(reached, 0);
        const Producer last(context, producer_options_in(dir, 8));  // clears away what the dead ones left
        ASSERT_TRUE(eventually([&] {
            cycle();
            return consumer.counters().streams_returned > 0;
        }));
    }
    EXPECT_EQ(paths_below(dir.path()), std::vector<std::string>{});
}

}  // namespace
}  // namespace tensorpool::test
