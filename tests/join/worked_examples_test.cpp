// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The worked examples of join.md section 5, one test each; the number of its row stands above it.

#include "join/join_rig.hpp"

namespace tensorpool::test {
namespace {

using testing::IsEmpty;

constexpr Nanos kSecond = kNanosPerSecond;
constexpr Nanos kMs = kNanosPerMilli;
constexpr auto kMono = ClockDomain::Monotonic;
constexpr auto kSynced = ClockDomain::RealtimeSynced;

class SequenceExampleTest : public testing::Test {
protected:
    void use(std::vector<SequenceRule> rules, std::optional<std::uint64_t> stale_ns = std::nullopt) {
        ASSERT_EQ(join.apply(sequence_map(std::move(rules), stale_ns)), MapOutcome::Applied);
    }
    JoinState at(std::uint64_t out_seq, Nanos now_ns = 0) { return join.decide(out_seq, now_ns).state; }

    SequenceJoin join{join_options()};
};

class TimeExampleTest : public testing::Test {
protected:
    void use(std::vector<TimestampRule> rules, std::optional<std::uint64_t> lateness_ns = std::nullopt,
             std::optional<std::uint64_t> stale_ns = std::nullopt) {
        ASSERT_EQ(join.apply(timestamp_map(std::move(rules), lateness_ns, stale_ns)), MapOutcome::Applied);
    }
    JoinState at(std::uint64_t out_time_ns, Nanos now_ns = 0) {
        return join.decide(out_time_ns, kMono, now_ns).state;
    }

    TimestampJoin join{join_options()};
};

// Row 1. spec: JOIN-022
TEST_F(SequenceExampleTest, WithoutAMapForTheOutputEpochEveryKindIsBlocked) {
    TimestampJoin time{join_options()};
    LatestJoin latest{join_options(), MergeMapKind::Sequence};
    EXPECT_EQ(at(0), JoinState::Blocked);
    EXPECT_EQ(time.decide(0, kMono, 0).state, JoinState::Blocked);
    EXPECT_EQ(latest.decide(0).state, JoinState::Blocked);
    EXPECT_EQ(latest.decide(0).fault, JoinFault::NoMap);
}

// Row 2. spec: JOIN-031
TEST_F(SequenceExampleTest, TwoInputsThatReachedTheOutputAreReady) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)});
    see(join, kA, 12034);
    see(join, kB, 12034);
    const JoinDecision& decision = join.decide(12034, 0);
    EXPECT_TRUE(decision.ready());
    EXPECT_THAT(decision.missing, IsEmpty());
    EXPECT_THAT(decision.absent, IsEmpty());
}

// Row 3. spec: JOIN-031
TEST_F(SequenceExampleTest, AnInputThatWasNeverSeenIsNamedAsMissing) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)});
    see(join, kA, 5);
    const JoinDecision& decision = join.decide(5, 0);
    EXPECT_EQ(decision.state, JoinState::NotReady);
    EXPECT_EQ(ids(decision.missing), StreamIds{kB});
}

// Row 4, JT-01.
TEST_F(SequenceExampleTest, SequenceZeroIsNotReachedByAnInputThatShowedNothing) {
    use({SequenceRule::at_offset(kA, 0)});
    EXPECT_EQ(at(0), JoinState::NotReady);
    see(join, kA, 0);
    EXPECT_EQ(at(0), JoinState::Ready);
}

// Row 5. spec: JOIN-025
TEST_F(SequenceExampleTest, ANegativeOffsetAsksForAnEarlierFrame) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, -2)});
    see(join, kA, 12034);
    see(join, kB, 12031);
    EXPECT_EQ(at(12034), JoinState::NotReady);
    see(join, kB, 12032);
    EXPECT_EQ(at(12034), JoinState::Ready);
}

// Row 6. spec: JOIN-026
TEST_F(SequenceExampleTest, AnOutputBeforeTheOffsetIsNeverReady) {
    use({SequenceRule::at_offset(kA, -2)});
    see(join, kA, 9);
    EXPECT_EQ(at(1), JoinState::NotReady);
    EXPECT_FALSE(join.decide(1, 0).inputs[0].has_range());
    EXPECT_EQ(at(2), JoinState::Ready);
    EXPECT_EQ(join.decide(2, 0).inputs[0].first, 0U);
}

