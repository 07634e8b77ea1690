// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/embedded_client.hpp"

#include "messaging/embedded/registry.hpp"
#include "messaging/embedded_backend.hpp"
#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/pattern.hpp"

#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <random>

namespace tensorpool::test {
namespace {

using messaging::Client;
using messaging::EmbeddedOptions;
using messaging::make_embedded_client;
using messaging::Message;
using messaging::Publication;
using messaging::Subscription;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kMany = 1'000'000;
constexpr const char* kSmall = "aeron:ipc?term-length=64k";

auto ignore = [](const Message&) {};

/// The error's text after a check of its code; empty when nothing was thrown.
template <typename Action>
std::string error_of(ErrorCode code, Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        return error.what();
    }
    return {};
}

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

class EmbeddedTest : public testing::Test {
protected:
    [[nodiscard]] std::string refusal(ErrorCode code) {
        return error_of(code, [&] { (void)backend_.make_client(); });
    }

    EmbeddedBackend backend_;
    fs::path dir_ = backend_.directory();
};

TEST_F(EmbeddedTest, StreamsMeetWhateverTheChannelsParameters) {
    const auto client = backend_.make_client();
    const auto subscription = client->add_subscription("aeron:ipc", 5);
    const auto publication = client->add_publication("aeron:ipc?term-length=64k|alias=x", 5);
    EXPECT_TRUE(publication->is_connected());
    ASSERT_TRUE(publication->offer(pattern(1, 20)).has_value());
    EXPECT_EQ(subscription->poll(ignore, kMany), 1);
    EXPECT_EQ(client->backend(), "embedded");
}

TEST_F(EmbeddedTest, RefusesUdpAndSaysWhatToUse) {
    const auto client = backend_.make_client();
    const std::string channel = "aeron:udp?endpoint=localhost:40123";
    const auto says = AllOf(HasSubstr(channel), HasSubstr("aeron"), HasSubstr("messaging ="));
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { (void)client->add_publication(channel, 1); }), says);
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { (void)client->add_subscription(channel, 1); }), says);
}

TEST_F(EmbeddedTest, RefusesTermLengthsThatNoLogCanHaveAndNamesOneThatCan) {
    const auto client = backend_.make_client();
    const auto refusal_of = [&](const std::string& length) {
        return error_of(ErrorCode::InvalidConfig,
                        [&] { (void)client->add_publication("aeron:ipc?term-length=" + length, 1); });
    };
    EXPECT_THAT(refusal_of("0"), HasSubstr("65536"));
    EXPECT_THAT(refusal_of("32k"), HasSubstr("65536"));
    EXPECT_THAT(refusal_of("65537"), HasSubstr("131072"));
    EXPECT_THAT(refusal_of("3g"), HasSubstr("1073741824"));
    EXPECT_THAT(refusal_of("x"), HasSubstr("\"x\""));
    EXPECT_THAT(error_of(ErrorCode::InvalidConfig, [&] { (void)client->add_publication("ipc", 1); }),
                HasSubstr("\"ipc\""));
}

TEST_F(EmbeddedTest, LogSizeFollowsTheTermLengthAndLimitsTheMessage) {
    const auto client = backend_.make_client();
    const auto small = client->add_publication(kSmall, 1);
    const auto normal = client->add_publication("aeron:ipc", 1);
    EXPECT_EQ(small->max_message_length(), 8192U);
    EXPECT_EQ(small->max_claim_length(), 8192U);
    EXPECT_EQ(normal->max_message_length(), 512U << 10);
    EXPECT_EQ(normal->max_claim_length(), 64U << 10);
}

TEST_F(EmbeddedTest, APublicationThatSaysLittleTakesASmallLogAndNeverMoreThanTheTermLength) {
    const auto client = backend_.make_client();
    const auto subscription = client->add_subscription("aeron:ipc", 1);
    const auto sparse = client->add_sparse_publication("aeron:ipc?term-length=4m", 1);
    const auto smaller = client->add_sparse_publication(kSmall, 1);
    EXPECT_EQ(sparse->max_message_length(), 32U << 10);
    EXPECT_EQ(smaller->max_message_length(), 8192U);
    ASSERT_TRUE(sparse->offer(pattern(1, 32 << 10)).has_value());
    ASSERT_TRUE(smaller->offer(pattern(2, 20)).has_value());
    EXPECT_EQ(subscription->poll(ignore, kMany), 2);
    std::uintmax_t largest = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
        if (entry.path().filename().string().starts_with("log-"))
            largest = std::max(largest, entry.file_size());
    }
    EXPECT_EQ(largest, (256U << 10) + 4096);
}

