// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/path_policy.hpp"

#include <tensorpool/error.hpp>

#include "driver/own_mount.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace tensorpool::shm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

enum class Walk { Openat2, Components };

/// A base directory with one file, a directory outside it with another, and a policy for the base. Every test
/// runs with openat2 and with the walk for kernels that lack it (WIRE-154: no way of opening follows links).
class PathPolicyTest : public testing::TestWithParam<Walk> {
protected:
    PathPolicyTest() {
        fs::create_directories(base + "/s/7");
        fs::create_directories(outside);
        write(inside_file, "inside");
        write(outside_file, "outside");
    }

    static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

    [[nodiscard]] PathPolicy policy(const std::vector<std::string>& bases) const {
        PathPolicy policy(bases);
        if (GetParam() == Walk::Components) policy.force_component_walk();
        return policy;
    }
    [[nodiscard]] PathPolicy policy() const { return policy({base}); }

    /// Empty when the file opens, else the refusal.
    [[nodiscard]] static std::string refusal(const PathPolicy& policy, const std::string& path,
                                             ErrorCode expected = ErrorCode::AccessDenied) {
        try {
            const auto file = policy.open(path, false);
            return "";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), expected) << error.what();
            EXPECT_THAT(error.what(), HasSubstr(path)) << "the message names the path";
            return error.what();
        }
    }
    [[nodiscard]] std::string refusal(const std::string& path,
                                      ErrorCode expected = ErrorCode::AccessDenied) const {
        return refusal(policy(), path, expected);
    }

    const test::TempDir dir;
    const std::string root = fs::canonical(dir.path()).string();
    const std::string base = root + "/base";
    const std::string outside = root + "/outside";
    const std::string inside_file = base + "/s/7/header.ring";
    const std::string outside_file = outside + "/header.ring";
};

std::string walk_name(const testing::TestParamInfo<Walk>& walk) {
    return walk.param == Walk::Openat2 ? "Openat2" : "Components";
}

INSTANTIATE_TEST_SUITE_P(Walks, PathPolicyTest, testing::Values(Walk::Openat2, Walk::Components), walk_name);