// Row 7. spec: JOIN-025
TEST_F(SequenceExampleTest, APositiveOffsetAsksForALaterFrame) {
    use({SequenceRule::at_offset(kA, 3)});
    see(join, kA, 7);
    EXPECT_EQ(at(5), JoinState::NotReady);
    see(join, kA, 8);
    EXPECT_EQ(at(5), JoinState::Ready);
}

// Row 8. spec: JOIN-027
TEST_F(SequenceExampleTest, AWindowIsReadyWhenItsLastFrameIsThere) {
    use({SequenceRule::window(kA, 5)});
    see(join, kA, 9);
    EXPECT_EQ(at(10), JoinState::NotReady);
    see(join, kA, 10);
    const JoinDecision& decision = join.decide(10, 0);
    EXPECT_TRUE(decision.ready());
    EXPECT_EQ(decision.inputs[0].first, 6U);
    EXPECT_EQ(decision.inputs[0].last, 10U);
}

// Row 9. spec: JOIN-028
TEST_F(SequenceExampleTest, AWindowThatWouldStartBeforeTheFirstFrameIsNotReady) {
    use({SequenceRule::window(kA, 5)});
    see(join, kA, 20);
    EXPECT_EQ(at(3), JoinState::NotReady);
    EXPECT_EQ(at(4), JoinState::Ready);
}

// Row 10, JT-21. spec: JOIN-010
TEST_F(SequenceExampleTest, ASumThatIsNoSequenceIsNeverReached) {
    use({SequenceRule::at_offset(kA, 10)});
    see(join, kA, kU64Max);
    EXPECT_EQ(at(kU64Max - 4), JoinState::NotReady);
    EXPECT_EQ(at(kU64Max - 10), JoinState::Ready);
}

// Row 11. spec: JOIN-031
TEST(SequenceGateExampleTest, WithTheGateOnAFrameMustAlsoBeProcessed) {
    SequenceJoin join{join_options(true)};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 5);
    EXPECT_EQ(join.decide(5, 0).state, JoinState::NotReady);
    join.report_processed({kA, 1, 5});
    EXPECT_EQ(join.decide(5, 0).state, JoinState::Ready);
}

// Row 12. spec: JOIN-021
TEST_F(SequenceExampleTest, ANewOutputEpochNeedsAMapAndFramesOfItsOwn) {
    use({SequenceRule::at_offset(kA, 0)});
    see(join, kA, 3);
    join.set_out_epoch(2);
    EXPECT_EQ(at(3), JoinState::Blocked);
    EXPECT_EQ(join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}, {}, 2)), MapOutcome::Applied);
    EXPECT_EQ(at(3), JoinState::NotReady);
    see(join, kA, 3);
    EXPECT_EQ(at(3), JoinState::Ready);
}

// Row 13, JT-04.
TEST_F(SequenceExampleTest, ALateFrameOfAnOlderInputEpochCountsForNothing) {
    use({SequenceRule::at_offset(kA, 0)});
    see(join, kA, 10, 0, 1);
    see(join, kA, 5, 0, 2);
    EXPECT_EQ(at(10), JoinState::NotReady);
    see(join, kA, 50, 0, 1);
    EXPECT_EQ(at(10), JoinState::NotReady);
    EXPECT_EQ(join.counters().frames_of_old_epochs, 1U);
    EXPECT_EQ(join.counters().input_epochs, 1U);
}

// Row 14, JT-05.
TEST_F(SequenceExampleTest, TheSameMapAnnouncedAgainForgetsNothing) {
    use({SequenceRule::at_offset(kA, 0)});
    see(join, kA, 5);
    EXPECT_EQ(join.apply(sequence_map({SequenceRule::at_offset(kA, 0)})), MapOutcome::Unchanged);
    EXPECT_EQ(at(5), JoinState::Ready);
}

// Row 15. spec: JOIN-020
TEST_F(SequenceExampleTest, AChangedMapStartsOver) {
    use({SequenceRule::at_offset(kA, 0)});
    see(join, kA, 5);
    EXPECT_EQ(join.apply(sequence_map({SequenceRule::at_offset(kA, -1)})), MapOutcome::Applied);
    EXPECT_EQ(at(5), JoinState::NotReady);
    see(join, kA, 6);
    EXPECT_EQ(at(5), JoinState::Ready);
}

