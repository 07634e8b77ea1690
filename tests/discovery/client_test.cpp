// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a client makes of answers, from a provider made by hand and from a real one.

#include "discovery/discovery_fixture.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A client whose provider is this test.
class ClientTest : public testing::Test {
protected:
    ClientTest() {
        options.request = {kChannel, 7000};
        options.response = {kChannel, 7004};
    }
    void start() { client = std::make_unique<DiscoveryClient>(*context, options); }
    void cycle() {
        client->do_work(clock.now_ns());
        requests_->poll(
            [&](const messaging::Message& message) {
                control::DiscoveryRequest request;
                ASSERT_EQ(control::decode(message.bytes, request), control::DecodeResult::Ok);
                requests.push_back(request);
            },
            16);
    }
    void answer(const control::DiscoveryResponse& response) {
        ASSERT_TRUE(responses_.send(response));
        client->do_work(clock.now_ns());
    }
    control::DiscoveryResponse ok(std::vector<control::DiscoveryResult> results) {
        return {requests.back().request_id, DiscoveryStatus::Ok, std::move(results), ""};
    }
    static control::DiscoveryResult result(std::uint32_t stream_id, std::uint64_t epoch = 5) {
        control::DiscoveryResult good;
        good.stream_id = stream_id;
        good.epoch = epoch;
        good.layout_version = 1;
        good.header_nslots = 64;
        good.driver_instance_id = "driver-01";
        good.driver_control_channel = "aeron:ipc?term-length=4m";
        good.driver_control_stream_id = 1500;
        good.pools = {{1, 64, 4096, "shm:file?path=/x"}};
        return good;
    }
    static control::PoolAnnounce pool_announce(std::uint32_t stream_id, std::uint64_t epoch) {
        control::PoolAnnounce announce;
        announce.stream_id = stream_id;
        announce.epoch = epoch;
        announce.header_nslots = 64;
        announce.header_region_uri = "shm:file?path=/x/header.ring";
        announce.pools = {{1, 64, 4096, "shm:file?path=/x/1.pool"}};
        return announce;
    }
    [[nodiscard]] std::vector<std::uint32_t> streams() const {
        std::vector<std::uint32_t> ids;
        for (const auto& stream : client->answer().streams) ids.push_back(stream.stream_id);
        return ids;
    }

    static inline const std::string kChannel = "aeron:ipc?term-length=4m";
    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    DiscoveryClientOptions options;
    std::unique_ptr<DiscoveryClient> client;
    std::vector<control::DiscoveryRequest> requests;

private:
    std::unique_ptr<messaging::Subscription> requests_ =
        context->messaging().add_subscription(kChannel, 7000);
    control::ControlPublisher responses_{context->messaging().add_publication(kChannel, 7004)};
};

// spec: DISC-016 DISC-032
TEST_F(ClientTest, PutsWhereToAnswerIntoEveryRequest) {
    start();
    DiscoveryFilter filter;
    filter.stream_id = 0;
    filter.data_source_name = "camera-1";
    filter.tags = {"lab"};
    client->query(filter);
    cycle();
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].response_channel, kChannel);
    EXPECT_EQ(requests[0].response_stream_id, 7004U);
    EXPECT_NE(requests[0].request_id, 0U);
    EXPECT_NE(requests[0].client_id, 0U);
    EXPECT_EQ(requests[0].stream_id, 0U) << "0 is a value";
    EXPECT_EQ(requests[0].producer_id, std::nullopt);
    EXPECT_EQ(requests[0].data_source_name, "camera-1");
    EXPECT_THAT(requests[0].tags, ElementsAre("lab"));
    options.response.channel.clear();
    EXPECT_THROW(start(), Error);
    options.response = {kChannel, 0};
    start();
    client->query({});
    cycle();
    EXPECT_NE(requests.back().response_stream_id, 0U) << "a random one of its own";
}

