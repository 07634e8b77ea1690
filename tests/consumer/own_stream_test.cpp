// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A consumer that reads descriptors from a stream of its own, and how it comes and goes there.

#include "support/raw_stream.hpp"

#include "control/dispatcher.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;

constexpr const char* kChannel = "aeron:ipc?term-length=64k";

/// A producer and an issuer made by hand, and a consumer that asks for streams of its own.
class OwnStreamTest : public testing::Test, private control::ControlHandler {
protected:
    void start(const std::function<void(ConsumerOptions&)>& adjust = {}) {
        reader.emplace(stream, [&](ConsumerOptions& options) {
            options.consumer_id = 42;
            options.own_descriptors = Endpoint{kChannel, 0};
            if (adjust) adjust(options);
        });
        reader->map();
        ASSERT_TRUE(reader->consumer.is_ready()) << reader->consumer.last_error();
    }
    void cycle() {
        reader->cycle();
        stream.context->messaging().do_work(stream.clock.now_ns());
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
        reader->cycle();
    }
    void assign(const std::string& channel, std::uint32_t id) {
        control::ConsumerConfig config;
        config.stream_id = RawStream::kStream;
        config.consumer_id = 42;
        config.descriptor_channel = channel;
        config.descriptor_stream_id = id;
        ASSERT_TRUE(issuer_.send(config));
        cycle();
    }
    void open_own(std::int32_t id = 31042) {
        own = std::make_unique<control::ControlPublisher>(
            stream.context->messaging().add_publication(kChannel, id));
        cycle();
    }
    /// As a producer does: the frame, its descriptor on the shared stream, then on the own one.
    void publish(std::uint64_t seq) {
        stream.publish(seq);
        if (own == nullptr) return;
        ASSERT_TRUE(own->send(stream.descriptor(seq)));
    }
    [[nodiscard]] const ConsumerCounters& counters() const { return reader->counters(); }

    RawStream stream;
    // Another consumer, so that the shared stream is connected all the time.
    std::unique_ptr<messaging::Subscription> other = stream.context->messaging().add_subscription(
        stream.endpoints.descriptor.channel, stream.endpoints.descriptor.stream_id);
    std::optional<RawStreamReader> reader;
    std::unique_ptr<control::ControlPublisher> own;
    std::vector<control::ConsumerHello> hellos;

private:
    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) override {
        hellos.push_back(hello);
    }
    control::ControlPublisher issuer_{stream.context->messaging().add_publication(
        stream.endpoints.control.channel, stream.endpoints.control.stream_id)};
    std::unique_ptr<messaging::Subscription> subscription_ = stream.context->messaging().add_subscription(
        stream.endpoints.control.channel, stream.endpoints.control.stream_id);
    control::ControlDispatcher dispatcher_{*this};
};

// spec: WIRE-074 WIRE-076 WIRE-077
TEST_F(OwnStreamTest, AsksForItsStreamsAndGivesItsHintsInTheHello) {
    start([](ConsumerOptions& options) {
        options.progress = ProgressHints{.interval_us = 500, .bytes_delta = 4096, .major_delta_units = 2};
        options.own_progress = Endpoint{kChannel, 77};
    });
    stream.clock.advance(kNanosPerSecond);
    cycle();
    ASSERT_FALSE(hellos.empty());
    const control::ConsumerHello& hello = hellos.back();
    EXPECT_EQ(hello.descriptor_channel, kChannel);
    EXPECT_EQ(hello.descriptor_stream_id, 31042U);
    EXPECT_EQ(hello.control_channel, kChannel);
    EXPECT_EQ(hello.control_stream_id, 77U);
    EXPECT_TRUE(hello.supports_progress);
    EXPECT_EQ(hello.progress_interval_us, 500U);
    EXPECT_EQ(hello.progress_bytes_delta, 4096U);
    EXPECT_EQ(hello.progress_major_delta_units, 2U);
}

// spec: WIRE-077
TEST_F(OwnStreamTest, RefusesToAskForHalfAStream) {
    const auto refuses = [&](const std::function<void(ConsumerOptions&)>& adjust) {
        ConsumerOptions options;
        options.stream_id = RawStream::kStream;
        options.use_driver = false;
        adjust(options);
        EXPECT_THROW(Consumer(*stream.context, options), Error);
    };
    refuses([](ConsumerOptions& options) { options.own_descriptors = Endpoint{"", 31000}; });
    refuses([](ConsumerOptions& options) { options.own_descriptors = Endpoint{kChannel, -1}; });
    refuses([](ConsumerOptions& options) {
        options.own_descriptors = Endpoint{kChannel, 31000};
        options.hello_period_ns = 0;
    });
    refuses([](ConsumerOptions& options) { options.own_progress = Endpoint{kChannel, 32000}; });
}

// spec: WIRE-082
TEST_F(OwnStreamTest, ReadsTheOwnStreamInsteadOfTheSharedOne) {
    start();
    assign(kChannel, 31042);
    EXPECT_FALSE(reader->consumer.on_own_stream()) << "nothing has come there yet";
    open_own();
    publish(5);
    cycle();
    EXPECT_TRUE(reader->consumer.on_own_stream());
    cycle();
    stream.publish(6);  // on the shared stream only: not ours any more
    cycle();
    ASSERT_TRUE(own->send(stream.descriptor(6)));
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(5U, 6U));
    EXPECT_EQ(counters().streams_assigned, 1U);
    EXPECT_EQ(counters().seq_regressions, 0U);
}