// Row 16, JT-10. spec: JOIN-011 JOIN-012 JOIN-014 JOIN-016
TEST_F(SequenceExampleTest, AnInvalidMapBlocksUntilAReplacementArrives) {
    const std::vector<std::vector<SequenceRule>> wrong{{{kA, MergeRuleType::Offset, 0, 5}},
                                                       {{kA, MergeRuleType::Window, 0, 5}},
                                                       {{kA, MergeRuleType::Offset, {}, {}}},
                                                       {{kA, MergeRuleType::Window, {}, {}}},
                                                       {{kA, MergeRuleType::Offset, {}, 5}},
                                                       {{kA, MergeRuleType::Window, 0, {}}},
                                                       {{kA, MergeRuleType::Window, {}, 0}},
                                                       {{kA, static_cast<MergeRuleType>(7), 0, {}}},
                                                       {{kA, MergeRuleType::Offset, INT32_MIN, {}}},
                                                       {SequenceRule::at_offset(kA, 0), {kB, {}, {}, {}}},
                                                       {}};
    for (const auto& rules : wrong) {
        use({SequenceRule::at_offset(kA, 0)});
        see(join, kA, 5);
        EXPECT_EQ(join.apply(sequence_map(rules)), MapOutcome::Invalid);
        EXPECT_EQ(at(5), JoinState::Blocked);
        EXPECT_EQ(join.decide(5, 0).fault, JoinFault::InvalidMap);
        EXPECT_NE(join.map_fault(), "");
    }
    EXPECT_EQ(join.counters().maps_invalid, wrong.size());
    use({SequenceRule::at_offset(kA, 0)});
    EXPECT_EQ(join.map_fault(), "");
    EXPECT_EQ(at(5), JoinState::NotReady) << "what was seen under the map before is forgotten";
    see(join, kA, 5);
    EXPECT_EQ(at(5), JoinState::Ready);
}

class StaleExampleTest : public SequenceExampleTest {
protected:
    /// A=11 at 6 s, B=10 at 0 s.
    void one_input_falls_silent(std::optional<std::uint64_t> stale_ns, Nanos a_at = 6 * kSecond) {
        use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, stale_ns);
        see(join, kA, 11, a_at);
        see(join, kB, 10, 0);
    }
};

// Row 17, JT-18. spec: JOIN-032 JOIN-034
TEST_F(StaleExampleTest, ASilentInputIsAbsentAndTheOthersGoOn) {
    one_input_falls_silent(5 * kSecond);
    const JoinDecision& decision = join.decide(11, 12 * kSecond);
    EXPECT_TRUE(decision.ready());
    EXPECT_EQ(ids(decision.absent), StreamIds{kB});
    EXPECT_THAT(decision.missing, IsEmpty());
    EXPECT_EQ(join.counters().ready_with_absent, 1U);
}

// Row 18. spec: JOIN-035
TEST_F(StaleExampleTest, WithoutATimeoutASilentInputBlocksForEver) {
    one_input_falls_silent(std::nullopt);
    const JoinDecision& decision = join.decide(11, 12 * kSecond);
    EXPECT_EQ(decision.state, JoinState::NotReady);
    EXPECT_EQ(ids(decision.missing), StreamIds{kB});
}

// Row 19. spec: JOIN-033
TEST_F(StaleExampleTest, ExactlyTheTimeoutIsNotStaleYet) {
    one_input_falls_silent(5 * kSecond, kSecond);
    EXPECT_EQ(at(11, 5 * kSecond), JoinState::NotReady);
    EXPECT_EQ(at(11, 5 * kSecond + 1), JoinState::Ready);
}

// Row 20, JT-18.
TEST_F(StaleExampleTest, AnInputThatWasNeverSeenIsMissingHoweverLongItTakes) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 5 * kSecond);
    see(join, kA, 11, 3600 * kSecond);
    const JoinDecision& decision = join.decide(11, 3600 * kSecond);
    EXPECT_EQ(decision.state, JoinState::NotReady);
    EXPECT_EQ(ids(decision.missing), StreamIds{kB});
}

// Row 21, JT-18.
TEST_F(StaleExampleTest, WithNobodyPresentThereIsNothingToJoin) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 5 * kSecond);
    see(join, kA, 1);
    see(join, kB, 1);
    const JoinDecision& decision = join.decide(2, 60 * kSecond);
    EXPECT_EQ(decision.state, JoinState::NotReady);
    EXPECT_EQ(ids(decision.absent), (StreamIds{kA, kB}));
}