TEST_F(EmbeddedTest, MakesEverythingPrivateAndLeavesNothing) {
    {
        const auto client = backend_.make_client();
        const auto subscription = client->add_subscription(kSmall, 1);
        const auto publication = client->add_publication(kSmall, 1);
        EXPECT_EQ(mode_of(dir_), 0700U);
        int files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
            EXPECT_EQ(mode_of(entry.path()), entry.is_directory() ? 0700U : 0600U) << entry.path();
            files += entry.is_regular_file() ? 1 : 0;
        }
        EXPECT_EQ(files, 3) << "lock, registry, log";
    }
    EXPECT_EQ(backend_.entries_left(), 0);
}

TEST_F(EmbeddedTest, LetsTheGroupInWhenAskedWhateverTheUmask) {
    const mode_t old_umask = ::umask(077);
    auto options = backend_.options();
    options.group_access = true;
    auto client = make_embedded_client(options);
    auto publication = client->add_publication(kSmall, 1);
    EXPECT_EQ(mode_of(dir_), 02770U);
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
        EXPECT_EQ(mode_of(entry.path()), entry.is_directory() ? 02770U : 0660U) << entry.path();
    }
    // A client of the same user need not be told: only the owner can have opened the directory.
    {
        auto joined = make_embedded_client(backend_.options());
        auto second = joined->add_publication(kSmall, 2);
        for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
            EXPECT_EQ(mode_of(entry.path()), entry.is_directory() ? 02770U : 0660U) << entry.path();
        }
    }
    ::umask(old_umask);
    publication.reset();
    client.reset();
    EXPECT_EQ(backend_.entries_left(), 0);
}

TEST_F(EmbeddedTest, RefusesADirectoryThatIsOpenToOthers) {
    for (const mode_t mode : {0701U, 0710U, 0755U, 0777U}) {
        fs::create_directory(dir_);
        ASSERT_EQ(::chmod(dir_.c_str(), mode), 0);
        EXPECT_THAT(refusal(ErrorCode::AccessDenied),
                    AllOf(HasSubstr(dir_.string()), HasSubstr("chmod 0700")));
        fs::remove(dir_);
    }
}

TEST_F(EmbeddedTest, RefusesADirectoryOfSomeoneElse) {
    if (::geteuid() != 0) GTEST_SKIP() << "giving a directory away needs root";
    fs::create_directory(dir_);
    ASSERT_EQ(::chmod(dir_.c_str(), 0700), 0);
    ASSERT_EQ(::chown(dir_.c_str(), 12345, 12345), 0);
    EXPECT_THAT(refusal(ErrorCode::AccessDenied),
                AllOf(HasSubstr("uid 12345"), HasSubstr("TP_MESSAGING_DIR")));
}