// spec: DISC-037
TEST_F(ClientTest, AsksForNoNameThatIsTooLong) {
    start();
    DiscoveryFilter filter;
    filter.data_source_name.assign(256, 'n');
    EXPECT_NO_THROW(client->query(filter));
    filter.data_source_name += 'n';
    EXPECT_THROW(client->query(filter), Error);
}

// spec: DISC-044
TEST_F(ClientTest, IgnoresAnswersToQuestionsItDidNotAsk) {
    start();
    client->query({});
    cycle();
    auto foreign = ok({result(10)});
    foreign.request_id += 1;
    answer(foreign);
    foreign.request_id = 0;
    answer(foreign);
    EXPECT_EQ(client->state(), DiscoveryState::Waiting) << "0 is no wildcard (trap 6)";
    EXPECT_EQ(client->counters().responses_foreign, 2U);
    answer(ok({result(10)}));
    EXPECT_EQ(client->state(), DiscoveryState::Answered);
    answer(ok({result(11)}));
    EXPECT_THAT(streams(), ElementsAre(10)) << "one question, one answer";
}

// spec: DISC-048 DISC-049
TEST_F(ClientTest, IgnoresResultsThatComeWithAnotherStatusThanOk) {
    start();
    for (const DiscoveryStatus status : {DiscoveryStatus::NotFound, DiscoveryStatus::Error}) {
        client->query({});
        cycle();
        auto response = ok({result(10)});
        response.status = status;
        response.error_message = "why";
        answer(response);
        EXPECT_EQ(client->state(), DiscoveryState::Answered);
        EXPECT_EQ(client->answer().status, status);
        EXPECT_THAT(client->answer().streams, IsEmpty());
        EXPECT_EQ(client->answer().error_message, "why");
    }
}

// spec: DISC-055 DISC-064 DISC-066
TEST_F(ClientTest, DropsSingleBadResultsAndKeepsTheOthers) {
    start();
    client->query({});
    cycle();
    auto no_channel = result(11);
    no_channel.driver_control_channel.clear();
    auto no_stream = result(12);
    no_stream.driver_control_stream_id = 0;
    auto odd_pool = result(13);
    odd_pool.pools[0].nslots = 32;
    auto odd_dims = result(14);
    odd_dims.max_dims = 9;
    answer(ok({no_channel, no_stream, result(10), odd_pool, odd_dims}));
    EXPECT_THAT(streams(), ElementsAre(10));
    EXPECT_EQ(client->counters().results_invalid, 4U);
}

// spec: DISC-096
TEST_F(ClientTest, KeepsOneResultForEachDriverAndStreamTheNewestEpoch) {
    start();
    client->query({});
    cycle();
    auto elsewhere = result(10, 1);
    elsewhere.driver_instance_id = "driver-02";
    answer(ok({result(10, 5), result(10, 7), result(10, 6), elsewhere}));
    ASSERT_THAT(streams(), ElementsAre(10, 10));
    EXPECT_EQ(client->answer().streams[0].epoch, 7U);
    EXPECT_EQ(client->answer().streams[1].driver_instance_id, "driver-02");
}

// spec: DISC-024 DISC-025 DISC-027
TEST_F(ClientTest, IgnoresWhatIsNoResponseOfItsVersion) {
    start();
    client->query({});
    cycle();
    auto raw = context->messaging().add_publication(kChannel, 7004);
    std::vector<std::byte> bytes(4096);
    bytes.resize(control::encode(bytes, ok({result(10)})));
    bytes[6] = std::byte{2};
    ASSERT_TRUE(raw->offer(bytes));
    bytes[6] = std::byte{1};
    ASSERT_TRUE(raw->offer(std::span(bytes).first(bytes.size() - 1)));
    bytes[4] = std::byte{0x84};  // schema 900
    ASSERT_TRUE(raw->offer(bytes));
    client->do_work(clock.now_ns());
    EXPECT_EQ(client->state(), DiscoveryState::Waiting);
    EXPECT_EQ(client->counters().messages_invalid, 2U);
}

