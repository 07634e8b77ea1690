// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/conformance.hpp"

#include "support/eventually.hpp"
#include "support/pattern.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <stdexcept>
#include <thread>

namespace tensorpool::test {

using messaging::Claim;
using messaging::Client;
using messaging::Image;
using messaging::Message;
using messaging::Publication;
using messaging::SendError;
using messaging::Subscription;
using testing::ElementsAre;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MessagingConformance);

namespace {

constexpr std::int32_t kStream = 1000;
constexpr int kMany = 1'000'000;

auto ignore = [](const Message&) {};

}  // namespace

bool MessagingConformance::receive(Subscription& subscription, std::size_t count,
                                   std::vector<Bytes>& received) {
    return eventually([&] {
        subscription.poll(
            [&](const Message& message) {
                received.emplace_back(message.bytes.begin(), message.bytes.end());
            },
            kMany);
        return received.size() >= count;
    });
}

bool MessagingConformance::send(Publication& publication, std::span<const std::byte> message) {
    return eventually([&] { return publication.offer(message).has_value(); });
}

bool MessagingConformance::connected(Client& client, Publication& publication, Subscription& subscription) {
    return eventually([&] {
        client.do_work(monotonic_now_ns());
        subscription.poll(ignore, 0);
        return publication.is_connected() && subscription.is_connected() && subscription.image_count() > 0;
    });
}

TEST_P(MessagingConformance, DeliversEveryLengthUnchangedAndInOrder) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (std::size_t length = 0; length <= 400; ++length) {
        Bytes message(length);
        for (std::size_t i = 0; i < length; ++i) message[i] = static_cast<std::byte>(length * 7 + i);
        ASSERT_TRUE(send(*publication, message));
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(message));
    }
}

TEST_P(MessagingConformance, DeliversMessagesUpToTheLargestAndRefusesTheNext) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const std::size_t largest = publication->max_message_length();
    for (const std::size_t length : {largest / 2, largest - 1, largest}) {
        ASSERT_TRUE(send(*publication, pattern(length, length)));
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(pattern(length, length)));
    }
    const auto refused = publication->offer(pattern(1, largest + 1));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SendError::TooLong);
}

TEST_P(MessagingConformance, KeepsOrderOverManyLapsOfTheLog) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    std::uniform_int_distribution<std::size_t> any_length(kPatternHeader, 1000);
    std::uint64_t next = 0;
    for (std::uint64_t seq = 0; seq < 20'000; ++seq) {
        ASSERT_TRUE(send(*publication, pattern(seq, any_length(random))));
        // At most 40 messages behind, which fit into the smallest log.
        if (random() % 16 != 0 && seq % 40 != 39) continue;
        ASSERT_TRUE(eventually([&] {
            subscription->poll(
                [&](const Message& message) { ASSERT_EQ(read_pattern(message.bytes), next++); }, kMany);
            return next == seq + 1;
        }));
    }
    EXPECT_EQ(subscription->lost_bytes(), 0U);
    EXPECT_EQ(subscription->overruns(), 0U);
}

TEST_P(MessagingConformance, KeepsTheOrderOfEachPublicationOfAStream) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    std::vector<std::unique_ptr<Publication>> publications;
    std::map<std::int64_t, std::uint64_t> next;
    for (int i = 0; i < 5; ++i) {
        publications.push_back(client->add_publication(channel_, kStream));
        next[publications.back()->session_id()] = 0;
        ASSERT_TRUE(connected(*client, *publications.back(), *subscription));
    }
    ASSERT_EQ(next.size(), publications.size()) << "two publications have one session id";
    ASSERT_TRUE(eventually([&] {
        subscription->poll(ignore, 0);
        return subscription->image_count() == 5;
    }));
    for (std::uint64_t seq = 0; seq < 200; ++seq) {
        for (const auto& publication : publications) ASSERT_TRUE(send(*publication, pattern(seq, 64)));
    }
    std::size_t total = 0;
    ASSERT_TRUE(eventually([&] {
        subscription->poll(
            [&](const Message& message) {
                ++total;
                ASSERT_EQ(read_pattern(message.bytes), next.at(message.image->session_id)++);
            },
            kMany);
        return total == 1000;
    }));
}

