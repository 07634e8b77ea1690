// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/stream_files.hpp"

#include <tensorpool/clock.hpp>
#include <tensorpool/error.hpp>

#include "shm/region_uri.hpp"
#include "shm/stream_fixture.hpp"
#include "support/forked_child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

namespace tensorpool::shm {
namespace {

using test::names_in;
using test::StreamPlace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

constexpr std::uint32_t kStream = StreamPlace::kStream;

std::string failure(const std::function<void()>& act, ErrorCode expected) {
    try {
        act();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), expected) << error.what();
        return error.what();
    }
    return "";
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

// spec: WIRE-144 DRV-132
TEST(StreamPathsTest, LieBelowBaseUserNamespaceStreamAndEpoch) {
    const StreamPaths paths{"/dev/shm", "alice", "lab"};
    EXPECT_EQ(paths.stream_dir(10000), "/dev/shm/tensorpool-alice/lab/10000");
    EXPECT_EQ(paths.epoch_dir(10000, 18446744073709551614U),
              "/dev/shm/tensorpool-alice/lab/10000/18446744073709551614");
}

// spec: WIRE-145
TEST(StreamPathsTest, AnyUserNameBecomesOneSafeComponent) {
    for (const auto& [name, safe] :
         std::vector<std::pair<std::string, std::string>>{{"alice", "alice"},
                                                          {"a.b_c-D9", "a.b_c-D9"},
                                                          {"", "_"},
                                                          {".", "_"},
                                                          {"..", "_"},
                                                          {"...", "..."},
                                                          {"../../etc", ".._.._etc"},
                                                          {"a/b", "a_b"},
                                                          {"a b|c?d", "a_b_c_d"},
                                                          {std::string("a\0b", 3), "a_b"},
                                                          {"\xc3\xa4", "__"},
                                                          {"DOM\\u", "DOM_u"}}) {
        EXPECT_EQ(sanitise_component(name), safe);
        EXPECT_TRUE(is_safe_component(sanitise_component(name))) << name;
    }
    EXPECT_EQ(sanitise_component(std::string(1000, 'x')).size(), 64U);
    EXPECT_TRUE(is_safe_component(sanitised_user()));
}

// spec: WIRE-145
TEST(StreamPathsTest, ANamespaceThatCouldTraversePathsIsNotSafe) {
    for (const std::string_view text : {"", ".", "..", "a/b", "/", "a b", "\xff", "a\n"}) {
        EXPECT_FALSE(is_safe_component(text)) << text;
    }
    EXPECT_FALSE(is_safe_component(std::string(65, 'a')));
    for (const std::string_view text : {"default", "a.b", "..a", "-", "_", "0"})
        EXPECT_TRUE(is_safe_component(text));
}

class StreamFilesTest : public testing::Test {
protected:
    /// An epoch directory that never got its files.
    void make_bare_epoch(std::uint64_t epoch) const { fs::create_directories(place.epoch_dir(epoch)); }
    [[nodiscard]] std::vector<std::uint64_t> epochs() const { return list_epochs(place.paths, kStream); }