TEST_F(ClientTest, AsksAgainUnderANewNumberAndThenGivesUp) {
    options.attempts = 3;
    start();
    client->query({});
    for (int i = 0; i < 3; ++i) {
        cycle();
        EXPECT_THAT(requests, SizeIs(static_cast<std::size_t>(i) + 1));
        EXPECT_EQ(client->state(), DiscoveryState::Waiting);
        clock.advance(options.attempt_timeout_ns);
    }
    EXPECT_NE(requests[0].request_id, requests[1].request_id);
    cycle();
    EXPECT_EQ(client->state(), DiscoveryState::TimedOut);
    auto late = ok({result(10)});
    late.request_id = requests[0].request_id;
    answer(late);
    EXPECT_EQ(client->state(), DiscoveryState::TimedOut);
}

TEST_F(ClientTest, TimesOutWithoutAProvider) {
    options.request.stream_id = 7100;
    options.attempts = 2;
    start();
    client->query({});
    for (int i = 0; i < 100 && client->state() == DiscoveryState::Waiting; ++i) {
        cycle();
        clock.advance(50 * kNanosPerMilli);
    }
    EXPECT_EQ(client->state(), DiscoveryState::TimedOut);
    EXPECT_EQ(client->counters().requests_sent, 0U);
}

// spec: DISC-097 DISC-089 DISC-007
TEST_F(ClientTest, LetsAnAnswerGrowStale) {
    start();
    EXPECT_FALSE(client->is_fresh(clock.now_ns()));
    client->query({});
    cycle();
    answer(ok({result(10)}));
    EXPECT_TRUE(client->is_fresh(clock.now_ns()));
    clock.advance(options.fresh_for_ns + 1);
    EXPECT_FALSE(client->is_fresh(clock.now_ns()));
}

// spec: DISC-097
TEST_F(ClientTest, DiscardsAnAnswerThatAnAnnounceContradictsAndAsksAgain) {
    options.announce = Endpoint{kChannel, 1501};
    start();
    control::ControlPublisher driver(context->messaging().add_publication(kChannel, 1501));
    client->query({});
    cycle();
    answer(ok({result(10, 5), result(11, 5)}));
    auto announce = pool_announce(10, 5);
    ASSERT_TRUE(driver.send(announce));
    cycle();
    EXPECT_EQ(client->state(), DiscoveryState::Answered) << "it agrees";
    announce.epoch = 4;
    ASSERT_TRUE(driver.send(announce));
    cycle();
    EXPECT_EQ(client->state(), DiscoveryState::Answered) << "older than the list";
    announce.epoch = 6;
    ASSERT_TRUE(driver.send(announce));
    cycle();
    EXPECT_EQ(client->state(), DiscoveryState::Waiting);
    EXPECT_EQ(client->counters().answers_voided, 1U);
    EXPECT_THAT(client->answer().streams, IsEmpty());
    cycle();
    ASSERT_THAT(requests, SizeIs(2));
    answer(ok({result(10, 6)}));
    EXPECT_THAT(streams(), ElementsAre(10));
}

// spec: DISC-060 DISC-061 DISC-062 DISC-090
TEST_F(ClientTest, AttachesAtTheDriverThatAResultNamesAndTakesNothingElseFromIt) {
    DiscoveredStream stream;
    stream.driver_control = {"aeron:ipc?alias=x", 1500};
    StreamEndpoints endpoints;
    const StreamEndpoints before = endpoints;
    attach_at(stream, endpoints);
    EXPECT_EQ(endpoints.control, stream.driver_control);
    EXPECT_EQ(endpoints.announce, stream.driver_control) << "announces are on control unless told otherwise";
    EXPECT_EQ(endpoints.descriptor, before.descriptor);
    EXPECT_EQ(endpoints.qos, before.qos);
    EXPECT_EQ(endpoints.metadata, before.metadata);
    endpoints = before;
    endpoints.announce.stream_id = 1001;
    attach_at(stream, endpoints);
    EXPECT_EQ(endpoints.announce.stream_id, 1001);
}

