// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a provider answers, message by message.

#include "discovery/discovery_fixture.hpp"
#include "telemetry/counter_list.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/log.hpp>

#include <gmock/gmock.h>

#include <array>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using ProviderTest = DiscoveryTest;

// spec: DISC-001 DISC-005 DISC-006 DISC-007 DISC-012 DISC-017 DISC-028 DISC-043 DISC-045 DISC-053 DISC-054
// DISC-059 DISC-061 DISC-063 DISC-065 DISC-067 DISC-069 DISC-071
TEST_F(ProviderTest, AnswersWithEveryStreamThatWasAnnouncedAndItsDriver) {
    start();
    announce(10, 7);
    announce(11, 8);
    auto question = request();
    question.request_id = 0x1122334455667788;
    const auto response = ask(question);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->request_id, 0x1122334455667788U);
    EXPECT_EQ(response->status, DiscoveryStatus::Ok);
    EXPECT_EQ(response->error_message, "");
    EXPECT_THAT(streams_of(response), ElementsAre(10, 11));
    const control::DiscoveryResult& first = response->results[0];
    EXPECT_EQ(first.producer_id, 77U);
    EXPECT_EQ(first.epoch, 7U);
    EXPECT_EQ(first.layout_version, 1U);
    EXPECT_EQ(first.header_nslots, 64U);
    EXPECT_EQ(first.header_slot_bytes, 256U);
    EXPECT_EQ(first.max_dims, 8U);
    EXPECT_EQ(first.data_source_id, std::nullopt) << "no announce carries one (trap 9)";
    EXPECT_EQ(first.pools, announce_of(10).pools);
    EXPECT_EQ(first.header_region_uri, announce_of(10).header_region_uri);
    EXPECT_EQ(first.driver_instance_id, "driver-01");
    EXPECT_EQ(first.driver_control_channel, kChannel);
    EXPECT_EQ(first.driver_control_stream_id, 1000U);
    EXPECT_EQ(control::invalid_reason(first), std::nullopt);
}

// spec: DISC-045 DISC-075
TEST_F(ProviderTest, SaysOkWithNothingWhenNothingMatches) {
    start();
    const auto response = ask(request());
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, DiscoveryStatus::Ok);
    EXPECT_THAT(response->results, IsEmpty());
}

// spec: DISC-029 DISC-034 DISC-035 DISC-036 DISC-070
TEST_F(ProviderTest, CombinesFiltersWithAnd) {
    options.labels = {{"driver-01", 11, {}, 500}};
    start();
    for (const std::uint32_t stream : {10U, 11U, 12U}) announce(stream);
    name(10, "camera-1");
    name(11, "Camera-1");
    name(12, "camera-1");
    auto question = request();
    question.data_source_name = "camera-1";
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(10, 12)) << "byte for byte";
    question.stream_id = 12;
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(12));
    question.producer_id = 78;
    EXPECT_THAT(streams_of(ask(question)), IsEmpty());
    question.producer_id = 77;
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(12));
    question.data_source_id = 500;
    EXPECT_THAT(streams_of(ask(question)), IsEmpty()) << "an unset id matches no filter value";
    question = request();
    question.data_source_id = 500;
    const auto response = ask(question);
    EXPECT_THAT(streams_of(response), ElementsAre(11));
    EXPECT_EQ(response->results[0].data_source_name, "Camera-1");
    question.data_source_id = 0;
    EXPECT_THAT(streams_of(ask(question)), IsEmpty()) << "0 is a value like any other";
}

// spec: DISC-038 DISC-039 DISC-040 DISC-056 DISC-057 DISC-058
TEST_F(ProviderTest, WantsEveryTagAndReturnsAllOfThem) {
    options.labels = {{"driver-01", 10, {"lab", "Fast"}, {}}, {"driver-01", 11, {"lab"}, {}}};
    start();
    announce(10);
    announce(11);
    announce(12);
    auto question = request();
    question.tags = {"lab"};
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(10, 11));
    question.tags = {"lab", "lab", "", "Fast", "lab"};
    const auto response = ask(question);
    EXPECT_THAT(streams_of(response), ElementsAre(10)) << "duplicates count once, empty ones not at all";
    EXPECT_THAT(response->results[0].tags, UnorderedElementsAre("lab", "Fast"));
    question.tags = {"fast"};
    EXPECT_THAT(streams_of(ask(question)), IsEmpty()) << "case counts";
    provider->set_label({"driver-01", 12, {"fast"}, {}});
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(12)) << "an administrator may set tags at any time";
}

