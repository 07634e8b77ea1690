// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// ConsumerHello and ConsumerConfig: what a consumer says about itself, and what it lets itself be told.

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "support/manual_clock.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConsumerConfigTest : public testing::Test, private control::ControlHandler {
protected:
    ConsumerConfigTest() {
        ProducerOptions producing;
        producing.stream_id = 10000;
        producing.standalone.emplace();
        producing.standalone->base_dir = dir.str();
        producing.standalone->header_nslots = 64;
        producing.standalone->pools = {{1, 64}};
        producer = std::make_unique<Producer>(*context, producing);
        options.stream_id = 10000;
        options.consumer_id = 42;
        options.use_driver = false;
        options.allowed_base_dirs = {dir.str()};
        options.max_rate_hz = 10;
    }
    void start() {
        consumer = std::make_unique<Consumer>(*context, options);
        for (int i = 0; i < 20 && !consumer->is_ready(); ++i) advance(100 * kNanosPerMilli);
        ASSERT_TRUE(consumer->is_ready());
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        producer->do_work(clock.now_ns());
        consumer->do_work(clock.now_ns());
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
    }
    /// Frames 10 ms of capture time apart; returns the seqs that were delivered.
    std::vector<std::uint64_t> publish_and_consume(int frames) {
        std::vector<std::uint64_t> seqs;
        FrameInfo info{.tensor = image_layout(Dtype::UInt8, 2, 2), .values_len_bytes = 4};
        for (int i = 0; i < frames; ++i) {
            capture_ns_ += 10 * kNanosPerMilli;
            info.timestamp_ns = static_cast<std::uint64_t>(capture_ns_);
            EXPECT_TRUE(producer->offer(std::array<std::byte, 4>{}, info));
            consumer->poll([&](const Frame& frame) { seqs.push_back(frame.seq()); });
        }
        return seqs;
    }
    static control::ConsumerConfig config() {
        control::ConsumerConfig message;
        message.stream_id = 10000;
        message.consumer_id = 42;
        return message;
    }
    void tell(const control::ConsumerConfig& message) {
        ASSERT_TRUE(peer_.send(message));
        advance(kNanosPerMilli);
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    ConsumerOptions options;
    std::unique_ptr<Producer> producer;
    std::unique_ptr<Consumer> consumer;
    std::vector<control::ConsumerHello> hellos;

private:
    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) override {
        hellos.push_back(hello);
    }

    Nanos capture_ns_ = kNanosPerSecond;
    std::unique_ptr<messaging::Subscription> subscription_ = context->messaging().add_subscription(
        StreamEndpoints{}.control.channel, StreamEndpoints{}.control.stream_id);
    control::ControlDispatcher dispatcher_{*this};
    control::ControlPublisher peer_{context->messaging().add_publication(
        StreamEndpoints{}.control.channel, StreamEndpoints{}.control.stream_id)};
};

// spec: WIRE-071 WIRE-079
TEST_F(ConsumerConfigTest, SaysHelloAtOnceAndThenOncePerSecond) {
    options.delivery = Delivery::RateLimited;
    start();
    ASSERT_FALSE(hellos.empty());
    const control::ConsumerHello& hello = hellos.front();
    EXPECT_EQ(hello.stream_id, 10000U);
    EXPECT_EQ(hello.consumer_id, 42U);
    EXPECT_TRUE(hello.supports_shm);
    EXPECT_EQ(hello.mode, Mode::RateLimited);
    EXPECT_EQ(hello.max_rate_hz, 10U);
    EXPECT_EQ(hello.expected_layout_version, 1U);
    EXPECT_THAT(hello.descriptor_channel, IsEmpty());
    EXPECT_EQ(hello.descriptor_stream_id, 0U);
    hellos.clear();
    for (int i = 0; i < 30; ++i) advance(100 * kNanosPerMilli);
    EXPECT_EQ(hellos.size(), 3U);
}

TEST_F(ConsumerConfigTest, SaysNothingWithAHelloPeriodOfZero) {
    options.hello_period_ns = 0;
    start();
    for (int i = 0; i < 30; ++i) advance(100 * kNanosPerMilli);
    EXPECT_TRUE(hellos.empty());
}

// spec: WIRE-089 WIRE-093 WIRE-094
TEST_F(ConsumerConfigTest, IsForcedToALowerRateAndFreedAgain) {
    start();
    EXPECT_EQ(publish_and_consume(20).size(), 20U);
    auto message = config();
    message.mode = Mode::RateLimited;
    tell(message);
    EXPECT_THAT(publish_and_consume(20), ElementsAre(20U, 30U));  // 10 Hz of a stream at 100 Hz
    EXPECT_EQ(consumer->counters().skipped_rate_limited, 18U);
    EXPECT_EQ(consumer->counters().drops_gap, 0U);
    tell(config());
    EXPECT_EQ(publish_and_consume(20).size(), 20U);
    EXPECT_EQ(consumer->counters().configs_applied, 2U);
}

