// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The events that observability.md section 4 lists are in the log, at their level and with their fields.

#include "client/session_harness.hpp"
#include "support/raw_stream.hpp"
#include "support/recording_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace tensorpool::test {
namespace {

using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;

/// The one record that contains `text`.
RecordingLog::Kept only(const RecordingLog& log, const std::string& text) {
    const auto found = log.with(text);
    EXPECT_THAT(found, SizeIs(1)) << text;
    return found.empty() ? RecordingLog::Kept{LogLevel::Debug, "", "", {}} : found.front();
}

// spec: OBS-024
TEST(LogEventsTest, AClientTellsOfAttachAndDetach) {
    SessionHarness harness;
    harness.start_driver();
    const RecordingLog log;
    TestClient& client = harness.attached(Role::Producer, 42);
    client->detach();
    EXPECT_TRUE(harness.run_until([&] { return client->state() == SessionState::Unattached; }));
    const auto attached = only(log, "attached as PRODUCER 42");
    EXPECT_EQ(attached.level, LogLevel::Info);
    EXPECT_THAT(attached.fields, IsSupersetOf({"stream_id", "client_id", "lease_id", "epoch"}));
    const auto detached = only(log, ": detached");
    EXPECT_EQ(detached.level, LogLevel::Info);
    EXPECT_EQ(detached.module, "Client");
    EXPECT_THAT(detached.fields, IsSupersetOf({"stream_id", "client_id", "lease_id"}));
}

// spec: OBS-024, OBS-023
TEST(LogEventsTest, AClientWarnsOfAnAttachThatIsNotAnswered) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    const RecordingLog log;
    harness.live(30 * kNanosPerSecond, 10 * kNanosPerMilli);
    const auto waits = log.with("did not answer");
    ASSERT_FALSE(waits.empty());
    EXPECT_EQ(waits[0].level, LogLevel::Warn);
    EXPECT_LE(waits.size(), 30u) << "once a second at most";
}

// spec: OBS-024, OBS-023
TEST(LogEventsTest, AClientWarnsOfAKeepaliveThatCannotBeSent) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Consumer, 42);
    const RecordingLog log;
    client.sends->shut(messaging::SendError::BackPressured);
    harness.live(1500 * kNanosPerMilli, 10 * kNanosPerMilli);
    const auto failure = only(log, "a keepalive could not be sent yet");
    EXPECT_EQ(failure.level, LogLevel::Warn);
    EXPECT_THAT(failure.fields, IsSupersetOf({"stream_id", "reason", "held_back"}));
    EXPECT_EQ(client->state(), SessionState::Attached);
}

// spec: OBS-024
TEST(LogEventsTest, ADriverWarnsOfItsShutdownAndItsClientsOfTheirs) {
    SessionHarness harness;
    harness.start_driver();
    (void)harness.attached(Role::Consumer, 42);
    const RecordingLog log;
    harness.stop_driver();
    harness.live(kNanosPerSecond, 10 * kNanosPerMilli);
    EXPECT_EQ(only(log, "tells its clients that it shuts down").level, LogLevel::Warn);
    EXPECT_EQ(only(log, "the driver shut down").level, LogLevel::Warn);
}

// spec: OBS-024
TEST(LogEventsTest, AConsumerTellsWhatItMapsAndWarnsOfAPeerThatDied) {
    RawStream stream;
    RawStreamReader reader(stream);
    const RecordingLog log;
    reader.map();
    EXPECT_EQ(only(log, ": mapped epoch 1").level, LogLevel::Info);
    for (int i = 0; i < 50 && reader.consumer.is_ready(); ++i) reader.advance(100 * kNanosPerMilli);
    const auto unmapped = only(log, "unmapped epoch 1");
    EXPECT_EQ(unmapped.level, LogLevel::Warn) << "its owner is gone";
    EXPECT_THAT(unmapped.fields, IsSupersetOf({"stream_id", "epoch", "reason"}));
}

// spec: OBS-024
TEST(LogEventsTest, AConsumerWarnsOnceOfAnnouncesThatDoNotCome) {
    RawStream stream;
    RawStreamReader reader(stream);
    const RecordingLog log;
    for (int i = 0; i < 100; ++i) reader.advance(100 * kNanosPerMilli);
    const auto wait = only(log, "no announce to map for");
    EXPECT_EQ(wait.level, LogLevel::Warn);
    EXPECT_THAT(wait.fields, IsSupersetOf({"stream_id", "waited_ns"}));
    reader.map();
    for (int i = 0; i < 100; ++i) reader.advance(100 * kNanosPerMilli);
    EXPECT_THAT(log.with("no announce to map for"), SizeIs(2)) << "another wait, another warning";
}

// spec: OBS-023, OBS-024
TEST(LogEventsTest, AMalformedControlMessageIsOneWarningASecond) {
    RawStream stream;
    RawStreamReader reader(stream);
    const auto sender = stream.context->messaging().add_publication(stream.endpoints.control.channel,
                                                                    stream.endpoints.control.stream_id);
    reader.cycle();
    const RecordingLog log;
    for (int i = 0; i < 100; ++i) {
        const std::array<std::byte, 3> cut{};
        ASSERT_TRUE(sender->offer(cut));
        std::vector<std::byte> bytes(8 + 41);
        const wire::MessageHeader header{41, 5, 900, 1};
        std::memcpy(bytes.data(), &header, sizeof(header));
        bytes.resize(20);
        ASSERT_TRUE(sender->offer(bytes));
    }
    for (int i = 0; i < 10; ++i) reader.cycle();
    const auto dropped = log.with("dropped a message of schema ");
    ASSERT_THAT(dropped, testing::Not(IsEmpty()));
    EXPECT_EQ(dropped[0].level, LogLevel::Warn);
    EXPECT_EQ(dropped[0].module, "Control");
    EXPECT_THAT(dropped[0].fields,
                testing::ElementsAre("schema_id", "template_id", "bytes", "reason", "held_back"));
    EXPECT_LT(dropped.size(), 20u) << "not one for each";
}

}  // namespace
}  // namespace tensorpool::test