// spec: DISC-030 DISC-031 DISC-033
TEST_F(ProviderTest, NeverAnswersARequestThatNamesNowhereToAnswer) {
    start();
    announce(10);
    auto question = request();
    question.response_channel.clear();
    EXPECT_FALSE(ask(question));
    question = request();
    for (const std::uint32_t stream : {0U, 0x80000000U, 0xffffffffU}) {
        question.response_stream_id = stream;
        EXPECT_FALSE(ask(question)) << stream;
    }
    EXPECT_EQ(provider->counters().requests_refused, 4U);
    question = request();
    question.response_channel = "not a channel";
    EXPECT_FALSE(ask(question));
    question.response_channel = "aeron:ipc?term-length=1g";
    EXPECT_FALSE(ask(question)) << "its log would be the provider's memory";
    EXPECT_EQ(provider->counters().response_endpoints_refused, 2U);
    EXPECT_TRUE(ask(request())) << "and goes on serving";
}

// spec: DISC-018 DISC-015
TEST_F(ProviderTest, AnswersOnTheRequestChannelOnlyWhenTheClientNamesIt) {
    start();
    announce(10);
    auto on_request =
        context->messaging().add_subscription(options.request.channel, options.request.stream_id);
    const auto answers = [&] {
        int count = 0;
        on_request->poll(
            [&](const messaging::Message& message) {
                control::DiscoveryResponse response;
                if (control::decode(message.bytes, response) == control::DecodeResult::Ok) ++count;
            },
            100);
        return count;
    };
    EXPECT_TRUE(ask(request()));
    EXPECT_EQ(answers(), 0);
    auto question = request();
    question.response_stream_id = static_cast<std::uint32_t>(options.request.stream_id);
    EXPECT_FALSE(ask(question));
    provider->do_work(clock.now_ns());  // reads its own answer, which is no request (trap 13)
    EXPECT_EQ(answers(), 1);
    EXPECT_EQ(provider->counters().messages_invalid, 0U);
}

// spec: DISC-015 DISC-014 DISC-085
TEST_F(ProviderTest, SharesTheControlStreamOfADriverWithAllOtherTraffic) {
    options.request = options.authorities[0].announce = options.authorities[0].control;
    start();
    announce(10);
    send(options.request, control::ConsumerHello{});
    send(options.request, control::AttachRequest{});
    EXPECT_THAT(streams_of(ask(request())), ElementsAre(10));
    EXPECT_EQ(provider->counters().messages_invalid, 0U);
}

// spec: DISC-048 DISC-050 DISC-051 DISC-052 DISC-047
TEST_F(ProviderTest, SaysErrorAndNothingElseWhenMoreMatchThanItMayReturn) {
    options.max_results = 2;
    start();
    announce(10);
    announce(11);
    EXPECT_EQ(ask(request())->status, DiscoveryStatus::Ok);
    announce(12);
    const auto response = ask(request());
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, DiscoveryStatus::Error) << "never a shortened list (trap 2)";
    EXPECT_THAT(response->results, IsEmpty());
    EXPECT_THAT(response->error_message, HasSubstr("result limit exceeded"));
    EXPECT_LE(response->error_message.size(), 1024U);
    auto question = request();
    question.stream_id = 12;
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(12));
}

// spec: DISC-073 DISC-074 DISC-075
TEST_F(ProviderTest, ForgetsAStreamThatIsAnnouncedNoMore) {
    start();
    EXPECT_EQ(options.expiry_ns, 3 * kNanosPerSecond);
    announce(10);
    clock.advance(options.expiry_ns);
    EXPECT_THAT(streams_of(ask(request())), ElementsAre(10));
    clock.advance(1);
    EXPECT_THAT(streams_of(ask(request())), IsEmpty());
    clock.advance(options.expiry_ns);
    provider->do_work(clock.now_ns());
    EXPECT_EQ(provider->counters().expired, 1U);
    announce(10, 6);
    EXPECT_THAT(streams_of(ask(request())), ElementsAre(10));
}

