// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Streams of single consumers, as their producer assigns, serves and ends them.

#include "consumer_peer.hpp"

#include <gmock/gmock.h>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConsumerStreamsTest : public testing::Test {
protected:
    explicit ConsumerStreamsTest(const std::function<void(ProducerOptions&)>& adjust = {}) : stream(adjust) {
        stream.start();
    }
    void publish(std::uint64_t capture_ns = 1) {
        FrameInfo info = ProducerFixture::bytes_info(64);
        info.timestamp_ns = capture_ns;
        const std::vector<std::byte> values(64);
        result = stream.producer->offer(values, info).value();
    }
    [[nodiscard]] const ProducerCounters& counters() const { return stream.producer->counters(); }

    ProducerFixture stream;
    PublishResult result = PublishResult::Stale;
};

// spec: WIRE-081 WIRE-083 SUP-010
TEST_F(ConsumerStreamsTest, GrantsWhatAConsumerAsksForAndPublishesThereToo) {
    stream.listen();
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 32007);
    peer.say_hello();
    ASSERT_THAT(peer.configs, SizeIs(1));
    EXPECT_EQ(peer.configs[0].stream_id, ProducerFixture::kStream);
    EXPECT_EQ(peer.configs[0].descriptor_channel, ConsumerPeer::kChannel);
    EXPECT_EQ(peer.configs[0].descriptor_stream_id, 31007U);
    EXPECT_EQ(peer.configs[0].control_channel, ConsumerPeer::kChannel);
    EXPECT_EQ(peer.configs[0].control_stream_id, 32007U);
    EXPECT_TRUE(peer.configs[0].use_shm);
    peer.listen(31007);
    for (int i = 0; i < 3; ++i) publish();
    peer.cycle();
    EXPECT_THAT(peer.seqs(), ElementsAre(0U, 1U, 2U));
    EXPECT_EQ(peer.descriptors[2].epoch, stream.producer->epoch());
    EXPECT_THAT(stream.descriptors, SizeIs(3)) << "others go on with the shared stream";
    EXPECT_EQ(counters().consumer_streams_opened, 2U);
    EXPECT_EQ(counters().consumer_descriptors_published, 3U);
    peer.say_hello();
    EXPECT_THAT(peer.configs, SizeIs(2)) << "an answer may have been missed";
    EXPECT_EQ(counters().consumer_streams_opened, 2U);
}

TEST_F(ConsumerStreamsTest, AFrameThatOnlyTheOwnStreamTookIsPublished) {
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 0);
    peer.say_hello();
    publish();
    EXPECT_EQ(result, PublishResult::NotConnected);
    EXPECT_FALSE(stream.producer->is_connected());
    peer.listen(31007);
    EXPECT_TRUE(stream.producer->is_connected());
    publish();
    EXPECT_EQ(result, PublishResult::Published);
    EXPECT_EQ(counters().frames_published, 2U);
    EXPECT_EQ(counters().descriptor_not_connected, 2U) << "the shared stream, both times";
}

// spec: WIRE-078 WIRE-080
TEST_F(ConsumerStreamsTest, DeclinesHalfRequestsAndWhatItCannotServe) {
    ConsumerPeer peer(stream, 42);
    peer.say_hello();
    EXPECT_THAT(peer.configs, IsEmpty()) << "nothing was asked for";
    peer.ask(31007, 32007);
    peer.hello.descriptor_stream_id = 0;
    peer.hello.control_channel = "aeron:udp?endpoint=127.0.0.1:40123";
    peer.say_hello();
    ASSERT_THAT(peer.configs, SizeIs(1));
    EXPECT_THAT(peer.configs[0].descriptor_channel, IsEmpty());
    EXPECT_EQ(peer.configs[0].descriptor_stream_id, 0U);
    EXPECT_THAT(peer.configs[0].control_channel, IsEmpty());
    EXPECT_EQ(peer.configs[0].control_stream_id, 0U);
    EXPECT_EQ(counters().consumer_streams_declined, 2U);
    EXPECT_EQ(counters().consumer_streams_opened, 0U);
}

