// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Maps on the control stream: announce, request, answer.

#include "join/join_rig.hpp"

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "support/gated_client.hpp"
#include "support/raw_stream.hpp"
#include "telemetry/counter_list.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/join_telemetry.hpp>
#include <tensorpool/merge_map_exchange.hpp>

#include <memory>

namespace tensorpool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Notes what passes on the control stream.
class Eavesdropper final : public control::ControlHandler {
public:
    explicit Eavesdropper(Context& context)
        : subscription_(context.messaging().add_subscription(StreamEndpoints{}.control.channel,
                                                             StreamEndpoints{}.control.stream_id)) {}
    void cycle() {
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
    }
    void on_sequence_merge_map(const SequenceMergeMap& map, const messaging::Message&) override {
        sequence_maps.push_back(map);
    }
    void on_timestamp_merge_map(const TimestampMergeMap& map, const messaging::Message&) override {
        timestamp_maps.push_back(map);
    }
    void on_sequence_merge_map_request(const control::SequenceMergeMapRequest& request,
                                       const messaging::Message&) override {
        sequence_requests.emplace_back(request.out_stream_id, request.epoch);
    }
    void on_timestamp_merge_map_request(const control::TimestampMergeMapRequest& request,
                                        const messaging::Message&) override {
        timestamp_requests.emplace_back(request.out_stream_id, request.epoch);
    }

    std::vector<SequenceMergeMap> sequence_maps;
    std::vector<TimestampMergeMap> timestamp_maps;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> sequence_requests;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> timestamp_requests;

private:
    std::unique_ptr<messaging::Subscription> subscription_;
    control::ControlDispatcher dispatcher_{*this};
};

class MergeMapExchangeTest : public testing::Test {
protected:
    static MergeMapPublisherOptions slow() {
        MergeMapPublisherOptions options;
        options.period_ns = 3600 * kNanosPerSecond;
        return options;
    }
    void cycle() {
        for (int i = 0; i < 3; ++i) {
            authority.do_work(clock.now_ns());
            client.do_work(clock.now_ns());
            ear.cycle();
        }
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        cycle();
    }
    control::ControlPublisher by_hand() {
        const Endpoint at = StreamEndpoints{}.control;
        return control::ControlPublisher(
            authority_context->messaging().add_publication(at.channel, at.stream_id));
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> authority_context = context_in(dir, clock);
    std::unique_ptr<Context> stage_context = context_in(dir, clock);
    Eavesdropper ear{*authority_context};
    SequenceJoin barrier{join_options()};
    MergeMapPublisher authority{*authority_context, slow()};
    MergeMapClient client{*stage_context, barrier};
    const SequenceMergeMap map = sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::window(kB, 3)});
};

// spec: JOIN-066 JOIN-007
TEST_F(MergeMapExchangeTest, AnAnnouncedMapReachesTheBarrier) {
    cycle();
    EXPECT_FALSE(barrier.has_map());
    authority.publish(map);
    cycle();
    EXPECT_TRUE(barrier.has_map());
    EXPECT_THAT(ids(barrier.input_stream_ids()), ElementsAre(kA, kB));
    EXPECT_THAT(ear.sequence_maps, ElementsAre(map));
}

