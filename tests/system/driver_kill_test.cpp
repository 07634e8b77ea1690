// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "system/driver_processes.hpp"

namespace tensorpool::test {
namespace {

struct Board {
    ClientReport producer;
    ClientReport consumer;
    DriverReport driver;
    std::atomic<bool> stop_clients{false};
    std::atomic<bool> stop_driver{false};
};

/// A consumer that comes and goes: sometimes it detaches, sometimes it just forgets its lease.
int run_visitor(const TempDir& dir, std::uint64_t seed, const std::atomic<bool>& stop) {
    std::mt19937_64 random(seed);
    Context context(messaging_in(dir));
    while (!stop.load()) {
        DriverSession session(context, session_options(Role::Consumer));
        session.request_attach();
        const Nanos end = monotonic_now_ns() + static_cast<Nanos>(random() % 15) * kNanosPerMilli;
        while (monotonic_now_ns() < end && !stop.load()) {
            session.do_work(monotonic_now_ns());
            nap();
        }
        if (random() % 2 == 0) session.await_detach(monotonic_now_ns() + 20 * kNanosPerMilli);
    }
    return 0;
}

// spec: DRV-004, DRV-118, DRV-119, DRV-120, DRV-140
TEST(DriverKillTest, ClientsOutliveDriversKilledAtAnyMomentAndEpochsOnlyGrow) {
    std::mt19937_64 random = printed_seed();
    const TempDir dir;
    const Shared<Board> board;
    {
        ForkedChild producer(
            [&] { return run_client(dir, Role::Producer, board->producer, board->stop_clients); });
        ForkedChild consumer(
            [&] { return run_client(dir, Role::Consumer, board->consumer, board->stop_clients); });
        ForkedChild visitor([&, seed = random()] { return run_visitor(dir, seed, board->stop_clients); });
        const auto start_driver = [&] {
            return ForkedChild([&] { return run_driver(dir, board->driver, board->stop_driver); });
        };
        const auto both_above = [&](std::uint64_t epoch) {
            return eventually([&] {
                return board->producer.attached_epoch.load() > epoch &&
                       board->consumer.attached_epoch.load() > epoch;
            });
        };
        // A media driver keeps the logs of the dead for seconds, and whoever comes meanwhile maps them all.
        const int kills = rounds(aeron_dir_of_tests().empty() ? 400 : 100);
        int hit_running = 0;
        for (int round = 0; round < kills; ++round) {
            const std::uint64_t before =
                std::max(board->producer.highest_epoch.load(), board->consumer.highest_epoch.load());
            board->driver.leases = 0;
            ForkedChild driver = start_driver();
            if (round % 2 == 0) {
                ASSERT_TRUE(both_above(before)) << "round " << round << ": a client is stuck";
                pause_up_to(random, 5 * kNanosPerMilli);
            } else {
                pause_up_to(random, 25 * kNanosPerMilli);  // while it starts, makes files, grants leases
            }
            ASSERT_TRUE(driver.running()) << "round " << round << ": the driver ended by itself";
            hit_running += board->driver.leases.load() > 0 ? 1 : 0;
            driver.kill();
        }
        // The last driver finds what all the others left, and lives.
        const std::uint64_t before =
            std::max(board->producer.highest_epoch.load(), board->consumer.highest_epoch.load());
        ForkedChild driver = start_driver();
        EXPECT_TRUE(both_above(before));
        EXPECT_TRUE(eventually([&] { return epochs_on_disk(dir) <= kEpochsKept; })) << epochs_on_disk(dir);
        board->stop_clients = true;
        EXPECT_EQ(producer.wait(), 0);
        EXPECT_EQ(consumer.wait(), 0);
        EXPECT_EQ(visitor.wait(), 0);
        EXPECT_TRUE(eventually([&] { return board->driver.leases.load() == 0; }));
        board->stop_driver = true;
        EXPECT_EQ(driver.wait(), 0);
        std::printf("%llu producer leases, %llu consumer leases, %d drivers killed while they held some\n",
                    static_cast<unsigned long long>(board->producer.leases.load()),
                    static_cast<unsigned long long>(board->consumer.leases.load()), hit_running);
    }
    EXPECT_EQ(board->producer.went_back.load(), 0U);
    EXPECT_EQ(board->consumer.went_back.load(), 0U);
    EXPECT_EQ(paths_below(dir.path() / "messaging"), std::vector<std::string>{});
    EXPECT_EQ(paths_below(dir.path() / "shm"), std::vector<std::string>{});
}

}  // namespace
}  // namespace tensorpool::test