// spec: WIRE-073
TEST_F(ConsumerStreamsTest, HearsOnlyTheConsumersOfItsOwnStream) {
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 0);
    peer.hello.stream_id = ProducerFixture::kStream + 1;
    peer.say_hello();
    EXPECT_THAT(peer.configs, IsEmpty());
    EXPECT_EQ(counters().consumer_streams_opened, 0U);
}

// spec: WIRE-088
TEST_F(ConsumerStreamsTest, KeepsToTheRateOfAConsumerOnItsOwnStreamOnly) {
    stream.listen();
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 0);
    peer.hello.max_rate_hz = 100;
    peer.say_hello();
    peer.listen(31007);
    for (std::uint64_t i = 0; i < 8; ++i) publish(kNanosPerSecond + i * 4 * kNanosPerMilli);
    peer.cycle();
    EXPECT_THAT(peer.seqs(), ElementsAre(0U, 3U, 5U));
    EXPECT_THAT(stream.descriptors, SizeIs(8));
    EXPECT_EQ(counters().consumer_descriptors_capped, 5U);
    peer.hello.max_rate_hz = 0;
    peer.say_hello();
    publish();
    publish();
    peer.cycle();
    EXPECT_THAT(peer.seqs(), SizeIs(5)) << "no cap any more";
}

// spec: WIRE-088
TEST_F(ConsumerStreamsTest, IgnoresTheRateOfAConsumerOnTheSharedStream) {
    stream.listen();
    ConsumerPeer peer(stream, 42);
    peer.hello.max_rate_hz = 1;
    peer.say_hello();
    for (int i = 0; i < 4; ++i) publish();
    stream.cycle();
    EXPECT_THAT(stream.descriptors, SizeIs(4));
}

// spec: WIRE-086 WIRE-087 OBS-014
TEST_F(ConsumerStreamsTest, ClosesTheStreamsOfWhoIsSilentAndHelloOrQosAloneKeepsThemOpen) {
    ConsumerPeer silent(stream, 1);
    ConsumerPeer reporting(stream, 2);
    ConsumerPeer greeting(stream, 3);
    std::uint32_t id = 31000;
    for (ConsumerPeer* peer : {&silent, &reporting, &greeting}) {
        peer->ask(id, id + 1000);
        ++id;
        peer->say_hello();
    }
    EXPECT_EQ(counters().consumer_streams_opened, 6U);
    for (int second = 0; second < 4; ++second) {
        stream.advance(kNanosPerSecond);
        reporting.report();
        greeting.say_hello();
    }
    EXPECT_EQ(counters().consumer_streams_closed, 0U) << "five periods are not over";
    for (int second = 0; second < 4; ++second) {
        stream.advance(kNanosPerSecond);
        reporting.report();
        greeting.say_hello();
    }
    EXPECT_EQ(counters().consumer_streams_closed, 2U);
    EXPECT_EQ(counters().consumers_stale, 1U);
    publish();
    EXPECT_EQ(counters().consumer_descriptors_published + counters().consumer_descriptors_refused, 2U);
    silent.say_hello();  // it was only slow
    EXPECT_EQ(counters().consumer_streams_opened, 8U);
}

TEST_F(ConsumerStreamsTest, ClosesTheStreamsThatAConsumerNoLongerAsksFor) {
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 32007);
    peer.say_hello();
    peer.ask(0, 32007);
    peer.say_hello();
    EXPECT_EQ(counters().consumer_streams_closed, 1U);
    peer.ask(0, 0);
    peer.say_hello();
    EXPECT_EQ(counters().consumer_streams_closed, 2U);
    ASSERT_THAT(peer.configs, SizeIs(3));
    EXPECT_EQ(peer.configs[2].control_stream_id, 0U);
}

