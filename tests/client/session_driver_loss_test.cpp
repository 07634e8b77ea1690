// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// A driver that says goodbye, dies, hangs, or is replaced.
namespace tensorpool {
namespace {

using control::AttachRequest;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr Nanos kThreePeriods = 3 * kNanosPerSecond;

// spec: DRV-117, TRP-25
TEST(SessionDriverLossTest, TheShutdownNoticeEndsTheLeaseAtOnceAndTheSessionWaitsForTheNextDriver) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Attachment before = *client->attachment();
    harness.stop_driver();
    harness.step();
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_THAT(client->last_error(), HasSubstr("shut down (NORMAL)"));
    harness.live(10 * kNanosPerSecond);
    harness.start_driver();
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    EXPECT_NE(client->attachment()->lease_id, before.lease_id);
    EXPECT_GT(client->attachment()->epoch, before.epoch);
}

// spec: DRV-118, DRV-119, TRP-17
TEST(SessionDriverLossTest, AKilledDriverIsNoticedWithoutANoticeAndBeforeItsAnnouncesAreMissed) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& producer = harness.attached(Role::Producer, 42);
    TestClient& consumer = harness.attached(Role::Consumer, 43);
    harness.crash_driver();
    harness.live(200 * kNanosPerMilli, 10 * kNanosPerMilli);
    for (TestClient* client : {&producer, &consumer}) {
        EXPECT_EQ((*client)->attachment(), nullptr);
        EXPECT_EQ((*client)->counters().leases_lost, 1U);
    }
    harness.start_driver();
    ASSERT_TRUE(harness.run_until([&] {
        return producer->state() == SessionState::Attached && consumer->state() == SessionState::Attached;
    }));
    EXPECT_THAT(harness.driver().leases(), SizeIs(2));
    EXPECT_EQ(producer->generation(), 2U);
    EXPECT_EQ(consumer->generation(), 2U);
}

// spec: DRV-118, DRV-120, TRP-17, TRP-23
TEST(SessionDriverLossTest, ADriverReplacedInAnInstantIsNoticedByConsumersAndProducers) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& producer = harness.attached(Role::Producer, 42);
    TestClient& consumer = harness.attached(Role::Consumer, 43);
    std::uint64_t epoch = producer->attachment()->epoch;
    for (int i = 0; i < 5; ++i) {
        harness.crash_driver();
        harness.start_driver();
        ASSERT_TRUE(harness.run_until([&] { return harness.driver().leases().size() == 2; }));
        harness.step();
        ASSERT_NE(producer->attachment(), nullptr);
        EXPECT_GT(producer->attachment()->epoch, epoch);
        epoch = producer->attachment()->epoch;
    }
    EXPECT_EQ(producer->generation(), 6U);
    EXPECT_EQ(consumer->generation(), 6U);
}

// spec: DRV-118, TRP-17
TEST(SessionDriverLossTest, ADriverThatHangsIsGivenUpAfterThreeSilentAnnouncePeriods) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) {
        config.policies.lease_expiry_grace_intervals = 60;  // the lease itself would live on
    });
    TestClient& client = harness.attached(Role::Producer, 42);
    harness.live(5 * kNanosPerSecond);
    const Nanos hung_ns = harness.clock.now_ns();
    harness.hang_driver();
    ASSERT_TRUE(harness.run_until([&] { return client->attachment() == nullptr; }));
    EXPECT_GE(harness.clock.now_ns() - hung_ns, kThreePeriods - kNanosPerSecond);
    EXPECT_LE(harness.clock.now_ns() - hung_ns, kThreePeriods + 20 * kNanosPerMilli);
    EXPECT_THAT(client->last_error(), HasSubstr("silent"));
}

// spec: DRV-118
TEST(SessionDriverLossTest, AnnouncesOfOtherStreamsAreNoSignOfLife) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    harness.step();
    auto response = harness.granting(harness.all<AttachRequest>()[0]);
    response.lease_expiry_timestamp_ns = static_cast<std::uint64_t>(harness.clock.now_ns()) + 60'000'000'000U;
    harness.say(response);
    harness.step();
    ASSERT_EQ(client->state(), SessionState::Attached);
    for (int i = 0; i < 4; ++i) {
        auto foreign = harness.announcing();
        foreign.stream_id += 1;
        harness.say(foreign);
        harness.advance(kNanosPerSecond);
    }
    EXPECT_EQ(client->attachment(), nullptr);
}

// spec: DRV-101, DRV-118
TEST(SessionDriverLossTest, AProducerWhoseStreamMovedOnToAHigherEpochHasLostItsLease) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Producer, 42));
    harness.say(harness.announcing(4));
    harness.say(harness.announcing(5));
    auto elsewhere = harness.announcing(6);
    elsewhere.stream_id += 1;
    harness.say(elsewhere);
    harness.step();
    EXPECT_NE(client->attachment(), nullptr);
    harness.say(harness.announcing(6));
    harness.step();
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_THAT(client->last_error(), HasSubstr("epoch 6"));
}

// spec: TRP-10, TRP-31
TEST(SessionDriverLossTest, AConsumersLeaseOutlivesTheEpochsOfItsStream) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& consumer = harness.attached(Role::Consumer, 43);
    for (int i = 0; i < 3; ++i) {
        TestClient& producer = harness.attached(Role::Producer);
        harness.live(kNanosPerSecond);
        producer->detach();
        harness.live(kNanosPerSecond);
    }
    EXPECT_EQ(consumer->generation(), 1U);
    EXPECT_NE(consumer->attachment(), nullptr);
}

// spec: DRV-117
TEST(SessionDriverLossTest, ANoticeMeansNothingToASessionThatHasNoLease) {
    SessionHarness harness;
    TestClient& idle = harness.add(harness.options(Role::Consumer, 41));
    TestClient& asking = harness.add(harness.options(Role::Consumer, 42));
    asking->request_attach();
    harness.step();
    harness.say(control::DriverShutdown{});
    harness.step();
    EXPECT_EQ(idle->state(), SessionState::Unattached);
    EXPECT_EQ(asking->state(), SessionState::Attaching);
    EXPECT_EQ(asking->counters().leases_lost, 0U);
}

// spec: DRV-117, DRV-082
TEST(SessionDriverLossTest, ANoticeDuringADetachEndsIt) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    client->detach();
    harness.step();
    harness.say(control::DriverShutdown{});
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    harness.live(5 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Unattached);
}

// spec: DRV-118
TEST(SessionDriverLossTest, AfterAPauseTheBacklogCountsBeforeTheSilence) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) { config.policies.lease_expiry_grace_intervals = 60; });
    TestClient& client = harness.attached(Role::Consumer, 42);
    for (int i = 0; i < 3; ++i) harness.live(kNanosPerSecond);
    // The application does not call for five seconds, while others talk a lot and the driver announces.
    control::LeaseKeepalive chatter;
    chatter.lease_id = 1;
    for (int second = 0; second < 5; ++second) {
        harness.clock.advance(kNanosPerSecond);
        for (int i = 0; i < 150; ++i) harness.say(chatter);
        harness.driver().do_work(harness.clock.now_ns());
    }
    client->do_work(harness.clock.now_ns());
    EXPECT_NE(client->attachment(), nullptr) << client->last_error();
}

}  // namespace
}  // namespace tensorpool
