// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/log_layout.hpp"
#include "messaging/embedded_backend.hpp"
#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/pattern.hpp"
#include "support/rounds.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <random>

// Real processes, SIGKILL at random moments: nothing torn is accepted, nothing leaks, nobody gets stuck.
namespace tensorpool::test {
namespace {

using messaging::Client;
using messaging::Message;
using messaging::Publication;
using messaging::Subscription;

constexpr int kMany = 1'000'000;
constexpr const char* kSmall = "aeron:ipc?term-length=64k";

/// Spins for a random time; it only makes the moment of a kill random.
void dawdle(std::mt19937& random, Nanos longest_ns) {
    const Nanos end = monotonic_now_ns() + static_cast<Nanos>(random()) % longest_ns;
    while (monotonic_now_ns() < end) {
    }
}

/// Publishes random patterns until it is killed.
[[noreturn]] void publish_for_ever(Publication& publication, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> buffer(2'000);
    for (std::uint64_t seq = 0;;) {
        const std::size_t length = kPatternHeader + random() % (random() % 8 == 0 ? 1'900 : 60);
        const std::span<std::byte> message(buffer.data(), length);
        if (random() % 4 == 0) {
            auto claim = publication.try_claim(length);
            if (!claim) continue;
            fill_pattern(claim->bytes(), seq);
            if (random() % 8 == 0) continue;  // forgotten
            claim->commit();
        } else {
            fill_pattern(message, seq);
            if (!publication.offer(message)) continue;
        }
        ++seq;
    }
}

/// Checks what comes from one writer.
class StreamCheck {
public:
    void operator()(const Message& message) {
        ++messages;
        const auto seq = read_pattern(message.bytes);
        if (!seq || *seq < next_) {
            ++torn;
            return;
        }
        if (*seq > next_) gaps += *seq - next_;
        next_ = *seq + 1;
    }
    void new_writer() { next_ = 0; }

    std::uint64_t messages = 0;
    std::uint64_t torn = 0;
    std::uint64_t gaps = 0;

private:
    std::uint64_t next_ = 0;
};

class EmbeddedKillTest : public testing::Test {
protected:
    EmbeddedKillTest() {
        seed_ = std::random_device{}();
        random_.seed(seed_);
        std::printf("seed %u\n", seed_);
    }
    [[nodiscard]] std::unique_ptr<Client> make_client() {
        auto options = backend_.options();
        options.liveness_interval_ns = 0;  // look at every do_work
        return messaging::make_embedded_client(options);
    }
    [[nodiscard]] int logs_left() const {
        int count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(backend_.directory())) {
            count += entry.path().filename().string().starts_with("log-") ? 1 : 0;
        }
        return count;
    }

    EmbeddedBackend backend_;
    unsigned seed_ = 0;
    std::mt19937 random_;
};

TEST_F(EmbeddedKillTest, AWriterKilledAtAnyInstructionLeavesOnlyWholeMessagesAndNoFile) {
    const auto client = make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    StreamCheck check;
    for (int round = 0; round < rounds(1'000); ++round) {
        check.new_writer();
        const auto seed = static_cast<unsigned>(random_());
        ForkedChild writer([&]() -> int {
            const auto own = make_client();
            const auto publication = own->add_publication(kSmall, 1);
            publish_for_ever(*publication, seed);
        });
        // Some die while they are still setting up, most in the middle of publishing.
        if (random_() % 4 == 0) {
            dawdle(random_, 2 * kNanosPerMilli);
        } else {
            const std::uint64_t enough = check.messages + 1 + random_() % 2'000;
            ASSERT_TRUE(eventually([&] { return subscription->poll(check, 100), check.messages >= enough; }));
        }
        writer.kill();
        ASSERT_TRUE(eventually([&] {
            client->do_work(monotonic_now_ns());
            return subscription->poll(check, kMany) == 0 && subscription->image_count() == 0 &&
                   !subscription->is_connected();
        })) << "round "
            << round;
        ASSERT_EQ(check.torn, 0U) << "round " << round;
    }
    // A log of a writer that died before it was seen goes when the stream is next joined.
    { const auto sweeper = client->add_publication(kSmall, 1); }
    EXPECT_EQ(logs_left(), 0);
    EXPECT_EQ(check.gaps > 0, subscription->lost_bytes() > 0)
        << "messages went missing without being counted";
    EXPECT_GT(check.messages, 0U);
}

TEST_F(EmbeddedKillTest, AReaderKilledAtAnyInstructionNeverStopsTheWriter) {
    const auto client = make_client();
    const auto publication = client->add_publication(kSmall, 1);
    std::uint64_t seq = 0;
    std::vector<std::byte> buffer(400);
    const auto publish_some = [&] {
        for (int i = 0; i < 50; ++i, ++seq) {
            const std::span<std::byte> message(buffer.data(), kPatternHeader + random_() % 390);
            fill_pattern(message, seq);
            (void)publication->offer(message);
        }
    };
    for (int round = 0; round < rounds(1'000); ++round) {
        const bool sleeps = round % 2 == 0;
        ForkedChild reader([&]() -> int {
            const auto own = make_client();
            const auto subscription = own->add_subscription(kSmall, 1);
            const std::array<Subscription*, 1> all{subscription.get()};
            StreamCheck check;
            while (check.torn == 0) {
                if (subscription->poll(check, 100) == 0 && sleeps) own->wait(all, kNanosPerSecond);
            }
            return 1;
        });
        if (random_() % 4 == 0) {
            dawdle(random_, 2 * kNanosPerMilli);
        } else {
            ASSERT_TRUE(eventually([&] { return publication->is_connected(); }));
            for (std::uint64_t i = random_() % 20; i > 0; --i) publish_some();
        }
        ASSERT_TRUE(reader.running()) << "it saw a torn message";
        reader.kill();
        ASSERT_TRUE(eventually([&] {
            client->do_work(monotonic_now_ns());
            publish_some();
            return !publication->is_connected();
        })) << "round "
            << round;
    }
}

TEST_F(EmbeddedKillTest, ProcessesKilledWhileTheyComeAndGoLeaveNothing) {
    for (int round = 0; round < rounds(500); ++round) {
        const auto churn = [&]() -> int {
            for (std::int32_t stream = 0;; stream = (stream + 1) % 3) {
                const auto own = make_client();
                const auto subscription = own->add_subscription(kSmall, stream);
                const auto publication = own->add_publication(kSmall, stream);
                const auto second = own->add_publication(kSmall, (stream + 1) % 3);
                (void)publication->offer(pattern(1, 100));
                subscription->poll([](const Message&) {}, 10);
                own->do_work(monotonic_now_ns());
            }
        };
        {
            ForkedChild one(churn);
            ForkedChild two(churn);
            dawdle(random_, 3 * kNanosPerMilli);
            one.kill();
            dawdle(random_, kNanosPerMilli);
        }
        const auto client = make_client();
        for (std::int32_t stream = 0; stream < 3; ++stream) {
            const auto publication = client->add_publication(kSmall, stream);
            ASSERT_FALSE(publication->is_connected()) << "a dead subscriber was taken for a live one";
            const auto subscription = client->add_subscription(kSmall, stream);
            ASSERT_EQ(subscription->image_count(), 1) << "a dead publication was taken for a live one";
            ASSERT_TRUE(publication->offer(pattern(7, 100)).has_value());
            ASSERT_EQ(subscription->poll([](const Message& m) { EXPECT_EQ(read_pattern(m.bytes), 7U); }, 10),
                      1);
        }
    }
    EXPECT_EQ(backend_.entries_left(), 0);
}

TEST_F(EmbeddedKillTest, ACrashLoopUsesUpNeitherSlotsNorFiles) {
    const auto client = make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    const auto publication = client->add_publication(kSmall, 1);
    // More rounds than a registry has slots; nobody but the crashing program itself cleans up.
    for (int round = 0; round < 300; ++round) {
        ForkedChild crasher([&]() -> int {
            const auto own = make_client();
            const auto reads = own->add_subscription(kSmall, 1);
            const auto writes = own->add_publication(kSmall, 1);
            ::kill(::getpid(), SIGKILL);
            return 0;
        });
        ASSERT_EQ(crasher.wait(), -SIGKILL);
        ASSERT_LE(logs_left(), 2);
    }
    EXPECT_GT(client->do_work(monotonic_now_ns()), 0);
    EXPECT_EQ(logs_left(), 1);
    subscription->poll([](const Message&) {}, 1);
    subscription->poll([](const Message&) {}, 1);
    EXPECT_EQ(subscription->image_count(), 1);
}

TEST_F(EmbeddedKillTest, AReaderSlowerThanAWriterInAnotherProcessAccountsForEveryCell) {
    struct Shared {
        std::atomic<std::uint64_t> cells_sent{0};
        std::atomic<bool> finished{false};
        std::atomic<bool> may_exit{false};
    };
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto* shared = new (memory) Shared;
    const auto total = static_cast<std::uint64_t>(rounds(1'000'000));
    const auto seed = static_cast<unsigned>(random_());
    ForkedChild writer([&] {
        const auto own = make_client();
        const auto publication = own->add_publication(kSmall, 1);
        std::mt19937 random(seed);
        std::vector<std::byte> buffer(900);
        std::uint64_t cells = 0;
        for (std::uint64_t seq = 0; seq < total;) {
            const std::size_t length = kPatternHeader + random() % (random() % 8 == 0 ? 800 : 90);
            fill_pattern({buffer.data(), length}, seq);
            if (!publication->offer({buffer.data(), length})) continue;
            cells += messaging::embedded::cells_for(length);
            ++seq;
        }
        shared->cells_sent = cells;
        shared->finished = true;
        return eventually([&] { return shared->may_exit.load(); }) ? 0 : 1;
    });
    const auto client = make_client();
    const auto subscription = client->add_subscription(kSmall, 1);
    StreamCheck check;
    std::uint64_t cells_read = 0;
    std::uint64_t polls = 0;
    EXPECT_TRUE(eventually([&] {
        const bool finished = shared->finished;
        const int got = subscription->poll(
            [&](const Message& message) {
                check(message);
                cells_read += messaging::embedded::cells_for(message.bytes.size());
            },
            64);
        if (++polls % 50 == 0) dawdle(random_, 100'000);  // falls behind, often
        return finished && got == 0;
    }));
    EXPECT_EQ(check.torn, 0U);
    EXPECT_EQ(cells_read * 64 + subscription->lost_bytes(), shared->cells_sent * 64);
    EXPECT_EQ(check.messages + check.gaps, total);
    shared->may_exit = true;
    EXPECT_EQ(writer.wait(), 0);
    ::munmap(memory, sizeof(Shared));
}

}  // namespace
}  // namespace tensorpool::test
