// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include "control/codec.hpp"
#include "support/rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

// Messages that are malformed, from another time, or simply too many.
namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using control::LeaseRevoked;
using test::DriverHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Bytes = std::vector<std::byte>;

template <typename Message>
Bytes bytes_of(const Message& message) {
    Bytes bytes(4096);
    bytes.resize(control::encode(bytes, message));
    return bytes;
}

void set_u16(Bytes& bytes, std::size_t offset, std::uint16_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

constexpr std::size_t kBlockLength = 0;
constexpr std::size_t kVersion = 6;
constexpr std::size_t kHeaderBytes = 8;

// spec: TRP-36
TEST(DriverHostileTest, AShorterBlockIsDroppedAndALongerOneIsReadWithoutItsTail) {
    DriverHarness harness;
    Bytes shorter = bytes_of(harness.request(Role::Consumer, 7));
    set_u16(shorter, kBlockLength, 26);
    harness.send_raw(shorter);
    harness.step();
    EXPECT_THAT(harness.seen, IsEmpty());
    Bytes longer = bytes_of(harness.request(Role::Consumer, 7));
    set_u16(longer, kBlockLength, 40);
    longer.resize(kHeaderBytes + 40, std::byte{0xEE});
    harness.send_raw(longer);
    harness.step();
    const auto answers = harness.all<AttachResponse>();
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].code, ResponseCode::Ok);
}

// spec: DRV-016, TRP-36
TEST(DriverHostileTest, KeepalivesAndDetachesOfANewerVersionChangeNothing) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    harness.seen.clear();
    Bytes keepalive = bytes_of(DriverHarness::keepalive_of(lease, Role::Consumer, 7));
    set_u16(keepalive, kVersion, 2);
    Bytes detach = bytes_of(control::DetachRequest{1, *lease.lease_id, *lease.stream_id, 7, Role::Consumer});
    set_u16(detach, kVersion, 2);
    harness.send_raw(keepalive);
    harness.send_raw(detach);
    harness.step();
    EXPECT_EQ(harness.driver().counters().keepalives, 0U);
    EXPECT_EQ(harness.driver().counters().messages_invalid, 2U);
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_THAT(harness.seen, IsEmpty());
}

// spec: DRV-058
TEST(DriverHostileTest, KeepalivesAndDetachesWithAnUnknownRoleChangeNothing) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    for (const int role : {0, 3, 255}) {
        auto keepalive = DriverHarness::keepalive_of(lease, static_cast<Role>(role), 7);
        harness.send(keepalive);
        harness.send(
            control::DetachRequest{1, *lease.lease_id, *lease.stream_id, 7, static_cast<Role>(role)});
    }
    harness.step();
    EXPECT_EQ(harness.driver().counters().messages_invalid, 6U);
    EXPECT_EQ(harness.driver().counters().keepalives, 0U);
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
}

// spec: DRV-024, TRP-23
TEST(DriverHostileTest, RequestsFromBeforeTheDriversStartAreNotServed) {
    DriverHarness harness;
    harness.stop_driver();
    for (std::uint32_t client = 1; client <= 20; ++client) {
        harness.send(harness.request(Role::Producer, client));
    }
    harness.start_driver();
    for (int i = 0; i < 5; ++i) harness.step();
    EXPECT_EQ(harness.driver().counters().attach_responses, 0U);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
    EXPECT_THAT(harness.epoch_dirs(), IsEmpty());
    EXPECT_EQ(harness.attach(Role::Producer, 30).code, ResponseCode::Ok);
}

// spec: DRV-024
TEST(DriverHostileTest, AClientOfAnEarlierDriverCannotKeepOrEndALeaseOfThisOne) {
    DriverHarness harness;
    const AttachResponse old_lease = harness.attached(Role::Producer, 7);
    harness.stop_driver();
    harness.start_driver();
    harness.attached(Role::Producer, 7);
    harness.keepalive(old_lease, Role::Producer, 7);
    EXPECT_EQ(harness.detach(old_lease, Role::Producer, 7).code, ResponseCode::Rejected);
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_EQ(harness.driver().counters().keepalives, 0U);
}

// spec: TRP-14
TEST(DriverHostileTest, AFloodDoesNotPutTheEndOfALeaseOffForEver) {
    DriverHarness harness;
    harness.attached(Role::Producer, 7);
    const Bytes junk = bytes_of(control::LeaseKeepalive{1, 2, 3, Role::Consumer, 4});
    harness.clock.advance(3 * kNanosPerSecond);
    for (int cycle = 0; cycle < 12; ++cycle) {
        for (int i = 0; i < 1100; ++i) harness.send_raw(junk);
        harness.step();
    }
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
}

// spec: DRV-072, TRP-16
TEST(DriverHostileTest, AKeepaliveBehindAFloodIsReadBeforeItsLeaseIsJudged) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const Bytes junk = bytes_of(control::LeaseKeepalive{1, 2, 3, Role::Consumer, 4});
    for (int i = 0; i < 3000; ++i) harness.send_raw(junk);
    harness.keepalive(lease, Role::Producer, 7);
    harness.clock.advance(3 * kNanosPerSecond);
    for (int cycle = 0; cycle < 5; ++cycle) harness.step();
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
    EXPECT_THAT(harness.all<LeaseRevoked>(), IsEmpty());
}

// spec: DRV-015, DRV-068, DRV-081
TEST(DriverHostileTest, NoMixtureOfBytesDisturbsALiveLeaseOrStopsTheDriver) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    DriverHarness harness([](DriverConfig& config) {
        config.policies.allow_dynamic_streams = true;
        config.stream_id_range = {{20000, 20003}};
        config.descriptor_stream_id_range = {{31000, 31003}};
        config.policies.shutdown_token = "secret";
        config.policies.lease_keepalive_interval_ms = 100;
    });
    const auto request = harness.request(Role::Producer, 7);
    const AttachResponse lease = harness.attach(request);
    control::ConsumerHello hello;
    hello.stream_id = DriverHarness::kStream;
    hello.consumer_id = 9;
    hello.descriptor_channel = "aeron:ipc";
    hello.descriptor_stream_id = 5;
    std::vector<Bytes> samples{
        bytes_of(harness.request(Role::Consumer, 9)),
        bytes_of(harness.request(Role::Producer, 8, 20000)),
        bytes_of(control::DetachRequest{1, 2, DriverHarness::kStream, 9, Role::Consumer}),
        bytes_of(control::LeaseKeepalive{1, 2, 3, Role::Consumer, 4}),
        bytes_of(control::DriverShutdownRequest{1, ShutdownReason::Admin, "secres", "text"}),
        bytes_of(hello),
        bytes_of(control::LeaseRevoked{}),
        bytes_of(control::PoolAnnounce{}),
    };
    for (int round = 0; round < test::rounds(4000); ++round) {
        Bytes bytes = samples[random() % samples.size()];
        const auto changes = random() % 4;
        for (std::uint32_t i = 0; i < changes; ++i) {
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        }
        if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
        if (!bytes.empty()) harness.send_raw(bytes);
        if (round % 20 != 0) continue;
        harness.keepalive(lease, request);
        harness.advance(10 * kNanosPerMilli);
        harness.seen.clear();
    }
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Running);
    EXPECT_EQ(harness.driver().counters().internal_errors, 0U);
    EXPECT_EQ(harness.stream().producer_lease_id, lease.lease_id);
    EXPECT_EQ(harness.stream().epoch, *lease.epoch);
    EXPECT_EQ(harness.attach(Role::Consumer, 0xABCDEF).code, ResponseCode::Ok);
}

}  // namespace
}  // namespace tensorpool