// spec: DISC-008 DISC-011 DISC-092
TEST_F(ClientTest, SeesWhereALeaseContradictsTheList) {
    DiscoveredStream stream;
    stream.stream_id = 10;
    stream.epoch = 5;
    stream.layout_version = 1;
    stream.header_nslots = 64;
    Attachment lease;
    lease.stream_id = 10;
    lease.epoch = 5;
    lease.layout_version = 1;
    lease.header_nslots = 64;
    EXPECT_EQ(contradiction(stream, lease), std::nullopt);
    const auto differs = [&](auto change) {
        Attachment other = lease;
        change(other);
        return contradiction(stream, other).has_value();
    };
    EXPECT_TRUE(differs([](auto& l) { l.epoch = 6; }));
    EXPECT_TRUE(differs([](auto& l) { l.layout_version = 2; }));
    EXPECT_TRUE(differs([](auto& l) { l.header_nslots = 32; }));
    EXPECT_TRUE(differs([](auto& l) { l.stream_id = 11; }));
}

using ClientWithProviderTest = DiscoveryTest;

TEST_F(ClientWithProviderTest, GetsAnAnswerOnAStreamOfItsOwn) {
    start();
    announce(10);
    name(10, "camera-1");
    announce(11);
    DiscoveryClientOptions asking;
    asking.request = options.request;
    DiscoveryClient client(*context, asking);
    DiscoveryFilter filter;
    filter.data_source_name = "camera-1";
    client.query(filter);
    for (int i = 0; i < 10 && client.state() == DiscoveryState::Waiting; ++i) {
        client.do_work(clock.now_ns());
        provider->do_work(clock.now_ns());
    }
    ASSERT_EQ(client.state(), DiscoveryState::Answered);
    ASSERT_THAT(client.answer().streams, SizeIs(1));
    EXPECT_EQ(client.answer().streams[0].stream_id, 10U);
}

// spec: DISC-086 DISC-044
TEST_F(ClientWithProviderTest, TakesTheFirstAnswerOfSeveralProviders) {
    start();
    DiscoveryProvider replica(*context, options);
    announce(10);
    replica.do_work(clock.now_ns());
    DiscoveryClientOptions asking;
    asking.request = options.request;
    DiscoveryClient client(*context, asking);
    client.query({});
    for (int i = 0; i < 10; ++i) {
        client.do_work(clock.now_ns());
        provider->do_work(clock.now_ns());
        replica.do_work(clock.now_ns());
    }
    EXPECT_EQ(client.state(), DiscoveryState::Answered);
    EXPECT_THAT(client.answer().streams, SizeIs(1));
    EXPECT_EQ(client.counters().responses_received, 1U);
    EXPECT_EQ(client.counters().responses_foreign, 1U) << "the replica's: one question, one answer";
    provider.reset();
    client.query({});
    for (int i = 0; i < 10; ++i) {
        client.do_work(clock.now_ns());
        replica.do_work(clock.now_ns());
    }
    EXPECT_EQ(client.state(), DiscoveryState::Answered) << "and one that is left is enough";
}

TEST_F(ClientWithProviderTest, TellsTwoClientsOnOneResponseStreamApart) {
    start();
    announce(10);
    announce(11);
    DiscoveryClientOptions asking;
    asking.request = options.request;
    asking.response = {kChannel, 7010};
    DiscoveryClient one(*context, asking);
    DiscoveryClient other(*context, asking);
    DiscoveryFilter filter;
    filter.stream_id = 10;
    one.query(filter);
    filter.stream_id = 11;
    other.query(filter);
    for (int i = 0; i < 10; ++i) {
        one.do_work(clock.now_ns());
        other.do_work(clock.now_ns());
        provider->do_work(clock.now_ns());
    }
    ASSERT_THAT(one.answer().streams, SizeIs(1));
    ASSERT_THAT(other.answer().streams, SizeIs(1));
    EXPECT_EQ(one.answer().streams[0].stream_id, 10U);
    EXPECT_EQ(other.answer().streams[0].stream_id, 11U);
    EXPECT_EQ(one.counters().responses_foreign, 1U);
}

}  // namespace
}  // namespace tensorpool::test