TEST_F(EmbeddedTest, AnotherUserCannotGetIn) {
    if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
    const auto client = backend_.make_client();
    ASSERT_EQ(::chmod(dir_.parent_path().c_str(), 0755), 0);
    ForkedChild stranger([&] {
        if (::setgid(12345) != 0 || ::setuid(12345) != 0) return 1;
        return refusal(ErrorCode::AccessDenied).empty() ? 2 : testing::Test::HasFailure() ? 3 : 0;
    });
    EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(EmbeddedTest, RefusesWhatIsNoDirectory) {
    const fs::path target = dir_.parent_path() / "target";
    fs::create_directory(target);
    fs::create_directory_symlink(target, dir_);
    EXPECT_THAT(refusal(ErrorCode::AccessDenied), HasSubstr("symbolic link"));
    fs::remove(dir_);
    std::ofstream(dir_) << "a file";
    EXPECT_THAT(refusal(ErrorCode::AccessDenied), HasSubstr(dir_.string()));
}

TEST_F(EmbeddedTest, RefusesADirectoryThatCannotBeMade) {
    EmbeddedOptions options;
    options.dir = "relative/path";
    EXPECT_THAT(error_of(ErrorCode::InvalidConfig, [&] { (void)make_embedded_client(options); }),
                HasSubstr("absolute"));
    options.dir = dir_ / "missing" / "parent";
    EXPECT_THAT(error_of(ErrorCode::SystemError, [&] { (void)make_embedded_client(options); }),
                HasSubstr("mkdir"));
}

TEST_F(EmbeddedTest, RefusesASymbolicLinkInPlaceOfItsOwnFiles) {
    const auto client = backend_.make_client();
    std::ofstream(dir_.parent_path() / "precious") << "precious";
    fs::create_directory(dir_ / "stream-7");
    fs::create_symlink(dir_.parent_path() / "precious", dir_ / "stream-7" / "registry");
    EXPECT_THAT(error_of(ErrorCode::SystemError, [&] { (void)client->add_subscription(kSmall, 7); }),
                HasSubstr("registry"));
    EXPECT_EQ(fs::file_size(dir_.parent_path() / "precious"), 8U);
}

TEST_F(EmbeddedTest, TakesTheDirectoryFromTheEnvironment) {
    const char* before = std::getenv("TP_MESSAGING_DIR");
    const std::string saved = before != nullptr ? before : "";
    ::unsetenv("TP_MESSAGING_DIR");
    EXPECT_THAT(messaging::default_embedded_dir(), testing::StartsWith("/dev/shm/tensorpool-messaging-"));
    ::setenv("TP_MESSAGING_DIR", dir_.c_str(), 1);
    EXPECT_EQ(messaging::default_embedded_dir(), dir_.string());
    {
        const auto client = make_embedded_client();
        EXPECT_TRUE(fs::exists(dir_));
    }
    before != nullptr ? ::setenv("TP_MESSAGING_DIR", saved.c_str(), 1) : ::unsetenv("TP_MESSAGING_DIR");
}

TEST_F(EmbeddedTest, ADirectoryThatTheLastClientRemovedIsMadeAgain) {
    const auto idle = backend_.make_client();
    { const auto other = backend_.make_client(); }  // removes the directory under the idle client
    EXPECT_FALSE(fs::exists(dir_));
    const auto subscription = idle->add_subscription(kSmall, 1);
    const auto publication = idle->add_publication(kSmall, 1);
    EXPECT_TRUE(publication->is_connected());
}

TEST_F(EmbeddedTest, AStreamLeavesNoFileOnceNobodyUsesIt) {
    const auto client = backend_.make_client();
    const auto kept = client->add_subscription(kSmall, 1);
    { const auto publication = client->add_publication(kSmall, 2); }
    EXPECT_TRUE(fs::exists(dir_ / "stream-1"));
    EXPECT_FALSE(fs::exists(dir_ / "stream-2"));
}

TEST_F(EmbeddedTest, OneSubscriptionTooManyIsRefusedAndAFreedPlaceIsReused) {
    const auto client = backend_.make_client();
    std::vector<std::unique_ptr<Subscription>> all;
    for (unsigned i = 0; i < messaging::embedded::kSlots; ++i)
        all.push_back(client->add_subscription(kSmall, 1));
    EXPECT_THAT(error_of(ErrorCode::MessagingError, [&] { (void)client->add_subscription(kSmall, 1); }),
                HasSubstr("256 subscriptions"));
    all.erase(all.begin() + 100);
    all.push_back(client->add_subscription(kSmall, 1));
    const auto publication = client->add_publication(kSmall, 1);
    ASSERT_TRUE(publication->offer(pattern(1, 20)).has_value());
    for (const auto& subscription : all) EXPECT_EQ(subscription->poll(ignore, kMany), 1);
}

TEST_F(EmbeddedTest, SaysSoWhenTheLogDoesNotFit) {
    fs::create_directory(dir_);
    ASSERT_EQ(::chmod(dir_.c_str(), 0700), 0);
    if (::mount("tmpfs", dir_.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
        GTEST_SKIP() << "mounting a small file system needs root";
    }
    {
        const auto client = backend_.make_client();
        EXPECT_THAT(error_of(ErrorCode::NoSpace, [&] { (void)client->add_publication("aeron:ipc", 1); }),
                    AllOf(HasSubstr("4198400 bytes"), HasSubstr("term-length")));
        EXPECT_FALSE(fs::exists(dir_ / "stream-1")) << "the failure left something behind";
        const auto smaller = client->add_publication(kSmall, 1);
    }
    EXPECT_EQ(::umount(dir_.c_str()), 0);
}

TEST_F(EmbeddedTest, CountsExactlyWhatAnOverrunLost) {
    const auto client = backend_.make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    const auto publication = client->add_publication(kSmall, 1);
    std::uint64_t seq = 0;
    std::uint64_t sent_cells = 0;
    std::uint64_t read_cells = 0;
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 2'000; ++i, ++seq) {
            ASSERT_TRUE(publication->offer(pattern(seq, 8 + seq % 300)).has_value());
            sent_cells += messaging::embedded::cells_for(8 + seq % 300);
        }
        while (subscription->poll(
                   [&](const Message& message) {
                       read_cells += messaging::embedded::cells_for(message.bytes.size());
                   },
                   kMany) > 0) {
        }
        EXPECT_EQ(subscription->lost_bytes(), (sent_cells - read_cells) * 64);
        EXPECT_EQ(subscription->overruns(), static_cast<std::uint64_t>(round) + 1);
    }
}

