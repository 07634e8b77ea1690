// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What the worked examples leave open.

#include "join/join_rig.hpp"

#include "support/allocation_counter.hpp"
#include "support/rounds.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/error.hpp>

#include <random>

namespace tensorpool::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kMono = ClockDomain::Monotonic;

TEST(JoinMapTest, AnOutputStreamIsRequired) {
    EXPECT_THROW(SequenceJoin{JoinOptions{}}, Error);
}

// spec: JOIN-009 JOIN-021
TEST(JoinMapTest, MapsOfAnotherOutputEpochOrKindAreIgnored) {
    SequenceJoin join{join_options()};
    const std::vector<SequenceRule> rules{SequenceRule::at_offset(kA, 0)};
    EXPECT_EQ(join.apply(SequenceMergeMap{kOut + 1, 1, {}, rules}), MapOutcome::Ignored);
    EXPECT_EQ(join.apply(SequenceMergeMap{kOut, 2, {}, rules}), MapOutcome::Ignored);
    EXPECT_EQ(join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)})), MapOutcome::Ignored);
    EXPECT_FALSE(join.has_map());
    EXPECT_EQ(join.apply(sequence_map(rules)), MapOutcome::Applied);
    see(join, kA, 5);
    EXPECT_EQ(join.apply(timestamp_map({})), MapOutcome::Ignored) << "also an invalid one";
    EXPECT_TRUE(join.decide(5, 0).ready());
    EXPECT_EQ(join.counters().maps_ignored, 4U);
}

// spec: JOIN-021
TEST(JoinMapTest, EveryKindNeedsAFreshMapAfterAnOutputEpoch) {
    SequenceJoin sequence{join_options()};
    TimestampJoin time{join_options()};
    LatestJoin latest{join_options(), MergeMapKind::Sequence};
    sequence.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    time.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    latest.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    for (JoinBarrier* join : std::initializer_list<JoinBarrier*>{&sequence, &time, &latest}) {
        see_time(*join, kA, 100);
        join->set_out_epoch(1);
        EXPECT_TRUE(join->has_map()) << "the same epoch again";
        join->set_out_epoch(2);
        EXPECT_FALSE(join->has_map());
        EXPECT_THAT(join->input_stream_ids(), IsEmpty());
        EXPECT_FALSE(join->input(kA));
    }
    EXPECT_EQ(sequence.decide(0, 0).state, JoinState::Blocked);
    EXPECT_EQ(time.decide(100, kMono, 0).state, JoinState::Blocked);
    EXPECT_EQ(latest.decide(0).state, JoinState::Blocked);
}

// spec: JOIN-020
TEST(JoinMapTest, AChangedTimestampMapForgetsTimesAndTheOutputTime) {
    TimestampJoin join{join_options()};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    see_time(join, kA, 500);
    EXPECT_TRUE(join.decide(500, kMono, 0).ready());
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}, 10));
    EXPECT_EQ(join.decide(400, kMono, 0).state, JoinState::NotReady) << "400 did not go back: it starts over";
    see_time(join, kA, 400);
    EXPECT_TRUE(join.decide(400, kMono, 0).ready());
}

// JT-04.
TEST(JoinMapTest, AChangedMapStillKnowsWhichInputEpochIsOver) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 5, 0, 2);
    join.apply(sequence_map({SequenceRule::at_offset(kA, 1), SequenceRule::at_offset(kB, 0)}));
    see(join, kA, 90, 0, 1);
    EXPECT_EQ(join.counters().frames_of_old_epochs, 1U);
    EXPECT_FALSE(join.input(kA)->last_seq);
}

// spec: JOIN-023 JOIN-024
TEST(JoinMapTest, EvaluationResumesWithTheAnnounceThatArrivesLater) {
    SequenceJoin join{join_options()};
    see(join, kA, 7);
    EXPECT_EQ(join.decide(7, 0).state, JoinState::Blocked);
    EXPECT_EQ(join.counters().frames_of_others, 1U);
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    EXPECT_EQ(join.decide(8, 0).state, JoinState::NotReady);
    see(join, kA, 8);
    EXPECT_TRUE(join.decide(8, 0).ready());
}