TEST_F(ConsumerConfigTest, PicksTheNewestAlsoAtALowerRate) {
    options.delivery = Delivery::LatestOnly;
    start();
    auto message = config();
    message.mode = Mode::RateLimited;
    tell(message);
    FrameInfo info{.tensor = image_layout(Dtype::UInt8, 2, 2), .values_len_bytes = 4, .timestamp_ns = 1};
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(producer->offer(std::array<std::byte, 4>{}, info));
    std::vector<std::uint64_t> seqs;
    consumer->poll([&](const Frame& frame) { seqs.push_back(frame.seq()); });
    EXPECT_THAT(seqs, ElementsAre(4U));
    EXPECT_EQ(consumer->counters().skipped_latest_only, 4U);
}

// spec: WIRE-089 WIRE-090 WIRE-141
TEST_F(ConsumerConfigTest, UnmapsAndNamesTheFallbackItWasToldToRead) {
    start();
    auto message = config();
    message.use_shm = false;
    message.payload_fallback_uri = "aeron:udp?endpoint=127.0.0.1:40123";
    tell(message);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Fallback);
    EXPECT_EQ(consumer->fallback_uri(), "aeron:udp?endpoint=127.0.0.1:40123");
    EXPECT_THAT(consumer->last_error(), HasSubstr("aeron:udp"));
    EXPECT_FALSE(consumer->is_ready());
    EXPECT_EQ(consumer->counters().fallbacks, 1U);
    for (int i = 0; i < 30; ++i) advance(100 * kNanosPerMilli);  // announces change nothing
    EXPECT_EQ(consumer->mapping_state(), MappingState::Fallback);
    EXPECT_THAT(publish_and_consume(3), IsEmpty());
    EXPECT_EQ(consumer->counters().drops_unmapped, 3U);

    tell(config());
    for (int i = 0; i < 20 && !consumer->is_ready(); ++i) advance(100 * kNanosPerMilli);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Mapped);
    EXPECT_THAT(consumer->fallback_uri(), IsEmpty());
    EXPECT_THAT(publish_and_consume(2), ElementsAre(3U, 4U));
    EXPECT_EQ(consumer->counters().fallbacks, 1U);
}

// spec: WIRE-141
TEST_F(ConsumerConfigTest, LeavesSharedMemoryAlsoWhenNobodySaysWhereElseToRead) {
    start();
    auto message = config();
    message.use_shm = false;
    tell(message);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Fallback);
    EXPECT_THAT(consumer->fallback_uri(), IsEmpty());
    EXPECT_FALSE(consumer->last_error().empty());
}

// spec: WIRE-090
TEST_F(ConsumerConfigTest, RefusesAFallbackWhoseSchemeIsNotDefined) {
    start();
    auto message = config();
    message.use_shm = false;
    for (const char* uri :
         {"http://example.org/", "bridge://", "AERON:udp", "shm:file?path=/x", " aeron:ipc"}) {
        message.payload_fallback_uri = uri;
        tell(message);
        EXPECT_EQ(consumer->mapping_state(), MappingState::Mapped) << uri;
    }
    EXPECT_EQ(consumer->counters().configs_refused, 5U);
    message.payload_fallback_uri = "bridge://7";
    tell(message);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Fallback);
}

// spec: WIRE-073
TEST_F(ConsumerConfigTest, IgnoresWhatIsMeantForOthers) {
    start();
    auto message = config();
    message.use_shm = false;
    message.consumer_id = 43;
    tell(message);
    message.consumer_id = 42;
    message.stream_id = 10001;
    tell(message);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Mapped);
    EXPECT_EQ(consumer->counters().configs_applied, 0U);
}

TEST_F(ConsumerConfigTest, TakesARepeatedConfigForNoChange) {
    start();
    auto message = config();
    message.use_shm = false;
    message.payload_fallback_uri = "bridge://7";
    for (int i = 0; i < 3; ++i) tell(message);
    EXPECT_EQ(consumer->counters().configs_applied, 1U);
    EXPECT_EQ(consumer->counters().fallbacks, 1U);
    message.payload_fallback_uri = "bridge://8";
    tell(message);
    EXPECT_EQ(consumer->fallback_uri(), "bridge://8");
    EXPECT_EQ(consumer->counters().configs_applied, 2U);
    EXPECT_EQ(consumer->counters().fallbacks, 1U);
}

}  // namespace
}  // namespace tensorpool::test
