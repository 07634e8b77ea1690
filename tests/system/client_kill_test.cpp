// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "system/driver_processes.hpp"

#include <optional>

namespace tensorpool::test {
namespace {

struct Board {
    DriverReport driver;
    ClientReport producer;
    ClientReport consumer;
    std::atomic<bool> stop_driver{false};
    std::atomic<bool> stop_clients{false};
};

// spec: DRV-074, DRV-098, DRV-104, DRV-105, DRV-142, DRV-145
TEST(ClientKillTest, LeasesOfKilledClientsExpireTheirSlotIsFreeAgainAndTheirEpochsGo) {
    std::mt19937_64 random = printed_seed();
    const TempDir dir;
    const Shared<Board> board;
    {
        ForkedChild driver([&] { return run_driver(dir, board->driver, board->stop_driver); });
        const auto start = [&](Role role, ClientReport& report) {
            return ForkedChild([&, role] { return run_client(dir, role, report, board->stop_clients); });
        };
        std::uint64_t killed_attached = 0;
        std::size_t most_epochs = 0;
        for (int round = 0; round < rounds(220); ++round) {
            const bool wait_for_it = round % 2 == 0;
            board->producer.attached_epoch = 0;
            board->consumer.attached_epoch = 0;
            ForkedChild producer = start(Role::Producer, board->producer);
            ForkedChild consumer = start(Role::Consumer, board->consumer);
            if (wait_for_it) {
                ASSERT_TRUE(eventually([&] { return board->producer.attached_epoch.load() != 0; }))
                    << "round " << round << ": the producer slot is still taken";
                ASSERT_TRUE(eventually([&] { return board->consumer.attached_epoch.load() != 0; }))
                    << "round " << round;
            }
            pause_up_to(random, 10 * kNanosPerMilli);
            killed_attached += board->producer.attached_epoch.load() != 0 ? 1U : 0U;
            killed_attached += board->consumer.attached_epoch.load() != 0 ? 1U : 0U;
            random() % 2 == 0 ? producer.kill() : consumer.kill();
            pause_up_to(random, 5 * kNanosPerMilli);
            producer.kill();
            consumer.kill();
            most_epochs = std::max(most_epochs, epochs_on_disk(dir));
            ASSERT_TRUE(driver.running());
        }
        EXPECT_TRUE(eventually([&] { return board->driver.leases.load() == 0; }))
            << "a dead client's lease lives";
        EXPECT_TRUE(eventually([&] { return epochs_on_disk(dir) <= kEpochsKept; })) << epochs_on_disk(dir);
        EXPECT_GE(board->driver.expired.load(), killed_attached);
        EXPECT_GE(board->driver.collected.load() + kEpochsKept, board->producer.leases.load());
        EXPECT_EQ(board->driver.internal_errors.load(), 0U);

        // And a live client gets everything at once.
        ForkedChild producer = start(Role::Producer, board->producer);
        EXPECT_TRUE(eventually([&] { return board->producer.attached_epoch.load() != 0; }));
        board->stop_clients = true;
        EXPECT_EQ(producer.wait(), 0);
        board->stop_driver = true;
        EXPECT_EQ(driver.wait(), 0);
        std::printf("%llu leases granted, %llu killed while attached, at most %zu epochs on disk\n",
                    static_cast<unsigned long long>(board->driver.accepted.load()),
                    static_cast<unsigned long long>(killed_attached), most_epochs);
    }
    EXPECT_EQ(board->producer.went_back.load(), 0U) << "every new producer began a higher epoch";
    EXPECT_EQ(board->consumer.went_back.load(), 0U);
    EXPECT_EQ(paths_below(dir.path() / "messaging"), std::vector<std::string>{});
    EXPECT_EQ(paths_below(dir.path() / "shm"), std::vector<std::string>{});
}

}  // namespace
}  // namespace tensorpool::test