// JT-11.
TEST(JoinRuleTest, SeveralRulesAboutOneInputShareWhatItShowed) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0),
                             SequenceRule::at_offset(kA, -1), SequenceRule::window(kA, 3)}));
    EXPECT_THAT(ids(join.input_stream_ids()), ElementsAre(kA, kB));
    const JoinDecision& early = join.decide(9, 0);
    EXPECT_THAT(ids(early.missing), ElementsAre(kA, kB)) << "each named once, in the order of the map";
    see(join, kA, 8);
    see(join, kB, 9);
    const JoinDecision& half = join.decide(9, 0);
    EXPECT_EQ(half.state, JoinState::NotReady);
    EXPECT_THAT(ids(half.missing), ElementsAre(kA));
    EXPECT_EQ(half.inputs[2].state, JoinInputState::Present);
    see(join, kA, 9);
    EXPECT_TRUE(join.decide(9, 0).ready());
    EXPECT_EQ(join.decide(9, 0).inputs.size(), 4U);
}

// JT-17.
TEST(JoinRuleTest, AnOutputSequenceMayRepeatAndGoBack) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 9);
    for (const std::uint64_t out_seq : {9U, 9U, 3U, 8U}) EXPECT_TRUE(join.decide(out_seq, 0).ready());
}

// JT-02.
TEST(JoinGateTest, IsOffUnlessAskedForAndIgnoresOtherEpochs) {
    SequenceJoin open{join_options()};
    open.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(open, kA, 5);
    EXPECT_TRUE(open.decide(5, 0).ready());
    SequenceJoin gated{join_options(true)};
    gated.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(gated, kA, 5, 0, 2);
    gated.report_processed({kA, 1, 5});
    gated.report_processed({kA, 3, 5});
    gated.report_processed({kB, 2, 5});
    EXPECT_EQ(gated.decide(5, 0).state, JoinState::NotReady);
    gated.report_processed({kA, 2, 5});
    gated.report_processed({kA, 2, 4});  // late: the cursor stays
    EXPECT_TRUE(gated.decide(5, 0).ready());
    see(gated, kA, 5, 0, 3);
    EXPECT_EQ(gated.decide(5, 0).state, JoinState::NotReady) << "a new input epoch was not processed yet";
}

// spec: JOIN-044 JOIN-045 JOIN-050
TEST(JoinGateTest, ProcessedTimesAreHeldToTheSameClockSourceAndOrder) {
    TimestampJoin join{join_options(true)};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    see_time(join, kA, 100);
    join.report_processed({kA, 1, 0, 100, std::nullopt});
    EXPECT_EQ(join.decide(100, kMono, 0).state, JoinState::NotReady) << "the other source";
    join.report_processed({kA, 1, 0, std::nullopt, 100});
    EXPECT_TRUE(join.decide(100, kMono, 0).ready());
    join.report_processed({kA, 1, 0, std::nullopt, 99});
    EXPECT_EQ(join.decide(100, kMono, 0).state, JoinState::Rejected);
}

// JT-16. spec: JOIN-044
TEST(JoinClockTest, TimesOfAnUnknownClockAreNotReady) {
    JoinOptions options = join_options();
    options.assumed_clock_domain.reset();
    TimestampJoin join{options};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    see_time(join, kA, 100);
    EXPECT_EQ(join.decide(50, kMono, 0).state, JoinState::NotReady);
    join.set_clock_domain(kA, kMono);
    see_time(join, kA, 100);
    EXPECT_TRUE(join.decide(50, kMono, 0).ready());
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}, 5));
    see_time(join, kA, 100);
    EXPECT_TRUE(join.decide(50, kMono, 0).ready()) << "what was announced outlives the map";
}

// spec: JOIN-044
TEST(JoinClockTest, WorksInTheOtherDomainToo) {
    JoinOptions options = join_options();
    options.assumed_clock_domain = ClockDomain::RealtimeSynced;
    TimestampJoin join{options};
    TimestampMergeMap map = timestamp_map({TimestampRule::at_offset(kA, 0)});
    map.clock_domain = ClockDomain::RealtimeSynced;
    ASSERT_EQ(join.apply(map), MapOutcome::Applied);
    see_time(join, kA, 100);
    EXPECT_EQ(join.decide(100, kMono, 0).state, JoinState::Rejected);
    EXPECT_TRUE(join.decide(100, ClockDomain::RealtimeSynced, 0).ready());
}

