// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>

#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace tensorpool {
namespace {

/// Writes what happens to it into a shared log, for example "a+ a@7 a-".
class LoggingAgent final : public Agent {
public:
    LoggingAgent(std::string name, std::string& log, bool fail_start = false)
        : name_(std::move(name)), log_(log), fail_start_(fail_start) {}

    int do_work(Nanos now_ns) noexcept override {
        log_ += name_ + "@" + std::to_string(now_ns) + " ";
        return 2;
    }
    [[nodiscard]] std::string_view role_name() const noexcept override { return name_; }
    void on_start() override {
        if (fail_start_) throw std::runtime_error("cannot start");
        log_ += name_ + "+ ";
    }
    void on_close() noexcept override { log_ += name_ + "- "; }

private:
    std::string name_;
    std::string& log_;
    bool fail_start_;
};

TEST(AgentInvokerTest, ReadsTheClockOncePerCycleAndDoesNothingOutsideStartAndClose) {
    std::string log;
    LoggingAgent agent("a", log);
    test::ManualClock clock(7);
    AgentInvoker invoker(agent, clock);
    EXPECT_EQ(invoker.invoke(), 0);
    invoker.start();
    EXPECT_EQ(invoker.invoke(), 2);
    clock.advance(1);
    EXPECT_EQ(invoker.invoke(), 2);
    invoker.close();
    EXPECT_EQ(invoker.invoke(), 0);
    invoker.close();
    EXPECT_EQ(log, "a+ a@7 a@8 a- ");
}

TEST(AgentInvokerTest, ClosesAStartedAgentWhenItGoesOutOfScope) {
    std::string log;
    LoggingAgent agent("a", log);
    {
        AgentInvoker invoker(agent);
        invoker.start();
    }
    EXPECT_EQ(log, "a+ a- ");
}

#ifndef NDEBUG
using AgentInvokerDeathTest = ::testing::Test;

TEST(AgentInvokerDeathTest, AbortsWithTheRoleNameWhenTwoThreadsDriveOneAgent) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            std::string log;
            LoggingAgent agent("camera", log);
            AgentInvoker invoker(agent);
            invoker.start();
            invoker.invoke();
            std::thread([&] { invoker.invoke(); }).join();
        },
        "camera is driven by two threads");
}
#endif

TEST(SingleThreadCheckTest, AllowsAnotherThreadAfterADeliberateHandOver) {
    SingleThreadCheck check;
    check.check("role");
    check.check("role");
    check.release();
    std::thread([&] { check.check("role"); }).join();
}

TEST(CompositeAgentTest, DrivesItsAgentsInOrderWithOneTimeAndClosesThemInReverse) {
    std::string log;
    LoggingAgent a("a", log);
    LoggingAgent b("b", log);
    CompositeAgent both("both", {&a, &b});
    EXPECT_EQ(both.role_name(), "both");
    both.on_start();
    EXPECT_EQ(both.do_work(5), 4);
    both.on_close();
    EXPECT_EQ(log, "a+ b+ a@5 b@5 b- a- ");
}

TEST(CompositeAgentTest, ClosesWhatItStartedWhenALaterAgentCannotStart) {
    std::string log;
    LoggingAgent a("a", log);
    LoggingAgent b("b", log);
    LoggingAgent broken("broken", log, true);
    CompositeAgent all("all", {&a, &b, &broken});
    EXPECT_THROW(all.on_start(), std::runtime_error);
    EXPECT_EQ(log, "a+ b+ b- a- ");
}

}  // namespace
}  // namespace tensorpool
