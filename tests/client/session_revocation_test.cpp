// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::LeaseRevoked;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = SessionHarness::kStream;

/// A notice about the lease that SessionHarness::granted() grants.
LeaseRevoked notice_about(const TestClient& client) {
    LeaseRevoked notice;
    notice.lease_id = 77;
    notice.stream_id = kStream;
    notice.client_id = client->client_id();
    notice.role = client->options().role;
    notice.reason = LeaseRevokeReason::Revoked;
    return notice;
}

// spec: DRV-079, DRV-089
TEST(SessionRevocationTest, ARevokedLeaseIsGoneAtOnceAndComesBackAsAnotherOne) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Attachment before = *client->attachment();
    ASSERT_TRUE(harness.driver().revoke(before.lease_id, "maintenance"));
    harness.step();
    EXPECT_EQ(client->attachment(), nullptr);
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_THAT(client->last_error(), HasSubstr("REVOKED"));
    EXPECT_THAT(client->last_error(), HasSubstr("maintenance"));
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    EXPECT_NE(client->attachment()->lease_id, before.lease_id);
    EXPECT_GT(client->attachment()->epoch, before.epoch);
    EXPECT_EQ(client->generation(), 2U);
    EXPECT_EQ(client->counters().leases_lost, 1U);
}

// spec: DRV-079
TEST(SessionRevocationTest, EveryReasonEndsTheUseOfTheRegions) {
    for (const auto reason :
         {LeaseRevokeReason::Detached, LeaseRevokeReason::Expired, LeaseRevokeReason::Revoked}) {
        SessionHarness harness;
        TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
        LeaseRevoked notice = notice_about(client);
        notice.reason = reason;
        harness.say(notice);
        harness.step();
        EXPECT_EQ(client->attachment(), nullptr);
        EXPECT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    }
}

// spec: DRV-079, DRV-089
TEST(SessionRevocationTest, AnExpiryThatTheDriverDecidedEndsTheLeaseToo) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Consumer, 42);
    // The driver hears no keepalive, and the client thinks that they arrive.
    const auto inner = client->attachment()->lease_id;
    client.sends->shut(messaging::SendError::BackPressured);
    harness.live(3 * kNanosPerSecond);
    EXPECT_EQ(client->attachment(), nullptr);
    client.sends->open();
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    EXPECT_NE(client->attachment()->lease_id, inner);
}

// spec: DRV-091
TEST(SessionRevocationTest, NoticesAboutOtherLeasesStreamsAndRolesAreIgnored) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    for (int field = 0; field < 3; ++field) {
        LeaseRevoked notice = notice_about(client);
        if (field == 0) notice.lease_id = 78;
        if (field == 1) notice.stream_id = kStream + 1;
        if (field == 2) notice.role = Role::Producer;
        harness.say(notice);
        harness.step();
        EXPECT_NE(client->attachment(), nullptr) << field;
    }
    EXPECT_EQ(client->counters().leases_lost, 0U);
    EXPECT_EQ(client->counters().protocol_errors, 0U);
}

// spec: DRV-092, DRV-093
TEST(SessionRevocationTest, OneRevokedLeaseLeavesTheOthersOfItsStreamAlone) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& producer = harness.attached(Role::Producer, 1);
    TestClient& first = harness.attached(Role::Consumer, 2);
    TestClient& second = harness.attached(Role::Consumer, 3);
    ASSERT_TRUE(harness.driver().revoke(first->attachment()->lease_id, ""));
    harness.step();
    EXPECT_EQ(first->attachment(), nullptr);
    EXPECT_NE(second->attachment(), nullptr);
    EXPECT_NE(producer->attachment(), nullptr);
    ASSERT_TRUE(harness.driver().revoke(producer->attachment()->lease_id, ""));
    harness.step();
    EXPECT_EQ(producer->attachment(), nullptr);
    EXPECT_NE(second->attachment(), nullptr) << "the producer's end is not the end of a consumer's lease";
    harness.live(5 * kNanosPerSecond);
    EXPECT_EQ(second->generation(), 1U);
}

// spec: DRV-095
TEST(SessionRevocationTest, TheSameNoticeAgainDoesNothingMore) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Consumer, 42);
    LeaseRevoked notice = notice_about(client);
    notice.lease_id = client->attachment()->lease_id;
    harness.say(notice);
    harness.say(notice);
    harness.step();
    EXPECT_EQ(client->counters().leases_lost, 1U);
    ASSERT_TRUE(harness.driver().revoke(notice.lease_id, ""));  // so that its id is free again
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    harness.say(notice);
    harness.live(kNanosPerSecond);
    EXPECT_EQ(client->generation(), 2U) << "it names the lease before";
}

// spec: DRV-094, TRP-22
TEST(SessionRevocationTest, AnUnknownReasonOrRoleOfTheOwnLeaseFailsClosedAndOfAForeignOneIsDropped) {
    for (const bool unknown_role : {false, true}) {
        SessionHarness harness;
        TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
        LeaseRevoked notice = notice_about(client);
        if (unknown_role) {
            notice.role = static_cast<Role>(9);
        } else {
            notice.reason = static_cast<LeaseRevokeReason>(9);
        }
        notice.lease_id = 78;
        harness.say(notice);
        harness.step();
        EXPECT_NE(client->attachment(), nullptr);
        notice.lease_id = 77;
        harness.say(notice);
        harness.step();
        EXPECT_EQ(client->attachment(), nullptr);
        EXPECT_EQ(client->counters().protocol_errors, 1U);
        EXPECT_TRUE(harness.run_until([&] { return harness.all<AttachRequest>().size() == 2; }));
    }
}

// spec: TRP-20
TEST(SessionRevocationTest, ANoticeReadBeforeTheOwnAttachResponseIsOlderThanIt) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    harness.step();
    harness.say(notice_about(client));
    harness.say(harness.granting(harness.all<AttachRequest>()[0]));
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Attached);
}

// spec: DRV-081
TEST(SessionRevocationTest, ANoticeCutShortIsNoNotice) {
    SessionHarness harness;
    TestClient& client = harness.granted(harness.options(Role::Consumer, 42));
    std::vector<std::byte> bytes(256);
    bytes.resize(control::encode(bytes, notice_about(client)));
    for (std::size_t length = 1; length < bytes.size(); ++length) {
        harness.say_raw({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)});
    }
    harness.step();
    EXPECT_NE(client->attachment(), nullptr);
}

}  // namespace
}  // namespace tensorpool