// JT-17.
TEST(JoinClockTest, ARejectedInputIsNotExcusedBySilence) {
    TimestampJoin join{join_options()};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, 0)}, {}, 10));
    see_time(join, kA, 100, 0);
    see_time(join, kA, 50, 0);
    see_time(join, kB, 200, 90);
    const JoinDecision& decision = join.decide(200, kMono, 100);
    EXPECT_EQ(decision.state, JoinState::Rejected);
    EXPECT_THAT(ids(decision.rejected), ElementsAre(kA));
}

// spec: JOIN-047
TEST(JoinClockTest, OnlyTheSourceThatARuleNamesCanReject) {
    TimestampJoin join{join_options()};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0, TimestampSource::SlotHeader)}));
    join.observe({kA, 1, 0, 900, 100}, 0);
    join.observe({kA, 1, 1, 800, 200}, 0);  // the publish time goes back
    EXPECT_TRUE(join.decide(200, kMono, 0).ready());
    EXPECT_TRUE(join.input(kA)->rejected);
}

// JT-15.
TEST(JoinStaleTest, AFrameWithoutATimestampStillShowsThatItsInputLives) {
    TimestampJoin join{join_options()};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, 0)}, {}, 10));
    see_time(join, kA, 100, 0);
    see_time(join, kB, 300, 95);
    see_time(join, kA, std::nullopt, 95);
    EXPECT_EQ(join.decide(300, kMono, 100).state, JoinState::NotReady);
    see_time(join, kB, 301, 104);
    EXPECT_TRUE(join.decide(300, kMono, 106).ready()) << "and after it has been silent again: absent";
}

TEST(JoinStaleTest, TheLocalSwitchWaitsForEveryInputAgain) {
    JoinOptions options = join_options();
    options.allow_stale = false;
    SequenceJoin join{options};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 5));
    see(join, kA, 9, 100);
    see(join, kB, 1, 0);
    EXPECT_EQ(join.decide(9, 100).state, JoinState::NotReady);
}

// JT-18. spec: JOIN-033
TEST(JoinStaleTest, AnInputObservedLaterThanNowIsNotStale) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 5));
    see(join, kA, 9, 100);
    see(join, kB, 1, 200);
    EXPECT_EQ(join.decide(9, 100).state, JoinState::NotReady) << "no wrap below zero";
}

// JT-18.
TEST(JoinStaleTest, ASatisfiedInputIsPresentHoweverOldItsFrame) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 5));
    see(join, kA, 9, 0);
    see(join, kB, 9, 0);
    const JoinDecision& decision = join.decide(9, 1'000'000);
    EXPECT_TRUE(decision.ready());
    EXPECT_THAT(decision.absent, IsEmpty());
}

// spec: JOIN-063
TEST(JoinInputTest, KnowsTheFirstAndTheNewestFrameOfTheEpoch) {
    SequenceJoin join{join_options()};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    EXPECT_FALSE(join.input(kA)->first_seq);
    see(join, kA, 40, 7);
    see(join, kA, 42, 8);
    see(join, kA, 41, 9);
    const JoinInputStatus status = join.input(kA).value();
    EXPECT_EQ(status.first_seq, 40U);
    EXPECT_EQ(status.last_seq, 42U);
    EXPECT_EQ(status.last_observed_ns, 9);
    EXPECT_FALSE(join.input(kB));
}

// JT-15: the template turns the 0 of a Frame into "none".
TEST(JoinInputTest, ObservesFramesAsAConsumerDeliversThem) {
    struct FrameLike {
        [[nodiscard]] std::uint64_t epoch() const { return 1; }
        [[nodiscard]] std::uint64_t seq() const { return 4; }
        [[nodiscard]] std::uint64_t timestamp_ns() const { return 77; }
        [[nodiscard]] std::uint64_t publish_timestamp_ns() const { return 0; }
    };
    TimestampJoin join{join_options()};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    join.observe(kA, FrameLike{}, 3);
    EXPECT_EQ(join.input(kA)->last_seq, 4U);
    EXPECT_EQ(join.input(kA)->capture_time_ns, 77U);
    EXPECT_FALSE(join.input(kA)->publish_time_ns);
    join.observe(kA, Frame{}, 3);  // compiles with the real one
}