// spec: SUP-010 WIRE-086
TEST_F(ConsumerStreamsTest, LeavesAssigningToWhoeverElseSendsConfigs) {
    ConsumerPeer peer(stream, 42);
    auto supervisor = stream.context->messaging().add_publication(stream.options.endpoints.control.channel,
                                                                  stream.options.endpoints.control.stream_id);
    control::ControlPublisher issuer(std::move(supervisor));
    peer.ask(31007, 0);
    peer.cycle();
    control::ConsumerConfig config;
    config.stream_id = ProducerFixture::kStream;
    config.consumer_id = 42;
    config.descriptor_channel = ConsumerPeer::kChannel;
    config.descriptor_stream_id = 31500;
    ASSERT_TRUE(issuer.send(config));
    peer.cycle();
    EXPECT_EQ(counters().consumer_streams_opened, 1U);
    peer.listen(31500);
    publish();
    peer.cycle();
    EXPECT_THAT(peer.seqs(), ElementsAre(0U));
    const std::size_t told = peer.configs.size();
    peer.say_hello();
    EXPECT_THAT(peer.configs, SizeIs(told)) << "the producer is not the issuer any more";
    config.consumer_id = 43;  // the issuer's id of before, for another consumer
    ASSERT_TRUE(issuer.send(config));
    peer.cycle();
    EXPECT_EQ(counters().consumer_streams_closed, 1U) << "one id, one consumer";
    EXPECT_EQ(counters().consumer_streams_opened, 2U);
    config.descriptor_channel.clear();
    config.descriptor_stream_id = 0;
    ASSERT_TRUE(issuer.send(config));
    peer.cycle();
    EXPECT_EQ(counters().consumer_streams_closed, 2U) << "declined";
    // Nobody has sent a config for long: it was an operator's, or the supervisor is gone.
    for (int second = 0; second < 6; ++second) {
        stream.advance(kNanosPerSecond);
        peer.report();
    }
    peer.say_hello();
    EXPECT_EQ(peer.configs.back().descriptor_stream_id, 31007U);
}

TEST_F(ConsumerStreamsTest, CountsWhatItCannotOpen) {
    ConsumerPeer peer(stream, 42);
    control::ControlPublisher issuer(stream.context->messaging().add_publication(
        stream.options.endpoints.control.channel, stream.options.endpoints.control.stream_id));
    peer.cycle();
    control::ConsumerConfig config;
    config.stream_id = ProducerFixture::kStream;
    config.consumer_id = 42;
    config.descriptor_stream_id = 31500;
    for (const char* channel : {"aeron:tcp", "aeron:ipc?term-length=1g", "aeron:ipc?term-length=65k"}) {
        config.descriptor_channel = channel;
        ASSERT_TRUE(issuer.send(config));
        peer.cycle();
    }
    EXPECT_EQ(counters().consumer_streams_failed, 3U);
    publish();
    EXPECT_EQ(counters().frames_committed, 1U);
}

class FewConsumersTest : public ConsumerStreamsTest {
protected:
    FewConsumersTest()
        : ConsumerStreamsTest([](ProducerOptions& options) {
              options.max_consumers = 2;
              options.per_consumer.descriptor = {.channel = "", .base = 31000, .range = 9};
          }) {}
};

TEST_F(FewConsumersTest, RemembersNoMoreConsumersThanItMay) {
    ConsumerPeer peer(stream, 1);
    peer.ask(5, 0);
    for (std::uint32_t id = 1; id <= 4; ++id) {
        peer.hello.consumer_id = id;
        peer.say_hello();
    }
    EXPECT_EQ(counters().consumer_streams_opened, 2U);
    EXPECT_EQ(counters().consumers_refused_full, 2U);
    ASSERT_THAT(peer.configs, SizeIs(2));
    EXPECT_EQ(peer.configs[1].descriptor_stream_id, 31001U) << "from the range, not the one asked for";
}

class NoConsumerStreamsTest : public ConsumerStreamsTest {
protected:
    NoConsumerStreamsTest()
        : ConsumerStreamsTest([](ProducerOptions& options) { options.per_consumer.enabled = false; }) {}
};

// spec: WIRE-080
TEST_F(NoConsumerStreamsTest, DeclinesEverythingWhenToldTo) {
    ConsumerPeer peer(stream, 42);
    peer.ask(31007, 32007);
    peer.say_hello();
    ASSERT_THAT(peer.configs, SizeIs(1));
    EXPECT_EQ(peer.configs[0].descriptor_stream_id, 0U);
    EXPECT_EQ(counters().consumer_streams_declined, 2U);
}

}  // namespace
}  // namespace tensorpool::test