TEST_F(EmbeddedTest, IgnoresAListedFileThatIsNoLog) {
    const auto client = backend_.make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    const messaging::embedded::Directory directory(dir_, false);
    messaging::embedded::LogIdentity fake;
    const auto registry = [&] {
        const auto lock = directory.lock();
        auto made = std::make_unique<messaging::embedded::StreamRegistry>(directory, lock, 1);
        fake = made->claim_publication();
        std::ofstream(dir_ / "stream-1" / messaging::embedded::log_name(fake).data())
            << std::string(69632, 'x');
        made->show_publication(fake);
        return made;
    }();
    EXPECT_EQ(subscription->poll(ignore, kMany), 0);
    EXPECT_EQ(subscription->image_count(), 0);
    const auto publication = client->add_publication(kSmall, 1);
    ASSERT_TRUE(publication->offer(pattern(1, 20)).has_value());
    EXPECT_EQ(subscription->poll(ignore, kMany), 1);
    const auto lock = directory.lock();
    registry->release_publication(fake);
}

TEST_F(EmbeddedTest, MakesADamagedRegistryAnewOnlyWhenNobodyUsesIt) {
    const auto client = backend_.make_client();
    const fs::path file = dir_ / "stream-3" / "registry";
    for (const std::string& junk : {std::string(17, 'x'), std::string(4096, 'y'), std::string(9000, 'z')}) {
        fs::create_directory(dir_ / "stream-3");
        std::ofstream(file) << junk;
        const auto subscription = client->add_subscription(kSmall, 3);
        const auto publication = client->add_publication(kSmall, 3);
        EXPECT_TRUE(publication->is_connected());
    }
    const auto subscription = client->add_subscription(kSmall, 3);
    std::fstream(file, std::ios::in | std::ios::out).write("damaged!", 8);
    const auto other = backend_.make_client();
    EXPECT_THAT(error_of(ErrorCode::ProtocolError, [&] { (void)other->add_publication(kSmall, 3); }),
                AllOf(HasSubstr(file.string()), HasSubstr("in use")));
}

TEST_F(EmbeddedTest, SurvivesSharedMemoryThatIsScribbledOver) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto client = backend_.make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    std::vector<std::unique_ptr<Publication>> publications;
    for (int i = 0; i < 3; ++i) publications.push_back(client->add_publication(kSmall, 1));
    std::vector<int> files;
    for (const auto& entry : fs::directory_iterator(dir_ / "stream-1")) {
        files.push_back(::open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
    }
    ASSERT_EQ(files.size(), 4U);
    for (int round = 0; round < 2'000; ++round) {
        for (const auto& publication : publications) (void)publication->offer(pattern(1, 8 + random() % 500));
        const std::uint64_t noise = random();
        const int fd = files[random() % files.size()];
        struct stat status {};
        ASSERT_EQ(::fstat(fd, &status), 0);
        const auto at = static_cast<off_t>(random() % static_cast<std::uint64_t>(status.st_size - 8) & ~7U);
        ASSERT_EQ(::pwrite(fd, &noise, sizeof(noise), at), 8);
        subscription->poll([&](const Message& message) { (void)read_pattern(message.bytes); }, 100);
        if (round % 100 == 0) client->do_work(monotonic_now_ns() + round * kNanosPerSecond);
    }
    for (const int fd : files) ::close(fd);
}

TEST_F(EmbeddedTest, TwoUsersOfTheMachineHaveDifferentDefaultDirectories) {
    if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
    const std::string ours = messaging::default_embedded_dir();
    ForkedChild other([&] {
        if (::setuid(54321) != 0) return 1;
        ::unsetenv("TP_MESSAGING_DIR");
        return messaging::default_embedded_dir() == "/dev/shm/tensorpool-messaging-uid54321" ? 0 : 2;
    });
    EXPECT_EQ(other.wait(), 0);
}

}  // namespace
}  // namespace tensorpool::test
