// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/region.hpp"

#include <tensorpool/error.hpp>

#include "shm/stream_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

namespace tensorpool::shm {
namespace {

using test::mappings_below;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kBytes = 64 + 8 * 4096;

class RegionTest : public testing::Test {
protected:
    [[nodiscard]] Region open(std::uint64_t min_bytes, bool require_hugepages = false,
                              Access access = Access::ReadOnly) const {
        return Region::open(path, min_bytes, require_hugepages, PathPolicy({root}), access, false);
    }
    [[nodiscard]] static std::string failure(const std::function<void()>& act, ErrorCode expected) {
        try {
            act();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), expected) << error.what();
            return error.what();
        }
        return "";
    }
    [[nodiscard]] struct stat status() const {
        struct stat status {};
        EXPECT_EQ(::stat(path.c_str(), &status), 0);
        return status;
    }
    /// The "rw-s" of this process's mapping of the file.
    [[nodiscard]] std::string protection() const {
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);) {
            if (line.ends_with(" " + path)) return line.substr(line.find(' ') + 1, 4);
        }
        return "";
    }

    const test::TempDir dir;
    const std::string root = fs::canonical(dir.path()).string();
    const std::string path = root + "/1.pool";
};

// spec: WIRE-023
TEST_F(RegionTest, ANewRegionIsAsLongAsAskedAndZeroed) {
    const Region region = Region::create(path, kBytes, {});
    EXPECT_EQ(region.bytes(), kBytes);
    EXPECT_EQ(region.path(), path);
    EXPECT_EQ(fs::file_size(path), kBytes);
    EXPECT_TRUE(
        std::all_of(region.base(), region.base() + kBytes, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region.base()) % 4096, 0U) << "slots are aligned in memory";
    region.base()[kBytes - 1] = std::byte{7};
    std::ifstream file(path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(kBytes - 1));
    EXPECT_EQ(file.get(), 7) << "shared with the file";
}

// spec: WIRE-163 DRV-134
TEST_F(RegionTest, ANewRegionHasExactlyTheModeAskedForWhateverTheUmask) {
    const mode_t old = ::umask(0077);
    for (const mode_t mode : {mode_t{0600}, mode_t{0660}, mode_t{0640}, mode_t{0666}}) {
        RegionCreation how;
        how.file_mode = mode;
        const Region region = Region::create(path, kBytes, how);
        EXPECT_EQ(status().st_mode & 07777, mode);
        fs::remove(path);
    }
    ::umask(old);
}

