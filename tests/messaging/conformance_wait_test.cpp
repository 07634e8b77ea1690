// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/conformance.hpp"

#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/pattern.hpp"
#include "support/rounds.hpp"

#include <array>
#include <atomic>
#include <random>
#include <thread>

// Several threads or processes: streaming, and sleeping until there is something to read.
namespace tensorpool::test {

using messaging::Message;
using messaging::Subscription;

namespace {

constexpr int kMany = 1'000'000;
constexpr Nanos kMinute = 60 * kNanosPerSecond;

auto ignore = [](const Message&) {};

}  // namespace

TEST_P(MessagingConformance, WaitReturnsAtOnceWhenAMessageIsThere) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, 1);
    const auto publication = client->add_publication(channel_, 1);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    ASSERT_TRUE(send(*publication, pattern(1, 20)));
    const std::array<Subscription*, 1> all{subscription.get()};
    EXPECT_TRUE(client->wait(all, kMinute));
    std::vector<Bytes> received;
    EXPECT_TRUE(receive(*subscription, 1, received));
}

TEST_P(MessagingConformance, WaitTimesOutWhenNothingComes) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, 1);
    const std::array<Subscription*, 1> all{subscription.get()};
    const Nanos start = monotonic_now_ns();
    // It may wake early for no reason, but not for ever.
    EXPECT_TRUE(eventually([&] { return !client->wait(all, 20 * kNanosPerMilli); }));
    EXPECT_GE(monotonic_now_ns() - start, 20 * kNanosPerMilli);
    EXPECT_FALSE(client->wait(all, 0));
    EXPECT_FALSE(client->wait(all, -5));
}

TEST_P(MessagingConformance, WakeEndsTheWaitOfAnotherThread) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, 1);
    std::atomic<int> returned{0};
    std::thread sleeper([&] {
        const std::array<Subscription*, 1> all{subscription.get()};
        for (int i = 0; i < 100; ++i) {
            client->wait(all, kMinute);
            returned.store(i + 1);
        }
    });
    const Nanos start = monotonic_now_ns();
    while (returned.load() < 100) {
        const int before = returned.load();
        client->wake();
        ASSERT_TRUE(eventually([&] { return returned.load() != before; }));
    }
    sleeper.join();
    EXPECT_LT(monotonic_now_ns() - start, 100 * kMinute) << "every wait ran to its end";
}

TEST_P(MessagingConformance, AWakeBeforeTheWaitIsNotLost) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, 1);
    const std::array<Subscription*, 1> all{subscription.get()};
    client->wake();
    EXPECT_TRUE(client->wait(all, kMinute));
}

TEST_P(MessagingConformance, WaitsOnSeveralStreamsAtOnce) {
    const auto client = backend_->make_client();
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    std::vector<Subscription*> all;
    std::vector<std::unique_ptr<messaging::Publication>> publications;
    for (int stream = 0; stream < 5; ++stream) {
        subscriptions.push_back(client->add_subscription(channel_, stream));
        all.push_back(subscriptions.back().get());
        publications.push_back(client->add_publication(channel_, stream));
        ASSERT_TRUE(connected(*client, *publications.back(), *subscriptions.back()));
    }
    std::atomic<std::uint64_t> seen{0};
    std::thread reader([&] {
        while (seen.load() < 200) {
            client->wait(all, kMinute);
            for (Subscription* subscription : all) {
                seen += static_cast<std::uint64_t>(subscription->poll(ignore, kMany));
            }
        }
    });
    for (std::uint64_t seq = 0; seq < 200; ++seq) {
        ASSERT_TRUE(send(*publications[seq % 5], pattern(seq, 48)));
        ASSERT_TRUE(eventually([&] { return seen.load() == seq + 1; }));
    }
    reader.join();
}