// spec: JOIN-057 JOIN-058
TEST(LatestJoinTest, SelectsTheHighestSequenceEvenWhenFramesArriveOutOfOrder) {
    LatestJoin join{join_options(), MergeMapKind::Sequence};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 9);
    see(join, kA, 8);
    EXPECT_EQ(join.decide(0).inputs[0].last, 9U);
}

// spec: JOIN-064
TEST(LatestJoinTest, MayUseTheSameOldFrameForEver) {
    LatestJoin join{join_options(), MergeMapKind::Sequence};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 9, 0);
    for (const Nanos now : {Nanos{1}, kNanosPerSecond, 3600 * kNanosPerSecond})
        EXPECT_TRUE(join.decide(now).ready());
}

// spec: JOIN-059
TEST(LatestJoinTest, OrderedByTimeRejectsAnInputOfAnotherClock) {
    LatestJoin join{join_options(), MergeMapKind::Timestamp, LatestOrder::Timestamp};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, 0)}));
    join.set_clock_domain(kB, ClockDomain::RealtimeSynced);
    see_time(join, kA, 5);
    see_time(join, kB, 5);
    const JoinDecision& decision = join.decide(0);
    EXPECT_EQ(decision.state, JoinState::Rejected);
    EXPECT_THAT(ids(decision.rejected), ElementsAre(kB));
    LatestJoin by_sequence{join_options(), MergeMapKind::Timestamp, LatestOrder::Sequence};
    by_sequence.apply(timestamp_map({TimestampRule::at_offset(kB, 0)}));
    by_sequence.set_clock_domain(kB, ClockDomain::RealtimeSynced);
    see_time(by_sequence, kB, 5);
    EXPECT_TRUE(by_sequence.decide(0).ready()) << "no clock matters when the sequence decides";
}

// spec: JOIN-060
TEST(LatestJoinTest, OneInputWithSeveralRulesIsOneInput) {
    LatestJoin join{join_options(), MergeMapKind::Sequence};
    join.apply(sequence_map(
        {SequenceRule::at_offset(kA, 0), SequenceRule::window(kA, 4), SequenceRule::at_offset(kB, 0)}));
    see(join, kB, 2);
    const JoinDecision& decision = join.decide(0);
    ASSERT_EQ(decision.inputs.size(), 2U);
    EXPECT_EQ(decision.inputs[1].stream_id, kB);
    EXPECT_THAT(ids(decision.missing), ElementsAre(kA));
    see(join, kA, 1);
    join.report_unusable(kA, 1, 0);  // an older one: the newest is still good
    EXPECT_TRUE(join.decide(0).ready());
}

/// Section 4 in arithmetic that cannot wrap.
__extension__ using Wide = __int128;

struct Model {
    std::optional<Wide> cursor;

    [[nodiscard]] bool ready(const SequenceRule& rule, std::uint64_t out) const {
        if (rule.type == MergeRuleType::Window)
            return Wide{out} + 1 >= Wide{*rule.window_size} && cursor && *cursor >= Wide{out};
        const Wide want = Wide{out} + Wide{*rule.offset};
        return want >= 0 && want <= Wide{kU64Max} && cursor && *cursor >= want;
    }
    [[nodiscard]] bool ready(const TimestampRule& rule, std::uint64_t out, std::uint64_t lateness) const {
        if (rule.type == MergeTimeRuleType::WindowNs)
            return Wide{out} >= Wide{*rule.window_ns} && cursor && *cursor + Wide{lateness} >= Wide{out};
        const Wide want = Wide{out} + Wide{*rule.offset_ns};
        return want >= 0 && want <= Wide{kU64Max} - 1 && cursor && *cursor + Wide{lateness} >= want;
    }
};

