// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::DetachRequest;
using control::DetachResponse;
using messaging::SendError;
using test::SessionHarness;
using test::TestClient;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = SessionHarness::kStream;

// spec: DRV-082, TRP-19
TEST(SessionDetachTest, ADetachFreesTheLeaseAndIsNotTakenForALoss) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Attachment lease = *client->attachment();
    client->detach();
    EXPECT_EQ(client->attachment(), nullptr) << "the regions are off limits from here on";
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
    const auto requests = harness.all<DetachRequest>();
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].lease_id, lease.lease_id);
    EXPECT_EQ(requests[0].stream_id, kStream);
    EXPECT_EQ(requests[0].client_id, 42U);
    EXPECT_EQ(requests[0].role, Role::Producer);
    EXPECT_EQ(client->counters().leases_lost, 0U);
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Unattached);
}

// spec: TRP-19
TEST(SessionDetachTest, TheOwnDetachedNoticeConfirmsWithoutAResponse) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    client->detach();
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Detaching);
    control::LeaseRevoked notice;
    notice.lease_id = 77;
    notice.stream_id = kStream;
    notice.client_id = 42;
    notice.role = Role::Consumer;
    notice.reason = LeaseRevokeReason::Detached;
    harness.say(notice);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_TRUE(client->await_detach(0)) << "confirmed already";
}

// spec: DRV-082
TEST(SessionDetachTest, ARejectedDetachIsAsGoodAsAnyOther) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    client->detach();
    harness.step();
    DetachResponse foreign;
    foreign.correlation_id = 1;
    harness.say(foreign);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Detaching) << "that answered somebody else";
    DetachResponse response;
    response.correlation_id = harness.all<DetachRequest>()[0].correlation_id;
    response.code = ResponseCode::Rejected;
    harness.say(response);
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Unattached);
}

// spec: DRV-082
TEST(SessionDetachTest, WithoutAnAnswerTheDetachEndsByItselfAndIsSentOnce) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    client->detach();
    client->detach();
    harness.live(1900 * kNanosPerMilli);
    EXPECT_EQ(client->state(), SessionState::Detaching);
    harness.live(200 * kNanosPerMilli);
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_THAT(harness.all<DetachRequest>(), SizeIs(1));
}

// spec: DRV-082
TEST(SessionDetachTest, ADetachThatCannotLeaveIsTriedForAWhileAndNeverBlocks) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    client.sends->shut(SendError::BackPressured);
    client->detach();
    harness.live(kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Detaching);
    client.sends->open();
    harness.step();
    EXPECT_THAT(harness.all<DetachRequest>(), SizeIs(1));

    SessionHarness other;
    TestClient& stuck = other.granted(other.options(Role::Consumer, 42));
    stuck.sends->shut(SendError::Closed);
    stuck->detach();
    other.step();
    EXPECT_EQ(stuck->state(), SessionState::Unattached);
}

// spec: DRV-082
TEST(SessionDetachTest, DetachingInAnyOtherStateJustStops) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->detach();
    EXPECT_EQ(client->state(), SessionState::Unattached);
    client->request_attach();
    client->detach();  // nothing was sent yet
    harness.live(5 * kNanosPerSecond);
    EXPECT_THAT(harness.sent, IsEmpty());
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Backoff; }));
    client->detach();
    harness.sent.clear();
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Unattached);
    EXPECT_THAT(harness.sent, IsEmpty());
}

// spec: TRP-05
TEST(SessionDetachTest, ALeaseGrantedWhileTheUserLeftIsGivenBackToTheDriver) {
    SessionHarness harness;
    harness.start_driver();
    harness.hang_driver();
    TestClient& client = harness.add(harness.options(Role::Producer, 42));
    client->request_attach();
    harness.step();
    client->detach();
    harness.hang_driver(false);
    harness.step();
    harness.step();
    EXPECT_EQ(harness.driver().counters().attach_accepted, 1U);
    EXPECT_EQ(harness.driver().counters().leases_detached, 1U);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
    EXPECT_EQ(client->state(), SessionState::Unattached);
}

// spec: TRP-05
TEST(SessionDetachTest, ASlowDriverThatTookSeveralRequestsEndsUpWithOneLease) {
    SessionHarness harness;
    harness.start_driver();
    harness.hang_driver();
    TestClient& client = harness.add(harness.options(Role::Producer, 42));
    client->request_attach();
    ASSERT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 3; }));
    harness.hang_driver(false);
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    harness.live(5 * kNanosPerSecond);
    ASSERT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_EQ(harness.driver().leases()[0].lease_id, client->attachment()->lease_id);
    EXPECT_EQ(client->generation(), 1U);
}

}  // namespace
}  // namespace tensorpool
