// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/counters_layout.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "messaging/embedded_backend.hpp"
#include "support/eventually.hpp"
#include "support/forked_child.hpp"

#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace tensorpool {
namespace {

using messaging::CounterInfo;
namespace embedded = messaging::embedded;

struct Copy {
    std::int32_t id;
    std::int32_t type_id;
    std::int64_t value;
    std::string key;
    std::string label;
    bool own;
};

std::vector<Copy> counters_of(messaging::Client& client) {
    std::vector<Copy> found;
    client.for_each_counter([&](const CounterInfo& info) {
        found.push_back({info.id, info.type_id, info.value,
                         std::string(reinterpret_cast<const char*>(info.key.data()), info.key.size()),
                         std::string(info.label), info.own});
    });
    return found;
}

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

class CountersTest : public testing::Test {
protected:
    [[nodiscard]] std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> found;
        std::error_code missing;
        for (const auto& entry :
             std::filesystem::directory_iterator(backend_.directory() + "/counters", missing)) {
            found.push_back(entry.path());
        }
        return found;
    }

    /// Writes over the only counters file there is.
    void overwrite(std::size_t offset, const void* data, std::size_t size) const {
        const int fd = ::open(files().at(0).c_str(), O_WRONLY | O_CLOEXEC);
        ASSERT_GE(fd, 0);
        EXPECT_EQ(::pwrite(fd, data, size, static_cast<off_t>(offset)), static_cast<ssize_t>(size));
        ::close(fd);
    }
    template <typename T>
    void overwrite(std::size_t offset, T value) const {
        overwrite(offset, &value, sizeof(value));
    }

    /// A process that has one counter until it is killed.
    [[nodiscard]] test::ForkedChild child_with_a_counter() const {
        return test::ForkedChild([options = backend_.options()] {
            const auto client = messaging::make_embedded_client(options);
            const auto counter = client->add_counter(1, {}, "of the child");
            ::pause();
            return 0;
        });
    }

    test::EmbeddedBackend backend_;
    std::unique_ptr<messaging::Client> owner_ = backend_.make_client();
    std::unique_ptr<messaging::Client> reader_ = backend_.make_client();
};

TEST_F(CountersTest, AreReadByOthersAsTheirOwnerSetThem) {
    const auto frames = owner_->add_counter(0x70003, bytes("key"), "FramesPublished: NodeId=7");
    const auto more = owner_->add_counter(-5, {}, "");
    frames->set(41);
    frames->set(42);
    more->set(-1);
    const std::vector<Copy> seen = counters_of(*reader_);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].type_id, 0x70003);
    EXPECT_EQ(seen[0].value, 42);
    EXPECT_EQ(seen[0].key, "key");
    EXPECT_EQ(seen[0].label, "FramesPublished: NodeId=7");
    EXPECT_FALSE(seen[0].own);
    EXPECT_EQ(seen[1].type_id, -5);
    EXPECT_EQ(seen[1].value, -1);
    EXPECT_EQ(seen[1].key, "");
    EXPECT_EQ(seen[1].label, "");
    EXPECT_NE(seen[0].id, seen[1].id);
    EXPECT_TRUE(counters_of(*owner_).at(0).own);
}

TEST_F(CountersTest, OfSeveralProcessesHaveDifferentIds) {
    const auto one = owner_->add_counter(1, {}, "one");
    const auto two = reader_->add_counter(1, {}, "two");
    const std::vector<Copy> seen = counters_of(*reader_);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_NE(seen[0].id, seen[1].id);
    EXPECT_EQ(seen[0].label, "one");
    EXPECT_FALSE(seen[0].own);
    EXPECT_TRUE(seen[1].own);
}

// spec: OBS-006
TEST_F(CountersTest, DisappearWithTheirOwnerAndAreGivenOutAgain) {
    auto first = owner_->add_counter(1, bytes("old key"), "a long label of the first");
    const auto second = owner_->add_counter(2, {}, "second");
    first->set(9);
    const std::int32_t id = counters_of(*reader_).at(0).id;
    first.reset();
    ASSERT_EQ(counters_of(*reader_).size(), 1u);
    EXPECT_EQ(counters_of(*reader_)[0].label, "second");
    const auto third = owner_->add_counter(3, {}, "3rd");
    const std::vector<Copy> seen = counters_of(*reader_);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].id, id);
    EXPECT_EQ(seen[0].label, "3rd");
    EXPECT_EQ(seen[0].key, "");
    EXPECT_EQ(seen[0].value, 0) << "nothing of the first is left";
}

