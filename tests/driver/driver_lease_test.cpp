// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using control::LeaseRevoked;
using control::PoolAnnounce;
using test::DriverHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = DriverHarness::kStream;
constexpr Nanos kWindow = 3 * kNanosPerSecond;  // the defaults: 1 s, three times

// spec: DRV-075
TEST(DriverLeaseTest, ALeaseLivesThreeSecondsUnlessConfiguredOtherwise) {
    DriverHarness harness;
    EXPECT_EQ(harness.driver().config().policies.lease_keepalive_interval_ms, 1000U);
    EXPECT_EQ(harness.driver().config().lease_window_ns(), kWindow);
}

// spec: DRV-022, DRV-071, DRV-073, TRP-14
TEST(DriverLeaseTest, EachKeepaliveMovesTheEndOneWindowAheadAndWithoutOneTheLeaseEnds) {
    DriverHarness harness;
    const AttachRequest request = harness.request(Role::Consumer, 7);
    const AttachResponse lease = harness.attach(request);
    harness.live(10 * kNanosPerSecond, {lease}, {request});
    ASSERT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_TRUE(harness.driver().leases()[0].active);
    harness.keepalive(lease, request);
    harness.step();
    harness.advance(kWindow - 1);
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_THAT(harness.all<LeaseRevoked>(), IsEmpty());
    harness.advance(1);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
    const auto notices = harness.all<LeaseRevoked>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, LeaseRevokeReason::Expired);
    EXPECT_EQ(notices[0].lease_id, lease.lease_id);
    EXPECT_EQ(notices[0].client_id, 7U);
    EXPECT_EQ(notices[0].role, Role::Consumer);
    EXPECT_EQ(notices[0].stream_id, kStream);
    EXPECT_EQ(notices[0].timestamp_ns, static_cast<std::uint64_t>(harness.clock.now_ns()));
}

// spec: TRP-16
TEST(DriverLeaseTest, AnAttachedLeaseBecomesActiveWithItsFirstKeepalive) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    EXPECT_FALSE(harness.driver().leases()[0].active);
    harness.keepalive(lease, Role::Consumer, 7);
    harness.step();
    EXPECT_TRUE(harness.driver().leases()[0].active);
}

// spec: TRP-16
TEST(DriverLeaseTest, AKeepaliveThatNamesAnotherStreamClientRoleOrLeaseExtendsNothing) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    harness.advance(kWindow - 1);
    const auto good = DriverHarness::keepalive_of(lease, Role::Consumer, 7);
    for (int field = 0; field < 4; ++field) {
        auto wrong = good;
        if (field == 0) wrong.lease_id += 1;
        if (field == 1) wrong.stream_id += 1;
        if (field == 2) wrong.client_id += 1;
        if (field == 3) wrong.role = Role::Producer;
        wrong.client_timestamp_ns = std::numeric_limits<std::uint64_t>::max() - 1;  // extends nothing either
        harness.send(wrong);
    }
    harness.step();
    EXPECT_EQ(harness.driver().counters().lease_hsm_unhandled, 4U);
    EXPECT_EQ(harness.driver().counters().keepalives, 0U);
    harness.advance(1);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
}

// spec: TRP-16
TEST(DriverLeaseTest, TheClientsOwnTimestampNeverMovesTheExpiry) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    for (const std::uint64_t stamp : {std::uint64_t{0}, std::uint64_t{1} << 63U}) {
        auto keepalive = DriverHarness::keepalive_of(lease, Role::Consumer, 7);
        keepalive.client_timestamp_ns = stamp;
        harness.send(keepalive);
        harness.step();
        EXPECT_EQ(harness.driver().leases()[0].expires_in_ns, kWindow);
    }
}

// spec: DRV-072
TEST(DriverLeaseTest, AKeepaliveThatWaitsInTheLogWhenTheSweepIsDueStillCounts) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.keepalive(lease, Role::Producer, 7);
    harness.clock.advance(kWindow + 1);  // the driver was held up; it reads before it sweeps
    harness.step();
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_THAT(harness.all<LeaseRevoked>(), IsEmpty());
}

// spec: DRV-078
TEST(DriverLeaseTest, KeepalivesAreNotAnswered) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.seen.clear();
    harness.keepalive(lease, Role::Producer, 7);
    harness.step();
    EXPECT_EQ(harness.driver().counters().keepalives, 1U);
    EXPECT_THAT(harness.seen, IsEmpty());
}