// spec: JOIN-072
TEST(MergeMapPublisherTest, RepeatsEveryMapAtItsPeriod) {
    const TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    const auto context = context_in(dir, clock);
    Eavesdropper ear(*context);
    MergeMapPublisher authority(*context, {});
    authority.publish(sequence_map({SequenceRule::at_offset(kA, 0)}));
    authority.publish(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    authority.do_work(clock.now_ns());
    ear.cycle();
    const std::size_t before = ear.sequence_maps.size();
    for (int tenth = 0; tenth < 50; ++tenth) {
        clock.advance(kNanosPerSecond / 10);
        authority.do_work(clock.now_ns());
        ear.cycle();
    }
    EXPECT_EQ(ear.sequence_maps.size() - before, 5U) << "one a second";
    EXPECT_EQ(ear.timestamp_maps.size(), ear.sequence_maps.size());
    EXPECT_TRUE(authority.withdraw(MergeMapKind::Sequence, kOut));
    EXPECT_FALSE(authority.withdraw(MergeMapKind::Sequence, kOut));
    clock.advance(kNanosPerSecond);
    authority.do_work(clock.now_ns());
    ear.cycle();
    EXPECT_EQ(ear.timestamp_maps.size(), ear.sequence_maps.size() + 1);
}

// spec: JOIN-073 JOIN-074 JOIN-075
TEST_F(MergeMapExchangeTest, AStageThatComesLateAsksAndIsAnswered) {
    authority.publish(map);
    authority.do_work(clock.now_ns());
    authority.do_work(clock.now_ns());
    const auto late_context = context_in(dir, clock);
    SequenceJoin late{join_options()};
    MergeMapClient asking{*late_context, late};
    for (int i = 0; i < 3; ++i) {
        asking.do_work(clock.now_ns());
        authority_context->messaging().do_work(clock.now_ns());
        cycle();
    }
    asking.do_work(clock.now_ns());
    EXPECT_TRUE(late.has_map()) << "long before the map is announced again";
    EXPECT_GT(asking.counters().requests_sent, 0U);
    EXPECT_FALSE(ear.sequence_requests.empty());
    EXPECT_EQ(ear.sequence_requests[0], std::make_pair(kOut, std::uint64_t{1}));
    EXPECT_TRUE(ear.timestamp_requests.empty());
}

// JT-20. spec: JOIN-073
TEST_F(MergeMapExchangeTest, ARequestIsRepeatedOncePerSecondUntilAMapMatches) {
    cycle();
    const std::size_t before = ear.sequence_requests.size();
    for (int tenth = 0; tenth < 50; ++tenth) advance(kNanosPerSecond / 10);
    EXPECT_EQ(ear.sequence_requests.size() - before, 5U);
    authority.publish(map);
    cycle();
    const std::size_t with_map = ear.sequence_requests.size();
    for (int tenth = 0; tenth < 50; ++tenth) advance(kNanosPerSecond / 10);
    EXPECT_EQ(ear.sequence_requests.size(), with_map);
    barrier.set_out_epoch(2);
    cycle();
    EXPECT_EQ(ear.sequence_requests.size(), with_map + 1) << "a new epoch is asked for at once";
    EXPECT_EQ(ear.sequence_requests.back().second, 2U);
}

// JT-20. spec: JOIN-074
TEST_F(MergeMapExchangeTest, ARequestForAnUnknownPairIsIgnored) {
    authority.publish(map);
    cycle();
    const std::size_t before = ear.sequence_maps.size();
    auto stranger = by_hand();
    ASSERT_TRUE(stranger.send(control::SequenceMergeMapRequest{kOut, 77}));
    ASSERT_TRUE(stranger.send(control::SequenceMergeMapRequest{kOut + 1, 1}));
    ASSERT_TRUE(stranger.send(control::TimestampMergeMapRequest{kOut, 1}));
    authority_context->messaging().do_work(clock.now_ns());
    cycle();
    EXPECT_EQ(ear.sequence_maps.size(), before);
    EXPECT_TRUE(ear.timestamp_maps.empty());
    EXPECT_EQ(authority.counters().requests_unknown, 3U);
}

// spec: JOIN-074
TEST_F(MergeMapExchangeTest, AnswersEachKindWithItsOwnAndManyRequestsWithOneAnnounce) {
    const TimestampMergeMap times = timestamp_map({TimestampRule::at_offset(kA, 0)});
    authority.publish(map);
    authority.publish(times);
    cycle();
    const std::size_t before = ear.sequence_maps.size();
    ear.timestamp_maps.clear();
    auto stranger = by_hand();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(stranger.send(control::TimestampMergeMapRequest{kOut, 1}));
    authority_context->messaging().do_work(clock.now_ns());
    cycle();
    EXPECT_THAT(ear.timestamp_maps, ElementsAre(times));
    EXPECT_EQ(ear.sequence_maps.size(), before);
}

// spec: JOIN-021
TEST_F(MergeMapExchangeTest, AMapOfANewEpochTakesThePlaceOfTheOldOne) {
    authority.publish(map);
    cycle();
    SequenceMergeMap next = map;
    next.epoch = 2;
    authority.publish(next);
    cycle();
    EXPECT_TRUE(barrier.has_map()) << "the barrier decides when the epoch changes";
    barrier.set_out_epoch(2);
    EXPECT_FALSE(barrier.has_map());
    cycle();
    EXPECT_TRUE(barrier.has_map());
    EXPECT_EQ(ear.sequence_maps.back().epoch, 2U);
}

// spec: JOIN-011 JOIN-012 JOIN-013 JOIN-016 JOIN-018
TEST_F(MergeMapExchangeTest, AnAuthorityRefusesToPublishAnInvalidMap) {
    const auto refused = [&](const MergeMap& wrong) -> std::string {
        try {
            authority.publish(wrong);
        } catch (const Error& error) {
            return error.what();
        }
        return "published";
    };
    EXPECT_THAT(refused(sequence_map({})),
                HasSubstr("merge map of stream 20000 epoch 1: there are no rules"));
    EXPECT_THAT(refused(timestamp_map({TimestampRule::window(kA, 0)})), HasSubstr("JOIN-016"));
    std::vector<SequenceRule> many(kMaxMergeRules, SequenceRule::at_offset(kA, 0));
    EXPECT_THAT(refused(sequence_map(std::move(many))), HasSubstr("do not fit a message"));
    cycle();
    EXPECT_TRUE(ear.sequence_maps.empty());
}

// spec: JOIN-014
TEST_F(MergeMapExchangeTest, AnInvalidAnnounceBlocksTheBarrierAndIsLoggedOnce) {
    authority.publish(map);
    cycle();
    auto hostile = by_hand();
    SequenceMergeMap wrong = map;
    wrong.rules[1].window_size = 0;
    ASSERT_TRUE(hostile.send(wrong));
    stage_context->messaging().do_work(clock.now_ns());
    client.do_work(clock.now_ns());
    EXPECT_FALSE(barrier.has_map());
    EXPECT_THAT(barrier.map_fault(), HasSubstr("JOIN-016"));
    cycle();
    EXPECT_TRUE(barrier.has_map()) << "it asked, and the authority answered";
}

// JT-16.
TEST(MergeMapClientTest, LearnsTheClockOfAnInputFromItsAnnounce) {
    RawStream stream;
    JoinOptions options = join_options();
    options.assumed_clock_domain.reset();
    TimestampJoin barrier{options};
    const auto context = context_in(stream.dir, stream.clock);
    MergeMapClient client{*context, barrier};
    barrier.apply(timestamp_map({TimestampRule::at_offset(RawStream::kStream, 0)}));
    client.do_work(stream.clock.now_ns());
    see_time(barrier, RawStream::kStream, 50);
    EXPECT_EQ(barrier.decide(50, ClockDomain::Monotonic, 0).state, JoinState::NotReady);
    stream.context->messaging().do_work(stream.clock.now_ns());
    client.do_work(stream.clock.now_ns());
    stream.send_announce();
    client.do_work(stream.clock.now_ns());
    see_time(barrier, RawStream::kStream, 50);
    EXPECT_TRUE(barrier.decide(50, ClockDomain::Monotonic, 0).ready());
}

TEST(MergeMapPublisherTest, TriesAgainWhatTheMessagingRefused) {
    const TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    const auto gate = std::make_shared<Gate>();
    messaging::EmbeddedOptions embedded;
    embedded.clock = &clock;
    embedded.dir = (dir.path() / "messaging").string();
    Context gated(std::make_unique<GatedClient>(messaging::make_embedded_client(embedded), gate), clock);
    MergeMapPublisher authority(gated, {});
    Eavesdropper ear(gated);
    gate->shut(messaging::SendError::BackPressured);
    authority.publish(sequence_map({SequenceRule::at_offset(kA, 0)}));
    authority.do_work(clock.now_ns());
    authority.do_work(clock.now_ns());
    EXPECT_EQ(authority.counters().send_failures, 2U);
    gate->open();
    authority.do_work(clock.now_ns());
    ear.cycle();
    EXPECT_EQ(ear.sequence_maps.size(), 1U);
    EXPECT_EQ(authority.counters().announces_published, 1U);
}

TEST(MergeMapPublisherTest, PeriodsMustBePositive) {
    const TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    const auto context = context_in(dir, clock);
    EXPECT_THROW(MergeMapPublisher(*context, {.period_ns = 0}), Error);
    SequenceJoin barrier{join_options()};
    EXPECT_THROW(MergeMapClient(*context, barrier, {.request_period_ns = -1}), Error);
}

// spec: OBS-006, OT-06
TEST_F(MergeMapExchangeTest, OtherProcessesSeeTheCountersOfABarrier) {
    JoinTelemetry telemetry(*stage_context, barrier, &client);
    authority.publish(map);
    cycle();
    see(barrier, kA, 3);
    see(barrier, 4711, 3);
    EXPECT_FALSE(barrier.decide(3, clock.now_ns()).ready());
    see(barrier, kB, 3);
    EXPECT_TRUE(barrier.decide(3, clock.now_ns()).ready());
    telemetry.do_work(clock.now_ns());
    const std::string owner = "Join stream=20000 instance=";
    expect_published(authority_context->messaging(), barrier.counters(), owner);
    expect_published(authority_context->messaging(), client.counters(), owner);
    EXPECT_EQ(counter_value(authority_context->messaging(), "JoinReady", owner), 1);
    EXPECT_EQ(counter_value(authority_context->messaging(), "JoinNotReady", owner), 1);
    EXPECT_EQ(counter_value(authority_context->messaging(), "JoinInputs", owner), 2);
}

}  // namespace
}  // namespace tensorpool::test
