// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/lease_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace tensorpool::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Nanos kWindow = 3000;

Lease producer(std::uint32_t client, std::uint32_t stream) {
    Lease lease;
    lease.client_id = client;
    lease.stream_id = stream;
    lease.role = Role::Producer;
    return lease;
}

Lease consumer(std::uint32_t client, std::uint32_t stream) {
    Lease lease = producer(client, stream);
    lease.role = Role::Consumer;
    return lease;
}

LeaseKey key_of(const Lease& lease) {
    return {lease.lease_id, lease.stream_id, lease.client_id, lease.role};
}

// spec: DRV-020, DRV-022
TEST(LeaseTableTest, FindsALeaseByIdByClientAndByTheStreamItProducesFor) {
    LeaseTable leases(kWindow, 100);
    const Lease a = leases.grant(producer(1, 10), 0);
    const Lease b = leases.grant(consumer(2, 10), 0);
    EXPECT_EQ(leases.find(a.lease_id)->client_id, 1U);
    EXPECT_EQ(leases.find_client(2)->lease_id, b.lease_id);
    EXPECT_EQ(leases.find_producer(10)->lease_id, a.lease_id);
    EXPECT_EQ(leases.find_producer(11), nullptr);
    EXPECT_EQ(leases.find_client(3), nullptr);
    EXPECT_EQ(leases.size(), 2U);
}

// spec: DRV-023
TEST(LeaseTableTest, NeverUsesALeaseIdTwice) {
    LeaseTable leases(kWindow, 100);
    const Lease first = leases.grant(producer(1, 10), 0);
    leases.remove(first.lease_id);
    const Lease second = leases.grant(producer(1, 10), 0);
    EXPECT_NE(first.lease_id, second.lease_id);
    EXPECT_EQ(leases.find(first.lease_id), nullptr);
}

// spec: TRP-23
TEST(LeaseTableTest, SkipsZeroAndTheNullValueAsLeaseIds) {
    constexpr std::uint64_t kNull = std::numeric_limits<std::uint64_t>::max();
    LeaseTable leases(kWindow, kNull - 1);
    EXPECT_EQ(leases.grant(consumer(1, 10), 0).lease_id, kNull - 1);
    EXPECT_EQ(leases.grant(consumer(2, 10), 0).lease_id, 1U);
}

// spec: DRV-073, TRP-14, TRP-16
TEST(LeaseTableTest, AKeepaliveMovesTheExpiryOneWindowAheadAndMakesTheLeaseActive) {
    LeaseTable leases(kWindow, 1);
    const Lease granted = leases.grant(producer(1, 10), 1000);
    EXPECT_EQ(granted.state, LeaseState::Attached);
    EXPECT_EQ(granted.expiry_ns, 4000);
    EXPECT_THAT(leases.overdue(3999), IsEmpty());
    const Lease* const kept = leases.keepalive(key_of(granted), 3000);
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(kept->state, LeaseState::Active);
    EXPECT_THAT(leases.overdue(5999), IsEmpty());
    EXPECT_THAT(leases.overdue(6000), ElementsAre(granted.lease_id));
}

// spec: TRP-16
TEST(LeaseTableTest, AKeepaliveThatDiffersInAnyValueIsIgnored) {
    LeaseTable leases(kWindow, 1);
    const Lease lease = leases.grant(producer(1, 10), 0);
    for (int field = 0; field < 4; ++field) {
        LeaseKey key = key_of(lease);
        if (field == 0) key.lease_id += 1;
        if (field == 1) key.stream_id += 1;
        if (field == 2) key.client_id += 1;
        if (field == 3) key.role = Role::Consumer;
        EXPECT_EQ(leases.keepalive(key, 2000), nullptr) << field;
    }
    EXPECT_THAT(leases.overdue(3000), ElementsAre(lease.lease_id));
}

TEST(LeaseTableTest, OverdueLeasesComeOldestExpiryFirstAndStayUntilRemoved) {
    LeaseTable leases(kWindow, 1);
    const Lease a = leases.grant(consumer(1, 10), 500);
    const Lease b = leases.grant(consumer(2, 10), 100);
    const Lease c = leases.grant(consumer(3, 10), 9000);
    EXPECT_THAT(leases.overdue(3500), ElementsAre(b.lease_id, a.lease_id));
    EXPECT_THAT(leases.overdue(3500), ElementsAre(b.lease_id, a.lease_id));
    leases.remove(a.lease_id);
    leases.remove(b.lease_id);
    EXPECT_THAT(leases.overdue(11999), IsEmpty());
    EXPECT_THAT(leases.overdue(12000), ElementsAre(c.lease_id));
}

// spec: TRP-14
TEST(LeaseTableTest, AnExpiryBeyondTheEndOfTimeHoldsThereInsteadOfWrapping) {
    LeaseTable leases(std::numeric_limits<Nanos>::max() - 5, 1);
    leases.grant(consumer(1, 10), 1000);
    EXPECT_THAT(leases.overdue(std::numeric_limits<Nanos>::max() - 1), IsEmpty());
}

TEST(LeaseTableTest, TimeTheDriverDidNotListenIsGivenBackToEveryLease) {
    LeaseTable leases(kWindow, 1);
    const Lease lease = leases.grant(consumer(1, 10), 0);
    leases.extend_all(500);
    EXPECT_THAT(leases.overdue(3499), IsEmpty());
    EXPECT_THAT(leases.overdue(3500), ElementsAre(lease.lease_id));
}

}  // namespace
}  // namespace tensorpool::driver
