// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron_backend.hpp"
#include "support/allocation_counter.hpp"
#include "support/forked_child.hpp"
#include "support/pattern.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>

#include <gmock/gmock.h>

#include <fstream>

// What only Aeron has: media drivers that are absent, embedded, killed and started again.
namespace tensorpool::test {
namespace {

using messaging::Client;
using messaging::Message;
using messaging::Publication;
using messaging::SendError;
using messaging::Subscription;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kMany = 1'000'000;
constexpr const char* kChannel = "aeron:ipc?term-length=128k";

auto ignore = [](const Message&) {};

template <typename Call>
std::string error_of(ErrorCode code, Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        EXPECT_THAT(error.what(), Not(HasSubstr("\n"))) << "more than one line";
        return error.what();
    }
    return "(no error)";
}

class AeronTest : public testing::Test {
protected:
    /// A client that gives up soon.
    static std::unique_ptr<Client> client_in(const std::string& dir) {
        messaging::AeronOptions options;
        options.dir = dir;
        options.connect_timeout_ns = 10 * kNanosPerMilli;
        return messaging::make_aeron_client(options);
    }
    static bool connected(Client& client, Publication& publication, Subscription& subscription) {
        return eventually([&] {
            client.do_work(monotonic_now_ns());
            subscription.poll(ignore, 0);
            return publication.is_connected() && subscription.is_connected();
        });
    }
    /// Sends `seq` until it has arrived.
    static bool exchange(Client& client, Publication& publication, Subscription& subscription,
                         std::uint64_t seq) {
        bool arrived = false;
        return eventually([&] {
            client.do_work(monotonic_now_ns());
            (void)publication.offer(pattern(seq, 64));
            subscription.poll([&](const Message& message) { arrived |= read_pattern(message.bytes) == seq; },
                              kMany);
            return arrived;
        });
    }

