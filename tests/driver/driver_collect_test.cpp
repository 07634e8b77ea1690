// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

// Which epoch directories a driver removes, and when.
namespace tensorpool {
namespace {

using control::AttachResponse;
using test::DriverHarness;
using ::testing::Contains;
using ::testing::SizeIs;

namespace fs = std::filesystem;

constexpr Nanos kMinAge = 3 * kNanosPerSecond;  // the default: three announce periods

/// Starts and ends a producer lease; the stream moves on by two epochs. Returns the lease's directory.
fs::path one_producer_run(DriverHarness& harness) {
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    harness.detach(lease, Role::Producer, 7);
    return test::epoch_dir_of(lease);
}

/// Makes an epoch look untouched since the machine started.
void make_ancient(const fs::path& epoch_dir) {
    for (const auto& file : test::files_in(epoch_dir)) {
        test::tamper(file, [](wire::Superblock& block) { block.activity_timestamp_ns = 1; });
    }
}

void make_all_ancient(DriverHarness& harness, const fs::path& stream_dir) {
    for (const auto& name : harness.epoch_dirs()) make_ancient(stream_dir / name);
}

void let_time_pass(DriverHarness& harness, Nanos duration_ns) {
    for (Nanos left = duration_ns; left > 0; left -= 500 * kNanosPerMilli)
        harness.advance(500 * kNanosPerMilli);
}

class DriverKeepTest : public ::testing::TestWithParam<std::uint32_t> {};

// spec: DRV-141, DRV-144
TEST_P(DriverKeepTest, TheCurrentEpochAndTheNewestOlderOnesStayHoweverStale) {
    DriverHarness harness([](DriverConfig& config) { config.policies.epoch_gc_keep = GetParam(); });
    for (int i = 0; i < 4; ++i) one_producer_run(harness);
    const auto all = harness.epoch_dirs();
    ASSERT_THAT(all, SizeIs(8));
    let_time_pass(harness, 20 * kNanosPerSecond);
    const std::vector<std::string> newest(all.end() - GetParam(), all.end());
    EXPECT_EQ(harness.epoch_dirs(), newest);
    EXPECT_EQ(harness.driver().counters().epochs_collected, 8U - GetParam());
}

INSTANTIATE_TEST_SUITE_P(Keep, DriverKeepTest, ::testing::Values(1U, 2U, 5U));

// spec: DRV-146, DRV-148
TEST(DriverCollectTest, AnEpochGoesAfterTheMinimumAgeAndNotAtIt) {
    DriverHarness harness;
    const fs::path oldest = one_producer_run(harness);
    harness.advance(kNanosPerMilli);
    AttachResponse lease = harness.attached(Role::Producer, 7);
    const auto stamp = static_cast<Nanos>(test::superblock_of(oldest / "header.ring").activity_timestamp_ns);
    harness.clock.advance(stamp + kMinAge - harness.clock.now_ns());
    harness.keepalive(lease, Role::Producer, 7);
    harness.step();
    harness.detach(lease, Role::Producer, 7);
    EXPECT_TRUE(fs::exists(oldest)) << "now - activity == minimum age";
    harness.clock.advance(1);
    one_producer_run(harness);
    EXPECT_FALSE(fs::exists(oldest));
}

// spec: DRV-145, TRP-31
TEST(DriverCollectTest, AnEpochThatAConsumerMayHaveMappedStaysUntilItsSuccessorWasAnnouncedLongEnough) {
    DriverHarness harness;
    const auto request = harness.request(Role::Consumer, 9);
    const AttachResponse consumer = harness.attach(request);
    const fs::path mapped = test::epoch_dir_of(consumer);
    one_producer_run(harness);
    one_producer_run(harness);
    make_ancient(mapped);
    one_producer_run(harness);  // collects
    EXPECT_TRUE(fs::exists(mapped));
    harness.live(kMinAge - kNanosPerMilli, {consumer}, {request});
    EXPECT_TRUE(fs::exists(mapped));
    harness.live(2 * kMinAge, {consumer}, {request});
    EXPECT_FALSE(fs::exists(mapped)) << "by now the consumer follows the announces";
    EXPECT_THAT(harness.driver().leases(), SizeIs(1));
}

// spec: DRV-145
TEST(DriverCollectTest, WithoutALeaseTheSameEpochGoesAtTheNextCollection) {
    DriverHarness harness;
    const AttachResponse consumer = harness.attached(Role::Consumer, 9);
    const fs::path mapped = test::epoch_dir_of(consumer);
    harness.detach(consumer, Role::Consumer, 9);
    one_producer_run(harness);
    make_ancient(mapped);
    one_producer_run(harness);
    EXPECT_FALSE(fs::exists(mapped));
}

// spec: DRV-142, DRV-147, TRP-30, SUP-018
TEST(DriverCollectTest, FilesOfALivingProcessStayAndThoseOfADeadOneGo) {
    DriverHarness harness;
    std::vector<fs::path> dirs;
    for (int i = 0; i < 3; ++i) dirs.push_back(one_producer_run(harness));
    const fs::path stream_dir = dirs[0].parent_path();
    harness.stop_driver();
    make_all_ancient(harness, stream_dir);
    test::set_owner_process(dirs[0], 1);  // alive, and not ours
    test::set_owner_process(dirs[1], test::dead_pid());
    harness.start_driver();
    let_time_pass(harness, 2 * kMinAge);  // nobody attaches: the periodic look finds them
    EXPECT_TRUE(fs::exists(dirs[0]));
    EXPECT_FALSE(fs::exists(dirs[1]));
    EXPECT_THAT(harness.epoch_dirs(), SizeIs(3)) << "the two newest and the foreign one";
}

// spec: DRV-148
TEST(DriverCollectTest, AtStartItLooksOnlyWhenConfigured) {
    for (const bool on_startup : {false, true}) {
        DriverHarness harness([&](DriverConfig& c) { c.policies.epoch_gc_on_startup = on_startup; });
        one_producer_run(harness);
        const fs::path stream_dir = one_producer_run(harness).parent_path();
        harness.stop_driver();
        make_all_ancient(harness, stream_dir);
        harness.start_driver();
        EXPECT_THAT(harness.epoch_dirs(), SizeIs(on_startup ? 2 : 4));
    }
}

// spec: DRV-148
TEST(DriverCollectTest, AProducersAttachDetachRevocationAndExpiryEachCollect) {
    DriverHarness harness;
    fs::path victim = one_producer_run(harness);
    one_producer_run(harness);
    const auto expect_collected = [&](const char* after) {
        EXPECT_FALSE(fs::exists(victim)) << after;
        victim = victim.parent_path() / harness.epoch_dirs().front();
    };
    make_ancient(victim);
    AttachResponse lease = harness.attached(Role::Producer, 7);
    expect_collected("attach");
    make_ancient(victim);
    harness.detach(lease, Role::Producer, 7);
    expect_collected("detach");
    lease = harness.attached(Role::Producer, 7);
    make_ancient(victim);
    harness.driver().revoke(*lease.lease_id, "");
    expect_collected("revocation");
    lease = harness.attached(Role::Producer, 7);
    make_ancient(victim);
    harness.clock.advance(3 * kNanosPerSecond);
    harness.step();
    expect_collected("expiry");
}

// spec: DRV-141
TEST(DriverCollectTest, NothingIsRemovedWhenCollectionIsOff) {
    DriverHarness harness([](DriverConfig& config) { config.policies.epoch_gc_enabled = false; });
    const fs::path stream_dir = one_producer_run(harness).parent_path();
    one_producer_run(harness);
    make_all_ancient(harness, stream_dir);
    let_time_pass(harness, 3 * kMinAge);
    EXPECT_THAT(harness.epoch_dirs(), SizeIs(4));
}

// spec: TRP-33
TEST(DriverCollectTest, AStampFromBeforeARebootIsJudgedByTheWallClockAgeOfTheFiles) {
    DriverHarness harness;
    const fs::path victim = one_producer_run(harness);
    one_producer_run(harness);
    for (const auto& file : test::files_in(victim)) {
        test::tamper(file,
                     [](wire::Superblock& block) { block.activity_timestamp_ns = std::uint64_t{1} << 62U; });
    }
    let_time_pass(harness, 3 * kMinAge);
    EXPECT_TRUE(fs::exists(victim)) << "written a moment ago, says the wall clock";
    const auto an_hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(victim / "header.ring", an_hour_ago);
    fs::last_write_time(victim, an_hour_ago);
    let_time_pass(harness, kMinAge);
    EXPECT_FALSE(fs::exists(victim));
}

// spec: DRV-142
TEST(DriverCollectTest, ADirectoryThatACreationLeftHalfMadeGoesTooOnceItIsOld) {
    DriverHarness harness;
    const fs::path stream_dir = one_producer_run(harness).parent_path();
    fs::create_directory(stream_dir / "41");
    fs::create_directory(stream_dir / "42");
    std::ofstream(stream_dir / "42" / "header.ring") << "torn";
    let_time_pass(harness, 2 * kMinAge);
    EXPECT_TRUE(fs::exists(stream_dir / "41") && fs::exists(stream_dir / "42")) << "made just now";
    const auto an_hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(stream_dir / "42" / "header.ring", an_hour_ago);
    for (const char* name : {"41", "42"}) fs::last_write_time(stream_dir / name, an_hour_ago);
    let_time_pass(harness, kMinAge);
    EXPECT_FALSE(fs::exists(stream_dir / "41") || fs::exists(stream_dir / "42"));
}

// spec: TRP-32
TEST(DriverCollectTest, NothingButTheRegionFilesOfItsOwnStreamsIsTouched) {
    DriverHarness harness;
    const fs::path first = one_producer_run(harness);
    const fs::path stream_dir = first.parent_path();
    const fs::path outside = harness.dir.path() / "outside";
    fs::copy(first, outside, fs::copy_options::recursive);
    fs::copy(first, stream_dir / "keep_me", fs::copy_options::recursive);
    fs::copy(first, stream_dir / "0011", fs::copy_options::recursive);
    fs::create_directory_symlink(outside, stream_dir / "12");
    fs::create_directory(stream_dir.parent_path() / "4711");
    fs::copy(first, stream_dir.parent_path() / "4711" / "13", fs::copy_options::recursive);
    std::ofstream(first / "notes.txt") << "mine";
    one_producer_run(harness);
    let_time_pass(harness, 2 * kMinAge);
    EXPECT_TRUE(fs::exists(first / "notes.txt")) << "and with it its directory";
    EXPECT_FALSE(fs::exists(first / "1.pool"));
    for (const auto& kept :
         {outside, stream_dir / "keep_me", stream_dir / "0011", stream_dir.parent_path() / "4711" / "13"}) {
        EXPECT_THAT(test::files_in(kept), SizeIs(3)) << kept;
    }
    EXPECT_THAT(harness.epoch_dirs(), Contains("12"));
    EXPECT_EQ(harness.driver().counters().epochs_collected, 1U);
}

}  // namespace
}  // namespace tensorpool
