// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What a driver does while it cannot send: it waits a little, never blocks, and holds a bounded backlog.
namespace tensorpool {
namespace {

using control::AttachResponse;
using control::DetachResponse;
using control::DriverShutdown;
using control::LeaseRevoked;
using control::PoolAnnounce;
using messaging::SendError;
using test::DriverHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Nanos kPatience = kNanosPerSecond;

class DriverTransientTest : public ::testing::TestWithParam<SendError> {};

// spec: DRV-035, TRP-18
TEST_P(DriverTransientTest, AnAnswerWaitsForAWhileAndArrivesOnceWhenSendingWorksAgain) {
    DriverHarness harness;
    harness.driver_sends->shut(GetParam());
    const auto request = harness.request(Role::Producer, 7);
    harness.send(request);
    harness.step();
    EXPECT_THAT(harness.driver().leases(), SizeIs(1)) << "the decision does not wait";
    harness.advance(kPatience - 1);
    EXPECT_THAT(harness.seen, IsEmpty());
    EXPECT_GT(harness.driver_sends->refused(), 1);
    harness.driver_sends->open();
    harness.step();
    const auto answers = harness.all<AttachResponse>();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].correlation_id, request.correlation_id);
    EXPECT_EQ(answers[0].lease_id, harness.driver().leases()[0].lease_id);
    EXPECT_EQ(harness.driver().counters().attach_response_drops, 0U);
}

INSTANTIATE_TEST_SUITE_P(Errors, DriverTransientTest,
                         ::testing::Values(SendError::BackPressured, SendError::AdminAction,
                                           SendError::NotConnected));

// spec: DRV-087
TEST(DriverBackPressureTest, MessagesThatWaitedLeaveInTheOrderOfTheirDecisions) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.seen.clear();
    harness.driver_sends->shut(SendError::BackPressured);
    harness.send(control::DetachRequest{1, *lease.lease_id, *lease.stream_id, 7, Role::Producer});
    harness.step();
    harness.driver_sends->open();
    harness.step();
    ASSERT_THAT(harness.seen, SizeIs(3));
    EXPECT_TRUE(std::holds_alternative<LeaseRevoked>(harness.seen[0]));
    EXPECT_TRUE(std::holds_alternative<PoolAnnounce>(harness.seen[1]));
    EXPECT_TRUE(std::holds_alternative<DetachResponse>(harness.seen[2]));
}

TEST(DriverBackPressureTest, AfterItsPatienceTheDriverDropsAndCountsWhatNobodyTook) {
    DriverHarness harness;
    harness.driver_sends->shut(SendError::BackPressured);
    harness.send(harness.request(Role::Producer, 7));  // an answer and an announce
    harness.step();
    harness.advance(kPatience);
    EXPECT_EQ(harness.driver().counters().attach_response_drops, 1U);
    EXPECT_GE(harness.driver().counters().send_failures, 1U);
    harness.driver_sends->open();
    harness.step();
    EXPECT_THAT(harness.all<AttachResponse>(), IsEmpty()) << "nobody waits for it any more";
    harness.advance(3 * kNanosPerSecond);
    EXPECT_THAT(harness.driver().leases(), IsEmpty()) << "a lease nobody knows of expires";
}

TEST(DriverBackPressureTest, AnErrorThatWaitingCannotCureDropsTheMessageAtOnce) {
    for (const SendError error : {SendError::Closed, SendError::MaxPositionExceeded, SendError::Failed}) {
        DriverHarness harness;
        harness.driver_sends->shut(error);
        harness.send(harness.request(Role::Consumer, 7));
        harness.step();
        EXPECT_EQ(harness.driver().counters().attach_response_drops, 1U);
        harness.driver_sends->open();
        harness.step();
        EXPECT_THAT(harness.seen, IsEmpty());
    }
}

TEST(DriverBackPressureTest, TheBacklogIsBoundedAndTheDriverWorksOnAfterwards) {
    constexpr int kRequests = 6000;
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 1);
    harness.driver_sends->shut(SendError::BackPressured);
    for (int i = 0; i < kRequests; ++i) {
        harness.send(harness.request(Role::Producer, 2));  // refused: there is a producer
        if (i % 500 == 0) harness.step();
    }
    harness.step();
    const std::uint64_t dropped_at_once = harness.driver().counters().attach_response_drops;
    EXPECT_GE(dropped_at_once, 1000U);
    EXPECT_LT(dropped_at_once, static_cast<std::uint64_t>(kRequests) - 1000U);
    harness.keepalive(lease, Role::Producer, 1);
    harness.advance(kPatience);
    EXPECT_EQ(harness.driver().counters().attach_response_drops, static_cast<std::uint64_t>(kRequests));
    harness.driver_sends->open();
    EXPECT_EQ(harness.attach(Role::Consumer, 3).code, ResponseCode::Ok);
    EXPECT_THAT(harness.driver().leases(), SizeIs(2));
}

// spec: DRV-074
TEST(DriverBackPressureTest, LeasesEndOnTimeThoughNobodyCanBeTold) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.driver_sends->shut(SendError::BackPressured);
    harness.advance(3 * kNanosPerSecond);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
    EXPECT_GT(harness.stream().epoch, *lease.epoch);
}

// spec: DRV-114
TEST(DriverBackPressureTest, ADrainEndsAlsoWhenTheNoticeCanNeverBeSent) {
    DriverHarness harness([](DriverConfig& config) { config.policies.announce_period_ms = 100; });
    harness.attached(Role::Consumer, 7);
    harness.driver_sends->shut(SendError::BackPressured);
    harness.driver().request_shutdown();
    for (int i = 0; i < 60 && !harness.driver().is_stopped(); ++i) harness.advance(50 * kNanosPerMilli);
    EXPECT_FALSE(harness.driver().is_stopped()) << "after the drain it still tries for a while";
    for (int i = 0; i < 5; ++i) harness.advance(50 * kNanosPerMilli);
    EXPECT_TRUE(harness.driver().is_stopped());
    EXPECT_THAT(harness.all<DriverShutdown>(), IsEmpty());
}

TEST(DriverBackPressureTest, DestroyingADriverThatCannotSendDoesNotHang) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 7);
    harness.driver_sends->shut(SendError::BackPressured);
    harness.stop_driver();
    EXPECT_THAT(harness.epoch_dirs(), SizeIs(1));
}

}  // namespace
}  // namespace tensorpool
