// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"
#include "shm/stream_mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tensorpool {
namespace {

using control::AttachResponse;
using control::PoolAnnounce;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

/// Fails unless the epochs announced for the stream since `from` never go back.
void expect_announces_never_go_back(const DriverHarness& harness) {
    std::uint64_t highest = 0;
    for (const auto& announce : harness.all<PoolAnnounce>()) {
        EXPECT_GE(announce.epoch, highest);
        highest = std::max(highest, announce.epoch);
    }
}

// spec: DRV-003, DRV-100, DRV-101, TRP-12
TEST(DriverEpochTest, EveryStartAndEveryEndOfAProducerLeaseIsOneHigherEpochWithFilesOfItsOwn) {
    DriverHarness harness([](DriverConfig& config) { config.policies.epoch_gc_enabled = false; });
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::uint64_t highest = 0;
    std::size_t expected_dirs = 0;
    for (int round = 0; round < 12; ++round) {
        const AttachResponse lease = harness.attached(Role::Producer, 7);
        EXPECT_GT(*lease.epoch, highest);
        highest = *lease.epoch;
        EXPECT_EQ(harness.epoch_dirs().size(), ++expected_dirs);
        switch (random() % 3) {
            case 0:
                harness.detach(lease, Role::Producer, 7);
                break;
            case 1:
                harness.driver().revoke(*lease.lease_id, "");
                break;
            default:
                harness.advance(3 * kNanosPerSecond);
        }
        EXPECT_GT(harness.stream().epoch, highest);
        highest = harness.stream().epoch;
        EXPECT_EQ(harness.epoch_dirs().size(), ++expected_dirs);
        EXPECT_EQ(harness.epoch_dirs().back(), std::to_string(highest));
    }
    expect_announces_never_go_back(harness);
}

// spec: DRV-120, DRV-140, TRP-11
TEST(DriverEpochTest, ARestartedDriverGoesOnAboveTheEpochsItsPredecessorLeftBehind) {
    DriverHarness harness;
    std::uint64_t highest = 0;
    for (int run = 0; run < 5; ++run) {
        const AttachResponse lease = harness.attached(run % 2 == 0 ? Role::Producer : Role::Consumer, 7);
        EXPECT_GT(*lease.epoch, highest) << "run " << run;
        highest = harness.stream().epoch;
        harness.stop_driver();
        harness.start_driver();
    }
}

// spec: TRP-11
TEST(DriverEpochTest, AnEpochDirectoryFromTheFutureIsToppedToo) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    const std::uint64_t future = *lease.epoch + 1'000'000'000'000'000'000U;
    fs::create_directory(test::epoch_dir_of(lease).parent_path() / std::to_string(future));
    harness.stop_driver();
    harness.start_driver();
    EXPECT_EQ(harness.attached(Role::Consumer, 8).epoch, future + 1);
}

// spec: DRV-120, TRP-11
TEST(DriverEpochTest, EpochsGoOnUpwardsEvenWhenAllFilesWereRemovedInBetween) {
    DriverHarness harness;
    const AttachResponse before = harness.attached(Role::Producer, 7);
    harness.stop_driver();
    fs::remove_all(harness.config().shm.base_dir);
    harness.start_driver();
    EXPECT_GT(*harness.attached(Role::Consumer, 8).epoch, *before.epoch);
}

// spec: DRV-070, TRP-11
TEST(DriverEpochTest, WhereNoHigherEpochIsLeftAnAttachIsAnInternalErrorThatNamesTheDirectory) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    const std::string last = "18446744073709551614";
    fs::create_directory(test::epoch_dir_of(lease).parent_path() / last);
    const AttachResponse refused = harness.attach(Role::Producer, 8);
    EXPECT_EQ(refused.code, ResponseCode::InternalError);
    EXPECT_THAT(refused.error_message, HasSubstr(last));
    EXPECT_EQ(harness.stream().epoch, *lease.epoch);
}

// spec: TRP-32
TEST(DriverEpochTest, OnlyPlainNumbersOfRealDirectoriesCountAsEpochs) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    const fs::path stream_dir = test::epoch_dir_of(lease).parent_path();
    for (const char* name :
         {"notes", "-1", "+9000000000000000000", "0x9", "009000000000000000000", "99999999999999999999"}) {
        fs::create_directory(stream_dir / name);
    }
    fs::create_directory_symlink("/tmp", stream_dir / "9000000000000000001");
    std::ofstream(stream_dir / "9000000000000000002") << "a file";
    const AttachResponse producer = harness.attached(Role::Producer, 8);
    EXPECT_GT(*producer.epoch, *lease.epoch);
    EXPECT_LT(*producer.epoch, 9'000'000'000'000'000'000U);
}

// spec: DRV-002, DRV-011, DRV-109
TEST(DriverEpochTest, WhatIsAnnouncedOrGrantedCanBeMappedAtOnce) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const auto announces = harness.all<PoolAnnounce>();
    ASSERT_THAT(announces, SizeIs(1));
    shm::StreamLayout layout;
    layout.stream_id = announces[0].stream_id;
    layout.epoch = announces[0].epoch;
    layout.layout_version = announces[0].layout_version;
    layout.header_nslots = announces[0].header_nslots;
    layout.header_uri = announces[0].header_region_uri;
    for (const auto& pool : announces[0].pools) {
        layout.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
    }
    const shm::PathPolicy policy({harness.config().shm.base_dir});
    const auto mapping = shm::StreamMapping::open(layout, policy, shm::Access::ReadWrite);
    EXPECT_EQ(mapping.layout().epoch, *lease.epoch);
    EXPECT_TRUE(mapping.read_header_superblock().pid == static_cast<std::uint64_t>(::getpid()));
}

// spec: DRV-080
TEST(DriverEpochTest, WithoutRoomForANewEpochNothingIsAnnouncedUntilThereIsOne) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const auto watching = harness.request(Role::Consumer, 9);
    const AttachResponse consumer = harness.attach(watching);
    const fs::path stream_dir = test::epoch_dir_of(lease).parent_path();
    const fs::path aside = stream_dir.parent_path() / "aside";
    fs::rename(stream_dir, aside);
    std::ofstream(stream_dir) << "in the way";
    harness.seen.clear();
    harness.detach(lease, Role::Producer, 7);
    harness.live(2 * kNanosPerSecond, {consumer}, {watching});
    EXPECT_THAT(harness.all<PoolAnnounce>(), SizeIs(0)) << "the old epoch must not be mapped again";
    EXPECT_EQ(harness.attach(Role::Consumer, 10).code, ResponseCode::InternalError);
    EXPECT_EQ(harness.attach(watching).code, ResponseCode::InternalError) << "a repeated request, too";
    fs::remove(stream_dir);
    harness.live(kNanosPerSecond, {consumer}, {watching});
    const auto announces = harness.all<PoolAnnounce>();
    ASSERT_FALSE(announces.empty());
    EXPECT_GT(announces[0].epoch, *lease.epoch);
    EXPECT_EQ(harness.attach(watching).epoch, announces[0].epoch);
}

}  // namespace
}  // namespace tensorpool