TEST_P(MessagingConformance, NeverReplaysWhatWasPublishedBeforeTheSubscription) {
    const auto client = backend_->make_client();
    const auto early = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *early));
    for (std::uint64_t seq = 0; seq < 10; ++seq) ASSERT_TRUE(send(*publication, pattern(seq, 100)));
    const auto late = client->add_subscription(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *late));
    ASSERT_TRUE(send(*publication, pattern(10, 100)));
    std::vector<Bytes> received;
    ASSERT_TRUE(receive(*late, 1, received));
    EXPECT_THAT(received, ElementsAre(pattern(10, 100)));
    received.clear();
    EXPECT_TRUE(receive(*early, 11, received));
}

TEST_P(MessagingConformance, DeliversTheVeryFirstMessageOfAPublicationMadeAfterTheSubscription) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    for (std::uint64_t seq = 0; seq < 20; ++seq) {
        const auto publication = client->add_publication(channel_, kStream);
        // Not a poll in between: the subscription has never seen this publication when it sends.
        ASSERT_TRUE(eventually([&] { return publication->is_connected(); }));
        ASSERT_TRUE(send(*publication, pattern(seq, 32)));
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(pattern(seq, 32)));
    }
}

TEST_P(MessagingConformance, DeliversWhatIsSentOnceAPublicationSeesALateSubscription) {
    const auto client = backend_->make_client();
    const auto publication = client->add_publication(channel_, kStream);
    for (std::uint64_t seq = 0; seq < 20; ++seq) {
        const auto subscription = client->add_subscription(channel_, kStream);
        ASSERT_TRUE(eventually([&] { return publication->is_connected(); }));
        ASSERT_TRUE(send(*publication, pattern(seq, 32)));
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(pattern(seq, 32)));
    }
}

TEST_P(MessagingConformance, DeliversWhatIsSentWhileTheSubscriptionItSeesIsStillBeingMade) {
    const auto client = backend_->make_client();
    const auto other = backend_->make_client();
    const auto publication = client->add_publication(channel_, kStream);
    const auto sees_it = [&] {
        client->do_work(monotonic_now_ns());
        return publication->is_connected();
    };
    for (std::uint64_t seq = 0; seq < 20; ++seq) {
        std::unique_ptr<Subscription> subscription;
        std::thread maker([&] { subscription = other->add_subscription(channel_, kStream); });
        const bool sent = eventually(sees_it) && send(*publication, pattern(seq, 32));
        maker.join();
        ASSERT_TRUE(sent);
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received)) << seq;
        EXPECT_THAT(received, ElementsAre(pattern(seq, 32)));
        subscription.reset();
        ASSERT_TRUE(eventually([&] {
            other->do_work(monotonic_now_ns());
            return !sees_it();
        }));
    }
}

TEST_P(MessagingConformance, KeepsStreamsApart) {
    const auto client = backend_->make_client();
    const auto one = client->add_subscription(channel_, 1);
    const auto two = client->add_subscription(channel_, -2);
    const auto to_two = client->add_publication(channel_, -2);
    ASSERT_TRUE(connected(*client, *to_two, *two));
    ASSERT_TRUE(send(*to_two, pattern(5, 20)));
    std::vector<Bytes> received;
    ASSERT_TRUE(receive(*two, 1, received));
    EXPECT_EQ(one->poll(ignore, kMany), 0);
    EXPECT_EQ(one->image_count(), 0);
    EXPECT_FALSE(one->is_connected());
    EXPECT_EQ(to_two->stream_id(), -2);
    EXPECT_EQ(one->stream_id(), 1);
}

TEST_P(MessagingConformance, RefusesToSendWhileNobodySubscribes) {
    const auto client = backend_->make_client();
    const auto publication = client->add_publication(channel_, kStream);
    EXPECT_FALSE(publication->is_connected());
    const auto refused = publication->offer(pattern(1, 20));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SendError::NotConnected);
    const auto claim = publication->try_claim(20);
    ASSERT_FALSE(claim.has_value());
    EXPECT_EQ(claim.error(), SendError::NotConnected);
}