// spec: DISC-069 DISC-070 DISC-073
TEST_F(ProviderTest, LetsOnlyAnAnnounceMakeAStreamVisibleAndKeepItSo) {
    start();
    name(10, "camera-1");
    control::DataSourceMeta meta;
    meta.stream_id = 10;
    send(*options.authorities[0].metadata, meta);
    EXPECT_THAT(streams_of(ask(request())), IsEmpty()) << "metadata has no layout (trap 7)";
    announce(10, 5);
    clock.advance(2 * kNanosPerSecond);
    name(10, "camera-2");
    send(*options.authorities[0].metadata, meta);
    provider->set_label({"driver-01", 10, {"lab"}, {}});
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10));
    EXPECT_EQ(response->results[0].data_source_name, "camera-2");
    EXPECT_EQ(response->results[0].epoch, 5U) << "not the one that metadata names";
    clock.advance(kNanosPerSecond + 1);
    EXPECT_THAT(streams_of(ask(request())), IsEmpty()) << "neither name nor tags restart the timer";
    announce(10, 6);
    const auto again = ask(request());
    ASSERT_THAT(streams_of(again), ElementsAre(10));
    EXPECT_THAT(again->results[0].tags, ElementsAre("lab")) << "administrative tags outlive the entry";
}

TEST_F(ProviderTest, NamesAStreamAsLongAsItIsListed) {
    start();
    name(10, "camera-1");
    for (int i = 0; i < 20; ++i) {
        clock.advance(kNanosPerSecond);
        announce(10);
    }
    auto question = request();
    question.data_source_name = "camera-1";
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(10));
    clock.advance(10 * kNanosPerSecond);
    provider->do_work(clock.now_ns());
    announce(10);
    EXPECT_THAT(streams_of(ask(question)), IsEmpty()) << "who comes back has to say again who it is";
}

// spec: DISC-076 DISC-077 DISC-068
TEST_F(ProviderTest, FollowsTheNewestEpochAndDropsOlderOnes) {
    start();
    announce(10, 5);
    name(10, "camera-1");
    auto changed = announce_of(10, 6);
    changed.header_nslots = 128;
    for (auto& pool : changed.pools) pool.nslots = 128;
    announce(changed);
    announce(10, 5);
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10)) << "one entry for one key";
    EXPECT_EQ(response->results[0].epoch, 6U);
    EXPECT_EQ(response->results[0].header_nslots, 128U);
    EXPECT_EQ(response->results[0].data_source_name, "camera-1");
    EXPECT_EQ(provider->counters().announces_regressed, 1U);
    clock.advance(kNanosPerSecond);
    announce(10, 5);
    clock.advance(2 * kNanosPerSecond + 1);
    EXPECT_THAT(streams_of(ask(request())), IsEmpty()) << "a regressed announce keeps nothing alive";
}

// spec: DISC-077
TEST_F(ProviderTest, AcceptsLowerEpochsOnceADriverIsKnownToHaveBeenReplaced) {
    start();
    announce(10, 50);
    EXPECT_THROW(provider->replace_authority("driver-02", authority("driver-03", 1500)), Error);
    options.authorities[0] = authority("driver-01b", 1500);
    provider->replace_authority("driver-01", options.authorities[0]);
    EXPECT_THAT(streams_of(ask(request())), IsEmpty()) << "what the old driver said is forgotten";
    announce(10, 1);
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10));
    EXPECT_EQ(response->results[0].epoch, 1U);
    EXPECT_EQ(response->results[0].driver_instance_id, "driver-01b");
    EXPECT_EQ(response->results[0].driver_control_stream_id, 1500U);
}