// Row 22, JT-18. spec: JOIN-026
TEST_F(StaleExampleTest, ArithmeticIsNotExcusedBySilence) {
    use({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, -10)}, 5 * kSecond);
    see(join, kB, 100, 0);
    see(join, kA, 3, 60 * kSecond);
    const JoinDecision& decision = join.decide(3, 60 * kSecond);
    EXPECT_EQ(decision.state, JoinState::NotReady);
    EXPECT_EQ(ids(decision.missing), StreamIds{kB});
}

// Row 23. spec: JOIN-037 JOIN-041
TEST_F(TimeExampleTest, EachInputMustReachItsOwnTime) {
    use({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, -20)});
    see_time(join, kA, 99);
    see_time(join, kB, 80);
    EXPECT_EQ(at(100), JoinState::NotReady);
    see_time(join, kA, 100);
    EXPECT_EQ(at(100), JoinState::Ready);
}

// Row 24. spec: JOIN-038
TEST_F(TimeExampleTest, AnOutputTimeBeforeTheOffsetIsNeverReady) {
    use({TimestampRule::at_offset(kA, -20)});
    see_time(join, kA, 1000);
    EXPECT_EQ(at(10), JoinState::NotReady);
    EXPECT_EQ(at(20), JoinState::Ready);
}

// Row 25. spec: JOIN-042 JOIN-043
TEST_F(TimeExampleTest, LatenessLetsAWindowFireEarlierAndOnlyLateness) {
    use({TimestampRule::window(kA, 50)});
    see_time(join, kA, 95);
    EXPECT_EQ(at(100), JoinState::NotReady);
    use({TimestampRule::window(kA, 50)}, 10);
    see_time(join, kA, 95);
    const JoinDecision& decision = join.decide(100, kMono, 0);
    EXPECT_TRUE(decision.ready());
    EXPECT_EQ(decision.inputs[0].first, 50U) << "the window itself stays what it is";
    EXPECT_EQ(decision.inputs[0].last, 100U);
}

// Row 26. spec: JOIN-040
TEST_F(TimeExampleTest, AWindowThatWouldStartBeforeTimeZeroIsNotReady) {
    use({TimestampRule::window(kA, 50)});
    see_time(join, kA, 500);
    EXPECT_EQ(at(40), JoinState::NotReady);
    EXPECT_EQ(at(50), JoinState::Ready);
}

// Row 27. spec: JOIN-039 JOIN-041
TEST_F(TimeExampleTest, ACameraAndAnImuJoinWithinTheLateness) {
    use({TimestampRule::at_offset(kA, 0), TimestampRule::window(kB, 10 * kMs)}, 10 * kMs);
    see_time(join, kA, 20 * kMs);
    see_time(join, kB, 15 * kMs);
    EXPECT_EQ(at(20 * kMs), JoinState::Ready);
}

// Row 28, JT-14.
TEST_F(TimeExampleTest, AGenerousLatenessIsReadyWithNoFrameInTheWindow) {
    use({TimestampRule::window(kA, 10 * kMs)}, 50 * kMs);
    see_time(join, kA, 55 * kMs);
    const JoinDecision& decision = join.decide(100 * kMs, kMono, 0);
    EXPECT_TRUE(decision.ready());
    EXPECT_GT(decision.inputs[0].first, static_cast<std::uint64_t>(55 * kMs));
}

// Row 29, JT-01. spec: JOIN-048
TEST_F(TimeExampleTest, LatenessDoesNotStandInForATimestamp) {
    use({TimestampRule::at_offset(kA, 0)}, 50);
    EXPECT_EQ(at(30), JoinState::NotReady);
}

// Row 30. spec: JOIN-044 JOIN-045
TEST_F(TimeExampleTest, AnOutputTimeInAnotherClockDomainIsRejectedAndOnlyThatCall) {
    use({TimestampRule::at_offset(kA, 0)});
    see_time(join, kA, 100);
    EXPECT_EQ(join.decide(500, kSynced, 0).state, JoinState::Rejected);
    EXPECT_EQ(join.decide(500, kSynced, 0).fault, JoinFault::WrongClockDomain);
    EXPECT_EQ(at(100), JoinState::Ready);
}

