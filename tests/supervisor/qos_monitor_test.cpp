// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/publisher.hpp"
#include "support/allocation_counter.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/qos_monitor.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <memory>

namespace tensorpool::test {
namespace {

class QosMonitorTest : public testing::Test {
protected:
    static QosMonitorOptions options() {
        QosMonitorOptions chosen;
        chosen.max_entries = 3;
        return chosen;
    }
    void producer(std::uint32_t stream, std::uint32_t id, std::uint64_t epoch, std::uint64_t seq) {
        control::QosProducer qos;
        qos.stream_id = stream;
        qos.producer_id = id;
        qos.epoch = epoch;
        qos.current_seq = seq;
        ASSERT_TRUE(peers_.send(qos));
        monitor.do_work(clock_.now_ns());
    }
    void consumer(std::uint32_t stream, std::uint32_t id, std::uint64_t epoch, std::uint64_t seq) {
        control::QosConsumer qos;
        qos.stream_id = stream;
        qos.consumer_id = id;
        qos.epoch = epoch;
        qos.last_seq_seen = seq;
        qos.drops_gap = 3;
        qos.drops_late = 4;
        qos.mode = Mode::RateLimited;
        ASSERT_TRUE(peers_.send(qos));
        monitor.do_work(clock_.now_ns());
    }
    void advance(Nanos by_ns) {
        clock_.advance(by_ns);
        monitor.do_work(clock_.now_ns());
    }

    TempDir dir_;
    ManualClock clock_{100 * kNanosPerSecond};
    std::unique_ptr<Context> context_ = context_in(dir_, clock_);
    QosMonitor monitor{*context_, options()};
    control::ControlPublisher peers_{context_->messaging().add_publication(StreamEndpoints{}.qos.channel,
                                                                           StreamEndpoints{}.qos.stream_id)};
};

// spec: OBS-015
TEST_F(QosMonitorTest, KeepsTheLastReportOfEveryPeerWithItsArrivalTime) {
    producer(1, 7, 5, 10);
    clock_.advance(kNanosPerSecond);
    producer(1, 7, 5, 20);
    consumer(1, 42, 5, 18);
    ASSERT_EQ(monitor.producers().size(), 1U);
    EXPECT_EQ(monitor.producer(1, 7)->current_seq, 20U);
    EXPECT_EQ(monitor.producer(1, 7)->received_ns, clock_.now_ns());
    const ConsumerQos* const reader = monitor.consumer(1, 42);
    ASSERT_NE(reader, nullptr);
    EXPECT_EQ(reader->last_seq_seen, 18U);
    EXPECT_EQ(reader->drops_gap, 3U);
    EXPECT_EQ(reader->drops_late, 4U);
    EXPECT_EQ(reader->mode, Mode::RateLimited);
    EXPECT_EQ(monitor.producer(2, 7), nullptr);
    EXPECT_EQ(monitor.consumer(1, 7), nullptr);
}

// spec: OBS-016
TEST_F(QosMonitorTest, LagIsWhatTheConsumerHasNotSeenOfItsOwnEpoch) {
    producer(1, 7, 5, 20);
    consumer(1, 42, 5, 9);
    EXPECT_EQ(monitor.lag(*monitor.consumer(1, 42)), 10U);
    consumer(1, 42, 5, 19);
    EXPECT_EQ(monitor.lag(*monitor.consumer(1, 42)), 0U);
    consumer(1, 42, 5, 23);  // the consumer's report is younger than the producer's
    EXPECT_EQ(monitor.lag(*monitor.consumer(1, 42)), 0U);
    consumer(1, 42, 5, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(monitor.lag(*monitor.consumer(1, 42)), 0U);
    consumer(1, 42, 4, 9);
    EXPECT_FALSE(monitor.lag(*monitor.consumer(1, 42)));
}

TEST_F(QosMonitorTest, FindsTheProducerOfTheEpochAmongSeveral) {
    producer(1, 9, 6, 100);
    producer(1, 7, 5, 20);
    consumer(1, 42, 6, 98);
    EXPECT_EQ(monitor.lag(*monitor.consumer(1, 42)), 1U);
}

// spec: OBS-015
TEST_F(QosMonitorTest, ForgetsWhoStoppedReporting) {
    producer(1, 7, 5, 10);
    consumer(1, 42, 5, 9);
    advance(4 * kNanosPerSecond);
    consumer(1, 42, 5, 9);
    advance(6 * kNanosPerSecond);
    EXPECT_TRUE(monitor.producers().empty());
    EXPECT_EQ(monitor.counters().forgotten, 2U);
    consumer(1, 42, 5, 9);
    EXPECT_EQ(monitor.consumers().size(), 1U);
}

TEST_F(QosMonitorTest, RemembersNoMorePeersThanItMay) {
    for (std::uint32_t id = 1; id <= 5; ++id) producer(1, id, 5, 10);
    EXPECT_EQ(monitor.producers().size(), 3U);
    EXPECT_EQ(monitor.counters().dropped_full, 2U);
    producer(1, 2, 5, 30);
    EXPECT_EQ(monitor.producer(1, 2)->current_seq, 30U);
}

// spec: OBS-015
TEST_F(QosMonitorTest, CallsBackWithEveryReport) {
    std::vector<std::uint64_t> seen;
    monitor.on_producer([&](const ProducerQos& qos) { seen.push_back(qos.current_seq); });
    monitor.on_consumer([&](const ConsumerQos& qos) { seen.push_back(qos.last_seq_seen); });
    producer(1, 7, 5, 10);
    consumer(1, 42, 5, 9);
    producer(1, 7, 5, 11);
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{10, 9, 11}));
}

TEST_F(QosMonitorTest, AllocatesNothingForAPeerItKnows) {
    producer(1, 7, 5, 10);
    const std::uint64_t before = allocations_of_this_thread();
    producer(1, 7, 5, 11);
    EXPECT_EQ(allocations_of_this_thread(), before);
}

TEST_F(QosMonitorTest, RefusesOptionsThatMakeNoSense) {
    EXPECT_THROW(QosMonitor(*context_, {.max_entries = 0}), Error);
    EXPECT_THROW(QosMonitor(*context_, {.forget_after_ns = 0}), Error);
}

}  // namespace
}  // namespace tensorpool::test