TEST_P(MessagingConformance, BothEndsSeeTheOtherComeAndGo) {
    const auto client = backend_->make_client();
    auto publication = client->add_publication(channel_, kStream);
    auto subscription = client->add_subscription(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const auto housekeeping = [&] { client->do_work(monotonic_now_ns()); };
    subscription.reset();
    ASSERT_TRUE(eventually([&] { return housekeeping(), !publication->is_connected(); }));
    subscription = client->add_subscription(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    publication.reset();
    ASSERT_TRUE(eventually([&] {
        housekeeping();
        subscription->poll(ignore, kMany);
        return !subscription->is_connected() && subscription->image_count() == 0;
    }));
    publication = client->add_publication(channel_, kStream);
    EXPECT_TRUE(connected(*client, *publication, *subscription));
}

TEST_P(MessagingConformance, DescribesTheImageThatAMessageCameFrom) {
    const auto client = backend_->make_client();
    const Nanos before = monotonic_now_ns();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const Nanos after = monotonic_now_ns();
    int images = 0;
    subscription->for_each_image([&](const Image& image) {
        ++images;
        EXPECT_EQ(image.session_id, publication->session_id());
        EXPECT_GE(image.joined_ns, before);
        EXPECT_LE(image.joined_ns, after);
    });
    EXPECT_EQ(images, 1);
    EXPECT_EQ(publication->channel(), channel_);
    EXPECT_EQ(subscription->channel(), channel_);
}

TEST_P(MessagingConformance, DeliversWhatAClosedPublicationLeftBehind) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (std::uint64_t seq = 0; seq < 3; ++seq) ASSERT_TRUE(send(*publication, pattern(seq, 200)));
    publication.reset();
    std::vector<Bytes> received;
    ASSERT_TRUE(receive(*subscription, 3, received));
    EXPECT_THAT(received, ElementsAre(pattern(0, 200), pattern(1, 200), pattern(2, 200)));
}

TEST_P(MessagingConformance, ShowsAClaimOnlyOnceItIsCommitted) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (const std::size_t length : {std::size_t{8}, std::size_t{48}, std::size_t{49}, std::size_t{300},
                                     publication->max_claim_length()}) {
        auto claim = publication->try_claim(length);
        ASSERT_TRUE(claim.has_value());
        ASSERT_EQ(claim->bytes().size(), length);
        fill_pattern(claim->bytes(), length);
        EXPECT_EQ(subscription->poll(ignore, kMany), 0);
        Claim moved = std::move(*claim);
        moved.commit();
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(pattern(length, length)));
    }
}

TEST_P(MessagingConformance, DropsAClaimThatIsAbortedOrForgotten) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (const std::size_t length : {std::size_t{20}, std::size_t{500}}) {
        auto aborted = publication->try_claim(length);
        ASSERT_TRUE(aborted.has_value());
        aborted->abort();
        aborted->commit();  // too late: nothing happens
        { const auto forgotten = publication->try_claim(length); }
        ASSERT_TRUE(send(*publication, pattern(length, length)));
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 1, received));
        EXPECT_THAT(received, ElementsAre(pattern(length, length)));
    }
    const auto refused = publication->try_claim(publication->max_claim_length() + 1);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SendError::TooLong);
}

TEST_P(MessagingConformance, LosesOnlyTheMessageWhoseHandlerThrew) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (std::uint64_t seq = 0; seq < 5; ++seq) ASSERT_TRUE(send(*publication, pattern(seq, 40)));
    std::vector<std::uint64_t> seen;
    ASSERT_TRUE(eventually([&] {
        subscription->poll(
            [&](const Message& message) {
                seen.push_back(read_pattern(message.bytes).value());
                if (seen.back() == 2) throw std::runtime_error("handler");
            },
            kMany);
        return seen.size() >= 5;
    }));
    EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4));
    EXPECT_EQ(subscription->handler_errors(), 1U);
}

TEST_P(MessagingConformance, DeliversNoMoreThanTheLimitAndStarvesNoImage) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto busy = client->add_publication(channel_, kStream);
    const auto quiet = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *busy, *subscription));
    ASSERT_TRUE(eventually([&] {
        subscription->poll(ignore, 0);
        return subscription->image_count() == 2;
    }));
    for (std::uint64_t seq = 0; seq < 100; ++seq) ASSERT_TRUE(send(*busy, pattern(seq, 40)));
    ASSERT_TRUE(send(*quiet, pattern(1, 40)));
    int polls = 0;
    bool quiet_came = false;
    ASSERT_TRUE(eventually([&] {
        ++polls;
        const int got = subscription->poll(
            [&](const Message& message) { quiet_came |= message.image->session_id == quiet->session_id(); },
            1);
        EXPECT_LE(got, 1);
        return quiet_came;
    }));
    EXPECT_LE(polls, 50) << "one hundred messages of the other image went first";
}

TEST_P(MessagingConformance, IgnoresAPollFromWithinItsOwnHandler) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    for (std::uint64_t seq = 0; seq < 2; ++seq) ASSERT_TRUE(send(*publication, pattern(seq, 40)));
    std::vector<std::uint64_t> seen;
    ASSERT_TRUE(eventually([&] {
        subscription->poll(
            [&](const Message& message) {
                EXPECT_EQ(subscription->poll(ignore, kMany), 0);
                seen.push_back(read_pattern(message.bytes).value());
            },
            kMany);
        return seen.size() == 2;
    }));
    EXPECT_THAT(seen, ElementsAre(0, 1));
}