// Row 31, JT-17. spec: JOIN-045
TEST_F(TimeExampleTest, AnInputInAnotherClockDomainIsRejectedUntilItStartsAnew) {
    use({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, 0)});
    see_time(join, kB, 1000);
    join.set_clock_domain(kA, kSynced);
    see_time(join, kA, 100);
    EXPECT_EQ(at(100), JoinState::Rejected);
    EXPECT_EQ(ids(join.decide(100, kMono, 0).rejected), StreamIds{kA});
    join.set_clock_domain(kA, kMono);
    see_time(join, kA, 200);
    EXPECT_EQ(at(100), JoinState::Rejected) << "latched";
    see_time(join, kA, 200, 0, 2);
    EXPECT_EQ(at(100), JoinState::Ready);
    join.set_clock_domain(kA, kSynced);
    see_time(join, kA, 300, 0, 2);
    EXPECT_EQ(at(100), JoinState::Rejected);
    join.set_clock_domain(kA, kMono);
    use({TimestampRule::at_offset(kA, 0)});
    see_time(join, kA, 300, 0, 2);
    EXPECT_EQ(at(100), JoinState::Ready) << "a new map clears it too";
}

// Row 32, JT-17. spec: JOIN-047
TEST_F(TimeExampleTest, AnInputWhoseTimeGoesBackIsRejectedUntilItStartsAnew) {
    use({TimestampRule::at_offset(kA, 0)});
    see_time(join, kA, 200);
    see_time(join, kA, 200);
    EXPECT_EQ(at(200), JoinState::Ready);
    see_time(join, kA, 100);
    EXPECT_EQ(at(200), JoinState::Rejected);
    EXPECT_EQ(join.decide(200, kMono, 0).fault, JoinFault::InputRejected);
    see_time(join, kA, 200, 0, 2);
    EXPECT_EQ(at(200), JoinState::Ready);
    EXPECT_EQ(join.counters().inputs_rejected, 1U);
}

// Row 33, JT-17. spec: JOIN-049
TEST_F(TimeExampleTest, AnOutputTimeThatGoesBackIsRejectedAndOnlyThatCall) {
    use({TimestampRule::at_offset(kA, 0)});
    see_time(join, kA, 200);
    EXPECT_EQ(at(200), JoinState::Ready);
    EXPECT_EQ(at(100), JoinState::Rejected);
    EXPECT_EQ(join.decide(100, kMono, 0).fault, JoinFault::OutTimeWentBack);
    EXPECT_EQ(at(200), JoinState::Ready);
}

// Row 34, JT-15. spec: JOIN-048
TEST_F(TimeExampleTest, AFrameWithoutATimestampMovesNothing) {
    use({TimestampRule::at_offset(kA, 0)});
    see_time(join, kA, std::nullopt);
    see_time(join, kA, 0);        // the null of a slot header
    see_time(join, kA, kU64Max);  // as well
    EXPECT_EQ(at(1), JoinState::NotReady);
    see_time(join, kA, 100);
    see_time(join, kA, std::nullopt);
    EXPECT_EQ(at(100), JoinState::Ready);
    EXPECT_EQ(at(101), JoinState::NotReady);
}

// Row 35. spec: JOIN-018
TEST_F(TimeExampleTest, ADescriptorsTimeDoesNotServeARuleOnTheSlotsTime) {
    use({TimestampRule::at_offset(kA, 0, TimestampSource::SlotHeader)});
    join.observe({kA, 1, 0, 500, std::nullopt}, 0);
    EXPECT_EQ(at(1), JoinState::NotReady);
    use({TimestampRule::at_offset(kA, 0, TimestampSource::FrameDescriptor)});
    join.observe({kA, 1, 0, 500, std::nullopt}, 0);
    EXPECT_EQ(at(1), JoinState::Ready);
    join.observe({kA, 1, 1, kU64Max, std::nullopt}, 0);  // the null of a descriptor
    EXPECT_EQ(at(501), JoinState::NotReady);
}

// Row 36, JT-18. spec: JOIN-032
TEST_F(TimeExampleTest, AStaleInputIsAbsentUnlessItIsTheOnlyOne) {
    use({TimestampRule::at_offset(kA, 0), TimestampRule::at_offset(kB, 0)}, std::nullopt, 10);
    see_time(join, kA, 100, 5);
    see_time(join, kB, 200, 19);
    const JoinDecision& decision = join.decide(200, kMono, 20);
    EXPECT_TRUE(decision.ready());
    EXPECT_EQ(ids(decision.absent), StreamIds{kA});
    use({TimestampRule::at_offset(kA, 0)}, std::nullopt, 10);
    see_time(join, kA, 100, 5);
    EXPECT_EQ(at(200, 20), JoinState::NotReady);
}

