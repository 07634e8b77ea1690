// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>
#include <tensorpool/error.hpp>

#include <gtest/gtest.h>

#include <ctime>

namespace tensorpool {
namespace {

class RecordingWaiter final : public Waiter {
public:
    void wait(Nanos timeout_ns) noexcept override {
        ++waits;
        last_timeout_ns = timeout_ns;
    }
    void wake() noexcept override { ++wakes; }

    int waits = 0;
    int wakes = 0;
    Nanos last_timeout_ns = 0;
};

TEST(WaitIdleTest, WaitsOnlyAfterTheSpinsOfAnEmptyStretch) {
    RecordingWaiter waiter;
    WaitIdle idle(waiter, 5'000, 2);
    idle.idle(0);
    idle.idle(0);
    EXPECT_EQ(waiter.waits, 0);
    idle.idle(0);
    EXPECT_EQ(waiter.waits, 1);
    EXPECT_EQ(waiter.last_timeout_ns, 5'000);
    idle.idle(3);
    idle.idle(0);
    EXPECT_EQ(waiter.waits, 1);
}

TEST(WaitIdleTest, PassesAWakeUpOnToTheWaiter) {
    RecordingWaiter waiter;
    WaitIdle idle(waiter);
    idle.wake();
    EXPECT_EQ(waiter.wakes, 1);
}

TEST(SleepIdleTest, GivesTheProcessorAwayForAtLeastThePeriodWhenThereWasNoWork) {
    SleepIdle idle(2 * kNanosPerMilli);
    const Nanos before = monotonic_now_ns();
    idle.idle(0);
    EXPECT_GE(monotonic_now_ns() - before, 2 * kNanosPerMilli);
}

TEST(BackOffIdleTest, EndsUpSleepingAndStartsOverAfterWork) {
    BackOffIdle idle(1, 1, 500'000, 2'000'000);
    idle.idle(0);  // spin
    idle.idle(0);  // yield
    Nanos before = monotonic_now_ns();
    idle.idle(0);
    idle.idle(0);
    EXPECT_GE(monotonic_now_ns() - before, 500'000 + 1'000'000);
    idle.idle(1);
    idle.idle(0);
    idle.idle(0);
    before = monotonic_now_ns();
    idle.idle(0);
    EXPECT_GE(monotonic_now_ns() - before, 500'000);
}

TEST(MakeIdleStrategyTest, KnowsItsNamesAndSaysThemWhenAskedForAnother) {
    for (const char* name : {"busy-spin", "yield", "back-off", "sleep"}) {
        const auto idle = make_idle_strategy(name);
        ASSERT_NE(idle, nullptr) << name;
        idle->idle(0);
        idle->idle(1);
    }
    try {
        (void)make_idle_strategy("snooze");
        FAIL() << "an unknown name was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::InvalidConfig);
        EXPECT_NE(std::string(error.what()).find("back-off"), std::string::npos);
    }
}

}  // namespace
}  // namespace tensorpool
