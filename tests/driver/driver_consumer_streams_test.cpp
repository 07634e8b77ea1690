// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachResponse;
using control::ConsumerConfig;
using control::ConsumerHello;
using test::DriverHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = DriverHarness::kStream;
constexpr const char* kChannel = "aeron:ipc?term-length=64k";

void with_ranges(DriverConfig& config) {
    config.descriptor_stream_id_range = {{31000, 31001}};
    config.control_stream_id_range = {{32000, 32001}};
}

/// Asks for both kinds of stream. The ids are only tokens: the driver chooses (TRP-27).
ConsumerHello hello(std::uint32_t consumer_id, std::uint32_t stream_id = kStream) {
    ConsumerHello message;
    message.stream_id = stream_id;
    message.consumer_id = consumer_id;
    message.descriptor_channel = kChannel;
    message.descriptor_stream_id = 1;
    message.control_channel = kChannel;
    message.control_stream_id = 1;
    return message;
}

/// Sends a hello and returns the answers to it.
std::vector<ConsumerConfig> ask(DriverHarness& harness, const ConsumerHello& message) {
    const std::size_t from = harness.seen.size();
    harness.send(message);
    harness.step();
    return harness.all<ConsumerConfig>(from);
}

void expect_declined(const std::vector<ConsumerConfig>& answers) {
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].descriptor_stream_id, 0U);
    EXPECT_EQ(answers[0].control_stream_id, 0U);
    EXPECT_EQ(answers[0].descriptor_channel, "");
    EXPECT_EQ(answers[0].control_channel, "");
}

// spec: DRV-124, TRP-27
TEST(DriverConsumerStreamsTest, AnAttachedConsumerGetsIdsFromTheRangesOnTheChannelsItNamed) {
    DriverHarness harness(with_ranges);
    harness.attached(Role::Consumer, 7);
    const auto answers = ask(harness, hello(7));
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].stream_id, kStream);
    EXPECT_EQ(answers[0].consumer_id, 7U);
    EXPECT_EQ(answers[0].descriptor_stream_id, 31000U);
    EXPECT_EQ(answers[0].control_stream_id, 32000U);
    EXPECT_EQ(answers[0].descriptor_channel, kChannel);
    EXPECT_EQ(answers[0].control_channel, kChannel);
    EXPECT_TRUE(answers[0].use_shm);
    const auto assigned = harness.driver().assigned_streams();
    ASSERT_THAT(assigned, SizeIs(1));
    EXPECT_EQ(assigned[0].consumer_id, 7U);
    EXPECT_EQ(assigned[0].descriptor_stream_id, 31000U);
    EXPECT_EQ(assigned[0].control_stream_id, 32000U);
}

// spec: DRV-124
TEST(DriverConsumerStreamsTest, ARepeatedHelloGetsTheSameIdsAndAnotherConsumerGetsOthers) {
    DriverHarness harness(with_ranges);
    harness.attached(Role::Consumer, 7);
    harness.attached(Role::Consumer, 8);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(harness, hello(7))[0].descriptor_stream_id, 31000U);
    EXPECT_EQ(ask(harness, hello(8))[0].descriptor_stream_id, 31001U);
}

// spec: DRV-125, TRP-28
TEST(DriverConsumerStreamsTest, WithoutARangeTheConsumerIsToldToStayOnTheSharedStream) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 7);
    expect_declined(ask(harness, hello(7)));
    EXPECT_EQ(harness.driver().counters().consumer_configs_declined, 2U);
}

// spec: DRV-125
TEST(DriverConsumerStreamsTest, EachKindIsDeclinedByItself) {
    DriverHarness harness([](DriverConfig& config) { config.control_stream_id_range = {{32000, 32001}}; });
    harness.attached(Role::Consumer, 7);
    const auto answers = ask(harness, hello(7));
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].descriptor_stream_id, 0U);
    EXPECT_EQ(answers[0].descriptor_channel, "");
    EXPECT_EQ(answers[0].control_stream_id, 32000U);
}

