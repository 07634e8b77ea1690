// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using test::DriverHarness;

// spec: DRV-044, DRV-045, DRV-048, DRV-052, TRACE-006, TRACE-009
TEST(DriverNodeIdTest, ProducersGetUniqueNodeIdsThatRestAfterRelease) {
    DriverHarness harness([](DriverConfig& config) {
        config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
        config.policies.node_id_reuse_cooldown_ms = 1000;
    });
    const auto a = harness.attached(Role::Producer, 1);
    const auto b = harness.attached(Role::Producer, 2, 10001);
    ASSERT_TRUE(a.node_id && b.node_id);
    EXPECT_NE(a.node_id, b.node_id);
    harness.detach(a, Role::Producer, 1);
    AttachRequest wants_it = harness.request(Role::Producer, 3);
    wants_it.desired_node_id = a.node_id;
    EXPECT_EQ(harness.attach(wants_it).code, ResponseCode::Rejected);
    harness.keepalive(b, Role::Producer, 2);
    harness.advance(kNanosPerSecond);
    const auto c = harness.attach(wants_it);
    EXPECT_EQ(c.code, ResponseCode::Ok);
    EXPECT_EQ(c.node_id, a.node_id);
}

// spec: DRV-046, DRV-047
TEST(DriverNodeIdTest, AnUnavailableDesiredNodeIdIsRejectedWithANullNodeId) {
    DriverHarness harness;
    AttachRequest first = harness.request(Role::Consumer, 1);
    first.desired_node_id = 9;
    EXPECT_EQ(harness.attach(first).node_id, 9U);
    for (const std::uint32_t wish : {9U, 0U, 1024U}) {
        AttachRequest request = harness.request(Role::Consumer, 2);
        request.desired_node_id = wish;
        const auto response = harness.attach(request);
        EXPECT_EQ(response.code, ResponseCode::Rejected) << wish;
        EXPECT_FALSE(response.node_id.has_value());
    }
    EXPECT_FALSE(harness.attached(Role::Consumer, 2).node_id.has_value())
        << "consumers get none unless they ask";
}

// spec: DRV-045, DRV-052, TRACE-008, TRACE-010, TRACE-011
TEST(DriverNodeIdTest, ANodeIdStaysWithItsLeaseThroughKeepalivesAndRepeatedRequests) {
    DriverHarness harness;
    const AttachRequest request = harness.request(Role::Producer, 1);
    const AttachResponse lease = harness.attach(request);
    ASSERT_TRUE(lease.node_id.has_value());
    harness.live(5 * kNanosPerSecond, {lease}, {request});
    EXPECT_EQ(harness.attach(request).node_id, lease.node_id);
    ASSERT_EQ(harness.driver().leases().size(), 1U);
    EXPECT_EQ(harness.driver().leases()[0].node_id, lease.node_id);
}

// spec: TRP-26
TEST(DriverNodeIdTest, AClientThatComesBackGetsItsNodeIdAgainWithoutCooldown) {
    DriverHarness harness([](DriverConfig& config) { config.policies.node_id_reuse_cooldown_ms = 60'000; });
    const AttachResponse first = harness.attached(Role::Producer, 1);
    harness.detach(first, Role::Producer, 1);
    EXPECT_EQ(harness.attached(Role::Producer, 1).node_id, first.node_id);
}

// spec: DRV-048, TRACE-009, TRACE-011
TEST(DriverNodeIdTest, TheNodeIdOfAnExpiredLeaseRestsForTheCooldownToo) {
    DriverHarness harness([](DriverConfig& config) { config.policies.node_id_reuse_cooldown_ms = 60'000; });
    const AttachResponse dead = harness.attached(Role::Producer, 1);
    harness.advance(3 * kNanosPerSecond);
    EXPECT_NE(harness.attached(Role::Producer, 2).node_id, dead.node_id);
}

}  // namespace
}  // namespace tensorpool