TEST_P(MessagingConformance, TellsAReaderThatFellBehindWhatItLost) {
    const auto client = backend_->make_client();
    const auto subscription = client->add_subscription(channel_, kStream);
    const auto publication = client->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    // Aeron may push back until its media driver has seen where the new reader stands.
    ASSERT_TRUE(send(*publication, pattern(0, 200)));
    std::uint64_t sent = 1;
    // Either the log laps the reader, or the backend pushes back.
    for (std::uint64_t seq = 1; seq < 5'000; ++seq) {
        const auto result = publication->offer(pattern(sent, 200));
        if (!result.has_value() && result.error() == SendError::BackPressured) break;
        ASSERT_TRUE(result.has_value());
        ++sent;
    }
    std::vector<std::uint64_t> seen;
    ASSERT_TRUE(eventually([&] {
        subscription->poll(
            [&](const Message& message) { seen.push_back(read_pattern(message.bytes).value()); }, kMany);
        return !seen.empty() && seen.back() == sent - 1;
    }));
    for (std::size_t i = 1; i < seen.size(); ++i)
        ASSERT_EQ(seen[i], seen[i - 1] + 1) << "a gap after the skip";
    const bool lost = seen.size() < sent;
    EXPECT_EQ(subscription->lost_bytes() > 0, lost);
    EXPECT_EQ(subscription->overruns(), lost ? 1U : 0U);
    EXPECT_GE(subscription->lost_bytes(), (sent - seen.size()) * 200);
}

TEST_P(MessagingConformance, ManySubscriptionsEachGetEveryMessage) {
    const auto client = backend_->make_client();
    const auto publication = client->add_publication(channel_, kStream);
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    for (int i = 0; i < 9; ++i) {
        subscriptions.push_back(client->add_subscription(channel_, kStream));
        ASSERT_TRUE(connected(*client, *publication, *subscriptions.back()));
    }
    for (std::uint64_t seq = 0; seq < 50; ++seq) ASSERT_TRUE(send(*publication, pattern(seq, 48)));
    for (const auto& subscription : subscriptions) {
        std::vector<Bytes> received;
        ASSERT_TRUE(receive(*subscription, 50, received));
        EXPECT_EQ(received.size(), 50U);
    }
}

TEST_P(MessagingConformance, ClosesInAnyOrder) {
    for (int order = 0; order < 4; ++order) {
        auto first = backend_->make_client();
        auto second = backend_->make_client();
        auto publication = first->add_publication(channel_, kStream);
        auto subscription = second->add_subscription(channel_, kStream);
        ASSERT_TRUE(connected(*first, *publication, *subscription));
        ASSERT_TRUE(send(*publication, pattern(1, 20)));
        if ((order & 1) != 0) {
            publication.reset();
            first.reset();
            subscription->poll(ignore, kMany);
            subscription.reset();
            second.reset();
        } else {
            subscription.reset();
            if ((order & 2) != 0) second.reset();
            ASSERT_TRUE(eventually([&] {
                first->do_work(monotonic_now_ns());
                return !publication->is_connected();
            }));
            publication.reset();
        }
    }
}

TEST_P(MessagingConformance, BackendsDoNotMeet) {
    const auto other_backend = GetParam().make();
    const auto here = backend_->make_client();
    const auto there = other_backend->make_client();
    const auto subscription = here->add_subscription(channel_, kStream);
    const auto stranger = there->add_publication(channel_, kStream);
    const auto friendly = here->add_publication(channel_, kStream);
    ASSERT_TRUE(connected(*here, *friendly, *subscription));
    EXPECT_FALSE(stranger->is_connected());
    EXPECT_EQ(subscription->image_count(), 1);
}

TEST_P(MessagingConformance, AddsAndClosesFromSeveralThreadsAtOnce) {
    const auto client = backend_->make_client();
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 20; ++round) {
                const auto subscription = client->add_subscription(channel_, i % 2);
                const auto publication = client->add_publication(channel_, i % 2);
                if (!eventually([&] { return publication->is_connected(); })) ++failures;
                client->do_work(monotonic_now_ns());
                subscription->poll(ignore, kMany);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failures.load(), 0);
}

}  // namespace tensorpool::test