// spec: DISC-003 DISC-013 DISC-068 DISC-078
TEST_F(ProviderTest, KeepsStreamsOfSeveralDriversApart) {
    options.authorities.push_back(authority("driver-02", 2000));
    start();
    announce(announce_of(10, 5), 0);
    announce(announce_of(10, 9), 1);
    name(10, "north", 0);
    name(10, "south", 1);
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10, 10));
    EXPECT_EQ(response->results[0].driver_instance_id, "driver-01");
    EXPECT_EQ(response->results[0].data_source_name, "north");
    EXPECT_EQ(response->results[1].driver_instance_id, "driver-02");
    EXPECT_EQ(response->results[1].epoch, 9U);
    EXPECT_EQ(response->results[1].driver_control_stream_id, 2000U);
}

TEST_F(ProviderTest, IgnoresAnnouncesThatBreakTheProtocolAndKeepsWhatItKnew) {
    start();
    announce(10, 5);
    const auto broken = [&](auto change) {
        auto bad = announce_of(10, 6);
        change(bad);
        announce(bad);
    };
    broken([](auto& a) { a.stream_id = 0; });
    broken([](auto& a) { a.header_slot_bytes = 128; });
    broken([](auto& a) { a.pools.clear(); });
    broken([](auto& a) { a.header_nslots = 0; });
    broken([](auto& a) { a.pools[1].nslots = 32; });
    broken([](auto& a) { a.pools[0].region_uri.assign(10000, 'x'); });
    EXPECT_EQ(provider->counters().announces_invalid, 6U);
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10));
    EXPECT_EQ(response->results[0].epoch, 5U);
}

// spec: DISC-037
TEST_F(ProviderTest, KeepsNamesWholeAndBounded) {
    start();
    announce(10);
    announce(11);
    const std::string longest(256, 'n');
    name(10, longest);
    name(11, std::string(5000, 'n'));
    auto question = request();
    question.data_source_name = longest;
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(10)) << "not cut at 255 bytes (trap 14)";
    EXPECT_EQ(provider->counters().metadata_invalid, 1U);
}

TEST_F(ProviderTest, RemembersNoMoreStreamsThanAllowed) {
    options.max_streams = 2;
    start();
    announce(10);
    name(11, "named only");
    announce(12);
    EXPECT_EQ(provider->counters().dropped_full, 1U);
    EXPECT_THAT(streams_of(ask(request())), ElementsAre(10));
    clock.advance(10 * kNanosPerSecond);
    provider->do_work(clock.now_ns());
    announce(12);
    EXPECT_THAT(streams_of(ask(request())), ElementsAre(12)) << "what expired makes room";
}

// spec: DISC-046 DISC-079 DISC-082 DISC-083 DISC-041
TEST_F(ProviderTest, HidesStreamsWithoutShowingThatItDoes) {
    options.visible = [](std::uint32_t client_id, const DiscoveredStream& stream) {
        return client_id == 2 || stream.stream_id != 10;
    };
    start();
    announce(10);
    announce(11);
    auto question = request();
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(10, 11));
    question.client_id = 3;
    EXPECT_THAT(streams_of(ask(question)), ElementsAre(11));
    question.stream_id = 10;
    const auto hidden = ask(question);
    EXPECT_EQ(hidden->status, DiscoveryStatus::NotFound);
    EXPECT_THAT(hidden->results, IsEmpty());
    question.stream_id = 4711;
    EXPECT_EQ(ask(question)->status, DiscoveryStatus::NotFound) << "absent looks like hidden (trap 1)";
}

// spec: DISC-083 DISC-042
TEST_F(ProviderTest, DeniesOpenlyWhenThePolicySaysSoAndFailsClosed) {
    options.explicit_denial = true;
    options.visible = [](std::uint32_t client_id, const DiscoveredStream&) -> bool {
        if (client_id == 4) throw std::runtime_error("the policy's data base is down");
        return false;
    };
    start();
    announce(10);
    const auto denied = ask(request());
    EXPECT_EQ(denied->status, DiscoveryStatus::Error);
    EXPECT_THAT(denied->results, IsEmpty());
    auto question = request();
    question.client_id = 4;
    EXPECT_EQ(ask(question)->status, DiscoveryStatus::Error);
    EXPECT_EQ(provider->counters().internal_errors, 1U);
    question.stream_id = 99;
    EXPECT_EQ(ask(question)->status, DiscoveryStatus::NotFound) << "nothing was denied";
}

