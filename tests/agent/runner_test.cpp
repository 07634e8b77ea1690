// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/agent.hpp>
#include <tensorpool/error.hpp>

#include "support/eventually.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <stdexcept>

namespace tensorpool {
namespace {

class CountingAgent final : public Agent {
public:
    int do_work(Nanos now_ns) noexcept override {
        last_now_ns = now_ns;
        worker = std::this_thread::get_id();
        cycles.fetch_add(1);
        return 1;
    }
    [[nodiscard]] std::string_view role_name() const noexcept override { return "counting"; }
    void on_start() override {
        started_on = std::this_thread::get_id();
        ::pthread_getname_np(::pthread_self(), thread_name, sizeof(thread_name));
        cpu = ::sched_getcpu();
        if (fail_start) throw std::runtime_error("no device");
    }
    void on_close() noexcept override {
        closed_on = std::this_thread::get_id();
        closed.fetch_add(1);
    }

    bool fail_start = false;
    std::atomic<int> cycles{0};
    std::atomic<int> closed{0};
    std::atomic<Nanos> last_now_ns{0};
    std::thread::id worker;
    std::thread::id started_on;
    std::thread::id closed_on;
    char thread_name[32] = {};
    int cpu = -1;
};

TEST(AgentRunnerTest, StartsWorksAndClosesTheAgentOnItsOwnThread) {
    CountingAgent agent;
    AgentRunner runner(agent, std::make_unique<YieldIdle>());
    EXPECT_FALSE(runner.is_running());
    runner.start();
    EXPECT_TRUE(runner.is_running());
    EXPECT_TRUE(test::eventually([&] { return agent.cycles.load() > 3; }));
    runner.close();
    EXPECT_FALSE(runner.is_running());
    EXPECT_EQ(agent.closed.load(), 1);
    EXPECT_NE(agent.worker, std::this_thread::get_id());
    EXPECT_EQ(agent.worker, agent.started_on);
    EXPECT_EQ(agent.worker, agent.closed_on);
}

TEST(AgentRunnerTest, GivesEveryCycleTheTimeOfTheInjectedClock) {
    CountingAgent agent;
    test::ManualClock clock(77);
    AgentRunner runner(agent, std::make_unique<YieldIdle>(), {.cpu = {}, .thread_name = {}, .clock = &clock});
    runner.start();
    EXPECT_TRUE(test::eventually([&] { return agent.last_now_ns.load() == 77; }));
    clock.advance(3);
    EXPECT_TRUE(test::eventually([&] { return agent.last_now_ns.load() == 80; }));
}

TEST(AgentRunnerTest, NamesAndPinsTheThreadBeforeTheAgentStarts) {
    cpu_set_t allowed;
    ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(static_cast<unsigned>(cpu), &allowed)) ++cpu;
    CountingAgent agent;
    AgentRunner runner(agent, std::make_unique<YieldIdle>(),
                       {.cpu = cpu, .thread_name = "a-name-longer-than-the-kernel-takes", .clock = nullptr});
    runner.start();
    runner.close();
    EXPECT_STREQ(agent.thread_name, "a-name-longer-t");
    EXPECT_EQ(agent.cpu, cpu);
}

TEST(AgentRunnerTest, RefusesAProcessorThatDoesNotExistAndNeverStartsTheAgent) {
    CountingAgent agent;
    AgentRunner runner(agent, std::make_unique<YieldIdle>(),
                       {.cpu = 100'000, .thread_name = {}, .clock = nullptr});
    EXPECT_THROW(runner.start(), Error);
    EXPECT_EQ(agent.cycles.load(), 0);
    EXPECT_EQ(agent.closed.load(), 0);
}

TEST(AgentRunnerTest, RethrowsWhatOnStartThrewAndDoesNotDriveTheAgent) {
    CountingAgent agent;
    agent.fail_start = true;
    AgentRunner runner(agent, std::make_unique<YieldIdle>());
    EXPECT_THROW(runner.start(), std::runtime_error);
    EXPECT_FALSE(runner.is_running());
    runner.close();
    EXPECT_EQ(agent.cycles.load(), 0);
    EXPECT_EQ(agent.closed.load(), 0);
}

TEST(AgentRunnerTest, CanBeStartedOnlyOnceAndClosedTwice) {
    CountingAgent agent;
    AgentRunner runner(agent, std::make_unique<YieldIdle>());
    runner.start();
    EXPECT_THROW(runner.start(), Error);
    runner.close();
    runner.close();
    EXPECT_THROW(runner.start(), Error);
    EXPECT_EQ(agent.closed.load(), 1);
}

TEST(AgentRunnerTest, WakesASleepingIdleStrategyWhenItCloses) {
    class Sleeper final : public Waiter {
    public:
        void wait(Nanos) noexcept override {
            std::unique_lock lock(mutex_);
            asleep = true;
            condition_.wait(lock, [this] { return awake_; });
        }
        void wake() noexcept override {
            const std::lock_guard lock(mutex_);
            awake_ = true;
            condition_.notify_all();
        }
        std::atomic<bool> asleep{false};

    private:
        std::mutex mutex_;
        std::condition_variable condition_;
        bool awake_ = false;
    };
    class IdleAgent final : public Agent {
    public:
        int do_work(Nanos) noexcept override { return 0; }
        [[nodiscard]] std::string_view role_name() const noexcept override { return "idle"; }
    };
    Sleeper sleeper;
    IdleAgent agent;
    AgentRunner runner(agent, std::make_unique<WaitIdle>(sleeper));
    runner.start();
    EXPECT_TRUE(test::eventually([&] { return sleeper.asleep.load(); }));
    runner.close();
    EXPECT_FALSE(runner.is_running());
}

}  // namespace
}  // namespace tensorpool