/// Numbers near where arithmetic goes wrong, and others.
std::uint64_t awkward(std::mt19937_64& random) {
    static constexpr std::uint64_t kEdges[] = {0, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                                               std::uint64_t{1} << 63, kU64Max - 1};
    const std::uint64_t edge = kEdges[random() % std::size(kEdges)];
    switch (random() % 4) {
        case 0:
            return random();
        case 1:
            return edge - random() % 4;
        default:
            return edge + random() % 4;
    }
}

// JT-21. spec: JOIN-010 JOIN-025 JOIN-026 JOIN-027 JOIN-028 JOIN-031
TEST(JoinArithmeticTest, SequencesAgreeWithAModelThatCannotWrap) {
    const std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    for (int i = 0; i < rounds(50'000); ++i) {
        SequenceRule rule = SequenceRule::window(kA, static_cast<std::uint32_t>(awkward(random)));
        if (random() % 2 == 0) rule = SequenceRule::at_offset(kA, static_cast<std::int32_t>(awkward(random)));
        const SequenceMergeMap map = sequence_map({rule});
        if (fault_of(map)) continue;
        SequenceJoin join{join_options()};
        join.apply(map);
        Model model;
        const std::uint64_t out = awkward(random);
        ASSERT_EQ(join.decide(out, 0).ready(), model.ready(rule, out)) << "seed " << seed;
        const std::uint64_t seen = awkward(random);
        see(join, kA, seen);
        model.cursor = seen;
        ASSERT_EQ(join.decide(out, 0).ready(), model.ready(rule, out))
            << "seed " << seed << " out " << out << " seen " << seen;
    }
}

// JT-21. spec: JOIN-037 JOIN-038 JOIN-039 JOIN-040 JOIN-041 JOIN-042
TEST(JoinArithmeticTest, TimesAgreeWithAModelThatCannotWrap) {
    const std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    for (int i = 0; i < rounds(50'000); ++i) {
        TimestampRule rule = TimestampRule::window(kA, awkward(random));
        if (random() % 2 == 0)
            rule = TimestampRule::at_offset(kA, static_cast<std::int64_t>(awkward(random)));
        const std::uint64_t lateness = random() % 2 == 0 ? 0 : awkward(random);
        const TimestampMergeMap map = timestamp_map({rule}, lateness);
        if (fault_of(map)) continue;
        TimestampJoin join{join_options()};
        join.apply(map);
        Model model;
        const std::uint64_t out = awkward(random);
        ASSERT_EQ(join.decide(out, kMono, 0).ready(), model.ready(rule, out, lateness)) << "seed " << seed;
        const std::uint64_t seen = awkward(random);
        see_time(join, kA, seen);
        if (seen != 0 && seen != kU64Max) model.cursor = seen;
        ASSERT_EQ(join.decide(out, kMono, 0).ready(), model.ready(rule, out, lateness))
            << "seed " << seed << " out " << out << " seen " << seen << " lateness " << lateness;
    }
}

// spec: JOIN-063
TEST(SequenceJoinTest, KnowsTheFirstAndTheNewestOutputThatIsPossible) {
    SequenceJoin join{join_options()};
    EXPECT_FALSE(join.first_out_seq());
    join.apply(sequence_map({SequenceRule::at_offset(kA, -2), SequenceRule::window(kB, 5)}));
    see(join, kA, 100);
    EXPECT_FALSE(join.first_out_seq());
    EXPECT_FALSE(join.newest_out_seq());
    see(join, kB, 90);
    EXPECT_EQ(join.first_out_seq(), 102U) << "A's 100 belongs to output 102; B's window is full at 94";
    EXPECT_EQ(join.newest_out_seq(), 90U);
    see(join, kB, 300);
    EXPECT_EQ(join.newest_out_seq(), 102U);
    EXPECT_TRUE(join.decide(102, 0).ready());
    EXPECT_FALSE(join.decide(103, 0).ready());
}

TEST(SequenceJoinTest, TheNewestOutputIsReadyAndTheOneAfterItIsNot) {
    const std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    for (int i = 0; i < rounds(30'000); ++i) {
        const SequenceMergeMap map =
            sequence_map({SequenceRule::at_offset(kA, static_cast<std::int32_t>(awkward(random))),
                          SequenceRule::window(kA, static_cast<std::uint32_t>(awkward(random)))});
        if (fault_of(map)) continue;
        SequenceJoin join{join_options()};
        join.apply(map);
        see(join, kA, awkward(random));
        const auto newest = join.newest_out_seq();
        if (newest) {
            ASSERT_TRUE(join.decide(*newest, 0).ready()) << "seed " << seed;
            ASSERT_TRUE(*newest == kU64Max || !join.decide(*newest + 1, 0).ready()) << "seed " << seed;
        }
        const auto first = join.first_out_seq();
        if (first && newest && *first <= *newest) {
            const JoinDecision& decision = join.decide(*first, 0);
            ASSERT_TRUE(decision.ready()) << "seed " << seed;
            for (const JoinInput& input : decision.inputs)
                ASSERT_GE(input.first, *join.input(kA)->first_seq) << "seed " << seed;
        }
    }
}

// spec: JOIN-002
TEST(JoinAllocationTest, ObservingReportingAndDecidingAllocateNothing) {
    std::vector<SequenceRule> rules;
    std::vector<TimestampRule> time_rules;
    for (std::uint32_t i = 0; i < 32; ++i) {
        rules.push_back(i % 2 == 0 ? SequenceRule::at_offset(kA + i, -1) : SequenceRule::window(kA + i, 4));
        time_rules.push_back(i % 2 == 0 ? TimestampRule::at_offset(kA + i, -1)
                                        : TimestampRule::window(kA + i, 4));
    }
    SequenceJoin sequence{join_options()};
    TimestampJoin time{join_options()};
    LatestJoin latest{join_options(), MergeMapKind::Timestamp, LatestOrder::Timestamp};
    sequence.apply(sequence_map(rules, 1000));
    time.apply(timestamp_map(time_rules, 2, 1000));
    latest.apply(timestamp_map(time_rules, 2, 1000));

    const std::uint64_t before = allocations_of_this_thread();
    std::uint64_t ready = 0;
    for (std::uint64_t frame = 1; frame < 2000; ++frame) {
        const auto now = static_cast<Nanos>(frame * 10);
        for (std::uint32_t i = 0; i < 32; ++i) {
            if (i == 7 && frame > 500) continue;                   // falls silent and goes stale
            const std::uint64_t epoch = i == 3 ? frame / 300 : 1;  // restarts now and then
            const FrameObservation seen{kA + i, epoch, frame, frame, frame};
            for (JoinBarrier* join : std::initializer_list<JoinBarrier*>{&sequence, &time, &latest}) {
                join->observe(seen, now);
                join->report_processed(seen);
            }
            if (frame % 100 == 0) latest.report_unusable(kA + i, epoch, frame);
            ready += std::uint64_t{sequence.decide(frame, now).ready()};
            ready += std::uint64_t{time.decide(frame, kMono, now).ready()};
            ready += std::uint64_t{latest.decide(now).ready()};
        }
        std::ignore = time.decide(0, kMono, now);  // rejected
    }
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_GT(ready, 0U);
    EXPECT_GT(sequence.counters().not_ready, 0U);
    EXPECT_GT(sequence.counters().ready_with_absent, 0U);
    EXPECT_GT(time.counters().rejected, 0U);
}

TEST(JoinTextTest, NamesEveryState) {
    EXPECT_EQ(to_string(JoinState::Blocked), "BLOCKED");
    EXPECT_EQ(to_string(JoinState::NotReady), "NOT_READY");
    EXPECT_EQ(to_string(JoinState::Ready), "READY");
    EXPECT_EQ(to_string(JoinState::Rejected), "REJECTED");
    EXPECT_EQ(to_string(static_cast<JoinState>(99)), "UNKNOWN");
    EXPECT_EQ(to_string(JoinInputState::Absent), "ABSENT");
    EXPECT_EQ(to_string(JoinFault::OutTimeWentBack), "the output time went back");
}

}  // namespace
}  // namespace tensorpool::test