// spec: DRV-074, DRV-080, DRV-086, DRV-087, DRV-101, DRV-104
TEST(DriverLeaseTest, AnExpiredProducerLeaseRaisesTheEpochAndIsToldBeforeTheNewEpochIs) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.seen.clear();
    harness.advance(kWindow);
    const auto notices = harness.all<LeaseRevoked>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, LeaseRevokeReason::Expired);
    const std::size_t notice_at = harness.index_of<LeaseRevoked>();
    const auto after = harness.all<PoolAnnounce>(notice_at);
    ASSERT_FALSE(after.empty());
    EXPECT_GT(after[0].epoch, *lease.epoch);
    EXPECT_EQ(after[0].producer_id, 0U);
    EXPECT_GE(after[0].announce_timestamp_ns, notices[0].timestamp_ns);
    for (const auto& announce : harness.all<PoolAnnounce>()) {
        EXPECT_TRUE(announce.epoch > *lease.epoch || announce.producer_id == 7U)
            << "the old epoch is never announced without its producer";
    }
}

// spec: DRV-086, TRP-10
TEST(DriverLeaseTest, TheEndOfAConsumerLeaseIsToldButLeavesTheEpochAlone) {
    DriverHarness harness;
    const AttachResponse expires = harness.attached(Role::Consumer, 1);
    const std::uint64_t epoch = harness.stream().epoch;
    harness.advance(kWindow);
    const AttachResponse detaches = harness.attached(Role::Consumer, 2);
    harness.detach(detaches, Role::Consumer, 2);
    const AttachResponse revoked = harness.attached(Role::Consumer, 3);
    EXPECT_TRUE(harness.driver().revoke(*revoked.lease_id, "asked to leave"));
    harness.step();
    const auto notices = harness.all<LeaseRevoked>();
    ASSERT_THAT(notices, SizeIs(3));
    EXPECT_EQ(notices[0].lease_id, *expires.lease_id);
    EXPECT_EQ(notices[0].reason, LeaseRevokeReason::Expired);
    EXPECT_EQ(notices[1].reason, LeaseRevokeReason::Detached);
    EXPECT_EQ(notices[2].reason, LeaseRevokeReason::Revoked);
    EXPECT_EQ(harness.stream().epoch, epoch);
    EXPECT_EQ(harness.driver().counters().epochs_created, 1U);
}

// spec: DRV-083, DRV-085, DRV-087, DRV-101
TEST(DriverLeaseTest, ADetachIsToldThenTheNewEpochThenItIsConfirmed) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.seen.clear();
    EXPECT_EQ(harness.detach(lease, Role::Producer, 7).code, ResponseCode::Ok);
    ASSERT_THAT(harness.seen, SizeIs(3));
    const auto* const notice = std::get_if<LeaseRevoked>(&harness.seen[0]);
    const auto* const announce = std::get_if<PoolAnnounce>(&harness.seen[1]);
    ASSERT_TRUE(notice != nullptr && announce != nullptr);
    EXPECT_TRUE(std::holds_alternative<control::DetachResponse>(harness.seen[2]));
    EXPECT_EQ(notice->reason, LeaseRevokeReason::Detached);
    EXPECT_EQ(notice->lease_id, *lease.lease_id);
    EXPECT_GT(announce->epoch, *lease.epoch);
    EXPECT_EQ(announce->producer_id, 0U);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
}

// spec: DRV-082, DRV-084, DRV-088
TEST(DriverLeaseTest, DetachingTwiceIsRejectedTheSecondTimeAndChangesNothing) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.detach(lease, Role::Producer, 7);
    const std::uint64_t epoch = harness.stream().epoch;
    harness.seen.clear();
    const auto again = harness.detach(lease, Role::Producer, 7);
    EXPECT_EQ(again.code, ResponseCode::Rejected);
    EXPECT_FALSE(again.error_message.empty());
    EXPECT_THAT(harness.all<LeaseRevoked>(), IsEmpty());
    EXPECT_EQ(harness.stream().epoch, epoch);
}

