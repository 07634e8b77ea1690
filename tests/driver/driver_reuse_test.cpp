// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"

#include "shm/seqlock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// policies.reuse_existing_shm: files that an earlier run left are taken over under a new epoch.
namespace tensorpool {
namespace {

using control::AttachResponse;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

void reuse(DriverConfig& config) {
    config.policies.reuse_existing_shm = true;
}

/// One run of a driver that leaves an epoch with a committed frame in every slot. Returns its directory.
fs::path leave_files(DriverHarness& harness) {
    const AttachResponse lease = harness.attached(Role::Consumer, 7);
    const fs::path dir = test::epoch_dir_of(lease);
    harness.stop_driver();
    test::set_owner_process(dir, test::dead_pid());
    std::fstream header(dir / "header.ring", std::ios::binary | std::ios::in | std::ios::out);
    for (std::uint32_t slot = 0; slot < 8; ++slot) {
        const std::uint64_t committed = (std::uint64_t{slot} << 1U) | 1U;
        header.seekp(static_cast<std::streamoff>(wire::kSuperblockBytes + slot * wire::kHeaderSlotBytes));
        header.write(reinterpret_cast<const char*>(&committed), sizeof(committed));
    }
    return dir;
}

std::uint64_t seq_commit_of(const fs::path& header_ring, std::uint32_t slot) {
    std::uint64_t word = 0;
    std::ifstream in(header_ring, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(wire::kSuperblockBytes + slot * wire::kHeaderSlotBytes));
    in.read(reinterpret_cast<char*>(&word), sizeof(word));
    return word;
}

// spec: DRV-102, DRV-139, DRV-140
TEST(DriverReuseTest, FilesOfADeadDriverLiveOnUnderAHigherEpochWithEverySlotUncommitted) {
    DriverHarness harness(reuse);
    const fs::path old_dir = leave_files(harness);
    const auto inode = test::status_of(old_dir / "1.pool").st_ino;
    harness.start_driver();
    const AttachResponse lease = harness.attached(Role::Producer, 8);
    const fs::path new_dir = test::epoch_dir_of(lease);
    EXPECT_GT(*lease.epoch, std::stoull(old_dir.filename().string()));
    EXPECT_FALSE(fs::exists(old_dir));
    EXPECT_EQ(test::status_of(new_dir / "1.pool").st_ino, inode);
    for (std::uint32_t slot = 0; slot < 8; ++slot) {
        EXPECT_EQ(seq_commit_of(new_dir / "header.ring", slot) & 1U, 0U) << slot;
    }
    for (const auto& file : test::files_in(new_dir)) {
        const test::SuperblockFields block = test::superblock_of(file);
        EXPECT_EQ(block.epoch, *lease.epoch) << file;
        EXPECT_EQ(block.pid, static_cast<std::uint64_t>(::getpid())) << file;
    }
}

// spec: DRV-102
TEST(DriverReuseTest, OnlyTheFirstEpochOfARunTakesFilesOver) {
    DriverHarness harness(reuse);
    leave_files(harness);
    harness.start_driver();
    const AttachResponse first = harness.attached(Role::Producer, 8);
    harness.detach(first, Role::Producer, 8);
    EXPECT_TRUE(fs::exists(test::epoch_dir_of(first))) << "its consumers may still read it";
    EXPECT_GT(harness.stream().epoch, *first.epoch);
}

// spec: DRV-001, DRV-147
TEST(DriverReuseTest, FilesOfALivingProcessAreLeftAlone) {
    DriverHarness harness(reuse);
    const fs::path old_dir = leave_files(harness);
    test::set_owner_process(old_dir, 1);
    harness.start_driver();
    const AttachResponse lease = harness.attached(Role::Producer, 8);
    EXPECT_TRUE(fs::exists(old_dir));
    EXPECT_GT(*lease.epoch, std::stoull(old_dir.filename().string()));
}

// spec: DRV-102
TEST(DriverReuseTest, FilesOfAnotherShapeAreNotTakenOver) {
    DriverHarness harness(reuse);
    const fs::path old_dir = leave_files(harness);
    harness.config().profiles[0].payload_pools.push_back({.pool_id = 3, .stride_bytes = 128});
    harness.start_driver();
    const AttachResponse lease = harness.attached(Role::Producer, 8);
    EXPECT_TRUE(fs::exists(old_dir));
    EXPECT_THAT(test::files_in(test::epoch_dir_of(lease)), SizeIs(4));
}

// spec: DRV-070, DRV-102
TEST(DriverReuseTest, FilesThatAreTooSmallAreAnErrorAndStayAsTheyWere) {
    DriverHarness harness(reuse);
    const fs::path old_dir = leave_files(harness);
    harness.config().profiles[0].payload_pools[0].stride_bytes = 8192;
    harness.start_driver();
    const AttachResponse refused = harness.attach(Role::Producer, 8);
    EXPECT_EQ(refused.code, ResponseCode::InternalError);
    EXPECT_THAT(refused.error_message, HasSubstr("1.pool"));
    EXPECT_TRUE(fs::exists(old_dir));
    EXPECT_THAT(harness.epoch_dirs(), SizeIs(1));
}

// spec: DRV-130, WIRE-153
TEST(DriverReuseTest, ALinkAmongTheFilesIsNotFollowed) {
    DriverHarness harness(reuse);
    const fs::path old_dir = leave_files(harness);
    const fs::path target = harness.dir.path() / "somebody_elses";
    fs::copy_file(old_dir / "1.pool", target);
    fs::remove(old_dir / "1.pool");
    fs::create_symlink(target, old_dir / "1.pool");
    const test::SuperblockFields before = test::superblock_of(target);
    harness.start_driver();
    EXPECT_EQ(harness.attach(Role::Producer, 8).code, ResponseCode::InternalError);
    EXPECT_EQ(test::superblock_of(target).epoch, before.epoch);
}

}  // namespace
}  // namespace tensorpool
