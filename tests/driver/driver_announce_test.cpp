// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using control::AttachResponse;
using control::PoolAnnounce;
using test::DriverHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = DriverHarness::kStream;

// spec: DRV-108
TEST(DriverAnnounceTest, AStreamWithAnEpochIsAnnouncedEveryPeriodAndOneWithoutIsNot) {
    DriverHarness harness([](DriverConfig& config) {
        config.policies.announce_period_ms = 200;
        config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
    });
    harness.advance(kNanosPerSecond);
    EXPECT_THAT(harness.all<PoolAnnounce>(), IsEmpty());
    harness.attached(Role::Consumer, 7);
    harness.seen.clear();
    for (int i = 0; i < 200; ++i) harness.advance(10 * kNanosPerMilli);
    const auto announces = harness.all<PoolAnnounce>();
    EXPECT_THAT(announces, SizeIs(10));
    for (const auto& announce : announces) EXPECT_EQ(announce.stream_id, kStream);
    EXPECT_EQ(harness.driver().counters().announces, 11U);
}

// spec: DRV-108
TEST(DriverAnnounceTest, AnUndrivenDriverMakesUpForMissedPeriodsWithOneAnnounce) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 7);
    harness.seen.clear();
    harness.advance(2 * kNanosPerSecond + 1);
    EXPECT_THAT(harness.all<PoolAnnounce>(), SizeIs(1));
}

// spec: DRV-106, TRP-39
TEST(DriverAnnounceTest, AnAnnounceStatesTheSameFactsAsTheAttachResponse) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const auto announces = harness.all<PoolAnnounce>();
    ASSERT_THAT(announces, SizeIs(1));
    const PoolAnnounce& announce = announces[0];
    EXPECT_EQ(announce.stream_id, *lease.stream_id);
    EXPECT_EQ(announce.epoch, *lease.epoch);
    EXPECT_EQ(announce.layout_version, *lease.layout_version);
    EXPECT_EQ(announce.header_nslots, *lease.header_nslots);
    EXPECT_EQ(announce.header_slot_bytes, *lease.header_slot_bytes);
    EXPECT_EQ(announce.header_region_uri, lease.header_region_uri);
    ASSERT_EQ(announce.pools.size(), lease.pools.size());
    for (std::size_t i = 0; i < lease.pools.size(); ++i) {
        EXPECT_EQ(announce.pools[i].pool_id, lease.pools[i].pool_id);
        EXPECT_EQ(announce.pools[i].nslots, lease.pools[i].nslots);
        EXPECT_EQ(announce.pools[i].stride_bytes, lease.pools[i].stride_bytes);
        EXPECT_EQ(announce.pools[i].region_uri, lease.pools[i].region_uri);
    }
    EXPECT_EQ(announce.clock_domain, ClockDomain::Monotonic);
    EXPECT_EQ(announce.announce_timestamp_ns, static_cast<std::uint64_t>(harness.clock.now_ns()));
    EXPECT_EQ(control::invalid_reason(announce), std::nullopt);
}

// spec: DRV-107
TEST(DriverAnnounceTest, ProducerIdIsTheAttachedProducersClientIdOrZero) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 5);
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.advance(kNanosPerSecond);
    harness.detach(lease, Role::Producer, 7);
    const auto announces = harness.all<PoolAnnounce>();
    ASSERT_THAT(announces, SizeIs(4));
    EXPECT_EQ(announces[0].producer_id, 0U);
    EXPECT_EQ(announces[1].producer_id, 7U);
    EXPECT_EQ(announces[2].producer_id, 7U);
    EXPECT_EQ(announces[3].producer_id, 0U);
}

// spec: DRV-012, DRV-013, TRP-29
TEST(DriverAnnounceTest, EveryRegionOfTheCurrentEpochStaysFreshWithAndWithoutAProducer) {
    DriverHarness harness;
    const auto request = harness.request(Role::Producer, 7);
    const AttachResponse lease = harness.attach(request);
    harness.live(5 * kNanosPerSecond, {lease}, {request});
    const auto expect_fresh = [&](const std::filesystem::path& dir) {
        for (const auto& file : test::files_in(dir)) {
            const auto age = static_cast<std::uint64_t>(harness.clock.now_ns()) -
                             test::superblock_of(file).activity_timestamp_ns;
            EXPECT_LE(age, static_cast<std::uint64_t>(kNanosPerSecond)) << file;
        }
    };
    expect_fresh(test::epoch_dir_of(lease));
    harness.detach(lease, Role::Producer, 7);
    for (int i = 0; i < 5; ++i) harness.advance(kNanosPerSecond);
    expect_fresh(test::path_of(harness.stream().header_uri).parent_path());
    const auto old = test::superblock_of(test::epoch_dir_of(lease) / "header.ring");
    EXPECT_GT(static_cast<std::uint64_t>(harness.clock.now_ns()) - old.activity_timestamp_ns,
              static_cast<std::uint64_t>(4 * kNanosPerSecond))
        << "a superseded epoch grows stale";
}

// spec: DRV-012
TEST(DriverAnnounceTest, RefreshingTouchesNothingButTheActivityStamp) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    const auto file = test::epoch_dir_of(lease) / "2.pool";
    wire::Superblock before = test::raw_superblock_of(file);
    harness.advance(kNanosPerSecond);
    const wire::Superblock after = test::raw_superblock_of(file);
    EXPECT_TRUE(after.activity_timestamp_ns > before.activity_timestamp_ns);
    before.activity_timestamp_ns = after.activity_timestamp_ns;
    EXPECT_EQ(std::memcmp(&before, &after, sizeof(after)), 0);
}

/// Counts the announces on one messaging stream.
struct AnnounceCounter : control::ControlHandler {
    void on_pool_announce(const PoolAnnounce&, const messaging::Message&) override { ++announces; }
    void on_lease_revoked(const control::LeaseRevoked&, const messaging::Message&) override { ++others; }
    void on_attach_response(const AttachResponse&, const messaging::Message&) override { ++others; }
    int announces = 0;
    int others = 0;
};

// spec: DRV-014, DRV-108
TEST(DriverAnnounceTest, AnAnnounceEndpointOfItsOwnCarriesTheAnnouncesAndNothingElse) {
    DriverHarness harness([](DriverConfig& config) { config.announce = {"aeron:ipc?term-length=4m", 1001}; });
    messaging::EmbeddedOptions options;
    options.dir = (harness.dir.path() / "messaging").string();
    const auto client = messaging::make_embedded_client(options);
    const auto control = client->add_subscription("aeron:ipc?term-length=4m", 1000);
    const auto announce = client->add_subscription("aeron:ipc?term-length=4m", 1001);
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.detach(lease, Role::Producer, 7);
    AnnounceCounter on_control;
    AnnounceCounter on_announce;
    control::ControlDispatcher control_dispatcher(on_control);
    control::ControlDispatcher announce_dispatcher(on_announce);
    control_dispatcher.poll(*control, 100);
    announce_dispatcher.poll(*announce, 100);
    EXPECT_EQ(on_control.announces, 0);
    EXPECT_EQ(on_control.others, 2);
    EXPECT_EQ(on_announce.announces, 2);
    EXPECT_EQ(on_announce.others, 0);
}

}  // namespace
}  // namespace tensorpool