TEST_F(CountersTest, LeaveNoFileBehind) {
    auto counter = owner_->add_counter(1, {}, "c");
    EXPECT_EQ(files().size(), 1u);
    counter.reset();
    EXPECT_TRUE(files().empty());
    counter = owner_->add_counter(1, {}, "again");
    EXPECT_EQ(counters_of(*reader_).size(), 1u);
    counter.reset();
    owner_.reset();
    reader_.reset();
    EXPECT_EQ(backend_.entries_left(), 0);
}

TEST_F(CountersTest, ArePrivateToTheirUser) {
    const auto counter = owner_->add_counter(1, {}, "c");
    struct stat status {};
    ASSERT_EQ(::stat(files().at(0).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    ASSERT_EQ(::stat((backend_.directory() + "/counters").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(CountersTest, OfAKilledProcessAreSkippedAndItsFileIsRemoved) {
    test::ForkedChild child = child_with_a_counter();
    ASSERT_TRUE(test::eventually([this] { return counters_of(*reader_).size() == 1; }));
    child.kill();
    EXPECT_TRUE(counters_of(*reader_).empty());
    EXPECT_TRUE(files().empty()) << "whoever notices reaps";
}

TEST_F(CountersTest, OfTheDeadAreReapedByTheHousekeepingOfTheLiving) {
    test::ForkedChild child = child_with_a_counter();
    ASSERT_TRUE(test::eventually([this] { return counters_of(*reader_).size() == 1; }));
    child.kill();
    ASSERT_EQ(files().size(), 1u);
    Nanos now_ns = 0;
    EXPECT_TRUE(test::eventually([&] {
        reader_->do_work(now_ns += kNanosPerSecond);
        return files().empty();
    }));
}

TEST_F(CountersTest, RefuseAKeyThatIsTooLongAndCutALabel) {
    const std::string key(messaging::kMaxCounterKey + 1, 'k');
    EXPECT_THROW(std::ignore = owner_->add_counter(1, bytes(key), "c"), Error);
    const std::string label(messaging::kMaxCounterLabel + 100, 'l');
    const auto counter = owner_->add_counter(1, bytes(key).first(messaging::kMaxCounterKey), label);
    const std::vector<Copy> seen = counters_of(*reader_);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].key.size(), messaging::kMaxCounterKey);
    EXPECT_EQ(seen[0].label, label.substr(0, messaging::kMaxCounterLabel));
}

TEST_F(CountersTest, AreRefusedByNameWhenThereIsNoRoom) {
    std::vector<std::unique_ptr<messaging::Counter>> all;
    for (std::uint32_t i = 0; i < embedded::kCounterCapacity; ++i)
        all.push_back(owner_->add_counter(1, {}, "c"));
    try {
        all.push_back(owner_->add_counter(1, {}, "one too many"));
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::MessagingError);
        EXPECT_THAT(error.what(), testing::HasSubstr("1024"));
    }
    EXPECT_EQ(counters_of(*reader_).size(), embedded::kCounterCapacity);
    all.pop_back();
    EXPECT_NO_THROW(all.push_back(owner_->add_counter(1, {}, "fits again")));
}

TEST_F(CountersTest, AreNeverSeenHalfMadeWhileTheyComeAndGo) {
    std::atomic<bool> stop{false};
    std::thread maker([&] {
        const auto stays = owner_->add_counter(0, {}, "stays");
        for (int round = 0; !stop; ++round) {
            const std::string text(static_cast<std::size_t>(round % 100 + 1),
                                   static_cast<char>('a' + round % 26));
            const auto counter = owner_->add_counter(round % 26, bytes(text), text);
            counter->set(round);
        }
    });
    int looked_at = 0;
    EXPECT_TRUE(test::eventually([&] {
        for (const Copy& seen : counters_of(*reader_)) {
            if (seen.label == "stays") continue;
            ++looked_at;
            EXPECT_FALSE(seen.label.empty());
            EXPECT_EQ(seen.label, std::string(seen.label.size(), seen.key[0]));
            EXPECT_EQ(seen.key, seen.label);
            EXPECT_EQ(seen.type_id, seen.key[0] - 'a');
        }
        return looked_at > 200;
    }));
    stop = true;
    maker.join();
}

// ---- hostile files ----------------------------------------------------------------------------------------

TEST_F(CountersTest, WithLengthsOutOfRangeAreSkipped) {
    const auto bad = owner_->add_counter(1, {}, "bad");
    const auto good = owner_->add_counter(2, {}, "good");
    const std::size_t record = sizeof(embedded::CountersHeader);
    for (const std::uint32_t length : {369u, 0x7fffffffu, 0xffffffffu}) {
        overwrite(record + offsetof(embedded::CounterRecord, label_length), length);
        const std::vector<Copy> seen = counters_of(*reader_);
        ASSERT_EQ(seen.size(), 1u) << length;
        EXPECT_EQ(seen[0].label, "good");
    }
    overwrite(record + offsetof(embedded::CounterRecord, label_length), std::uint32_t{3});
    EXPECT_EQ(counters_of(*reader_).size(), 2u);
    overwrite(record + offsetof(embedded::CounterRecord, key_length), std::uint32_t{113});
    EXPECT_EQ(counters_of(*reader_).size(), 1u);
}

TEST_F(CountersTest, InAFileThatLiesAboutItselfAreNotRead) {
    const auto counter = owner_->add_counter(1, {}, "c");
    const auto check = [&](std::size_t offset, auto value, auto restore, const char* what) {
        overwrite(offset, value);
        EXPECT_TRUE(counters_of(*reader_).empty()) << what;
        overwrite(offset, restore);
        EXPECT_EQ(counters_of(*reader_).size(), 1u) << what;
    };
    check(offsetof(embedded::CountersHeader, magic), std::uint64_t{1}, embedded::kCountersMagic, "magic");
    check(offsetof(embedded::CountersHeader, version), 2u, 1u, "version");
    check(offsetof(embedded::CountersHeader, capacity), 0xffffffffu, embedded::kCounterCapacity, "capacity");
    check(offsetof(embedded::CountersHeader, capacity), 1u, embedded::kCounterCapacity, "smaller capacity");
    overwrite(offsetof(embedded::CountersHeader, used), 0xffffffffu);
    EXPECT_EQ(counters_of(*reader_).size(), 1u) << "a count beyond the end reads to the end";
    overwrite(offsetof(embedded::CountersHeader, session), std::uint64_t{5});
    EXPECT_TRUE(counters_of(*reader_).empty()) << "another process's session";
}

TEST_F(CountersTest, SurviveAFileOfAnySize) {
    const auto counter = owner_->add_counter(1, {}, "c");
    const std::string path = files().at(0);
    const std::string copy = path + ".saved";
    std::filesystem::copy_file(path, copy);
    for (const std::uintmax_t size : {0u, 1u, 511u, 512u, 513u, 1024u, 524799u, 524801u, 5000000u}) {
        // A file of that name and size which looks alive: somebody holds its lock.
        const std::string name = backend_.directory() + "/counters/process-0009-00000000000000aa";
        std::filesystem::copy_file(copy, name, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(name, size);
        const int fd = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_TRUE(fd >= 0);
        const std::uint64_t session = 0xaa;
        if (size >= 24) {
            ASSERT_EQ(::pwrite(fd, &session, 8, 16), 8);
        }
        struct flock lock {};
        lock.l_type = F_WRLCK;
        ASSERT_EQ(::fcntl(fd, F_OFD_SETLK, &lock), 0);
        EXPECT_EQ(counters_of(*reader_).size(), 1u) << size;
        ::close(fd);
    }
}

TEST_F(CountersTest, AreNotReadThroughOtherKindsOfFiles) {
    const auto counter = owner_->add_counter(1, {}, "c");
    const std::string dir = backend_.directory() + "/counters/";
    ASSERT_EQ(::mkfifo((dir + "process-0007-0000000000000001").c_str(), 0600), 0);
    ASSERT_EQ(::symlink(files().at(0).c_str(), (dir + "process-0008-0000000000000001").c_str()), 0);
    std::ofstream(dir + "notes.txt") << "not a counters file";
    std::filesystem::create_directory(dir + "process-0006-0000000000000001");
    EXPECT_EQ(counters_of(*reader_).size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(dir + "notes.txt")) << "what is not ours stays";
    std::filesystem::remove(dir + "process-0008-0000000000000001");
}

}  // namespace
}  // namespace tensorpool