// Each frame of a change comes once and none is missed, wherever in the two streams it happens. Trap T9.
// spec: WIRE-082 WIRE-135
TEST_F(OwnStreamTest, LosesNoFrameAndSeesNoneTwiceWhileItChanges) {
    start();
    assign(kChannel, 31042);
    for (std::uint64_t seq = 0; seq < 3; ++seq) publish(seq);
    open_own();
    for (std::uint64_t seq = 3; seq < 6; ++seq) publish(seq);
    stream.publish(6);
    cycle();
    ASSERT_TRUE(own->send(stream.descriptor(6)));
    publish(7);
    cycle();
    cycle();
    publish(8);
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U));
    EXPECT_EQ(counters().drops_gap, 0U);
    EXPECT_EQ(counters().drops_late, 0U);
    EXPECT_EQ(counters().seq_regressions, 0U);
    EXPECT_TRUE(reader->consumer.on_own_stream());
}

// spec: WIRE-082
TEST_F(OwnStreamTest, ReachesItsStreamThoughItIsSlowerThanItsProducer) {
    start();
    assign(kChannel, 31042);
    constexpr std::uint64_t kAhead = 48;  // more than one poll takes, and kept up
    std::uint64_t seq = 0;
    while (seq < kAhead) publish(seq++);
    open_own();
    for (int i = 0; i < 64 && !reader->consumer.on_own_stream(); ++i) {
        for (int burst = 0; burst < 16; ++burst) publish(seq++);
        reader->cycle();
    }
    EXPECT_TRUE(reader->consumer.on_own_stream());
    EXPECT_EQ(counters().drops_gap, 0U);
    EXPECT_EQ(counters().seq_regressions, 0U);
    EXPECT_TRUE(std::ranges::is_sorted(reader->seqs));
}

// spec: WIRE-080 WIRE-082
TEST_F(OwnStreamTest, GoesBackToTheSharedStreamWhenItIsDeclined) {
    start();
    assign(kChannel, 31042);
    open_own();
    publish(0);
    cycle();
    ASSERT_TRUE(reader->consumer.on_own_stream());
    assign("", 0);
    EXPECT_FALSE(reader->consumer.on_own_stream());
    cycle();
    stream.publish(1);
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(0U, 1U));
    EXPECT_EQ(counters().streams_returned, 1U);
    assign("", 0);
    EXPECT_EQ(counters().streams_returned, 1U);
}

// spec: WIRE-086
TEST_F(OwnStreamTest, GoesBackToTheSharedStreamWhenNobodyPublishesOnTheOwnOneAndTakesItUpAgain) {
    start();
    assign(kChannel, 31042);
    open_own();
    publish(0);
    cycle();
    publish(1);
    own.reset();  // closed, with a descriptor that was not read yet
    cycle();
    for (int i = 0; i < 50 && reader->consumer.on_own_stream(); ++i) {
        stream.clock.advance(100 * kNanosPerMilli);
        cycle();
    }
    ASSERT_FALSE(reader->consumer.on_own_stream());
    cycle();
    stream.publish(2);
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(0U, 1U, 2U));
    EXPECT_EQ(counters().streams_returned, 1U);
    open_own();
    publish(3);
    cycle();
    publish(4);
    cycle();
    EXPECT_TRUE(reader->consumer.on_own_stream());
    EXPECT_THAT(reader->seqs, ElementsAre(0U, 1U, 2U, 3U, 4U));
}

// spec: WIRE-079
TEST_F(OwnStreamTest, RefusesHalfAnAssignmentAndOneItCannotRead) {
    start();
    assign(kChannel, 0);
    assign("", 31042);
    assign(kChannel, 0x80000000U);
    assign("aeron:tcp", 31042);
    EXPECT_EQ(counters().configs_refused, 4U);
    EXPECT_EQ(counters().streams_assigned, 0U);
    stream.publish(0);
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(0U));
}

// spec: WIRE-088 WIRE-092
TEST_F(OwnStreamTest, TakesTheGapsOfARateThatItAskedForForNoLoss) {
    start([](ConsumerOptions& options) {
        options.max_rate_hz = 10;
        options.max_outstanding_seq_gap = 4;
        options.delivery = Delivery::RateLimited;
    });
    assign(kChannel, 31042);
    open_own();
    const auto thinned = [&](std::uint64_t seq) {
        wire::HeaderSlot slot = RawStream::header_for(seq);
        slot.slot.timestamp_ns = 1'000'000'000 + seq * 10'000'000;  // 100 Hz
        stream.write(seq, slot);
        ASSERT_TRUE(own->send(stream.descriptor(seq)));
        cycle();
    };
    // The producer's grid, a little late here and there: nothing of that is refused a second time.
    for (const std::uint64_t seq : {0U, 10U, 29U, 30U, 40U, 59U, 60U}) thinned(seq);
    EXPECT_THAT(reader->seqs, ElementsAre(0U, 10U, 29U, 30U, 40U, 59U, 60U));
    EXPECT_EQ(counters().drops_gap, 0U);
    EXPECT_EQ(counters().resynchronisations, 0U);
    EXPECT_EQ(counters().skipped_rate_limited, 60U - 6U);
    // A producer that does not thin out is not believed.
    for (std::uint64_t seq = 61; seq < 81; ++seq) thinned(seq);
    EXPECT_LE(reader->seqs.size(), 7U + 3U);
}

TEST_F(OwnStreamTest, TheNewestOnlyAlsoWhileItChanges) {
    start([](ConsumerOptions& options) { options.delivery = Delivery::LatestOnly; });
    assign(kChannel, 31042);
    open_own();
    for (std::uint64_t seq = 0; seq < 4; ++seq) publish(seq);
    cycle();
    EXPECT_TRUE(reader->consumer.on_own_stream());
    for (std::uint64_t seq = 4; seq < 7; ++seq) publish(seq);
    cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(3U, 6U));
    EXPECT_EQ(counters().drops_gap, 0U);
}

}  // namespace
}  // namespace tensorpool::test
