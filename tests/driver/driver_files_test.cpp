// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_files.hpp"
#include "own_mount.hpp"

#include "shm/stream_files.hpp"
#include "support/rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <set>

namespace tensorpool {
namespace {

using control::AttachResponse;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

constexpr std::uint32_t kStream = DriverHarness::kStream;

// spec: DRV-001, DRV-132, DRV-133
TEST(DriverFilesTest, AnEpochLiesBelowBaseUserNamespaceAndStreamWithOneFileForEachRegion) {
    DriverHarness harness([](DriverConfig& config) { config.shm.namespace_name = "lab-3"; });
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const fs::path expected = fs::path(harness.config().shm.base_dir) /
                              ("tensorpool-" + shm::sanitised_user()) / "lab-3" / std::to_string(kStream) /
                              std::to_string(*lease.epoch);
    EXPECT_EQ(test::epoch_dir_of(lease), expected);
    EXPECT_EQ(test::path_of(lease.header_region_uri), expected / "header.ring");
    EXPECT_EQ(test::path_of(lease.pools[0].region_uri), expected / "1.pool");
    EXPECT_EQ(test::path_of(lease.pools[1].region_uri), expected / "2.pool");
    EXPECT_THAT(test::files_in(expected), SizeIs(3));
}

// spec: DRV-132
TEST(DriverFilesTest, TheUserPartOfThePathIsOneSafeComponent) {
    EXPECT_TRUE(shm::is_safe_component(shm::sanitised_user()));
    for (const char* name : {"../../etc", "a/b", "", ".", "..", "name with spaces", "\xc3\xa9t\xc3\xa9"}) {
        EXPECT_TRUE(shm::is_safe_component(shm::sanitise_component(name))) << name;
    }
}

// spec: DRV-002, DRV-011, WIRE-015
TEST(DriverFilesTest, EveryRegionHasItsSuperblockAndTheSizeOfItsLayout) {
    DriverHarness harness;
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const fs::path dir = test::epoch_dir_of(lease);
    struct Expected {
        const char* file;
        wire::RegionType type;
        std::uint16_t pool_id;
        std::uint32_t slot_bytes;
    };
    for (const Expected& expected : {Expected{"header.ring", wire::RegionType::HeaderRing, 0, 256},
                                     Expected{"1.pool", wire::RegionType::PayloadPool, 1, 4096},
                                     Expected{"2.pool", wire::RegionType::PayloadPool, 2, 65536}}) {
        SCOPED_TRACE(expected.file);
        const test::SuperblockFields block = test::superblock_of(dir / expected.file);
        EXPECT_EQ(block.magic, std::uint64_t{wire::kSuperblockMagic});
        EXPECT_EQ(block.layout_version, 1U);
        EXPECT_EQ(block.epoch, *lease.epoch);
        EXPECT_EQ(block.stream_id, kStream);
        EXPECT_TRUE(block.region_type == expected.type);
        EXPECT_EQ(block.pool_id, expected.pool_id);
        EXPECT_EQ(block.nslots, 8U);
        EXPECT_EQ(block.slot_bytes, expected.slot_bytes);
        EXPECT_EQ(block.pid, static_cast<std::uint64_t>(::getpid()));
        EXPECT_EQ(fs::file_size(dir / expected.file), 64U + 8U * expected.slot_bytes);
    }
}

// spec: DRV-134, WIRE-163
TEST(DriverFilesTest, ModesAreAsConfiguredWhateverTheUmask) {
    for (const mode_t mask : {mode_t{0}, mode_t{077}}) {
        for (const auto& [file_mode, dir_mode] : {std::pair{0600U, 0700U}, std::pair{0660U, 02770U}}) {
            const mode_t before = ::umask(mask);
            DriverHarness harness([mode = file_mode](DriverConfig& c) { c.shm.permissions_mode = mode; });
            const AttachResponse lease = harness.attached(Role::Producer, 7);
            ::umask(before);
            fs::path dir = test::epoch_dir_of(lease);
            for (const auto& file : test::files_in(dir)) {
                EXPECT_EQ(test::status_of(file).st_mode & 07777U, file_mode) << file;
            }
            for (; dir != harness.dir.path(); dir = dir.parent_path()) {
                EXPECT_EQ(test::status_of(dir).st_mode & 07777U, dir_mode) << dir;
            }
        }
    }
}

// spec: DRV-135
TEST(DriverFilesTest, RegionsAreAllocatedAndZeroedUnlessPrefaultIsOff) {
    for (const bool prefault : {true, false}) {
        DriverHarness harness([&](DriverConfig& config) { config.policies.prefault_shm = prefault; });
        const AttachResponse lease = harness.attached(Role::Producer, 7);
        const fs::path pool = test::path_of(lease.pools[1].region_uri);
        const auto allocated = static_cast<std::uint64_t>(test::status_of(pool).st_blocks) * 512U;
        EXPECT_EQ(allocated >= fs::file_size(pool), prefault);
        std::ifstream in(pool, std::ios::binary);
        std::string bytes(fs::file_size(pool), '\0');
        in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        EXPECT_EQ(bytes.find_first_not_of('\0', wire::kSuperblockBytes), std::string::npos);
    }
}

std::uint64_t locked_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmLck:")) return std::stoull(line.substr(6));
    }
    return 0;
}

