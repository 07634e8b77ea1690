// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/error.hpp>

#include "driver/own_mount.hpp"
#include "shm/region_uri.hpp"
#include "shm/stream_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

// On a real hugetlbfs that the test mounts for itself. Needs the rights to mount and to reserve hugepages.
namespace tensorpool::shm {
namespace {

using test::StreamPlace;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t kHugepage = 2 << 20;
constexpr const char* kPool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// `count` more hugepages of 2 MiB for the machine, as long as it lives. One holder at a time.
class ReservedHugepages {
public:
    explicit ReservedHugepages(int count) : fd_(::open(kPool, O_RDWR | O_CLOEXEC)) {
        if (!fd_ || ::flock(fd_.get(), LOCK_EX) != 0) return;
        before_ = current();
        if (before_ < 0) return;
        changed_ = test::write_text(kPool, std::to_string(before_ + count));
        enough_ = changed_ && current() >= before_ + count;
    }
    ReservedHugepages(const ReservedHugepages&) = delete;
    ReservedHugepages& operator=(const ReservedHugepages&) = delete;
    ~ReservedHugepages() {
        if (changed_) test::write_text(kPool, std::to_string(before_));
    }
    [[nodiscard]] bool enough() const noexcept { return enough_; }

private:
    [[nodiscard]] static int current() {
        int value = -1;
        std::ifstream(kPool) >> value;
        return value;
    }
    base::UniqueFd fd_;
    int before_ = -1;
    bool changed_ = false;
    bool enough_ = false;
};

/// Runs `body(dir)` on a hugetlbfs with a few hugepages behind it; says why when that is not possible.
template <typename Body>
void on_hugetlbfs(Body&& body) {
    const ReservedHugepages reserved(16);
    if (!reserved.enough()) GTEST_SKIP() << "cannot reserve hugepages (not root, or memory is fragmented)";
    const int outcome = test::on_own_mount("hugetlbfs", "pagesize=2M", body);
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "cannot mount hugetlbfs";
    EXPECT_EQ(outcome, 0);
}

StreamCreation huge_stream() {
    StreamCreation what = StreamPlace::small_stream();
    what.regions.require_hugepages = true;
    return what;
}

/// Bytes of this process's mapping of `path` that one hugepage each backs, by the kernel's own account.
std::uint64_t huge_bytes_of(const std::string& path) {
    std::ifstream smaps("/proc/self/smaps");
    bool ours = false;
    std::uint64_t bytes = 0;
    for (std::string line; std::getline(smaps, line);) {
        if (line.find('-') < line.find(' ') && line.find(':') > line.find(' '))
            ours = line.ends_with(" " + path);
        if (ours && (line.starts_with("Shared_Hugetlb:") || line.starts_with("Private_Hugetlb:"))) {
            bytes += std::stoull(line.substr(line.find(':') + 1)) * 1024;
        }
    }
    return bytes;
}

// spec: WIRE-161 DRV-041 DRV-042
TEST(HugepagesTest, AStreamIsMadeOfWholeHugepagesAndReadThroughThem) {
    on_hugetlbfs([](const std::string& mount) {
        EXPECT_TRUE(is_hugetlbfs(mount));
        EXPECT_EQ(rounded_file_bytes(mount, 1), kHugepage);
        const StreamPaths paths{mount, "me", "default"};
        const StreamMapping writer = create_stream(paths, huge_stream(), StreamPlace::kNow);
        EXPECT_EQ(stream_bytes(mount, huge_stream()), 3 * kHugepage);
        for (const auto& pool : writer.layout().pools) {
            EXPECT_THAT(pool.uri, HasSubstr("|require_hugepages=true"));
            const std::string path = parse_region_uri(pool.uri)->path;
            EXPECT_EQ(fs::file_size(path), kHugepage) << "rounded up";
            EXPECT_EQ(huge_bytes_of(path), kHugepage) << "prefaulted";
        }
        const StreamMapping reader =
            StreamMapping::open(writer.layout(), PathPolicy({mount}), Access::ReadOnly);
        *writer.find_pool(1)->slot(7) = std::byte{42};
        EXPECT_EQ(*reader.find_pool(1)->slot(7), std::byte{42});
        EXPECT_TRUE(remove_epoch(paths, StreamPlace::kStream, 5));
    });
}

// spec: WIRE-161
TEST(HugepagesTest, AUriWithoutTheDemandOpensHugepagesAllTheSame) {
    on_hugetlbfs([](const std::string& mount) {
        const StreamMapping writer =
            create_stream({mount, "me", "default"}, StreamPlace::small_stream(), StreamPlace::kNow);
        EXPECT_EQ(writer.layout().header_uri.find("require_hugepages"), std::string::npos);
        const StreamMapping reader =
            StreamMapping::open(writer.layout(), PathPolicy({mount}), Access::ReadOnly);
        EXPECT_TRUE(reader.superblocks_unchanged());
    });
}

// spec: WIRE-023
TEST(HugepagesTest, AFileShorterThanItsLayoutIsRefusedAlsoInWholeHugepages) {
    on_hugetlbfs([](const std::string& mount) {
        const std::string path = mount + "/1.pool";
        (void)Region::create(path, kHugepage, {});
        const PathPolicy policy({mount});
        EXPECT_EQ(Region::open(path, kHugepage, true, policy, Access::ReadOnly, false).bytes(), kHugepage);
        EXPECT_EQ(Region::open(path, 64, true, policy, Access::ReadOnly, false).bytes(), kHugepage);
        EXPECT_THROW((void)Region::open(path, kHugepage + 1, true, policy, Access::ReadOnly, false), Error);
    });
}

// spec: DRV-149
TEST(HugepagesTest, MoreHugepagesThanThereAreFailWithoutAFileLeft) {
    on_hugetlbfs([](const std::string& mount) {
        StreamCreation what = huge_stream();
        what.pools = {{1, 0, 1U << 30, ""}};  // 8 GiB
        try {
            (void)create_stream({mount, "me", "default"}, what, StreamPlace::kNow);
            ADD_FAILURE() << "eight gibibytes of hugepages appeared";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::NoSpace) << error.what();
        }
        EXPECT_FALSE(fs::exists(mount + "/tensorpool-me/default/7/5"));
    });
}

}  // namespace
}  // namespace tensorpool::shm