    TempDir dir_;
};

TEST_F(AeronTest, SaysWhereNoMediaDriverIsAndWhatToDo) {
    const auto says = AllOf(HasSubstr(dir_.str()), HasSubstr("aeronmd"), HasSubstr("--aeron-dir"));
    EXPECT_THAT(error_of(ErrorCode::MessagingError, [&] { (void)client_in(dir_.str() + "/none"); }),
                AllOf(says, HasSubstr("does not exist")));
    EXPECT_THAT(error_of(ErrorCode::MessagingError, [&] { (void)client_in(dir_.str()); }),
                AllOf(says, HasSubstr("not a media driver's directory")));
    std::ofstream(dir_.path() / "cnc.dat") << std::string(64'000, 'x');
    EXPECT_THAT(error_of(ErrorCode::MessagingError, [&] { (void)client_in(dir_.str()); }),
                AllOf(HasSubstr(dir_.str()), HasSubstr("not one of ours")));
}

TEST_F(AeronTest, SaysThatADriverKilledLongAgoIsGone) {
    AeronmdProcess driver({"AERON_DRIVER_TIMEOUT=500"});
    driver.kill();
    messaging::AeronOptions options;
    options.dir = driver.dir();
    options.driver_timeout_ns = 500 * kNanosPerMilli;
    options.connect_timeout_ns = 0;
    EXPECT_TRUE(eventually([&] {
        try {
            (void)messaging::make_aeron_client(options);
        } catch (const Error& error) {
            return std::string(error.what()).find("no sign of life") != std::string::npos;
        }
        return false;
    }));
}

TEST_F(AeronTest, RefusesBadChannelsWithOneLineThatNamesThem) {
    AeronBackend backend;
    const auto client = backend.make_client();
    EXPECT_THAT(
        error_of(ErrorCode::InvalidConfig, [&] { (void)client->add_publication("carrier:pigeon", 1); }),
        HasSubstr("carrier:pigeon"));
    EXPECT_THAT(error_of(ErrorCode::MessagingError,
                         [&] { (void)client->add_publication("aeron:ipc?term-length=100000", 7); }),
                AllOf(HasSubstr("publication of stream 7"), HasSubstr("aeron:ipc?term-length=100000"),
                      HasSubstr("power of 2")));
    EXPECT_THAT(
        error_of(ErrorCode::MessagingError,
                 [&] { (void)client->add_subscription("aeron:udp?endpoint=no.such.host.invalid:1", 8); }),
        AllOf(HasSubstr("subscription of stream 8"), HasSubstr("no.such.host.invalid")));
    // The client is as good as before.
    EXPECT_NO_THROW((void)client->add_publication(kChannel, 1));
}

TEST_F(AeronTest, ReportsBothTermLengthsWhenTwoPublicationsOfOneSessionDiffer) {
    AeronBackend backend;
    const auto client = backend.make_client();
    const std::string channel = "aeron:udp?endpoint=127.0.0.1:40456|session-id=77";
    const auto first = client->add_publication(channel + "|term-length=64k", 5);
    EXPECT_THAT(error_of(ErrorCode::MessagingError,
                         [&] { (void)client->add_publication(channel + "|term-length=128k", 5); }),
                AllOf(HasSubstr("stream 5"), HasSubstr("term-length=128k")));
}

TEST_F(AeronTest, AcceptsAnyTermLengthsOnOneStreamBecauseEveryPublicationHasItsOwnLog) {
    AeronBackend backend;
    const auto client = backend.make_client();
    const auto subscription = client->add_subscription("aeron:ipc", 5);
    const auto small = client->add_publication("aeron:ipc?term-length=64k", 5);
    const auto large = client->add_publication("aeron:ipc?term-length=1m", 5);
    EXPECT_TRUE(exchange(*client, *small, *subscription, 1));
    EXPECT_TRUE(exchange(*client, *large, *subscription, 2));
    EXPECT_LT(small->max_message_length(), large->max_message_length());
}

TEST_F(AeronTest, CarriesMessagesOverUdp) {
    AeronBackend backend;
    const auto client = backend.make_client();
    const std::string channel = "aeron:udp?endpoint=127.0.0.1:40457|term-length=1m";
    const auto subscription = client->add_subscription(channel, 5);
    const auto publication = client->add_publication(channel, 5);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const auto large = pattern(9, 100'000);
    ASSERT_TRUE(eventually([&] { return publication->offer(large).has_value(); }));
    std::vector<std::byte> received;
    ASSERT_TRUE(eventually([&] {
        client->do_work(monotonic_now_ns());
        subscription->poll(
            [&](const Message& message) { received.assign(message.bytes.begin(), message.bytes.end()); },
            kMany);
        return !received.empty();
    }));
    EXPECT_EQ(received, large);
}

TEST_F(AeronTest, PublishingAndPollingAllocateNothing) {
    AeronBackend backend;
    const auto client = backend.make_client();
    const auto subscription = client->add_subscription(kChannel, 1);
    const auto publication = client->add_publication(kChannel, 1);
    ASSERT_TRUE(connected(*client, *publication, *subscription));
    const auto small = pattern(1, 48);
    const auto large = pattern(2, 5'000);
    std::uint64_t received = 0;
    const auto sent = [&](const auto& message) {
        return eventually([&] { return publication->offer(message).has_value(); });
    };
    const auto round = [&] {
        bool good = sent(small) && sent(large);
        auto claim = publication->try_claim(40);
        if (claim) claim->commit();
        client->do_work(monotonic_now_ns());
        subscription->poll([&](const Message&) { ++received; }, kMany);
        return good;
    };
    ASSERT_TRUE(eventually([&] { return round() && received >= 3; }));
    const std::uint64_t before = allocations_of_this_thread();
    bool good = true;
    for (int i = 0; i < 2'000; ++i) good = good && round();
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_TRUE(good);
    EXPECT_GT(received, 4'000U);
}

TEST_F(AeronTest, EverythingComesBackWithAMediaDriverThatWasKilled) {
    AeronBackend backend({"AERON_DRIVER_TIMEOUT=1000", "AERON_CLIENT_LIVENESS_TIMEOUT=5000000000"});
    messaging::AeronOptions options = backend.options();
    options.driver_timeout_ns = kNanosPerSecond;
    const auto here = messaging::make_aeron_client(options);
    const auto there = messaging::make_aeron_client(options);
    const auto subscription = here->add_subscription(kChannel, 1);
    const auto publication = there->add_publication(kChannel, 1);
    const auto both_work = [&] {
        here->do_work(monotonic_now_ns());
        there->do_work(monotonic_now_ns());
    };
    const auto arrives = [&](std::uint64_t seq) {
        bool arrived = false;
        return eventually(
            [&] {
                both_work();
                (void)publication->offer(pattern(seq, 64));
                subscription->poll(
                    [&](const Message& message) { arrived |= read_pattern(message.bytes) == seq; }, kMany);
                return arrived;
            },
            std::chrono::seconds(60));
    };
    ASSERT_TRUE(arrives(1));
    for (std::uint64_t round = 2; round < 4; ++round) {
        backend.driver().kill();
        ASSERT_TRUE(eventually([&] {
            both_work();
            return !publication->is_connected() && !subscription->is_connected();
        })) << "the loss goes unnoticed";
        const auto refused = publication->offer(pattern(99, 64));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error(), SendError::NotConnected);
        EXPECT_EQ(subscription->poll(ignore, kMany), 0);
        // Made without a media driver, registered with the next one.
        const auto late = there->add_publication(kChannel, 2);
        EXPECT_FALSE(late->is_connected());
        EXPECT_GT(late->max_message_length(), 0U);
        backend.driver().restart();
        EXPECT_TRUE(arrives(round));
        const auto late_subscription = here->add_subscription(kChannel, 2);
        EXPECT_TRUE(eventually([&] { return both_work(), late->is_connected(); }));
    }
}

TEST_F(AeronTest, AClientThatSleptTooLongComesBackByItself) {
    AeronBackend backend({"AERON_CLIENT_LIVENESS_TIMEOUT=1500000000"});
    const auto client = backend.make_client();
    const auto subscription = client->add_subscription(kChannel, 1);
    const auto publication = client->add_publication(kChannel, 1);
    ASSERT_TRUE(exchange(*client, *publication, *subscription, 1));
    const Nanos end = monotonic_now_ns() + 3 * kNanosPerSecond;
    // The media driver drops a client whose duty cycle stands still.
    ASSERT_TRUE(eventually([&] { return monotonic_now_ns() >= end; }));
    EXPECT_TRUE(exchange(*client, *publication, *subscription, 2));
}

TEST_F(AeronTest, CountersAreAeronsOwnAndComeBackWithTheMediaDriver) {
    AeronBackend backend({"AERON_DRIVER_TIMEOUT=1000", "AERON_CLIENT_LIVENESS_TIMEOUT=5000000000"});
    messaging::AeronOptions options = backend.options();
    options.driver_timeout_ns = kNanosPerSecond;
    const auto owner = messaging::make_aeron_client(options);
    const auto reader = messaging::make_aeron_client(options);
    const std::vector<std::byte> key{std::byte{1}, std::byte{2}};
    const auto counter = owner->add_counter(4711, key, "tensors: Name=Test");
    const auto shows = [&](Client& client, std::int64_t value, bool own) {
        bool found = false;
        try {
            client.for_each_counter([&](const messaging::CounterInfo& info) {
                if (info.type_id != 4711) return;
                EXPECT_EQ(info.label, "tensors: Name=Test");
                EXPECT_EQ(info.own, own);
                EXPECT_TRUE(std::equal(key.begin(), key.end(), info.key.begin()));
                found |= info.value == value;
            });
        } catch (const Error&) {
            return false;  // no media driver at the moment
        }
        return found;
    };
    const auto both_show = [&](std::int64_t value) {
        return eventually([&] {
            owner->do_work(monotonic_now_ns());
            reader->do_work(monotonic_now_ns());
            return shows(*owner, value, true) && shows(*reader, value, false);
        });
    };
    EXPECT_TRUE(both_show(0));
    counter->set(7);
    EXPECT_TRUE(both_show(7));
    backend.driver().kill();
    EXPECT_TRUE(eventually([&] {
        owner->do_work(monotonic_now_ns());
        return !shows(*owner, 7, true);
    }));
    counter->set(8);
    backend.driver().restart();
    EXPECT_TRUE(both_show(8));
}

TEST_F(AeronTest, RefusesACounterKeyThatIsTooLongAndPassesOnWhatAHandlerThrows) {
    AeronBackend backend;
    const auto client = backend.make_client();
    const std::vector<std::byte> key(messaging::kMaxCounterKey + 1);
    EXPECT_THAT(error_of(ErrorCode::InvalidArgument, [&] { (void)client->add_counter(1, key, "x"); }),
                HasSubstr("113"));
    const auto longest = client->add_counter(4712, {}, std::string(1000, 'l'));
    std::size_t label = 0;
    EXPECT_TRUE(eventually([&] {
        client->do_work(monotonic_now_ns());
        client->for_each_counter([&](const messaging::CounterInfo& info) {
            if (info.type_id == 4712) label = info.label.size();
        });
        return label != 0;
    }));
    EXPECT_EQ(label, messaging::kMaxCounterLabel);
    EXPECT_THROW(
        client->for_each_counter([](const messaging::CounterInfo&) { throw std::runtime_error("x"); }),
        std::runtime_error);
}

TEST_F(AeronTest, CountsWhatAnUntetheredReaderMissed) {
    AeronBackend backend({"AERON_TIMER_INTERVAL=10000000", "AERON_UNTETHERED_WINDOW_LIMIT_TIMEOUT=20000000",
                          "AERON_UNTETHERED_LINGER_TIMEOUT=20000000",
                          "AERON_UNTETHERED_RESTING_TIMEOUT=20000000"});
    const auto client = backend.make_client();
    const std::string untethered = std::string(kChannel) + "|tether=false";
    const auto fast = client->add_subscription(kChannel, 1);
    const auto slow = client->add_subscription(untethered, 1);
    const auto publication = client->add_publication(kChannel, 1);
    ASSERT_TRUE(connected(*client, *publication, *fast));
    ASSERT_TRUE(connected(*client, *publication, *slow));
    EXPECT_EQ(slow->overruns(), 0U);
    EXPECT_TRUE(eventually([&] {
        client->do_work(monotonic_now_ns());
        for (int i = 0; i < 100; ++i) (void)publication->offer(pattern(1, 1000));
        fast->poll(ignore, kMany);
        (void)slow->image_count();  // looks at the images, reads nothing
        return slow->overruns() > 0;
    }));
    EXPECT_GT(slow->lost_bytes(), 0U);
    EXPECT_EQ(fast->lost_bytes(), 0U);
}

TEST_F(AeronTest, RunsAMediaDriverInsideOfTheProcess) {
    if (!messaging::has_media_driver()) GTEST_SKIP() << "this Aeron came without libaeron_driver";
    const std::string dir = dir_.str() + "/aeron";
    ContextOptions options;
    options.messaging = MessagingKind::Aeron;
    options.aeron_dir = dir;
    options.embedded_media_driver = true;
    {
        Context context(options);
        EXPECT_EQ(context.messaging().backend(), "aeron");
        const auto subscription = context.messaging().add_subscription(kChannel, 1);
        const auto publication = context.messaging().add_publication(kChannel, 1);
        EXPECT_TRUE(exchange(context.messaging(), *publication, *subscription, 1));
        EXPECT_THAT(error_of(ErrorCode::MessagingError, [&] { (void)messaging::start_media_driver(dir); }),
                    AllOf(HasSubstr(dir), HasSubstr("active")));
    }
    EXPECT_FALSE(std::filesystem::exists(dir));
    options.messaging = MessagingKind::Embedded;
    EXPECT_THAT(error_of(ErrorCode::InvalidConfig, [&] { Context context(options); }), HasSubstr("aeron"));
}

}  // namespace
}  // namespace tensorpool::test
