// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using control::LeaseKeepalive;
using messaging::SendError;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The times at which keepalives were sent.
std::vector<Nanos> keepalive_times(const SessionHarness& harness) {
    std::vector<Nanos> times;
    for (std::size_t i = 0; i < harness.sent.size(); ++i) {
        if (std::holds_alternative<LeaseKeepalive>(harness.sent[i])) times.push_back(harness.sent_at[i]);
    }
    return times;
}

// spec: DRV-071, DRV-072, TRP-14
TEST(SessionKeepaliveTest, KeepalivesLeaveAtTheIntervalAndNameTheLease) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Attachment lease = *client->attachment();
    harness.live(20 * kNanosPerSecond, kNanosPerMilli * 10);
    const auto times = keepalive_times(harness);
    ASSERT_THAT(times, SizeIs(20));
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_EQ(times[i] - times[i - 1], kNanosPerSecond);
    for (const auto& keepalive : harness.all<LeaseKeepalive>()) {
        EXPECT_EQ(keepalive.lease_id, lease.lease_id);
        EXPECT_EQ(keepalive.stream_id, lease.stream_id);
        EXPECT_EQ(keepalive.client_id, 42U);
        EXPECT_EQ(keepalive.role, Role::Producer);
    }
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(client->counters().keepalives_sent, 20U);
    EXPECT_EQ(harness.driver().counters().keepalives, 20U);
}

// spec: DRV-072
TEST(SessionKeepaliveTest, AWindowShorterThanTheIntervalIsKeptAliveNonetheless) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) { config.policies.lease_keepalive_interval_ms = 100; });
    TestClient& client = harness.attached(Role::Producer, 42);  // its own interval is a second
    harness.live(10 * kNanosPerSecond, 10 * kNanosPerMilli);
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(harness.driver().counters().leases_expired, 0U);
}

// spec: DRV-065
TEST(SessionKeepaliveTest, WithoutAnExpiryKeepalivesLeaveAtTheConfiguredInterval) {
    SessionHarness harness;
    DriverSessionOptions options = harness.options(Role::Consumer, 42);
    options.keepalive_interval_ns = 200 * kNanosPerMilli;
    TestClient& client = harness.add(options);
    client->request_attach();
    harness.step();
    AttachResponse response = harness.granting(harness.all<AttachRequest>()[0]);
    response.lease_expiry_timestamp_ns.reset();
    harness.say(response);
    harness.step();
    for (int second = 0; second < 10; ++second) {
        harness.live(kNanosPerSecond, 10 * kNanosPerMilli);
        harness.say(harness.announcing());
    }
    EXPECT_FALSE(client->attachment()->lease_expiry_timestamp_ns.has_value());
    EXPECT_THAT(keepalive_times(harness), SizeIs(50));
    EXPECT_EQ(client->generation(), 1U);
}

class SessionTransientTest : public ::testing::TestWithParam<SendError> {};

// spec: DRV-064, TRP-15, TRP-18
TEST_P(SessionTransientTest, AKeepaliveThatCannotLeaveIsTriedUntilTheLocalDeadlineAndThenTheLeaseIsOver) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Nanos attached_ns = harness.clock.now_ns();
    client.sends->shut(GetParam());
    while (harness.clock.now_ns() + 10 * kNanosPerMilli < attached_ns + 3 * kNanosPerSecond) {
        harness.advance(10 * kNanosPerMilli);
        ASSERT_NE(client->attachment(), nullptr);
    }
    EXPECT_GT(client.sends->refused(), 100);
    harness.hang_driver();  // its own sweep must not be what tells
    harness.advance(10 * kNanosPerMilli);
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_EQ(client->counters().leases_lost, 1U);
    EXPECT_THAT(client->last_error(), HasSubstr("ran out"));
}

// spec: TRP-15, TRP-18
TEST_P(SessionTransientTest, AMomentOfItCostsNothing) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    for (int i = 0; i < 5; ++i) {
        client.sends->shut(GetParam());
        harness.live(1900 * kNanosPerMilli);
        client.sends->open();
        harness.live(100 * kNanosPerMilli);
    }
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(client->counters().leases_lost, 0U);
}

INSTANTIATE_TEST_SUITE_P(Errors, SessionTransientTest,
                         ::testing::Values(SendError::BackPressured, SendError::AdminAction));

// spec: DRV-077, TRP-18
TEST(SessionKeepaliveTest, AnErrorThatCannotClearEndsTheLeaseAtOnce) {
    for (const SendError error :
         {SendError::Closed, SendError::MaxPositionExceeded, SendError::NotConnected}) {
        SessionHarness harness;
        harness.start_driver();
        TestClient& client = harness.attached(Role::Producer, 42);
        client.sends->shut(error);
        harness.live(990 * kNanosPerMilli);
        EXPECT_NE(client->attachment(), nullptr) << "no keepalive was due yet";
        harness.live(20 * kNanosPerMilli);
        EXPECT_EQ(client->attachment(), nullptr);
        EXPECT_THAT(client->last_error(), HasSubstr("keepalive"));
        EXPECT_GE(client->counters().send_failures, 1U);
    }
}

// spec: DRV-064, DRV-118, TRP-15
TEST(SessionKeepaliveTest, AfterAPauseLongerThanTheWindowTheFirstCycleEndsTheLease) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    harness.clock.advance(3 * kNanosPerSecond);
    harness.say(harness.announcing());  // the driver lives, but has given up on us
    harness.step();
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_THAT(harness.all<LeaseKeepalive>(), IsEmpty()) << "too late for one";
}

// spec: TRP-15
TEST(SessionKeepaliveTest, EachKeepaliveThatLeftMovesTheLocalDeadlineOneWindowAhead) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    harness.advance(2 * kNanosPerSecond);
    ASSERT_THAT(harness.all<LeaseKeepalive>(), SizeIs(1));
    client.sends->shut(SendError::BackPressured);
    harness.say(harness.announcing());
    harness.advance(3 * kNanosPerSecond - 1);
    EXPECT_NE(client->attachment(), nullptr);
    harness.advance(1);
    EXPECT_EQ(client->attachment(), nullptr);
}

// spec: DRV-078
TEST(SessionKeepaliveTest, ASessionExpectsNoAnswerToItsKeepalives) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    for (int i = 0; i < 30; ++i) {
        harness.say(harness.announcing());
        harness.advance(kNanosPerSecond);
    }
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(client->state(), SessionState::Attached);
}

}  // namespace
}  // namespace tensorpool
