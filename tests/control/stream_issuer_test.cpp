// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/stream_issuer.hpp"

#include "control/stream_request.hpp"

#include <gtest/gtest.h>

namespace tensorpool::control {
namespace {

constexpr const char* kChannel = "aeron:ipc?term-length=64k";

ConsumerHello hello(std::uint32_t consumer_id, std::uint32_t descriptor = 31007,
                    std::uint32_t control = 32007) {
    ConsumerHello message;
    message.stream_id = 1;
    message.consumer_id = consumer_id;
    message.descriptor_channel = descriptor != 0 ? kChannel : "";
    message.descriptor_stream_id = descriptor;
    message.control_channel = control != 0 ? kChannel : "";
    message.control_stream_id = control;
    return message;
}

PerConsumerStreams ranges() {
    return {.enabled = true,
            .descriptor = {.channel = "", .base = 31000, .range = 2},
            .control = {.channel = "aeron:ipc?term-length=128k", .base = 32000, .range = 2}};
}

// spec: SUP-014
TEST(StreamIssuerTest, GivesFreeIdsOfTheRangeAndKeepsThemForTheirConsumer) {
    StreamIssuer issuer(ranges(), {}, true);
    ConsumerConfig first;
    EXPECT_EQ(issuer.answer(hello(7), first), 0);
    EXPECT_EQ(first.descriptor_stream_id, 31000U);
    EXPECT_EQ(first.descriptor_channel, kChannel) << "the one it named";
    EXPECT_EQ(first.control_stream_id, 32000U);
    EXPECT_EQ(first.control_channel, "aeron:ipc?term-length=128k") << "the configured one";
    ConsumerConfig second;
    EXPECT_EQ(issuer.answer(hello(8), second), 0);
    EXPECT_EQ(second.descriptor_stream_id, 31001U);
    ConsumerConfig again;
    EXPECT_EQ(issuer.answer(hello(7), again), 0);
    EXPECT_EQ(again.descriptor_stream_id, 31000U);
}

// spec: SUP-014 WIRE-080
TEST(StreamIssuerTest, DeclinesWhenTheRangeIsUsedUpUntilAnIdComesBack) {
    StreamIssuer issuer(ranges(), {}, true);
    ConsumerConfig config;
    for (std::uint32_t id = 7; id <= 8; ++id) ASSERT_EQ(issuer.answer(hello(id), config), 0);
    EXPECT_EQ(issuer.answer(hello(9), config), 2);
    EXPECT_EQ(config.descriptor_stream_id, 0U);
    EXPECT_TRUE(config.descriptor_channel.empty());
    EXPECT_TRUE(config.control_channel.empty());
    issuer.release(1, 7);
    EXPECT_EQ(issuer.answer(hello(9), config), 0);
    EXPECT_EQ(config.descriptor_stream_id, 31000U);
    EXPECT_EQ(issuer.answer(hello(8, 0, 0), config), 0) << "no longer asked for: free again";
    EXPECT_EQ(issuer.answer(hello(10), config), 0);
    EXPECT_EQ(config.descriptor_stream_id, 31001U);
}

// spec: SUP-014
TEST(StreamIssuerTest, WithoutABaseGrantsTheRequestedIdWhileItIsFree) {
    StreamIssuer issuer({.enabled = true}, {}, true);
    ConsumerConfig config;
    EXPECT_EQ(issuer.answer(hello(7), config), 0);
    EXPECT_EQ(config.descriptor_stream_id, 31007U);
    EXPECT_EQ(issuer.answer(hello(8), config), 2) << "held by 7";
    EXPECT_EQ(issuer.answer(hello(9, 32007, 0), config), 1) << "held by 7 as the other kind";
    for (const std::uint32_t shared : {1000U, 1100U, 1200U, 1300U, 0x80000000U})
        EXPECT_EQ(issuer.answer(hello(9, shared, 0), config), 1) << shared;
}

// spec: SUP-012 WIRE-078 WIRE-080
TEST(StreamIssuerTest, DeclinesHalfRequestsChannelsItCannotServeAndEverythingWhileDisabled) {
    StreamIssuer issuer({.enabled = true}, {}, true);
    ConsumerConfig config;
    ConsumerHello half = hello(7);
    half.descriptor_stream_id = 0;
    half.control_channel.clear();
    EXPECT_EQ(issuer.answer(half, config), 2);
    for (const char* channel : {"/dev/null", "aeron:tcp", "aeron:ipc?term-length=lots",
                                "aeron:ipc?term-length=32m", "aeron:udp?endpoint=10.0.0.1:4000"}) {
        ConsumerHello request = hello(7);
        request.descriptor_channel = request.control_channel = channel;
        EXPECT_EQ(issuer.answer(request, config), 2) << channel;
        EXPECT_EQ(config.descriptor_stream_id, 0U) << channel;
    }
    StreamIssuer disabled({}, {}, true);
    EXPECT_EQ(disabled.answer(hello(7), config), 2);
    StreamIssuer over_network({.enabled = true}, {}, false);
    ConsumerHello remote = hello(7);
    remote.descriptor_channel = "aeron:udp?endpoint=127.0.0.1:40123";
    EXPECT_EQ(over_network.answer(remote, config), 0);
}

// spec: WIRE-076 WIRE-079
TEST(StreamRequestTest, IsChannelAndIdTogetherOrNothing) {
    EXPECT_EQ(classify("", 0), StreamRequest::None);
    EXPECT_EQ(classify(kChannel, 0), StreamRequest::Half);
    EXPECT_EQ(classify("", 1), StreamRequest::Half);
    EXPECT_EQ(classify(kChannel, 1), StreamRequest::Full);
}

}  // namespace
}  // namespace tensorpool::control
