// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "support/raw_stream.hpp"
#include "support/recording_log.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

namespace tensorpool::test {
namespace {

/// A supervisor and peers made by hand, on a manual clock.
class SupervisorTest : public testing::Test, private control::ControlHandler {
protected:
    SupervisorTest() {
        options.capacity = 3;
        supervise();
    }
    void supervise() {
        supervisor.reset();
        supervisor = std::make_unique<Supervisor>(*context, options);
    }
    std::unique_ptr<control::ControlPublisher> peer(const Endpoint& endpoint) {
        return std::make_unique<control::ControlPublisher>(
            context->messaging().add_publication(endpoint.channel, endpoint.stream_id));
    }
    void cycle() {
        supervisor->do_work(clock.now_ns());
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        cycle();
    }
    static control::ConsumerHello hello(std::uint32_t consumer_id) {
        control::ConsumerHello message;
        message.stream_id = 1;
        message.consumer_id = consumer_id;
        return message;
    }
    void say(const control::ConsumerHello& message) {
        ASSERT_TRUE(control_->send(message));
        cycle();
    }
    void report(std::uint32_t consumer_id, std::uint64_t epoch = 5, std::uint64_t seq = 0) {
        report_by(*qos_, consumer_id, epoch, seq);
    }
    void report_by(control::ControlPublisher& publisher, std::uint32_t consumer_id, std::uint64_t epoch = 5,
                   std::uint64_t seq = 0) {
        control::QosConsumer message;
        message.stream_id = 1;
        message.consumer_id = consumer_id;
        message.epoch = epoch;
        message.last_seq_seen = seq;
        message.drops_gap = 2;
        message.drops_late = 3;
        ASSERT_TRUE(publisher.send(message));
        cycle();
    }
    void report_producer(std::uint32_t producer_id, std::uint64_t epoch, std::uint64_t seq) {
        control::QosProducer message;
        message.stream_id = 1;
        message.producer_id = producer_id;
        message.epoch = epoch;
        message.current_seq = seq;
        ASSERT_TRUE(qos_->send(message));
        cycle();
    }
    const StreamEndpoints at{};
    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    SupervisorOptions options;
    std::unique_ptr<Supervisor> supervisor;
    std::vector<control::ConsumerConfig> configs;

private:
    void on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) override {
        configs.push_back(config);
    }

