// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// How long a session waits for an answer, and between two attempts.
namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using messaging::SendError;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Nanos kTick = kNanosPerMilli;

/// The pauses between consecutive attach requests.
std::vector<Nanos> request_gaps(const SessionHarness& harness) {
    std::vector<Nanos> gaps;
    Nanos last_ns = 0;
    for (std::size_t i = 0; i < harness.sent.size(); ++i) {
        if (!std::holds_alternative<AttachRequest>(harness.sent[i])) continue;
        if (last_ns != 0) gaps.push_back(harness.sent_at[i] - last_ns);
        last_ns = harness.sent_at[i];
    }
    return gaps;
}

AttachResponse refusing(const AttachRequest& request) {
    AttachResponse response;
    response.correlation_id = request.correlation_id;
    response.code = ResponseCode::Rejected;
    response.error_message = "not now";
    return response;
}

// spec: DRV-036
TEST(SessionReattachTest, UnansweredRequestsAreRepeatedAfterGrowingTimeoutsAndPauses) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    harness.live(30 * kNanosPerSecond, kTick);
    const auto gaps = request_gaps(harness);
    ASSERT_GE(gaps.size(), 8U);
    Nanos timeout = 250 * kNanosPerMilli;
    Nanos pause = 100 * kNanosPerMilli;
    for (const Nanos gap : gaps) {
        EXPECT_GE(gap, timeout + pause / 2);
        EXPECT_LE(gap, timeout + pause + 3 * kTick);
        timeout = std::min(2 * timeout, 2 * kNanosPerSecond);
        pause = std::min(2 * pause, 2 * kNanosPerSecond);
    }
    EXPECT_EQ(client->counters().attach_requests, gaps.size() + 1);
    EXPECT_GE(client->counters().attach_timeouts, gaps.size());
    EXPECT_THAT(client->last_error(), HasSubstr("did not answer"));
}

// spec: DRV-036
TEST(SessionReattachTest, RefusalsAreFollowedByPausesThatDoubleUpToTheLimit) {
    SessionHarness harness;
    DriverSessionOptions options = harness.options(Role::Consumer, 42);
    options.backoff_initial_ns = 40 * kNanosPerMilli;
    options.backoff_max_ns = 640 * kNanosPerMilli;
    TestClient& client = harness.add(options);
    client->request_attach();
    std::size_t answered = 0;
    for (int i = 0; i < 10'000; ++i) {
        harness.advance(kTick);
        const auto requests = harness.all<AttachRequest>();
        for (; answered < requests.size(); ++answered) harness.say(refusing(requests[answered]));
    }
    const auto gaps = request_gaps(harness);
    ASSERT_GE(gaps.size(), 10U);
    Nanos pause = 40 * kNanosPerMilli;
    for (const Nanos gap : gaps) {
        EXPECT_GE(gap, pause / 2);
        EXPECT_LE(gap, pause + 4 * kTick);
        pause = std::min(2 * pause, 640 * kNanosPerMilli);
    }
    EXPECT_EQ(client->counters().attach_timeouts, 0U);
}

// spec: DRV-036
TEST(SessionReattachTest, ASuccessStartsThePausesOver) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return client->counters().attach_timeouts == 6; }));
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attaching; }));
    harness.say(harness.granting(harness.all<AttachRequest>().back()));
    harness.step();
    ASSERT_EQ(client->state(), SessionState::Attached);
    const std::size_t before = harness.all<AttachRequest>().size();
    harness.say(control::DriverShutdown{});
    harness.step();
    const Nanos lost_ns = harness.clock.now_ns();
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() > before; }, kTick));
    EXPECT_LE(harness.clock.now_ns() - lost_ns, 100 * kNanosPerMilli + 2 * kTick);
}

// spec: DRV-036
TEST(SessionReattachTest, ManyClientsOfOneLostDriverDoNotComeBackInOneInstant) {
    SessionHarness harness;
    harness.start_driver();
    constexpr std::size_t kClients = 12;
    for (std::size_t i = 0; i < kClients; ++i) harness.attached(Role::Consumer);
    harness.sent.clear();
    harness.sent_at.clear();
    harness.stop_driver();
    harness.live(120 * kNanosPerMilli, kTick);
    std::vector<Nanos> times;
    for (std::size_t i = 0; i < harness.sent.size(); ++i) {
        if (std::holds_alternative<AttachRequest>(harness.sent[i])) times.push_back(harness.sent_at[i]);
    }
    ASSERT_THAT(times, SizeIs(kClients));
    EXPECT_GT(times.back() - times.front(), 5 * kNanosPerMilli);
}

TEST(SessionReattachTest, ARequestThatCannotLeaveYetIsSentAsSoonAsItCan) {
    for (const SendError error :
         {SendError::BackPressured, SendError::AdminAction, SendError::NotConnected}) {
        SessionHarness harness;
        TestClient& client = harness.add(harness.options(Role::Consumer, 42));
        client.sends->shut(error);
        client->request_attach();
        harness.live(kNanosPerSecond);
        EXPECT_EQ(client->state(), SessionState::Attaching);
        EXPECT_EQ(client->counters().attach_requests, 0U);
        client.sends->open();
        harness.step();
        EXPECT_THAT(harness.all<AttachRequest>(), SizeIs(1));
    }
}

TEST(SessionReattachTest, ARequestThatCanNeverLeaveIsGivenUpAndTriedAgainLater) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client.sends->shut(SendError::Failed);
    client->request_attach();
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_EQ(client->counters().send_failures, 1U);
    client.sends->shut(SendError::BackPressured);
    harness.live(3 * kNanosPerSecond);
    EXPECT_GE(client->counters().send_failures, 2U) << "back pressure for the whole attach timeout";
}

TEST(SessionReattachTest, ASessionThatShallNotReattachStaysAwayAfterALossUntilAskedTo) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Consumer, 42);
    client->detach();
    harness.step();
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_THAT(harness.all<AttachRequest>(), SizeIs(1));
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    EXPECT_EQ(client->generation(), 2U);
}

TEST(SessionReattachTest, WithoutReattachALostLeaseEndsUnattached) {
    SessionHarness harness;
    harness.start_driver();
    DriverSessionOptions options = harness.options(Role::Consumer, 42);
    options.reattach = false;
    TestClient& client = harness.add(options);
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    harness.driver().revoke(client->attachment()->lease_id, "go");
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_THAT(harness.all<AttachRequest>(), SizeIs(1));
}

}  // namespace
}  // namespace tensorpool