// spec: DRV-083, DRV-084
TEST(DriverLeaseTest, ADetachThatDoesNotMatchTheLeaseInEveryValueIsRejectedAndTheLeaseLives) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    for (int field = 0; field < 4; ++field) {
        AttachResponse wrong = lease;
        if (field == 0) wrong.lease_id = *lease.lease_id + 1;
        if (field == 1) wrong.stream_id = kStream + 1;
        const auto role = field == 2 ? Role::Consumer : Role::Producer;
        const auto response = harness.detach(wrong, role, field == 3 ? 8 : 7);
        EXPECT_EQ(response.code, ResponseCode::Rejected) << field;
    }
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
}

// spec: DRV-080, DRV-086, DRV-101
TEST(DriverLeaseTest, AnOperatorsRevocationOfAProducerRaisesTheEpochAndSaysWhy) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.seen.clear();
    EXPECT_FALSE(harness.driver().revoke(*lease.lease_id + 1, "no such lease"));
    EXPECT_TRUE(harness.driver().revoke(*lease.lease_id, std::string(3000, 'y')));
    EXPECT_FALSE(harness.driver().revoke(*lease.lease_id, "again"));
    harness.step();
    const auto notices = harness.all<LeaseRevoked>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, LeaseRevokeReason::Revoked);
    EXPECT_EQ(notices[0].error_message, std::string(1024, 'y'));
    EXPECT_GT(harness.stream().epoch, *lease.epoch);
    EXPECT_FALSE(harness.stream().producer_lease_id.has_value());
    EXPECT_EQ(harness.driver().counters().leases_revoked_by_operator, 1U);
}

// spec: DRV-088
TEST(DriverLeaseTest, TheEndOfALeaseIsToldOnce) {
    DriverHarness harness;
    harness.attached(Role::Producer, 7);
    for (int i = 0; i < 20; ++i) harness.advance(kNanosPerSecond);
    EXPECT_THAT(harness.all<LeaseRevoked>(), SizeIs(1));
}

// spec: DRV-104, DRV-105
TEST(DriverLeaseTest, AnOverdueProducerIsEndedWithItsOwnNewEpochBeforeTheNextOneIsGranted) {
    DriverHarness harness;
    const AttachResponse dead = harness.attached(Role::Producer, 7);
    const std::uint64_t created = harness.driver().counters().epochs_created;
    harness.seen.clear();
    harness.clock.advance(kWindow);  // the request is read before the sweep
    const AttachResponse next = harness.attached(Role::Producer, 8);
    EXPECT_EQ(harness.driver().counters().epochs_created, created + 2);
    EXPECT_GT(*next.epoch, *dead.epoch);
    EXPECT_LT(harness.index_of<LeaseRevoked>(), harness.index_of<AttachResponse>());
    EXPECT_EQ(harness.stream().producer_id, 8U);
}

// spec: DRV-105, TRP-05
TEST(DriverLeaseTest, AnOverdueLeaseDoesNotKeepItsClientIdAndIsNotGrantedAgain) {
    DriverHarness harness;
    const AttachRequest request = harness.request(Role::Consumer, 7);
    const AttachResponse first = harness.attach(request);
    harness.clock.advance(kWindow);
    const AttachResponse repeated = harness.attach(request);
    EXPECT_EQ(repeated.code, ResponseCode::Ok);
    EXPECT_NE(repeated.lease_id, first.lease_id);
    EXPECT_GT(*repeated.lease_expiry_timestamp_ns, static_cast<std::uint64_t>(harness.clock.now_ns()));
    harness.clock.advance(kWindow);
    const AttachResponse other = harness.attach(harness.request(Role::Consumer, 7));
    EXPECT_EQ(other.code, ResponseCode::Ok) << other.error_message;
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
}

// spec: DRV-023
TEST(DriverLeaseTest, NoLeaseIdComesTwiceHoweverLeasesEnd) {
    DriverHarness harness;
    std::set<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < 30; ++i) {
        const AttachResponse lease = harness.attached(Role::Consumer, 7);
        EXPECT_TRUE(ids.insert(*lease.lease_id).second);
        switch (i % 3) {
            case 0:
                harness.detach(lease, Role::Consumer, 7);
                break;
            case 1:
                harness.advance(kWindow);
                break;
            default:
                EXPECT_TRUE(harness.driver().revoke(*lease.lease_id, ""));
        }
    }
}

}  // namespace
}  // namespace tensorpool