    std::unique_ptr<control::ControlPublisher> control_ = peer(at.control);
    std::unique_ptr<control::ControlPublisher> qos_ = peer(at.qos);
    std::unique_ptr<messaging::Subscription> subscription_ =
        context->messaging().add_subscription(at.control.channel, at.control.stream_id);
    control::ControlDispatcher dispatcher_{*this};
};

// spec: SUP-005 SUP-006 SUP-019 WIRE-125
TEST_F(SupervisorTest, KnowsConsumersByHelloAndQos) {
    say(hello(42));
    ASSERT_EQ(supervisor->consumers().size(), 1U);
    EXPECT_EQ(supervisor->consumers()[0].last_hello_ns, clock.now_ns());
    EXPECT_EQ(supervisor->consumers()[0].last_qos_ns, 0);
    clock.advance(kNanosPerSecond);
    report(42, 5, 17);
    report(7);
    ASSERT_EQ(supervisor->consumers().size(), 2U);
    EXPECT_EQ(supervisor->consumers()[0].consumer_id, 7U);
    const SupervisedConsumer& consumer = supervisor->consumers()[1];
    EXPECT_EQ(consumer.last_qos_ns, clock.now_ns());
    EXPECT_EQ(consumer.epoch, 5U);
    EXPECT_EQ(consumer.last_seq_seen, 17U);
    EXPECT_EQ(consumer.drops_gap, 2U);
    EXPECT_EQ(consumer.drops_late, 3U);
    EXPECT_EQ(supervisor->counters().hellos, 1U);
    EXPECT_EQ(supervisor->counters().consumer_qos, 2U);
}

// spec: SUP-005 SUP-006 OBS-016
TEST_F(SupervisorTest, KnowsProducersByAnnounceAndQosAndHowFarConsumersAreBehind) {
    report_producer(9, 5, 20);
    report(42, 5, 9);
    ASSERT_EQ(supervisor->producers().size(), 1U);
    EXPECT_EQ(supervisor->producers()[0].current_seq, 20U);
    EXPECT_EQ(supervisor->lag(supervisor->consumers()[0]), 10U);
    report(42, 0, 0);  // unmapped
    EXPECT_FALSE(supervisor->lag(supervisor->consumers()[0]));
}

// spec: SUP-007 SUP-008
TEST_F(SupervisorTest, CallsTheSilentStaleOnceAndForgetsThemLater) {
    report(42);
    report_producer(9, 5, 20);
    advance(6 * kNanosPerSecond);
    ASSERT_EQ(supervisor->consumers().size(), 1U);
    EXPECT_TRUE(supervisor->consumers()[0].stale);
    EXPECT_TRUE(supervisor->producers()[0].stale);
    advance(2 * kNanosPerSecond);
    EXPECT_EQ(supervisor->counters().became_stale, 2U);
    report(42);
    EXPECT_FALSE(supervisor->consumers()[0].stale);
    advance(3 * kNanosPerSecond);
    EXPECT_EQ(supervisor->consumers().size(), 1U);
    EXPECT_TRUE(supervisor->producers().empty());
    EXPECT_GE(supervisor->counters().liveness_checks, 3U);
}

// spec: SUP-003 SUP-011 SUP-013
TEST_F(SupervisorTest, TellsANewConsumerOnceWhatItAskedFor) {
    auto message = hello(42);
    message.mode = Mode::RateLimited;
    say(message);
    ASSERT_EQ(configs.size(), 1U);
    EXPECT_EQ(configs[0].stream_id, 1U);
    EXPECT_EQ(configs[0].consumer_id, 42U);
    EXPECT_TRUE(configs[0].use_shm);
    EXPECT_EQ(configs[0].mode, Mode::RateLimited);
    EXPECT_TRUE(configs[0].payload_fallback_uri.empty());
    say(message);
    EXPECT_EQ(configs.size(), 1U);
    report(7);  // never said hello
    EXPECT_EQ(configs.size(), 1U);
}

// spec: SUP-011 SUP-013 WIRE-089
TEST_F(SupervisorTest, TellsEverybodyWhenThePolicyChanges) {
    say(hello(42));
    say(hello(43));
    configs.clear();
    supervisor->set_policy(true, "bridge://7", Mode::RateLimited);
    cycle();
    ASSERT_EQ(configs.size(), 2U);
    for (const auto& config : configs) {
        EXPECT_FALSE(config.use_shm);
        EXPECT_EQ(config.payload_fallback_uri, "bridge://7");
        EXPECT_EQ(config.mode, Mode::RateLimited);
    }
    supervisor->set_policy(true, "bridge://7", Mode::RateLimited);
    cycle();
    EXPECT_EQ(configs.size(), 2U);
    EXPECT_EQ(supervisor->counters().configs_published, 4U);
}

// spec: SUP-011
TEST_F(SupervisorTest, TellsAConsumerAgainThatReappeared) {
    say(hello(42));
    advance(6 * kNanosPerSecond);
    ASSERT_TRUE(supervisor->consumers()[0].stale);
    say(hello(42));
    EXPECT_EQ(configs.size(), 2U);
}

// spec: SUP-012 WIRE-078 WIRE-080
TEST_F(SupervisorTest, DeclinesStreamsOfTheirOwnAlsoWhenHalfRequested) {
    auto message = hello(42);
    message.descriptor_channel = "aeron:ipc";
    message.descriptor_stream_id = 31000;
    say(message);
    message.consumer_id = 43;
    message.descriptor_stream_id = 0;
    say(message);
    ASSERT_EQ(configs.size(), 2U);
    for (const auto& config : configs) {
        EXPECT_TRUE(config.descriptor_channel.empty());
        EXPECT_EQ(config.descriptor_stream_id, 0U);
        EXPECT_TRUE(config.control_channel.empty());
        EXPECT_EQ(config.control_stream_id, 0U);
    }
    EXPECT_EQ(supervisor->counters().half_requests, 1U);
}

// spec: SUP-014 SUP-011 SUP-013
TEST_F(SupervisorTest, AssignsStreamsOfTheirOwnAndKeepsThemUntilTheConsumerIsStale) {
    options.per_consumer = {.enabled = true,
                            .descriptor = {.channel = "", .base = 31000, .range = 2},
                            .control = {.channel = "aeron:ipc?term-length=64k", .base = 32000, .range = 2}};
    supervise();
    auto message = hello(42);
    message.descriptor_channel = message.control_channel = "aeron:ipc";
    message.descriptor_stream_id = message.control_stream_id = 5;
    say(message);
    ASSERT_EQ(configs.size(), 1U);
    EXPECT_EQ(configs[0].descriptor_channel, "aeron:ipc");
    EXPECT_EQ(configs[0].descriptor_stream_id, 31000U);
    EXPECT_EQ(configs[0].control_channel, "aeron:ipc?term-length=64k");
    EXPECT_EQ(configs[0].control_stream_id, 32000U);
    say(message);
    ASSERT_EQ(configs.size(), 2U) << "said again: its producer may be new";
    EXPECT_EQ(configs[1].descriptor_stream_id, 31000U);
    supervisor->set_policy(true, "bridge://7", std::nullopt);
    cycle();
    ASSERT_EQ(configs.size(), 3U);
    EXPECT_EQ(configs[2].descriptor_stream_id, 31000U) << "another policy, the same streams";

    auto other = message;
    other.consumer_id = 43;
    say(other);
    EXPECT_EQ(configs.back().descriptor_stream_id, 31001U);
    other.consumer_id = 44;
    say(other);
    EXPECT_EQ(configs.back().descriptor_stream_id, 0U) << "the range is used up";
    EXPECT_EQ(supervisor->counters().streams_declined, 2U);
    advance(6 * kNanosPerSecond);
    ASSERT_TRUE(supervisor->consumers()[0].stale);
    say(other);
    EXPECT_EQ(configs.back().descriptor_stream_id, 31000U) << "those of the stale are free";
}

// spec: SUP-011
TEST_F(SupervisorTest, TellsAConsumerThatAsksForSomethingElse) {
    auto message = hello(42);
    say(message);
    message.mode = Mode::RateLimited;
    say(message);
    ASSERT_EQ(configs.size(), 2U);
    EXPECT_EQ(configs[1].mode, Mode::RateLimited);
}

// spec: SUP-004
TEST_F(SupervisorTest, TakesNoMessageOfAnotherSchemaForOneOfItsOwn) {
    const auto publication = context->messaging().add_publication(at.qos.channel, at.qos.stream_id);
    control::QosConsumer message;
    message.stream_id = 1;
    message.consumer_id = 42;
    std::vector<std::byte> bytes(128);
    bytes.resize(control::encode(bytes, message));
    ASSERT_FALSE(bytes.empty());
    const auto send_with_schema = [&](std::uint8_t schema) {
        bytes[4] = std::byte{schema};  // low byte of schemaId in the message header
        ASSERT_TRUE(publication->offer(bytes));
        cycle();
    };
    send_with_schema(901 & 0xff);
    EXPECT_TRUE(supervisor->consumers().empty());
    send_with_schema(900 & 0xff);
    EXPECT_EQ(supervisor->consumers().size(), 1U);
}

// spec: SUP-009 OBS-024
TEST_F(SupervisorTest, ReportsDropsOnlyWhenTheyHaveGrownSinceTheLastPass) {
    RecordingLog log;
    report(42);
    advance(2 * kNanosPerSecond);
    ASSERT_EQ(log.with("lost 5 frames").size(), 1U);
    EXPECT_EQ(log.with("lost 5 frames")[0].level, LogLevel::Info);
    report(42);
    advance(2 * kNanosPerSecond);
    EXPECT_EQ(log.with(" lost ").size(), 1U) << "the same totals again";
}

// spec: SUP-008 OBS-024
TEST_F(SupervisorTest, WarnsOnceOfASilentPeerAndTellsOnceThatItIsBack) {
    RecordingLog log;
    report(42);
    advance(6 * kNanosPerSecond);
    advance(2 * kNanosPerSecond);
    ASSERT_EQ(log.with("is silent").size(), 1U);
    EXPECT_EQ(log.with("is silent")[0].level, LogLevel::Warn);
    report(42);
    report(42);
    ASSERT_EQ(log.with("is back").size(), 1U);
    EXPECT_EQ(log.with("is back")[0].level, LogLevel::Info);
}

// spec: SUP-017
TEST_F(SupervisorTest, DeclinesALimitedRateWhenAnotherModeIsForced) {
    options.force_mode = Mode::Stream;
    supervise();
    auto message = hello(42);
    message.mode = Mode::RateLimited;
    say(message);
    ASSERT_EQ(configs.size(), 1U);
    EXPECT_EQ(configs[0].mode, Mode::Stream);
}

// spec: SUP-015
TEST_F(SupervisorTest, RefusesMoreConsumersThanItMayKnowAndKeepsTheOthers) {
    for (std::uint32_t id = 1; id <= 5; ++id) say(hello(id));
    EXPECT_EQ(supervisor->consumers().size(), 3U);
    EXPECT_EQ(supervisor->counters().refused_full, 2U);
    EXPECT_EQ(configs.size(), 3U);
    report(2, 5, 99);
    EXPECT_EQ(supervisor->consumers()[1].last_seq_seen, 99U);
}

// spec: SUP-016 WIRE-072
TEST_F(SupervisorTest, NoticesTwoConsumersOfOneIdButNotARestart) {
    const auto first = peer(at.qos);
    const auto second = peer(at.qos);
    report_by(*first, 42);
    report_by(*second, 42);
    EXPECT_FALSE(supervisor->consumers()[0].collides);
    report_by(*first, 42);
    EXPECT_TRUE(supervisor->consumers()[0].collides);
    report_by(*second, 42);
    EXPECT_EQ(supervisor->counters().collisions, 1U);
}

TEST_F(SupervisorTest, RefusesOptionsThatMakeNoSense) {
    options.capacity = 0;
    EXPECT_THROW(Supervisor(*context, options), Error);
    options.capacity = 1;
    options.stale_after_ns = 0;
    EXPECT_THROW(Supervisor(*context, options), Error);
}

// spec: SUP-002 SUP-013
TEST_F(SupervisorTest, MovesARealConsumerToTheFallbackAndBack) {
    ProducerOptions producing;
    producing.stream_id = 1;
    producing.standalone.emplace();
    producing.standalone->base_dir = dir.str();
    producing.standalone->header_nslots = 8;
    producing.standalone->pools = {{1, 64}};
    Producer producer(*context, producing);
    ConsumerOptions consuming;
    consuming.stream_id = 1;
    consuming.use_driver = false;
    consuming.allowed_base_dirs = {dir.str()};
    Consumer consumer(*context, consuming);
    const auto run_until = [&](auto condition) {
        for (int i = 0; i < 50 && !condition(); ++i) {
            advance(100 * kNanosPerMilli);
            producer.do_work(clock.now_ns());
            consumer.do_work(clock.now_ns());
        }
        return condition();
    };
    ASSERT_TRUE(run_until([&] { return consumer.is_ready() && !supervisor->consumers().empty(); }));
    supervisor->set_policy(true, "aeron:udp?endpoint=127.0.0.1:40123", std::nullopt);
    EXPECT_TRUE(run_until([&] { return consumer.mapping_state() == MappingState::Fallback; }));
    EXPECT_EQ(consumer.fallback_uri(), "aeron:udp?endpoint=127.0.0.1:40123");
    supervisor->set_policy(false, "", std::nullopt);
    EXPECT_TRUE(run_until([&] { return consumer.is_ready(); }));
    EXPECT_EQ(supervisor->producers().size(), 1U);
    EXPECT_GT(supervisor->counters().announces, 0U);
}

}  // namespace
}  // namespace tensorpool::test
