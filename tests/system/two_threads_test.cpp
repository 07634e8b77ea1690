// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A role driven by an application's loop and a library thread at once is a programming error; debug builds
// say so.

#include "system/standalone_processes.hpp"

#include <tensorpool/agent.hpp>

#include <thread>

namespace tensorpool::test {
namespace {

TEST(TwoThreadsDeathTest, AProducerDrivenFromTwoThreadsAbortsInDebugBuilds) {
#ifdef NDEBUG
    GTEST_SKIP() << "the check costs nothing here because it is compiled out: NDEBUG";
#else
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const TempDir dir;  // out here: what dies removes nothing
    EXPECT_DEATH(
        {
            Context context(context_options_in(dir));
            Producer producer(context, producer_options_in(dir, 8));
            producer.do_work(monotonic_now_ns());
            std::thread([&] { producer.do_work(monotonic_now_ns()); }).join();
        },
        "producer is driven by two threads");
#endif
}

TEST(TwoThreadsTest, ARoleMayBeHandedOverToARunner) {
    const TempDir dir;
    Context context(context_options_in(dir));
    Producer producer(context, producer_options_in(dir, 8));
    producer.do_work(monotonic_now_ns());
    AgentRunner runner(producer, std::make_unique<YieldIdle>());
    runner.start();
    EXPECT_TRUE(runner.is_running());
    runner.close();
}

}  // namespace
}  // namespace tensorpool::test