// spec: DRV-135
TEST_F(RegionTest, PrefaultAllocatesEveryByteNow) {
    constexpr std::uint64_t kMany = 4 << 20;
    const Region region = Region::create(path, kMany, {});
    EXPECT_GE(static_cast<std::uint64_t>(status().st_blocks) * 512, kMany);
    std::vector<unsigned char> resident(kMany / 4096);
    ASSERT_EQ(::mincore(region.base(), kMany, resident.data()), 0);
    EXPECT_TRUE(
        std::all_of(resident.begin(), resident.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

// spec: DRV-135
TEST_F(RegionTest, WithoutPrefaultTheFileStaysSparseButHasItsLength) {
    constexpr std::uint64_t kMany = 4 << 20;
    RegionCreation how;
    how.prefault = false;
    const Region region = Region::create(path, kMany, how);
    EXPECT_EQ(fs::file_size(path), kMany);
    EXPECT_LE(static_cast<std::uint64_t>(status().st_blocks) * 512, 64U << 10) << "the superblock's at most";
    region.base()[kMany - 1] = std::byte{1};
    EXPECT_EQ(region.base()[kMany - 1], std::byte{1});
}

TEST_F(RegionTest, AnExistingFileIsNeitherOpenedNorTouched) {
    std::ofstream(path) << "precious";
    EXPECT_NE(failure([&] { (void)Region::create(path, kBytes, {}); }, ErrorCode::SystemError), "");
    std::string text;
    std::ifstream(path) >> text;
    EXPECT_EQ(text, "precious");
}

TEST_F(RegionTest, ALinkInPlaceOfTheNewFileIsNotFollowed) {
    fs::create_symlink(root + "/elsewhere", path);
    EXPECT_NE(failure([&] { (void)Region::create(path, kBytes, {}); }, ErrorCode::SystemError), "");
    EXPECT_FALSE(fs::exists(root + "/elsewhere"));
    EXPECT_TRUE(fs::is_symlink(path)) << "what was there is not ours to remove";
}

TEST_F(RegionTest, WhatDoesNotFitFailsWithBothSizesAndLeavesNoFile) {
    constexpr std::uint64_t kExbibyte = std::uint64_t{1} << 60;
    const std::string text = failure([&] { (void)Region::create(path, kExbibyte, {}); }, ErrorCode::NoSpace);
    EXPECT_THAT(text, HasSubstr(fmt::format("needs {} bytes", kExbibyte)));
    EXPECT_THAT(text, HasSubstr("free"));
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(RegionTest, ADirectoryThatDoesNotExistIsAnError) {
    EXPECT_NE(
        failure([&] { (void)Region::create(root + "/gone/1.pool", kBytes, {}); }, ErrorCode::SystemError),
        "");
}

// spec: DRV-041
TEST_F(RegionTest, HugepagesAreNotPromisedWhereThereAreNone) {
    RegionCreation how;
    how.require_hugepages = true;
    EXPECT_THAT(failure([&] { (void)Region::create(path, kBytes, how); }, ErrorCode::Unsupported),
                HasSubstr("hugetlbfs"));
    EXPECT_FALSE(fs::exists(path));
}

// spec: WIRE-161 WIRE-162
TEST_F(RegionTest, ADemandForHugepagesRefusesAFileOnOrdinaryPages) {
    const Region made = Region::create(path, kBytes, {});
    EXPECT_THAT(failure([&] { (void)open(kBytes, true); }, ErrorCode::AccessDenied), HasSubstr("WIRE-161"));
    EXPECT_EQ(mappings_below(root), 1) << "only the maker's own";
}

// spec: WIRE-165
TEST_F(RegionTest, AReadersMappingIsReadOnly) {
    Region made = Region::create(path, kBytes, {});
    made.base()[100] = std::byte{42};
    made = Region();
    const Region region = open(kBytes);
    EXPECT_EQ(region.base()[100], std::byte{42});
    EXPECT_EQ(protection(), "r--s");
}

TEST_F(RegionTest, AWritersMappingIsSharedWithItsReaders) {
    (void)Region::create(path, kBytes, {});
    const Region writer = open(kBytes, false, Access::ReadWrite);
    EXPECT_EQ(protection(), "rw-s");
    const Region reader = open(kBytes);
    writer.base()[kBytes - 1] = std::byte{9};
    EXPECT_EQ(reader.base()[kBytes - 1], std::byte{9});
}

// spec: WIRE-023
TEST_F(RegionTest, AFileShorterThanItsLayoutIsRefused) {
    (void)Region::create(path, kBytes, {});
    fs::resize_file(path, kBytes - 1);
    EXPECT_THAT(failure([&] { (void)open(kBytes); }, ErrorCode::ProtocolError), HasSubstr("WIRE-023"));
    fs::resize_file(path, 0);
    EXPECT_THAT(failure([&] { (void)open(kBytes); }, ErrorCode::ProtocolError), HasSubstr("0 bytes long"));
    EXPECT_EQ(mappings_below(root), 0);
}

// spec: WIRE-023
TEST_F(RegionTest, OfALongerFileOnlyTheLayoutIsMapped) {
    (void)Region::create(path, kBytes + (1 << 20), {});
    const Region region = open(kBytes);
    EXPECT_EQ(region.bytes(), kBytes);
}

// spec: WIRE-155 WIRE-159
TEST_F(RegionTest, WhatThePolicyRefusesIsNotMapped) {
    (void)Region::create(path, kBytes, {});
    fs::create_directories(root + "/other");
    const PathPolicy elsewhere({root + "/other"});
    EXPECT_THAT(failure([&] { (void)Region::open(path, kBytes, false, elsewhere, Access::ReadOnly, false); },
                        ErrorCode::AccessDenied),
                HasSubstr("WIRE-151"));
    EXPECT_EQ(mappings_below(root), 0);
}

TEST_F(RegionTest, AMappingMovesWithoutMovingItsMemoryAndEndsOnce) {
    Region first = Region::create(path, kBytes, {});
    std::byte* const memory = first.base();
    Region second = std::move(first);
    EXPECT_EQ(second.base(), memory);
    EXPECT_EQ(first.base(), nullptr);  // NOLINT(bugprone-use-after-move): a moved-from region is empty
    EXPECT_EQ(first.bytes(), 0U);
    Region third = Region::create(root + "/2.pool", kBytes, {});
    third = std::move(second);
    EXPECT_EQ(third.base(), memory);
    EXPECT_EQ(mappings_below(root), 1) << "the one it replaced is unmapped";
    Region& same = third;
    third = std::move(same);
    EXPECT_EQ(third.base(), memory);
    third = Region();
    EXPECT_EQ(mappings_below(root), 0);
    EXPECT_TRUE(fs::exists(path)) << "the file stays";
}

TEST_F(RegionTest, AMappingOutlivesItsFilesName) {
    const Region made = Region::create(path, kBytes, {});
    const Region region = open(kBytes);
    fs::remove(path);
    made.base()[64] = std::byte{3};
    EXPECT_EQ(region.base()[64], std::byte{3});
}

TEST_F(RegionTest, FileSizesAreCountedInWholePagesOfTheFileSystem) {
    const std::uint64_t page = rounded_file_bytes(root, 1);
    EXPECT_GE(page, 512U);
    EXPECT_EQ(rounded_file_bytes(root, 0), 0U);
    EXPECT_EQ(rounded_file_bytes(root, page), page);
    EXPECT_EQ(rounded_file_bytes(root, page + 1), 2 * page);
    EXPECT_EQ(rounded_file_bytes(root, (std::uint64_t{5} << 30) + 1), (std::uint64_t{5} << 30) + page)
        << "64 bits";
    EXPECT_GT(free_bytes(root), 0U);
    EXPECT_FALSE(is_hugetlbfs(root));
    EXPECT_NE(failure([&] { (void)free_bytes(root + "/gone"); }, ErrorCode::SystemError), "");
}

}  // namespace
}  // namespace tensorpool::shm