TEST_P(MessagingConformance, StreamsBetweenThreadsWithoutATornMessage) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, 1);
    const auto publication = client->add_publication(channel_, 1);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const auto total = static_cast<std::uint64_t>(rounds(400'000));
    std::thread writer([&] {
        std::mt19937 random(7);
        std::vector<std::byte> buffer(400);
        for (std::uint64_t seq = 0; seq <= total; ++seq) {
            const std::span<std::byte> message(buffer.data(), kPatternHeader + random() % 390);
            fill_pattern(message, seq);
            while (!publication->offer(message).has_value()) std::this_thread::yield();
        }
    });
    std::uint64_t next = 0;
    std::uint64_t torn = 0;
    std::uint64_t missing = 0;
    EXPECT_TRUE(eventually([&] {
        subscription->poll(
            [&](const Message& message) {
                const auto seq = read_pattern(message.bytes);
                if (!seq || *seq < next) {
                    ++torn;
                    return;
                }
                missing += *seq - next;
                next = *seq + 1;
            },
            kMany);
        return next == total + 1;
    }));
    writer.join();
    EXPECT_EQ(torn, 0U);
    EXPECT_EQ(missing > 0, subscription->lost_bytes() > 0);
}

TEST_P(MessagingConformance, WakesASleepingReaderInAnotherProcessEveryTime) {
    const int total = rounds(20'000);
    const auto play = [&](std::int32_t from, std::int32_t to, bool serves) {
        const auto client = backend_->make_client();
        const auto subscription = client->add_subscription(channel_, from);
        const auto publication = client->add_publication(channel_, to);
        if (!eventually([&] { return publication->is_connected() && subscription->is_connected(); }))
            return 1;
        const std::array<Subscription*, 1> all{subscription.get()};
        std::uint64_t received = 0;
        for (std::uint64_t round = 1; round <= static_cast<std::uint64_t>(total); ++round) {
            if (serves && !send(*publication, pattern(round, 48))) return 2;
            bool torn = false;
            while (received != round) {
                if (!client->wait(all, kMinute)) return 3;  // a wake was lost
                subscription->poll(
                    [&](const Message& message) {
                        torn |= !read_pattern(message.bytes);
                        received = read_pattern(message.bytes).value_or(0);
                    },
                    kMany);
                if (torn) return 4;
            }
            if (!serves && !send(*publication, pattern(round, 48))) return 5;
        }
        // The last answer must be read before its log goes away with us.
        return eventually(
                   [&] { return !publication->is_connected() || !subscription->is_connected() || serves; })
                   ? 0
                   : 6;
    };
    ForkedChild child([&] { return play(1, 2, false); });
    EXPECT_EQ(play(2, 1, true), 0);
    EXPECT_EQ(child.wait(), 0);
}

TEST_P(MessagingConformance, StreamsToSeveralProcessesWithoutATornMessage) {
    const auto total = static_cast<std::uint64_t>(rounds(100'000));
    const auto read_all = [&] {
        const auto client = backend_->make_client();
        const auto subscription = client->add_subscription(channel_, 1);
        const auto ready = client->add_publication(channel_, 2);
        std::uint64_t next = 0;
        bool torn = false;
        const bool finished = eventually([&] {
            (void)ready->offer(pattern(0, 8));
            subscription->poll(
                [&](const Message& message) {
                    const auto seq = read_pattern(message.bytes);
                    torn |= !seq || *seq < next;
                    if (!torn) next = *seq + 1;
                },
                kMany);
            return next >= total;
        });
        return torn ? 1 : finished ? 0 : 2;
    };
    ForkedChild first(read_all);
    ForkedChild second(read_all);
    const auto client = backend_->make_client();
    const auto publication = client->add_publication(channel_, 1);
    const auto ready = client->add_subscription(channel_, 2);
    ASSERT_TRUE(eventually([&] {
        ready->poll(ignore, kMany);
        return ready->image_count() == 2 && publication->is_connected();
    }));
    std::mt19937 random(11);
    std::vector<std::byte> buffer(400);
    for (std::uint64_t seq = 0; seq < total; ++seq) {
        const std::span<std::byte> message(buffer.data(), kPatternHeader + random() % 390);
        fill_pattern(message, seq);
        while (!publication->offer(message).has_value()) std::this_thread::yield();
    }
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
}

}  // namespace tensorpool::test