// spec: DRV-126, TRP-28
TEST(DriverConsumerStreamsTest, AnExhaustedRangeDeclinesTheStreamButNotTheAttach) {
    DriverHarness harness(with_ranges);
    for (std::uint32_t client = 1; client <= 2; ++client) {
        harness.attached(Role::Consumer, client);
        ask(harness, hello(client));
    }
    EXPECT_EQ(harness.attach(Role::Consumer, 3).code, ResponseCode::Ok);
    expect_declined(ask(harness, hello(3)));
}

// spec: DRV-124, DRV-126
TEST(DriverConsumerStreamsTest, AnEndedLeaseFreesItsIds) {
    DriverHarness harness(with_ranges);
    const AttachResponse first = harness.attached(Role::Consumer, 1);
    ask(harness, hello(1));
    harness.attached(Role::Consumer, 2);
    ask(harness, hello(2));
    harness.detach(first, Role::Consumer, 1);
    EXPECT_THAT(harness.driver().assigned_streams(), SizeIs(1));
    harness.attached(Role::Consumer, 3);
    EXPECT_EQ(ask(harness, hello(3))[0].descriptor_stream_id, 31000U);
    harness.advance(3 * kNanosPerSecond);
    EXPECT_THAT(harness.driver().assigned_streams(), IsEmpty()) << "expired";
}

// spec: DRV-124, WIRE-073
TEST(DriverConsumerStreamsTest, WhoHoldsNoConsumerLeaseOfTheStreamIsDeclinedAndForeignStreamsAreIgnored) {
    DriverHarness harness([](DriverConfig& config) {
        with_ranges(config);
        config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
    });
    harness.attached(Role::Producer, 5);
    harness.attached(Role::Consumer, 6, 10001);
    expect_declined(ask(harness, hello(4)));
    expect_declined(ask(harness, hello(5)));
    expect_declined(ask(harness, hello(6)));
    EXPECT_THAT(ask(harness, hello(6, 4711)), IsEmpty());
    EXPECT_THAT(harness.driver().assigned_streams(), IsEmpty());
}

// spec: WIRE-076, WIRE-078, WIRE-079, TRP-27
TEST(DriverConsumerStreamsTest, HalfARequestIsDeclinedAndNoRequestIsNotAnswered) {
    DriverHarness harness(with_ranges);
    harness.attached(Role::Consumer, 7);
    ConsumerHello nothing;
    nothing.stream_id = kStream;
    nothing.consumer_id = 7;
    EXPECT_THAT(ask(harness, nothing), IsEmpty());
    ConsumerHello only_id = nothing;
    only_id.descriptor_stream_id = 5;
    expect_declined(ask(harness, only_id));
    ConsumerHello only_channel = nothing;
    only_channel.control_channel = kChannel;
    expect_declined(ask(harness, only_channel));
    EXPECT_THAT(harness.driver().assigned_streams(), IsEmpty());
}

// spec: WIRE-080
TEST(DriverConsumerStreamsTest, AChannelThatIsNoneOrThatThisMessagingCannotCarryIsDeclined) {
    DriverHarness harness(with_ranges);
    harness.attached(Role::Consumer, 7);
    for (const std::string& channel :
         {std::string("/dev/null"), std::string("aeron:tcp"), std::string("aeron:ipc?term-length=lots"),
          std::string("aeron:udp?endpoint=10.0.0.1:4000"), std::string(60'000, 'a')}) {
        ConsumerHello request = hello(7);
        request.descriptor_channel = request.control_channel = channel;
        expect_declined(ask(harness, request));
    }
    EXPECT_THAT(harness.driver().assigned_streams(), IsEmpty());
}

// spec: SUP-010
TEST(DriverConsumerStreamsTest, LeavesTheAnswerToTheSupervisorWhereThereIsOne) {
    DriverHarness harness([](DriverConfig& config) {
        with_ranges(config);
        config.supervised = true;
    });
    harness.attached(Role::Consumer, 7);
    EXPECT_THAT(ask(harness, hello(7)), IsEmpty());
}

}  // namespace
}  // namespace tensorpool
