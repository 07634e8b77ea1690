// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"
#include "own_mount.hpp"

#include "shm/region.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

// What the driver does when the file system is, or gets, too small, and on hugetlbfs.
namespace tensorpool {
namespace {

using control::AttachResponse;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

/// Writes a file that leaves less than `left` bytes free in `dir`.
void fill_up(const std::string& dir, std::uint64_t left) {
    const std::string block(4096, 'x');
    std::ofstream out(dir + "/filler", std::ios::binary);
    while (shm::free_bytes(dir) >= left && out) {
        out.write(block.data(), static_cast<std::streamsize>(block.size()));
        out.flush();
    }
}

/// The number that follows `words` in a message; 0 when there is none.
std::uint64_t number_after(const std::string& text, const std::string& words) {
    const std::size_t at = text.find(words);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + words.size(), nullptr, 10);
}

// spec: CFG-020, DRV-130
TEST(DriverSpaceTest, AStartThatCouldNeverServeItsStreamsFailsWithBothSizesAndMakesNothing) {
    const test::TempDir dir;
    DriverConfig config = test::small_config(dir);
    config.profiles[0].header_nslots = 1U << 20U;
    config.profiles[0].payload_pools = {{.pool_id = 1, .stride_bytes = 1U << 30U}};
    ContextOptions options;
    options.messaging_dir = (dir.path() / "messaging").string();
    Context context(options);
    try {
        Driver driver(context, config);
        FAIL() << "a petabyte fits";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::NoSpace);
        const std::string text = error.what();
        const std::uint64_t needed = number_after(text, "need ");
        EXPECT_GE(needed, 3 * *epoch_size_bytes(config.profiles[0]));
        EXPECT_GT(number_after(text, " has "), 0U);
        EXPECT_LT(number_after(text, " has "), needed);
    }
    EXPECT_FALSE(fs::exists(config.shm.base_dir));
}

// spec: DRV-149
TEST(DriverSpaceTest, WhenSpaceRunsOutOldEpochsAreCollectedOnceBeforeTheAttachIsRefused) {
    const int outcome = test::on_own_mount("tmpfs", "size=2m", [](const std::string& mount) {
        DriverHarness harness([&](DriverConfig& config) {
            config.shm.base_dir = mount;
            config.policies.epoch_gc_keep = 1;
        });
        const AttachResponse first = harness.attached(Role::Producer, 7);
        harness.detach(first, Role::Producer, 7);
        ASSERT_THAT(harness.epoch_dirs(), SizeIs(2));
        fill_up(mount, std::uint64_t{256} * 1024);

        harness.clock.advance(10 * kNanosPerSecond);  // old enough now; no cycle collected yet
        const AttachResponse second = harness.attached(Role::Producer, 8);
        EXPECT_FALSE(fs::exists(test::epoch_dir_of(first)));
        EXPECT_THAT(harness.epoch_dirs(), SizeIs(1));

        harness.detach(second, Role::Producer, 8);  // takes the room that the collection made
        const std::uint64_t epoch = harness.stream().epoch;
        const AttachResponse refused = harness.attach(Role::Producer, 9);
        EXPECT_EQ(refused.code, ResponseCode::InternalError);
        EXPECT_THAT(refused.error_message, HasSubstr("free"));
        EXPECT_EQ(harness.stream().epoch, epoch) << "young epochs stay, however short space is";
        EXPECT_THAT(harness.driver().leases(), IsEmpty());
        EXPECT_TRUE(fs::exists(test::epoch_dir_of(second)));
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "this user may not mount";
    EXPECT_EQ(outcome, 0);
}

// spec: DRV-149, DRV-135
TEST(DriverSpaceTest, AFullFileSystemIsAnErrorAndNoCrashAlsoWithoutPrefault) {
    const int outcome = test::on_own_mount("tmpfs", "size=2m", [](const std::string& mount) {
        DriverHarness harness([&](DriverConfig& config) {
            config.shm.base_dir = mount;
            config.policies.prefault_shm = false;
        });
        fill_up(mount, 4096);
        const AttachResponse refused = harness.attach(Role::Producer, 7);
        EXPECT_EQ(refused.code, ResponseCode::InternalError);
        EXPECT_THAT(harness.epoch_dirs(), IsEmpty());
        fs::remove(mount + "/filler");
        EXPECT_TRUE(fs::is_empty(mount)) << "no empty directory either";
        EXPECT_EQ(harness.attach(Role::Producer, 7).code, ResponseCode::Ok);
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "this user may not mount";
    EXPECT_EQ(outcome, 0);
}

// spec: CFG-020
TEST(DriverSpaceTest, WhatEarlierRunsLeftForItsStreamsDoesNotStopARestart) {
    const int outcome = test::on_own_mount("tmpfs", "size=2m", [](const std::string& mount) {
        DriverHarness harness([&](DriverConfig& config) { config.shm.base_dir = mount; });
        harness.attached(Role::Producer, 7);
        harness.attached(Role::Consumer, 8);
        harness.advance(3 * kNanosPerSecond);
        ASSERT_THAT(harness.epoch_dirs(), SizeIs(2));
        harness.stop_driver();
        EXPECT_NO_THROW(harness.start_driver());
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "this user may not mount";
    EXPECT_EQ(outcome, 0);
}

// spec: DRV-041, DRV-042, TRP-35
TEST(DriverSpaceTest, OnHugetlbfsStandardPagesAreRejectedAndHugepagesAreTried) {
    const int outcome = test::on_own_mount("hugetlbfs", "pagesize=2M", [](const std::string& mount) {
        DriverHarness harness([&](DriverConfig& config) {
            config.shm.base_dir = mount;
            config.shm.require_hugepages = true;
            config.streams.clear();  // nothing is reserved for at the start
            config.policies.allow_dynamic_streams = true;
            config.stream_id_range = {{20000, 20002}};
        });
        auto request = harness.request(Role::Producer, 7, 20000);
        request.publish_mode = static_cast<std::uint8_t>(PublishMode::ExistingOrCreate);
        request.require_hugepages = static_cast<std::uint8_t>(HugepagesPolicy::Standard);
        const AttachResponse standard = harness.attach(request);
        EXPECT_EQ(standard.code, ResponseCode::Rejected);
        EXPECT_THAT(standard.error_message, HasSubstr("hugetlbfs"));
        for (const auto wish : {HugepagesPolicy::Unspecified, HugepagesPolicy::Hugepages}) {
            request.require_hugepages = static_cast<std::uint8_t>(wish);
            ++request.correlation_id;
            const AttachResponse huge = harness.attach(request);
            if (huge.code == ResponseCode::Ok) {
                EXPECT_THAT(huge.header_region_uri, HasSubstr("require_hugepages=true"));
                EXPECT_EQ(fs::file_size(test::path_of(huge.header_region_uri)) % (2U << 20U), 0U);
                harness.detach(huge, Role::Producer, 7);
            } else {  // this machine has no hugepages to give
                EXPECT_EQ(huge.code, ResponseCode::InternalError);
                EXPECT_THAT(harness.epoch_dirs(20000), IsEmpty());
            }
        }
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "this user may not mount hugetlbfs";
    EXPECT_EQ(outcome, 0);
}

// spec: DRV-042
TEST(DriverSpaceTest, HugepagesThatAreRequiredButMissingFailTheStart) {
    EXPECT_THROW(DriverHarness([](DriverConfig& config) { config.shm.require_hugepages = true; }),
                 ConfigError);
}

}  // namespace
}  // namespace tensorpool