// spec: DISC-084
TEST_F(ProviderTest, ListsStreamsThatCannotBeMappedHereAndTheirTagsSayHowToReachThem) {
    options.labels = {{"driver-01", 10, {"remote", "bridge:lab-2"}, {}}};
    start();
    auto foreign = announce_of(10);
    foreign.header_region_uri = "shm:file?path=/on/another/host/header.ring";
    announce(foreign);
    const auto response = ask(request());
    ASSERT_THAT(streams_of(response), ElementsAre(10));
    EXPECT_THAT(response->results[0].tags, UnorderedElementsAre("remote", "bridge:lab-2"));
}

TEST_F(ProviderTest, ReadsRequestsAndWritesAnswersOfManyMtus) {
    start();
    for (std::uint32_t stream = 1; stream <= 1000; ++stream) announce(stream);
    auto question = request();
    for (int i = 0; i < 1000; ++i) question.tags.push_back("");  // 4000 bytes that ask for nothing
    const auto response = ask(question);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, DiscoveryStatus::Ok);
    EXPECT_THAT(response->results, SizeIs(1000));
    EXPECT_GT(received_bytes, 200'000U);
    EXPECT_EQ(response->results[999].pools, announce_of(1).pools);
}

TEST_F(ProviderTest, SaysErrorWhenTheListDoesNotFitTheChannelOfTheClient) {
    start();
    for (std::uint32_t stream = 1; stream <= 200; ++stream) announce(stream);
    auto narrow = context->messaging().add_subscription("aeron:ipc?term-length=64k", 7005);
    auto question = request();
    question.response_channel = "aeron:ipc?term-length=64k";
    question.response_stream_id = 7005;
    EXPECT_FALSE(ask(question));
    std::optional<control::DiscoveryResponse> response;
    narrow->poll(
        [&](const messaging::Message& message) {
            EXPECT_EQ(control::decode(message.bytes, response.emplace()), control::DecodeResult::Ok);
        },
        1);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, DiscoveryStatus::Error);
    EXPECT_THAT(response->results, IsEmpty());
    EXPECT_THAT(response->error_message, HasSubstr("do not fit a message"));
}

TEST_F(ProviderTest, KeepsAnAnswerForAClientThatListensAMomentLater) {
    start();
    announce(10);
    send(options.request, request());
    provider->do_work(clock.now_ns());
    EXPECT_EQ(provider->counters().responses_dropped, 0U);
    listen();
    clock.advance(kNanosPerSecond);
    provider->do_work(clock.now_ns());
    EXPECT_THAT(streams_of(receive()), ElementsAre(10));
}

TEST_F(ProviderTest, GivesUpOnAClientThatNeverListens) {
    start();
    send(options.request, request());
    provider->do_work(clock.now_ns());
    clock.advance(options.response_timeout_ns);
    provider->do_work(clock.now_ns());
    EXPECT_EQ(provider->counters().responses_dropped, 1U);
    listen();
    provider->do_work(clock.now_ns());
    EXPECT_FALSE(receive());
}

TEST_F(ProviderTest, OpensNoMoreResponseEndpointsThanAllowedAndClosesIdleOnes) {
    options.max_response_endpoints = 2;
    start();
    auto question = request();
    for (std::uint32_t stream = 8000; stream < 8010; ++stream) {  // nobody listens: each waits
        question.response_stream_id = stream;
        EXPECT_FALSE(ask(question));
    }
    EXPECT_EQ(provider->counters().response_endpoints_refused, 8U);
    clock.advance(options.response_timeout_ns + 1);
    provider->do_work(clock.now_ns());
    EXPECT_TRUE(ask(request())) << "what waits no more makes room";
    auto probe = context->messaging().add_subscription(kChannel, kResponseStream);
    EXPECT_TRUE(probe->is_connected());
    clock.advance(options.response_idle_ns + 1);
    provider->do_work(clock.now_ns());
    probe->poll([](const messaging::Message&) {}, 1);
    EXPECT_FALSE(probe->is_connected()) << "idle endpoints are closed";
}

