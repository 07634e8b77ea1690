// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Every role of two hosts in a process of its own; the two ends of the bridge are killed at any moment.

#include "support/pattern.hpp"
#include "system/driver_processes.hpp"

#include <tensorpool/bridge.hpp>
#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

namespace tensorpool::test {
namespace {

constexpr std::uint32_t kSource = 1000;
constexpr std::uint32_t kDest = 2000;
constexpr std::uint32_t kFrameBytes = 20000;

struct BridgeBoard {
    DriverReport driver_a;
    DriverReport driver_b;
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> whole{0};      ///< frames that arrived as they were sent
    std::atomic<std::uint64_t> torn{0};       ///< accepted, yet something else: must stay 0
    std::atomic<std::uint64_t> went_back{0};  ///< local epochs that were not above the one before
    std::atomic<std::uint64_t> epochs{0};     ///< local epochs seen by the consumer
    std::atomic<bool> stop{false};
    std::atomic<bool> stop_drivers{false};
};

/// Two hosts and what is between them: three messaging directories.
struct Directories {
    TempDir a;
    TempDir b;
    TempDir network;
};

DriverConfig host_config(const TempDir& dir, std::uint32_t stream_id) {
    DriverConfig config = driver_config_in(dir);
    config.streams = {{.name = "stream", .stream_id = stream_id, .profile = "raw"}};
    return config;
}

int run_host_driver(const TempDir& dir, std::uint32_t stream_id, DriverReport& report,
                    const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    Driver driver(context, host_config(dir, stream_id));
    while (!stop.load()) {
        driver.do_work(monotonic_now_ns());
        report.leases = driver.status().lease_count;
        driver.wait(kNanosPerMilli);
    }
    return 0;
}

int run_producer(const TempDir& dir, BridgeBoard& board) {
    Context context(messaging_in(dir));
    ProducerOptions options;
    options.stream_id = kSource;
    options.allowed_base_dirs = {dir.str()};
    options.keepalive_interval_ns = 15 * kNanosPerMilli;
    options.announce_period_ns = 20 * kNanosPerMilli;
    Producer producer(context, options);
    FrameInfo info;
    info.tensor.dims[0] = static_cast<std::int32_t>(kFrameBytes);
    while (!board.stop.load()) {
        producer.do_work(monotonic_now_ns());
        if (producer.offer(pattern(producer.next_seq(), kFrameBytes), info)) ++board.published;
        nap();
    }
    return 0;
}

int run_bridge(const TempDir& host, const TempDir& network, BridgeEnd end, const std::atomic<bool>& stop) {
    BridgeOptions options;
    options.instance_id = "kill";
    options.payload = {"aeron:ipc?term-length=4m", 3000};
    options.control = {"aeron:ipc?term-length=1m", 3001};
    options.forward_metadata = false;
    options.allowed_base_dirs = {host.str()};
    options.keepalive_interval_ns = 15 * kNanosPerMilli;
    options.announce_period_ns = 20 * kNanosPerMilli;
    options.assembly_timeout_ns = 20 * kNanosPerMilli;
    BridgeMapping mapping;
    mapping.source_stream_id = kSource;
    mapping.dest_stream_id = kDest;
    mapping.end = end;
    options.mappings = {mapping};
    Context local(messaging_in(host));
    Context transport(messaging_in(network));
    Bridge bridge(local, transport, options);
    while (!stop.load()) {
        if (bridge.do_work(monotonic_now_ns()) == 0) nap();
    }
    return 0;
}

int run_consumer(const TempDir& dir, BridgeBoard& board) {
    Context context(messaging_in(dir));
    ConsumerOptions options;
    options.stream_id = kDest;
    options.allowed_base_dirs = {dir.str()};
    options.keepalive_interval_ns = 15 * kNanosPerMilli;
    options.announce_period_ns = 20 * kNanosPerMilli;
    Consumer consumer(context, options);
    std::vector<std::byte> copy(kFrameBytes);
    std::uint64_t epoch = 0;
    while (!board.stop.load()) {
        consumer.do_work(monotonic_now_ns());
        if (consumer.epoch() != 0 && consumer.epoch() != epoch) {
            if (consumer.epoch() < epoch) ++board.went_back;
            epoch = consumer.epoch();
            ++board.epochs;
        }
        const int frames = consumer.poll([&](const Frame& frame) {
            if (!frame.copy_to(copy)) return;
            ++(read_pattern(copy) == frame.seq() ? board.whole : board.torn);
        });
        if (frames == 0) nap();
    }
    return 0;
}

// spec: BRG-107 BRG-109 BRG-110 BRG-048
TEST(BridgeKillTest, TheStreamGoesOnAfterEitherEndWasKilledAtAnyMoment) {
    std::mt19937_64 random = printed_seed();
    const Directories dirs;
    const Shared<BridgeBoard> board;
    {
        ForkedChild driver_a(
            [&] { return run_host_driver(dirs.a, kSource, board->driver_a, board->stop_drivers); });
        ForkedChild driver_b(
            [&] { return run_host_driver(dirs.b, kDest, board->driver_b, board->stop_drivers); });
        ForkedChild producer([&] { return run_producer(dirs.a, *board); });
        ForkedChild consumer([&] { return run_consumer(dirs.b, *board); });
        const auto start = [&](BridgeEnd end) {
            return std::make_unique<ForkedChild>([&dirs, &board, end] {
                return run_bridge(end == BridgeEnd::Send ? dirs.a : dirs.b, dirs.network, end, board->stop);
            });
        };
        std::unique_ptr<ForkedChild> ends[2] = {start(BridgeEnd::Send), start(BridgeEnd::Receive)};
        const auto flows = [&] {
            const std::uint64_t before = board->whole.load();
            return eventually([&] { return board->whole.load() > before + 3; });
        };
        ASSERT_TRUE(flows());
        for (int round = 0; round < rounds(40); ++round) {
            const auto victim = static_cast<std::size_t>(random() % 2);
            pause_up_to(random, 20 * kNanosPerMilli);
            ASSERT_TRUE(ends[victim]->running()) << "round " << round << ": an end stopped by itself";
            ends[victim]->kill();
            ends[victim] = start(victim == 0 ? BridgeEnd::Send : BridgeEnd::Receive);
            // Every other time the next one hits while it is still finding its place.
            if (round % 2 == 0) {
                ASSERT_TRUE(flows()) << "round " << round << ": the stream is stuck";
            }
        }
        ASSERT_TRUE(flows());
        board->stop = true;
        for (auto& end : ends) EXPECT_EQ(end->wait(), 0);
        EXPECT_EQ(producer.wait(), 0);
        EXPECT_EQ(consumer.wait(), 0);
        EXPECT_TRUE(
            eventually([&] { return board->driver_a.leases.load() + board->driver_b.leases.load() == 0; }));
        board->stop_drivers = true;
        EXPECT_EQ(driver_a.wait(), 0);
        EXPECT_EQ(driver_b.wait(), 0);
    }
    std::printf("%llu frames sent, %llu arrived, %llu local epochs\n",
                static_cast<unsigned long long>(board->published.load()),
                static_cast<unsigned long long>(board->whole.load()),
                static_cast<unsigned long long>(board->epochs.load()));
    EXPECT_EQ(board->torn.load(), 0U);
    EXPECT_EQ(board->went_back.load(), 0U);
    for (const TempDir* dir : {&dirs.a, &dirs.b, &dirs.network}) {
        EXPECT_EQ(paths_below(dir->path() / "messaging"), std::vector<std::string>{});
        EXPECT_EQ(paths_below(dir->path() / "shm"), std::vector<std::string>{});
    }
}

}  // namespace
}  // namespace tensorpool::test