// spec: WIRE-149 WIRE-151 WIRE-152
TEST_P(PathPolicyTest, OpensARegularFileInsideTheBase) {
    const PathPolicy::OpenFile file = policy().open(inside_file, false);
    char text[16] = {};
    EXPECT_EQ(::read(file.fd.get(), text, sizeof text), 6);
    EXPECT_STREQ(text, "inside");
    EXPECT_EQ(file.size_bytes, 6U);
    EXPECT_FALSE(file.hugetlbfs);
    EXPECT_EQ(::fcntl(file.fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_TRUE((::fcntl(file.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    EXPECT_EQ(::fcntl(policy().open(inside_file, true).fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
}

// spec: WIRE-148
TEST_P(PathPolicyTest, RefusesARelativePathEvenWhenItLeadsInside) {
    const std::string relative = fs::relative(inside_file).string();
    ASSERT_TRUE(fs::exists(relative));
    EXPECT_THAT(refusal(relative), HasSubstr("WIRE-148"));
    EXPECT_THAT(refusal(""), HasSubstr("WIRE-148"));
}

// spec: WIRE-151
TEST_P(PathPolicyTest, RefusesAFileOutsideEveryBase) {
    EXPECT_THAT(refusal(outside_file), HasSubstr("WIRE-151"));
    EXPECT_THAT(refusal("/etc/passwd"), HasSubstr(base)) << "the message says what is allowed";
}

// spec: WIRE-151
TEST_P(PathPolicyTest, ComparesWholeComponentsAndNotTextPrefixes) {
    const std::string neighbour = base + "-evil";
    fs::create_directories(neighbour);
    write(neighbour + "/header.ring", "evil");
    EXPECT_THAT(refusal(neighbour + "/header.ring"), HasSubstr("WIRE-151"));
    write(base + "x", "evil");
    EXPECT_THAT(refusal(base + "x"), HasSubstr("WIRE-151"));
}

// spec: WIRE-149 WIRE-151
TEST_P(PathPolicyTest, RefusesAPathThatClimbs) {
    EXPECT_THAT(refusal(base + "/../outside/header.ring"), HasSubstr("WIRE-149"));
    EXPECT_THAT(refusal(base + "/s/../../outside/header.ring"), HasSubstr("WIRE-149"));
    EXPECT_THAT(refusal(base + "/s/../s/7/header.ring"), HasSubstr("WIRE-149")) << "also when it comes back";
    EXPECT_THAT(refusal(outside + "/../base/s/7/header.ring"), HasSubstr("WIRE-149"));
    EXPECT_THAT(refusal(inside_file + "/.."), HasSubstr("WIRE-149"));
}

TEST_P(PathPolicyTest, TakesNamesThatOnlyLookLikeClimbing) {
    for (const std::string name : {"..x", "x..", "...", "..header.ring"}) {
        write(base + "/" + name, "x");
        EXPECT_EQ(refusal(base + "/" + name), "") << name;
    }
}

// spec: WIRE-149
TEST_P(PathPolicyTest, TakesRepeatedSlashesAndDotsThatChangeNothing) {
    EXPECT_EQ(refusal(base + "//s/./7///header.ring"), "");
}

// spec: WIRE-153 WIRE-154
TEST_P(PathPolicyTest, RefusesASymbolicLinkInPlaceOfTheFile) {
    fs::create_symlink(outside_file, base + "/to_outside");
    fs::create_symlink(inside_file, base + "/to_inside");
    fs::create_symlink("s/7/header.ring", base + "/relative");
    EXPECT_THAT(refusal(base + "/to_outside"), HasSubstr("WIRE-151"));
    EXPECT_THAT(refusal(base + "/to_inside"), HasSubstr("WIRE-153")) << "also one that stays inside";
    EXPECT_THAT(refusal(base + "/relative"), HasSubstr("WIRE-153"));
}

// spec: WIRE-153 WIRE-154
TEST_P(PathPolicyTest, RefusesASymbolicLinkAnywhereOnTheWay) {
    fs::create_directory_symlink(outside, base + "/to_outside");
    fs::create_directory_symlink(base + "/s", base + "/to_inside");
    EXPECT_THAT(refusal(base + "/to_outside/header.ring"), HasSubstr("WIRE-151"));
    EXPECT_THAT(refusal(base + "/to_inside/7/header.ring"), HasSubstr("WIRE-153"));
    fs::create_directory_symlink(base, outside + "/to_base");
    EXPECT_THAT(refusal(outside + "/to_base/s/7/header.ring"), HasSubstr("WIRE-153"));
}

// spec: WIRE-149 WIRE-153
TEST_P(PathPolicyTest, RefusesALinkHiddenBehindTheParentOfItsTarget) {
    // realpath of base/link/../7/header.ring is base/s/7/header.ring where link leads to s/x.
    fs::create_directories(base + "/s/x");
    fs::create_directory_symlink(base + "/s/x", base + "/s/link");
    EXPECT_NE(refusal(base + "/s/link/../7/header.ring"), "");
}

// spec: WIRE-153
TEST_P(PathPolicyTest, RefusesALoopOfLinks) {
    fs::create_symlink(base + "/b", base + "/a");
    fs::create_symlink(base + "/a", base + "/b");
    EXPECT_THAT(refusal(base + "/a"), HasSubstr("WIRE-153"));
}

// spec: WIRE-152
TEST_P(PathPolicyTest, RefusesADirectory) {
    EXPECT_THAT(refusal(base + "/s"), HasSubstr("WIRE-152"));
    EXPECT_THAT(refusal(base), HasSubstr("WIRE-151")) << "the base is not inside itself";
    EXPECT_THAT(refusal(base + "/"), HasSubstr("WIRE-151"));
}

// spec: WIRE-152
TEST_P(PathPolicyTest, RefusesAFifoWithoutWaitingForItsOtherEnd) {
    ASSERT_EQ(::mkfifo((base + "/fifo").c_str(), 0600), 0);
    EXPECT_THAT(refusal(base + "/fifo"), HasSubstr("WIRE-152"));
}

// spec: WIRE-152
TEST_P(PathPolicyTest, RefusesASocket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = base + "/socket";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_THAT(refusal(path), HasSubstr("WIRE-152"));
}

// spec: WIRE-152
TEST_P(PathPolicyTest, RefusesADeviceNode) {
    EXPECT_THAT(refusal(policy({"/dev"}), "/dev/null"), HasSubstr("WIRE-152"));
    if (::mknod((base + "/null").c_str(), S_IFCHR | 0600, ::makedev(1, 3)) != 0) {
        GTEST_SKIP() << "this user may not make device nodes";
    }
    EXPECT_THAT(refusal(base + "/null"), HasSubstr("WIRE-152"));
}

TEST_P(PathPolicyTest, SaysThatAFileDoesNotExist) {
    EXPECT_NE(refusal(base + "/s/7/gone", ErrorCode::NotFound), "");
    EXPECT_NE(refusal(base + "/gone/header.ring", ErrorCode::NotFound), "");
    EXPECT_NE(refusal(inside_file + "/x", ErrorCode::NotFound), "") << "a file is no directory";
    fs::create_symlink(base + "/gone", base + "/dangling");
    EXPECT_NE(refusal(base + "/dangling", ErrorCode::NotFound), "");
}

// spec: WIRE-155
TEST_P(PathPolicyTest, RefusesAFileThatTheUserMayNotRead) {
    ASSERT_EQ(::chmod(inside_file.c_str(), 0000), 0);
    fs::permissions(root, fs::perms::all);
    const int outcome = test::in_child([&] {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return test::kNotPossibleHere;
        EXPECT_NE(refusal(inside_file), "");
        return 0;
    });
    if (outcome == test::kNotPossibleHere) GTEST_SKIP() << "cannot become another user";
    EXPECT_EQ(outcome, 0);
}

// spec: WIRE-150
TEST_P(PathPolicyTest, ResolvesABaseOnceAndKeepsToIt) {
    const std::string link = root + "/link";
    fs::create_directory_symlink(base, link);
    const PathPolicy by_link = policy({link});
    EXPECT_EQ(by_link.bases(), std::vector<std::string>{base}) << "canonical";
    EXPECT_EQ(refusal(by_link, inside_file), "");
    EXPECT_EQ(refusal(by_link, link + "/s/7/header.ring"), "") << "as the base was named";
    fs::remove(link);
    fs::create_directory_symlink(outside, link);
    EXPECT_THAT(refusal(by_link, outside_file), HasSubstr("WIRE-151")) << "the link's new target is no base";
    EXPECT_NE(refusal(by_link, link + "/header.ring"), "");
    EXPECT_EQ(refusal(by_link, inside_file), "") << "the old target still is";
}

// spec: WIRE-143 WIRE-150 WIRE-151
TEST_P(PathPolicyTest, TakesFilesOfEveryBaseHoweverTheBasesNest) {
    fs::create_directory_symlink(base + "/s", root + "/link");
    const PathPolicy both = policy({base, outside, root + "/link"});
    EXPECT_EQ(refusal(both, inside_file), "");
    EXPECT_EQ(refusal(both, outside_file), "");
    EXPECT_EQ(refusal(both, root + "/link/7/header.ring"), "") << "a base of its own, inside another";
    EXPECT_THAT(refusal(both, root + "/elsewhere", ErrorCode::NotFound), HasSubstr("elsewhere"));
}

// spec: WIRE-150
TEST_P(PathPolicyTest, TakesABaseNamedWithATrailingSlashAndTheRoot) {
    EXPECT_EQ(refusal(policy({base + "/"}), inside_file), "");
    EXPECT_EQ(refusal(policy({base + "//"}), inside_file), "");
    EXPECT_EQ(refusal(policy({"/"}), inside_file), "");
}

// spec: WIRE-150
TEST_P(PathPolicyTest, RefusesToBeMadeOfAnythingButExistingAbsoluteDirectories) {
    const auto fault = [&](const std::vector<std::string>& bases) -> std::string {
        try {
            return policy(bases).bases().front();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::InvalidConfig);
            return error.what();
        }
    };
    EXPECT_THAT(fault({}), HasSubstr("empty"));
    EXPECT_THAT(fault({""}), HasSubstr("WIRE-150"));
    EXPECT_THAT(fault({"dev/shm"}), HasSubstr("WIRE-150"));
    EXPECT_THAT(fault({base, base + "/gone"}), HasSubstr("gone"));
    EXPECT_THAT(fault({inside_file}), HasSubstr("WIRE-150")) << "a file";
}

// spec: WIRE-151
TEST_P(PathPolicyTest, ContainmentIsByWholeComponents) {
    const PathPolicy only = policy();
    EXPECT_TRUE(only.contains(base + "/x"));
    EXPECT_TRUE(only.contains(inside_file));
    EXPECT_FALSE(only.contains(base));
    EXPECT_FALSE(only.contains(base + "/"));
    EXPECT_FALSE(only.contains(base + "x"));
    EXPECT_FALSE(only.contains(root));
    EXPECT_FALSE(only.contains(""));
    EXPECT_TRUE(policy({"/"}).contains("/x"));
    EXPECT_FALSE(policy({"/"}).contains("/"));
}

}  // namespace
}  // namespace tensorpool::shm