// spec: DRV-136, TRP-35
TEST(DriverFilesTest, AnEpochStaysLockedInMemoryForAsLongAsItIsCurrent) {
    if (test::kSanitized) GTEST_SKIP() << "sanitizers make mlock do nothing";
    const int outcome = test::in_child([] {
        const struct rlimit limit { 1 << 20, 1 << 20 };
        if (::geteuid() != 0 && ::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return test::kNotPossibleHere;
        DriverHarness harness([](DriverConfig& config) { config.policies.mlock_shm = true; });
        const AttachResponse lease = harness.attached(Role::Producer, 7);
        const std::uint64_t one_epoch_kib = (4096 + 65536) * 8 / 1024;
        EXPECT_GE(locked_kib(), one_epoch_kib);
        harness.detach(lease, Role::Producer, 7);
        EXPECT_GE(locked_kib(), one_epoch_kib);
        EXPECT_LT(locked_kib(), 2 * one_epoch_kib) << "the old epoch is no longer mapped";
        return 0;
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "the locked-memory limit is too low";
    EXPECT_EQ(outcome, 0);
}

// spec: DRV-136, DRV-070
TEST(DriverFilesTest, MemoryThatCannotBeLockedRefusesTheAttachAndLeavesNoFiles) {
    if (test::kSanitized) GTEST_SKIP() << "sanitizers make mlock do nothing";
    EXPECT_EQ(test::in_child([] {
                  const struct rlimit none { 0, 0 };
                  if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 2;
                  constexpr uid_t kNobody = 65534;  // root may lock whatever the limit
                  if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return 3;
                  DriverHarness harness([](DriverConfig& config) { config.policies.mlock_shm = true; });
                  const AttachResponse refused = harness.attach(Role::Producer, 7);
                  EXPECT_EQ(refused.code, ResponseCode::InternalError);
                  EXPECT_THAT(refused.error_message, HasSubstr("mlock"));
                  EXPECT_THAT(harness.driver().leases(), IsEmpty());
                  EXPECT_THAT(harness.epoch_dirs(), IsEmpty());
                  return 0;
              }),
              0);
}

// spec: DRV-130
TEST(DriverFilesTest, ALinkWhereADirectoryBelongsIsRefusedAndNotFollowed) {
    DriverHarness harness;
    const fs::path elsewhere = harness.dir.path() / "elsewhere";
    fs::create_directory(elsewhere);
    const fs::path user_dir =
        fs::path(harness.config().shm.base_dir) / ("tensorpool-" + shm::sanitised_user());
    fs::create_directory_symlink(elsewhere, user_dir);
    const AttachResponse refused = harness.attach(Role::Producer, 7);
    EXPECT_EQ(refused.code, ResponseCode::InternalError);
    EXPECT_TRUE(fs::is_empty(elsewhere));
}

// spec: DRV-130, DRV-053
TEST(DriverFilesTest, UrisNameCanonicalPathsAlsoWhenTheBaseDirectoryIsALink) {
    const test::TempDir real;
    DriverHarness harness([&](DriverConfig& config) {
        const fs::path link = fs::path(config.shm.base_dir).parent_path() / "link";
        fs::create_directory_symlink(real.path(), link);
        config.shm.base_dir = link.string();
    });
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    EXPECT_TRUE(test::path_of(lease.header_region_uri).string().starts_with(real.str() + "/"));
    const shm::PathPolicy policy({real.str()});
    EXPECT_TRUE(policy.open(test::path_of(lease.pools[0].region_uri).string(), true).fd);
}

// spec: DRV-130
TEST(DriverFilesTest, ABaseDirectoryOutsideTheAllowedOnesFailsTheStart) {
    const test::TempDir other;
    EXPECT_THROW(DriverHarness([&](DriverConfig& config) { config.shm.allowed_base_dirs = {other.str()}; }),
                 ConfigError);
}

// spec: WIRE-140
TEST(DriverFilesTest, FilesOutliveTheDriverUnlessCleanUpIsConfigured) {
    for (const bool cleanup : {false, true}) {
        DriverHarness harness([&](DriverConfig& c) { c.policies.cleanup_shm_on_exit = cleanup; });
        harness.attached(Role::Producer, 7);
        harness.stop_driver();
        EXPECT_EQ(harness.epoch_dirs().empty(), cleanup);
        EXPECT_EQ(fs::is_empty(harness.config().shm.base_dir), cleanup) << "empty parents go too";
    }
}

// spec: DRV-147, WIRE-140
TEST(DriverFilesTest, CleanUpTakesTheEpochsOfDeadDriversAlongAndLeavesThoseOfLivingProcessesAlone) {
    DriverHarness harness([](DriverConfig& config) { config.policies.cleanup_shm_on_exit = true; });
    const AttachResponse lease = harness.attached(Role::Producer, 7);
    const fs::path foreign = test::epoch_dir_of(lease).parent_path() / "12";
    fs::copy(test::epoch_dir_of(lease), foreign, fs::copy_options::recursive);
    test::set_owner_process(foreign, 1);
    const fs::path dead = foreign.parent_path() / "13";
    fs::copy(test::epoch_dir_of(lease), dead, fs::copy_options::recursive);
    test::set_owner_process(dead, test::dead_pid());
    harness.stop_driver();
    EXPECT_THAT(harness.epoch_dirs(), SizeIs(1));
    EXPECT_TRUE(fs::exists(foreign / "header.ring"));
}

}  // namespace
}  // namespace tensorpool