    const StreamPlace place;
    const std::string stream_dir = place.paths.stream_dir(kStream);
};

// spec: WIRE-070 WIRE-144 WIRE-146 DRV-109
TEST_F(StreamFilesTest, ANewEpochHasItsRegionsWrittenWhenItIsHandedOut) {
    const StreamMapping mapping = place.create();
    EXPECT_THAT(names_in(place.epoch_dir()), ElementsAre("1.pool", "2.pool", "header.ring"));
    EXPECT_EQ(mapping.layout().header_uri, "shm:file?path=" + place.epoch_dir() + "/header.ring");
    EXPECT_EQ(mapping.layout().pools[1].uri, "shm:file?path=" + place.epoch_dir() + "/2.pool");
    EXPECT_EQ(mapping.layout().pools[1].nslots, 8U);
    EXPECT_EQ(fs::file_size(place.epoch_dir() + "/header.ring"), 64U + 8 * 256);
    EXPECT_EQ(fs::file_size(place.epoch_dir() + "/1.pool"), 64U + 8 * 4096);
    const StreamMapping reader = StreamMapping::open(mapping.layout(), place.policy(), Access::ReadOnly);
    const wire::Superblock block = reader.read_header_superblock();
    EXPECT_EQ(std::uint64_t{block.pid}, static_cast<std::uint64_t>(::getpid()));
    EXPECT_EQ(std::uint64_t{block.start_timestamp_ns}, StreamPlace::kNow);
}

// spec: WIRE-163 DRV-134
TEST_F(StreamFilesTest, DirectoriesAndFilesHaveTheModesOfPrivateAndSharedUse) {
    const mode_t old = ::umask(0077);
    StreamCreation shared = StreamPlace::small_stream(6);
    shared.stream_id = kStream + 1;
    shared.regions.file_mode = 0660;
    (void)place.create();
    EXPECT_EQ(mode_of(place.epoch_dir()), 0700U);
    EXPECT_EQ(mode_of(stream_dir), 0700U);
    EXPECT_EQ(mode_of(place.epoch_dir() + "/header.ring"), 0600U);
    EXPECT_EQ(mode_of(place.epoch_dir() + "/1.pool"), 0600U);
    (void)create_stream(place.paths, shared, StreamPlace::kNow);
    EXPECT_EQ(mode_of(place.paths.epoch_dir(kStream + 1, 6)), 02770U);
    EXPECT_EQ(mode_of(place.paths.stream_dir(kStream + 1)), 02770U);
    EXPECT_EQ(mode_of(place.paths.epoch_dir(kStream + 1, 6) + "/2.pool"), 0660U);
    ::umask(old);
}

// spec: WIRE-131 DRV-102
TEST_F(StreamFilesTest, AnEpochIsNeverMadeTwice) {
    const StreamMapping first = place.create();
    first.header_slots()[0] = std::byte{42};
    EXPECT_THAT(failure([&] { (void)place.create(); }, ErrorCode::InvalidArgument),
                HasSubstr("exists already"));
    EXPECT_EQ(StreamMapping::open(first.layout(), place.policy(), Access::ReadOnly).header_slots()[0],
              std::byte{42})
        << "the first one's files are as they were";
    fs::create_directory_symlink(place.epoch_dir(), place.epoch_dir(6));
    EXPECT_NE(failure([&] { (void)place.create(6); }, ErrorCode::InvalidArgument), "")
        << "also by a link's name";
}

TEST_F(StreamFilesTest, AnEpochThatDoesNotFitLeavesNothingOfItself) {
    StreamCreation large = StreamPlace::small_stream();
    large.header_nslots = 1U << 30;
    large.pools = {{1, 0, 64, ""}, {2, 0, 1U << 31, ""}};
    large.regions.prefault = false;  // the ring and the first pool succeed, the second pool cannot
    EXPECT_NE(
        failure([&] { (void)create_stream(place.paths, large, StreamPlace::kNow); }, ErrorCode::NoSpace), "");
    EXPECT_FALSE(fs::exists(place.epoch_dir()));
    EXPECT_EQ(test::mappings_below(place.paths.base_dir), 0);
}

// spec: WIRE-145 DRV-130
TEST_F(StreamFilesTest, ALinkInPlaceOfADirectoryIsNotFollowed) {
    const test::TempDir outside;
    fs::create_directory_symlink(outside.path(), place.paths.base_dir + "/tensorpool-me");
    EXPECT_THAT(failure([&] { (void)place.create(); }, ErrorCode::AccessDenied),
                HasSubstr("not a directory"));
    EXPECT_THAT(names_in(outside.str()), IsEmpty());
    fs::remove(place.paths.base_dir + "/tensorpool-me");
    fs::create_directories(fs::path(stream_dir).parent_path());
    fs::create_directory_symlink(outside.path(), stream_dir);
    EXPECT_NE(failure([&] { (void)place.create(); }, ErrorCode::AccessDenied), "");
    EXPECT_THAT(names_in(outside.str()), IsEmpty());
}

TEST_F(StreamFilesTest, AMissingBaseDirectoryIsAnErrorAndIsNotMade) {
    StreamPaths paths = place.paths;
    paths.base_dir += "/gone";
    EXPECT_THAT(
        failure([&] { (void)create_stream(paths, StreamPlace::small_stream(), 1); }, ErrorCode::NotFound),
        HasSubstr("/gone"));
    EXPECT_FALSE(fs::exists(paths.base_dir));
}

TEST_F(StreamFilesTest, TheBytesOfAStreamAreThoseOfItsFilesInWholePages) {
    const StreamCreation what = StreamPlace::small_stream();
    (void)place.create();
    std::uint64_t sum = 0;
    for (const std::string& name : names_in(place.epoch_dir())) {
        sum += rounded_file_bytes(place.paths.base_dir, fs::file_size(place.epoch_dir() + "/" + name));
    }
    EXPECT_EQ(stream_bytes(place.paths.base_dir, what), sum);
    StreamCreation large = what;
    large.header_nslots = 1U << 20;
    large.pools = {{1, 0, 1U << 20, ""}};
    EXPECT_GT(stream_bytes(place.paths.base_dir, large), std::uint64_t{1} << 40) << "64 bits";
}

TEST_F(StreamFilesTest, OnlyDirectoriesNamedByTheirNumberAreEpochs) {
    EXPECT_THAT(epochs(), IsEmpty()) << "no directory at all";
    for (const char* name : {"9", "10", "0", "18446744073709551615", "007", "+5", "-1", "5x", "x5", " 5",
                             "0x10", "", "18446744073709551616", "99999999999999999999999"}) {
        fs::create_directories(stream_dir + "/" + name);
    }
    std::ofstream(stream_dir + "/11") << "a file";
    fs::create_directory_symlink(stream_dir + "/9", stream_dir + "/12");
    EXPECT_THAT(epochs(), ElementsAre(0, 9, 10, std::numeric_limits<std::uint64_t>::max()));
}

// spec: WIRE-131 DRV-003 DRV-120
TEST_F(StreamFilesTest, TheNextEpochLiesAboveEverythingThereWas) {
    const auto before = static_cast<std::uint64_t>(realtime_now_ns());
    const std::uint64_t first = next_epoch(place.paths, kStream, 0);
    EXPECT_GE(first, before) << "above what a driver before us handed out, even when its files are gone";
    EXPECT_GT(next_epoch(place.paths, kStream, first), first);
    const std::uint64_t far = std::numeric_limits<std::uint64_t>::max() / 2;
    EXPECT_EQ(next_epoch(place.paths, kStream, far), far + 1);
    make_bare_epoch(far + 10);
    EXPECT_EQ(next_epoch(place.paths, kStream, far), far + 11) << "above every directory";
    EXPECT_EQ(next_epoch(place.paths, kStream, far + 20), far + 21);
    EXPECT_LT(next_epoch(place.paths, kStream + 1, 0), far) << "of this stream only";
}

// spec: WIRE-022
TEST_F(StreamFilesTest, EpochsDoNotWrapAround) {
    constexpr std::uint64_t kNull = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(next_epoch(place.paths, kStream, kNull - 2), kNull - 1);
    EXPECT_NE(failure([&] { (void)next_epoch(place.paths, kStream, kNull - 1); }, ErrorCode::InvalidArgument),
              "");
    EXPECT_NE(failure([&] { (void)next_epoch(place.paths, kStream, kNull); }, ErrorCode::InvalidArgument),
              "");
    make_bare_epoch(kNull - 1);
    EXPECT_THAT(failure([&] { (void)next_epoch(place.paths, kStream, 0); }, ErrorCode::InvalidArgument),
                HasSubstr("remove its directory"));
}

// spec: WIRE-140 WIRE-142
TEST_F(StreamFilesTest, RemovingAnEpochTakesItsRegionsAndItsDirectory) {
    (void)place.create(5);
    (void)place.create(6);
    EXPECT_TRUE(remove_epoch(place.paths, kStream, 5));
    EXPECT_FALSE(fs::exists(place.epoch_dir(5)));
    EXPECT_THAT(epochs(), ElementsAre(6));
    EXPECT_TRUE(remove_epoch(place.paths, kStream, 5)) << "gone is gone";
    EXPECT_TRUE(remove_epoch(place.paths, kStream + 1, 5));
}

// spec: WIRE-142
TEST_F(StreamFilesTest, RemovingAnEpochLeavesWhatIsNotOurs) {
    (void)place.create();
    std::ofstream(place.epoch_dir() + "/notes.txt") << "mine";
    std::ofstream(place.epoch_dir() + "/x1.pool") << "mine";
    std::ofstream(place.epoch_dir() + "/65536.pool") << "mine";
    fs::create_directories(place.epoch_dir() + "/3.pool");
    EXPECT_FALSE(remove_epoch(place.paths, kStream, 5));
    EXPECT_THAT(names_in(place.epoch_dir()), ElementsAre("3.pool", "65536.pool", "notes.txt", "x1.pool"));
}

// spec: WIRE-142
TEST_F(StreamFilesTest, RemovingAnEpochFollowsNoLink) {
    (void)place.create(5);
    fs::create_directory_symlink(place.epoch_dir(5), place.epoch_dir(6));
    EXPECT_FALSE(remove_epoch(place.paths, kStream, 6));
    EXPECT_THAT(names_in(place.epoch_dir(5)), ElementsAre("1.pool", "2.pool", "header.ring"));
    const std::string precious = place.paths.base_dir + "/precious";
    std::ofstream(precious) << "mine";
    make_bare_epoch(7);
    fs::create_symlink(precious, place.epoch_dir(7) + "/1.pool");
    EXPECT_TRUE(remove_epoch(place.paths, kStream, 7));
    EXPECT_TRUE(fs::exists(precious)) << "the link went, not what it led to";
}

TEST_F(StreamFilesTest, EmptyParentsGoUpToTheBase) {
    (void)place.create();
    remove_empty_parents(place.paths, kStream);
    EXPECT_TRUE(fs::exists(place.epoch_dir())) << "nothing is empty";
    ASSERT_TRUE(remove_epoch(place.paths, kStream, 5));
    remove_empty_parents(place.paths, kStream);
    EXPECT_THAT(names_in(place.paths.base_dir), IsEmpty());
    EXPECT_TRUE(fs::exists(place.paths.base_dir));
    remove_empty_parents(place.paths, kStream);

    (void)place.create();
    ASSERT_TRUE(remove_epoch(place.paths, kStream, 5));
    fs::create_directories(place.paths.stream_dir(8) + "/1");
    remove_empty_parents(place.paths, kStream);
    EXPECT_FALSE(fs::exists(stream_dir));
    EXPECT_TRUE(fs::exists(place.paths.stream_dir(8))) << "another stream's stay";
}

// spec: WIRE-142
TEST_F(StreamFilesTest, EpochsOfADeadWriterAreRemovedAndThoseOfALivingOneStay) {
    test::ForkedChild child([&] {
        (void)place.create(5);
        return 0;
    });
    ASSERT_EQ(child.wait(), 0);
    (void)place.create(6);
    EXPECT_EQ(remove_dead_epochs(place.paths, kStream), 1);
    EXPECT_THAT(epochs(), ElementsAre(6));
    EXPECT_EQ(remove_dead_epochs(place.paths, kStream), 0);
    EXPECT_EQ(remove_dead_epochs(place.paths, kStream + 1), 0) << "a stream without a directory";
}

// spec: WIRE-142
TEST_F(StreamFilesTest, AnEpochThatWasCutShortIsRemovedUnlessItIsBeingMadeRightNow) {
    make_bare_epoch(5);
    make_bare_epoch(6);
    std::ofstream(place.epoch_dir(6) + "/header.ring") << "no superblock yet";
    make_bare_epoch(8);
    const base::UniqueFd maker(::open(place.epoch_dir(8).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(maker.get(), LOCK_EX), 0);
    EXPECT_EQ(remove_dead_epochs(place.paths, kStream), 2);
    EXPECT_THAT(epochs(), ElementsAre(8));
    ::flock(maker.get(), LOCK_UN);
    EXPECT_EQ(remove_dead_epochs(place.paths, kStream), 1);
    EXPECT_THAT(epochs(), IsEmpty());
}

}  // namespace
}  // namespace tensorpool::shm