class Lines final : public LogSink {
public:
    Lines() { set_log_sink(this, LogLevel::Info); }
    ~Lines() override { set_log_sink(nullptr); }
    void write(LogLevel, std::string_view, std::string_view message) noexcept override {
        lines.emplace_back(message);
    }
    std::vector<std::string> lines;
};

// spec: DISC-087
TEST_F(ProviderTest, LogsOneQueryInAThousandAndNothingOfWhoAsksForWhat) {
    start();
    Lines log;
    auto question = request();
    question.client_id = 987654;
    question.data_source_name = "secret-camera";
    for (int i = 0; i < 1500; ++i) EXPECT_TRUE(ask(question));
    ASSERT_THAT(log.lines, SizeIs(2));
    for (const std::string& line : log.lines) {
        EXPECT_THAT(line, HasSubstr("query"));
        EXPECT_EQ(line.find("secret"), std::string::npos);
        EXPECT_EQ(line.find("987654"), std::string::npos);
    }
}

// spec: DISC-002 DISC-080
TEST_F(ProviderTest, SaysNothingOnTheEndpointsOfADriver) {
    auto control = context->messaging().add_subscription(kChannel, 1000);
    auto announces = context->messaging().add_subscription(kChannel, 1001);
    start();
    EXPECT_FALSE(announces->is_connected());
    announce(10);
    EXPECT_TRUE(ask(request()));
    EXPECT_FALSE(control->is_connected()) << "attaching is between client and driver";
}

TEST_F(ProviderTest, RefusesOptionsThatCannotWork) {
    const auto refused = [&](auto change) {
        DiscoveryProviderOptions bad = options;
        change(bad);
        EXPECT_THROW(DiscoveryProvider(*context, bad), Error);
    };
    refused([](auto& o) { o.authorities.clear(); });
    refused([](auto& o) { o.authorities[0].instance_id.clear(); });
    refused([](auto& o) { o.authorities[0].control.stream_id = 0; });
    refused([](auto& o) { o.authorities.push_back(o.authorities[0]); });
    refused([](auto& o) {
        o.authorities.push_back(o.authorities[0]);
        o.authorities[1].instance_id = "another";
    });
    refused([](auto& o) { o.request.channel.clear(); });
    refused([](auto& o) { o.max_results = 0; });
    refused([](auto& o) { o.expiry_ns = 0; });
    refused([](auto& o) { o.labels = {{"nobody", 1, {}, {}}}; });
    refused([](auto& o) { o.labels = {{"driver-01", 0, {}, {}}}; });
}

TEST_F(ProviderTest, ShowsItsOwnProcessWhatItWouldAnswer) {
    start();
    announce(10);
    announce(11);
    name(11, "camera-1");
    EXPECT_THAT(provider->streams(), SizeIs(2));
    DiscoveryFilter filter;
    filter.data_source_name = "camera-1";
    const auto found = provider->streams(filter);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].stream_id, 11U);
    EXPECT_EQ(found[0].driver_control.stream_id, 1000);
    EXPECT_EQ(found[0].pools[1].stride_bytes, 8192U);
}

// spec: OBS-006, OT-06
TEST_F(ProviderTest, OtherProcessesSeeItsCounters) {
    start();
    announce(10, 7);
    announce(11, 7);
    announce(10, 6);
    ASSERT_TRUE(ask(request()));
    clock.advance(kNanosPerMilli);
    provider->do_work(clock.now_ns());
    EXPECT_EQ(provider->counters().announces_regressed, 1u);
    expect_published(context->messaging(), provider->counters(), "Discovery");
    EXPECT_EQ(counter_value(context->messaging(), "DiscoveryResponsesOk", "Discovery"), 1);
    EXPECT_EQ(counter_value(context->messaging(), "DiscoveryStreams", "Discovery"), 2);
    EXPECT_THAT(counters_seen_by(context->messaging()).at(0).label, HasSubstr("NodeId=7000 "));
}

}  // namespace
}  // namespace tensorpool::test
