// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachResponse;
using test::DriverHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = DriverHarness::kStream;

// spec: TOOL-025
TEST(DriverStatusTest, StatusTellsWhoItIsHowItStandsAndWhatItWillHandOutNext) {
    DriverHarness harness([](DriverConfig& config) {
        config.instance_id = "lab driver";
        config.policies.allow_dynamic_streams = true;
        config.stream_id_range = {{20000, 20001}};
        config.descriptor_stream_id_range = {{31000, 31001}};
        config.control_stream_id_range = {{32000, 32001}};
    });
    DriverStatus status = harness.driver().status();
    EXPECT_EQ(status.instance_id, "lab driver");
    EXPECT_EQ(status.lifecycle, DriverLifecycle::Running);
    EXPECT_FALSE(status.shutdown_reason.has_value());
    EXPECT_EQ(status.stream_count, 1U);
    EXPECT_EQ(status.lease_count, 0U);
    EXPECT_EQ(status.next_stream_id, 20000U);
    EXPECT_THAT(status.stream_id_range, ElementsAre(IdRange{20000, 20001}));
    EXPECT_THAT(status.descriptor_stream_id_range, ElementsAre(IdRange{31000, 31001}));
    EXPECT_THAT(status.control_stream_id_range, ElementsAre(IdRange{32000, 32001}));
    for (std::uint32_t client = 1; client <= 2; ++client) {
        const std::uint64_t next = harness.driver().status().next_lease_id;
        auto request = harness.request(Role::Producer, client, 0);
        request.publish_mode = static_cast<std::uint8_t>(PublishMode::ExistingOrCreate);
        EXPECT_EQ(harness.attach(request).lease_id, next);
    }
    status = harness.driver().status();
    EXPECT_EQ(status.stream_count, 3U);
    EXPECT_EQ(status.lease_count, 2U);
    EXPECT_FALSE(status.next_stream_id.has_value()) << "all are taken";
}

// spec: TOOL-026, DRV-022
TEST(DriverStatusTest, LeasesAreListedByIdWithTheTimeTheyHaveLeft) {
    DriverHarness harness;
    const AttachResponse producer = harness.attached(Role::Producer, 9);
    harness.attached(Role::Consumer, 5);
    harness.clock.advance(kNanosPerSecond);
    harness.keepalive(producer, Role::Producer, 9);
    harness.step();
    const auto leases = harness.driver().leases();
    ASSERT_THAT(leases, SizeIs(2));
    EXPECT_EQ(leases[0].lease_id, *producer.lease_id);
    EXPECT_EQ(leases[0].client_id, 9U);
    EXPECT_EQ(leases[0].role, Role::Producer);
    EXPECT_TRUE(leases[0].active);
    EXPECT_EQ(leases[0].expires_in_ns, 3 * kNanosPerSecond);
    EXPECT_EQ(leases[0].expiry_ns, harness.clock.now_ns() + 3 * kNanosPerSecond);
    EXPECT_EQ(leases[1].client_id, 5U);
    EXPECT_FALSE(leases[1].active);
    EXPECT_EQ(leases[1].expires_in_ns, 2 * kNanosPerSecond);
    EXPECT_LT(leases[0].lease_id, leases[1].lease_id);
}

// spec: TOOL-027
TEST(DriverStatusTest, StreamsAreListedWithTheirLeasesAndTheRegionsOfTheCurrentEpoch) {
    DriverHarness harness([](DriverConfig& config) {
        config.streams.push_back({.name = "cam0", .stream_id = 9000, .profile = "raw"});
    });
    const AttachResponse producer = harness.attached(Role::Producer, 9);
    const AttachResponse consumer = harness.attached(Role::Consumer, 5);
    const auto streams = harness.driver().streams();
    ASSERT_THAT(streams, SizeIs(2));
    EXPECT_EQ(streams[0].stream_id, 9000U);
    EXPECT_EQ(streams[0].epoch, 0U);
    EXPECT_EQ(streams[0].header_uri, "");
    EXPECT_THAT(streams[0].pools, IsEmpty());
    EXPECT_EQ(streams[1].stream_id, kStream);
    EXPECT_EQ(streams[1].profile, "raw");
    EXPECT_FALSE(streams[1].dynamic);
    EXPECT_EQ(streams[1].epoch, *producer.epoch);
    EXPECT_EQ(streams[1].header_nslots, 8U);
    EXPECT_EQ(streams[1].header_uri, producer.header_region_uri);
    ASSERT_THAT(streams[1].pools, SizeIs(2));
    EXPECT_EQ(streams[1].pools[1].uri, producer.pools[1].region_uri);
    EXPECT_EQ(streams[1].pools[1].stride_bytes, 65536U);
    EXPECT_EQ(streams[1].producer_lease_id, producer.lease_id);
    EXPECT_EQ(streams[1].producer_id, 9U);
    EXPECT_THAT(streams[1].consumer_lease_ids, ElementsAre(*consumer.lease_id));
}

// spec: OBS-007
TEST(DriverStatusTest, EveryMessageAndDecisionIsCountedOnce) {
    DriverHarness harness;
    const DriverCounters start = harness.driver().counters();
    const AttachResponse producer = harness.attached(Role::Producer, 1);  // answer, announce
    harness.attach(Role::Producer, 2);                                    // refused
    harness.attached(Role::Consumer, 3);
    harness.keepalive(producer, Role::Producer, 1);
    harness.keepalive(producer, Role::Producer, 4);  // fits no lease
    harness.step();
    harness.detach(producer, Role::Producer, 1);  // notice, announce, answer
    harness.detach(producer, Role::Producer, 1);  // answer
    const AttachResponse again = harness.attached(Role::Producer, 1);
    harness.driver().revoke(*again.lease_id, "");
    harness.advance(3 * kNanosPerSecond);  // the consumer expires; a periodic announce
    const DriverCounters& now = harness.driver().counters();
    EXPECT_EQ(now.attach_responses - start.attach_responses, 4U);
    EXPECT_EQ(now.attach_accepted, 3U);
    EXPECT_EQ(now.attach_refused, 1U);
    EXPECT_EQ(now.keepalives, 1U);
    EXPECT_EQ(now.lease_hsm_unhandled, 2U);
    EXPECT_EQ(now.detach_responses, 2U);
    EXPECT_EQ(now.lease_revoked, 3U);
    EXPECT_EQ(now.leases_detached, 1U);
    EXPECT_EQ(now.leases_revoked_by_operator, 1U);
    EXPECT_EQ(now.leases_expired, 1U);
    EXPECT_EQ(now.epochs_created, 4U);
    EXPECT_EQ(now.announces, 5U);
    EXPECT_GT(now.duty_cycles, start.duty_cycles);
    EXPECT_GT(now.work_done, start.work_done);
    for (const std::uint64_t none : {now.attach_response_drops, now.send_failures, now.internal_errors,
                                     now.messages_invalid, now.epoch_failures}) {
        EXPECT_EQ(none, 0U);
    }
}

}  // namespace
}  // namespace tensorpool