// Row 37. spec: JOIN-041
TEST(TimeGateExampleTest, TheGateGrantsTheSameLateness) {
    TimestampJoin join{join_options(true)};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}, 10));
    see_time(join, kA, 100);
    join.report_processed({kA, 1, 0, std::nullopt, 89});
    EXPECT_EQ(join.decide(100, kMono, 0).state, JoinState::NotReady);
    join.report_processed({kA, 1, 0, std::nullopt, 90});
    EXPECT_EQ(join.decide(100, kMono, 0).state, JoinState::Ready);
}

class LatestExampleTest : public testing::Test {
protected:
    LatestJoin join{join_options(), MergeMapKind::Sequence};
};

// Row 38. spec: JOIN-054 JOIN-055 JOIN-056
TEST_F(LatestExampleTest, IsReadyOnceEveryInputShowedAFrameWhateverTheRulesSay) {
    join.apply(sequence_map({SequenceRule::at_offset(kA, -100), SequenceRule::at_offset(kB, 0)}));
    see(join, kA, 1);
    EXPECT_EQ(join.decide(0).state, JoinState::NotReady);
    see(join, kB, 2);
    const JoinDecision& decision = join.decide(0);
    ASSERT_TRUE(decision.ready());
    EXPECT_EQ(decision.inputs[0].last, 1U);
    EXPECT_EQ(decision.inputs[1].last, 2U);
}

// Row 39. spec: JOIN-060 JOIN-061
TEST_F(LatestExampleTest, AFrameThatFailedValidationWaitsForANewerOne) {
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}));
    see(join, kA, 1);
    see(join, kB, 2);
    ASSERT_TRUE(join.decide(0).ready());
    join.report_unusable(kB, 1, 2);
    EXPECT_EQ(join.decide(0).state, JoinState::NotReady);
    EXPECT_EQ(ids(join.decide(0).missing), StreamIds{kB});
    EXPECT_EQ(join.decide(0).state, JoinState::NotReady) << "the next tick, with nothing new";
    see(join, kB, 3);
    EXPECT_EQ(join.decide(0).state, JoinState::Ready);
}

// Row 40. spec: JOIN-062 JOIN-057
TEST_F(LatestExampleTest, AFrameOfAnEarlierEpochIsNeverSelected) {
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 7, 0, 1);
    see(join, kA, 0, 0, 2);
    const JoinDecision& decision = join.decide(0);
    ASSERT_TRUE(decision.ready());
    EXPECT_EQ(decision.inputs[0].last, 0U);
    EXPECT_EQ(join.input(kA)->epoch, 2U);
}

// Row 41. spec: JOIN-059
TEST(LatestByTimeExampleTest, OrderingByTimeWithASequenceMapIsRejected) {
    LatestJoin join{join_options(), MergeMapKind::Sequence, LatestOrder::Timestamp};
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0)}));
    see(join, kA, 1);
    EXPECT_EQ(join.decide(0).state, JoinState::Rejected);
    EXPECT_EQ(join.decide(0).fault, JoinFault::NoTimestampsInMap);
}

// Row 42. spec: JOIN-058
TEST(LatestByTimeExampleTest, OrderingByTimeNeedsATime) {
    LatestJoin join{join_options(), MergeMapKind::Timestamp, LatestOrder::Timestamp};
    join.apply(timestamp_map({TimestampRule::at_offset(kA, 0)}));
    see(join, kA, 8);
    EXPECT_EQ(join.decide(0).state, JoinState::NotReady);
    see_time(join, kA, 123, 0, 1, 9);
    const JoinDecision& decision = join.decide(0);
    ASSERT_TRUE(decision.ready());
    EXPECT_EQ(decision.inputs[0].last, 9U);
}

// Row 43, JT-19. spec: JOIN-032
TEST_F(LatestExampleTest, AStaleInputIsReportedAbsentThoughItHasAFrame) {
    join.apply(sequence_map({SequenceRule::at_offset(kA, 0), SequenceRule::at_offset(kB, 0)}, 60 * kSecond));
    see(join, kB, 4, 0);
    see(join, kA, 900, 61 * kSecond);
    const JoinDecision& decision = join.decide(61 * kSecond);
    EXPECT_TRUE(decision.ready());
    EXPECT_EQ(ids(decision.absent), StreamIds{kB});
}

}  // namespace
}  // namespace tensorpool::test
