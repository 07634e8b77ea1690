// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Two consumers that report under one id.

#include "control/publisher.hpp"
#include "support/raw_stream.hpp"

#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

class IdCollisionTest : public testing::Test {
protected:
    void report_as(std::uint32_t consumer_id, std::uint32_t stream_id = RawStream::kStream) {
        control::QosConsumer message;
        message.stream_id = stream_id;
        message.consumer_id = consumer_id;
        ASSERT_TRUE(others_.send(message));
    }
    /// Until the next look at what others report, and then some.
    void look(RawStreamReader& reader) {
        for (int i = 0; i < 3; ++i) {
            stream.send_announce();
            reader.advance(kNanosPerSecond);
        }
    }

    RawStream stream;

private:
    control::ControlPublisher others_{stream.context->messaging().add_publication(
        stream.endpoints.qos.channel, stream.endpoints.qos.stream_id)};
};

// spec: SUP-016 WIRE-072
TEST_F(IdCollisionTest, AConsumerThatChoseItsIdGoesOnUnderANewOneAndKeepsReading) {
    RawStreamReader reader(stream);
    reader.map();
    stream.publish(0);
    reader.cycle();
    const std::uint32_t former = reader.consumer.consumer_id();
    look(reader);
    EXPECT_EQ(reader.consumer.consumer_id(), former) << "its own reports are no collision";
    report_as(former);
    look(reader);
    EXPECT_NE(reader.consumer.consumer_id(), former);
    EXPECT_NE(reader.consumer.consumer_id(), 0U);
    EXPECT_EQ(reader.counters().id_collisions, 1U);
    stream.publish(1);
    reader.cycle();
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{0, 1}));
    report_as(former);
    look(reader);
    EXPECT_EQ(reader.counters().id_collisions, 1U) << "the former id is somebody else's now";
}

// spec: SUP-016
TEST_F(IdCollisionTest, TheSameIdOnAnotherStreamIsNoCollision) {
    RawStreamReader reader(stream);
    const std::uint32_t id = reader.consumer.consumer_id();
    look(reader);
    report_as(id, RawStream::kStream + 1);
    report_as(id + 1);
    look(reader);
    EXPECT_EQ(reader.consumer.consumer_id(), id);
    EXPECT_EQ(reader.counters().id_collisions, 0U);
}

// spec: SUP-016
TEST_F(IdCollisionTest, AnIdThatWasGivenIsKeptAndTheCollisionCounted) {
    RawStreamReader reader(stream, [](ConsumerOptions& options) { options.consumer_id = 42; });
    look(reader);
    report_as(42);
    look(reader);
    EXPECT_EQ(reader.consumer.consumer_id(), 42U);
    EXPECT_EQ(reader.counters().id_collisions, 1U);
}

}  // namespace
}  // namespace tensorpool::test
