// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "support/manual_clock.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace tensorpool::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNewYear = 1704067200000;  // 2024-01-01T00:00Z, of the table in trace.md

/// A wall clock in milliseconds.
class WallClock {
public:
    explicit WallClock(std::int64_t ms) : clock_(ms * kNanosPerMilli) {}
    void set(std::int64_t ms) { clock_.advance(ms * kNanosPerMilli - clock_.now_ns()); }
    [[nodiscard]] const Clock* get() const { return &clock_; }

private:
    ManualClock clock_;
};

std::string refusal(std::uint32_t node_id, const TraceIdLayout& layout, std::int64_t now_ms = kNewYear) {
    const WallClock clock(now_ms);
    try {
        const TraceIdGenerator generator(node_id, layout, clock.get());
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::InvalidConfig);
        return error.what();
    }
    return "accepted";
}

// spec: TRACE-004 TRACE-005
TEST(TraceIdTest, IdsAreThoseOfTheReferenceTable) {
    const WallClock early(1234);
    TraceIdGenerator third(3, {}, early.get());
    EXPECT_EQ(third.next(), 5175783424U);
    EXPECT_EQ(third.next(), 5175783425U);

    const WallClock zero(0);
    EXPECT_EQ(TraceIdGenerator(5, {}, zero.get()).next(), 20481U) << "the state is 0 as well";

    const WallClock last(2199023255551);
    TraceIdGenerator end(1023, {}, last.get());
    std::uint64_t id = 0;
    for (int i = 0; i < 4096; ++i) id = end.next();
    EXPECT_EQ(id, 9223372036854775807U);
}

// spec: TRACE-005
TEST(TraceIdTest, AMillisecondHas4096IdsAndTheNextOneGoesOn) {
    WallClock clock(kNewYear);
    TraceIdGenerator generator(1, {}, clock.get());
    EXPECT_EQ(generator.try_next(), 7147375873228804096U);
    for (int i = 0; i < 4094; ++i) ASSERT_NE(generator.try_next(), 0U);
    EXPECT_EQ(generator.try_next(), 7147375873228808191U);
    EXPECT_EQ(generator.try_next(), 0U) << "used up: it says so and does not wait (TT-05)";
    clock.set(kNewYear + 1);
    EXPECT_EQ(generator.next(), 7147375873232998400U);
}

// spec: TRACE-005
TEST(TraceIdTest, IdsKeepRisingWhenTheClockGoesBack) {
    WallClock clock(kNewYear);
    TraceIdGenerator generator(1, {}, clock.get());
    std::uint64_t before = generator.next();
    clock.set(kNewYear - 10);
    EXPECT_EQ(generator.next(), 7147375873228804097U);
    before = generator.next();
    clock.set(kNewYear - 1'000'000);
    EXPECT_EQ(generator.next(), before + 1);
    for (int i = 3; i < 4095; ++i) ASSERT_NE(generator.try_next(), 0U);
    EXPECT_EQ(generator.try_next(), 0U) << "as long as the clock is behind";
    clock.set(kNewYear + 1);
    EXPECT_EQ(generator.try_next(), 7147375873232998400U);
}

// spec: TRACE-005
TEST(TraceIdTest, AnIdTellsTimeNodeAndSequence) {
    WallClock clock(kNewYear + 5);
    TraceIdGenerator generator(77, {}, clock.get());
    std::ignore = generator.next();
    EXPECT_EQ(trace_id_parts(generator.next()), (TraceIdParts{kNewYear + 5, 77, 1}));

    const TraceIdLayout narrow{4, 6, kNewYear};
    TraceIdGenerator other(9, narrow, clock.get());
    const std::uint64_t id = other.next();
    EXPECT_EQ(id, (5U << 10) | (9U << 6)) << "shifted by both widths, not by 22";
    EXPECT_EQ(trace_id_parts(id, narrow), (TraceIdParts{kNewYear + 5, 9, 0}));
}

TEST(TraceIdTest, BlocksAreRowsOfIdsThatNobodyElseGets) {
    const WallClock clock(kNewYear);
    TraceIdGenerator generator(1, {}, clock.get());
    const auto first = generator.try_next(4000);
    EXPECT_EQ(first.count, 4000U);
    EXPECT_EQ(generator.try_next(), first.first + 4000);
    const auto rest = generator.try_next(4000);
    EXPECT_EQ(rest.count, 95U) << "what is left of the millisecond";
    EXPECT_EQ(generator.try_next(1).count, 0U);
    EXPECT_EQ(generator.try_next(0).count, 0U);
}

TEST(TraceIdTest, AClockBelowTheOffsetCountsAsOneThatWentBack) {
    WallClock clock(kNewYear);
    TraceIdGenerator generator(1, {10, 12, kNewYear}, clock.get());
    EXPECT_EQ(generator.next(), (1U << 12) | 1U);
    clock.set(kNewYear - 1000);
    EXPECT_LT(generator.now_ms(), 0);
    EXPECT_EQ(generator.next(), (1U << 12) | 2U) << "no huge timestamp (TT-11)";
}

TEST(TraceIdTest, WithoutSequenceBitsThereIsOneIdAMillisecond) {
    WallClock clock(kNewYear);
    TraceIdGenerator generator(0, {0, 0, 0}, clock.get());
    EXPECT_EQ(generator.try_next(), static_cast<std::uint64_t>(kNewYear));
    EXPECT_EQ(generator.try_next(), 0U);
    clock.set(kNewYear + 1);
    EXPECT_EQ(generator.try_next(), static_cast<std::uint64_t>(kNewYear) + 1);
}

TEST(TraceIdTest, AfterTheLastMillisecondOfTheLayoutThereAreNoIds) {
    WallClock clock(2199023255551);
    TraceIdGenerator generator(1, {}, clock.get());
    clock.set(2199023255552);
    EXPECT_EQ(generator.try_next(), 0U);
    EXPECT_EQ(generator.next(), 0U) << "and no endless wait";
}

TEST(TraceIdTest, RefusesParametersThatCannotMakeUniqueIds) {
    EXPECT_THAT(refusal(0, {11, 12, 0}), HasSubstr("together they may have 22"));
    EXPECT_THAT(refusal(0, {std::numeric_limits<std::uint32_t>::max(), 1, 0}), HasSubstr("22"));
    EXPECT_THAT(refusal(1024, {}), HasSubstr("valid are 0 to 1023"));
    EXPECT_THAT(refusal(1, {0, 12, 0}), HasSubstr("valid are 0 to 0"));
    EXPECT_THAT(refusal(1, {10, 12, -1}), HasSubstr("between 0 and now"));
    EXPECT_THAT(refusal(1, {10, 12, kNewYear + 1}), HasSubstr("between 0 and now"));
    EXPECT_THAT(refusal(1, {}, 2199023255552), HasSubstr("timestamp_offset_ms"));
    EXPECT_EQ(refusal(1023, {10, 12, kNewYear}), "accepted");
    EXPECT_EQ(refusal(0, {0, 22, 0}), "accepted");
}

TEST(TraceIdTest, ByDefaultTheTimeIsTheWallClock) {
    const std::int64_t before = realtime_now_ns() / kNanosPerMilli;
    TraceIdGenerator generator(1);
    const TraceIdParts parts = trace_id_parts(generator.next());
    EXPECT_GE(parts.unix_ms, before);
    EXPECT_LE(parts.unix_ms, realtime_now_ns() / kNanosPerMilli);
}

}  // namespace
}  // namespace tensorpool::test
