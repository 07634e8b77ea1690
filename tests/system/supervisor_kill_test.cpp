// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A supervisor killed at any moment stops nothing, and its successor knows everybody again.

#include "system/driver_processes.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include <array>

namespace tensorpool::test {
namespace {

constexpr Nanos kReportPeriod = 5 * kNanosPerMilli;

struct Traffic {
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> producer_leases{0};
    std::atomic<std::uint64_t> consumer_unmaps{0};
    std::atomic<std::uint64_t> configs_applied{0};
};

/// What the supervisor of one round knows.
struct Knowledge {
    std::atomic<std::uint32_t> producers{0};
    std::atomic<std::uint32_t> consumers{0};
    std::atomic<std::uint64_t> last_seq{0};
    std::atomic<std::uint64_t> configs{0};
};

/// Leases that a loaded machine does not lose.
DriverConfig patient_driver_in(const TempDir& dir) {
    DriverConfig config = driver_config_in(dir);
    config.policies.lease_keepalive_interval_ms = 1000;
    config.policies.lease_expiry_grace_intervals = 30;
    return config;
}

int run_patient_driver(const TempDir& dir, const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    Driver driver(context, patient_driver_in(dir));
    while (!stop.load()) {
        driver.do_work(monotonic_now_ns());
        driver.wait(kNanosPerMilli);
    }
    return 0;
}

int run_producer(const TempDir& dir, Traffic& traffic, const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    ProducerOptions options;
    options.stream_id = kLeaseStream;
    options.allowed_base_dirs = {dir.str()};
    options.qos_period_ns = kReportPeriod;
    options.announce_period_ns = 60 * kNanosPerSecond;  // the driver is patient with us, and we with it
    Producer producer(context, options);
    const std::array<std::byte, 64> values{};
    const FrameInfo info{.tensor = image_layout(Dtype::UInt8, 8, 8), .values_len_bytes = 64};
    while (!stop.load()) {
        producer.do_work(monotonic_now_ns());
        if (producer.offer(values, info)) ++traffic.published;
        traffic.producer_leases = producer.generation();
        nap();
    }
    return 0;
}

int run_consumer(const TempDir& dir, Traffic& traffic, const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    ConsumerOptions options;
    options.stream_id = kLeaseStream;
    options.allowed_base_dirs = {dir.str()};
    options.qos_period_ns = kReportPeriod;
    options.hello_period_ns = kReportPeriod;
    options.announce_period_ns = 60 * kNanosPerSecond;
    Consumer consumer(context, options);
    while (!stop.load()) {
        consumer.do_work(monotonic_now_ns());
        consumer.poll([&](const Frame& frame) { traffic.received += frame.intact() ? 1 : 0; });
        traffic.consumer_unmaps = consumer.counters().unmaps;
        traffic.configs_applied = consumer.counters().configs_applied;
        nap();
    }
    return 0;
}

[[noreturn]] void run_supervisor(const TempDir& dir, Knowledge& knows) {
    Context context(messaging_in(dir));
    Supervisor supervisor(context);
    while (true) {
        supervisor.do_work(monotonic_now_ns());
        knows.producers = static_cast<std::uint32_t>(supervisor.producers().size());
        knows.consumers = static_cast<std::uint32_t>(supervisor.consumers().size());
        knows.configs = supervisor.counters().configs_published;
        if (!supervisor.consumers().empty()) knows.last_seq = supervisor.consumers()[0].last_seq_seen;
        nap();
    }
}

// spec: SUP-001 SUP-006 SUP-011
TEST(SupervisorKillTest, NothingElseStopsAndTheNextOneLearnsEverybodyAgain) {
    const TempDir dir;
    auto random = printed_seed();
    Shared<std::atomic<bool>> stop;
    Shared<Traffic> traffic;
    Shared<Knowledge> knows;
    ForkedChild driver([&] { return run_patient_driver(dir, *stop); });
    ForkedChild producer([&] { return run_producer(dir, *traffic, *stop); });
    ForkedChild consumer([&] { return run_consumer(dir, *traffic, *stop); });
    ASSERT_TRUE(eventually([&] { return traffic->received > 0; }));
    const std::uint64_t leases = traffic->producer_leases;
    const std::uint64_t unmaps = traffic->consumer_unmaps;

    const auto move_on = [&] {
        const std::uint64_t published = traffic->published;
        const std::uint64_t received = traffic->received;
        return eventually([&] { return traffic->published > published && traffic->received > received; });
    };
    for (int round = 0; round < rounds(200); ++round) {
        knows->producers = knows->consumers = 0;
        knows->last_seq = knows->configs = 0;
        ForkedChild supervisor([&]() -> int { run_supervisor(dir, *knows); });
        if (round % 2 == 0) {
            ASSERT_TRUE(eventually([&] {
                return knows->producers == 1 && knows->consumers == 1 && knows->last_seq > 0 &&
                       knows->configs > 0;
            })) << "round "
                << round;
        } else {
            pause_up_to(random, 20 * kNanosPerMilli);
        }
        supervisor.kill();
        ASSERT_TRUE(move_on()) << "round " << round;
    }
    EXPECT_TRUE(driver.running() && producer.running() && consumer.running());
    EXPECT_EQ(traffic->producer_leases, leases);
    EXPECT_EQ(traffic->consumer_unmaps, unmaps);
    EXPECT_EQ(traffic->configs_applied, 0U) << "it was told again only what it does anyway";
    *stop = true;
    EXPECT_EQ(consumer.wait(), 0);
    EXPECT_EQ(producer.wait(), 0);
    EXPECT_EQ(driver.wait(), 0);
}

}  // namespace
}  // namespace tensorpool::test
