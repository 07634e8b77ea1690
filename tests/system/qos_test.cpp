// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What producers and consumers report about themselves, once per second.

#include "control/dispatcher.hpp"
#include "support/manual_clock.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/producer.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <memory>
#include <vector>

namespace tensorpool::test {
namespace {

class QosTest : public testing::Test, private control::ControlHandler {
protected:
    QosTest() {
        producer_options.stream_id = 10000;
        producer_options.producer_id = 7;
        producer_options.standalone.emplace();
        producer_options.standalone->base_dir = dir.str();
        producer_options.standalone->header_nslots = 8;
        producer_options.standalone->pools = {{1, 64}};
        consumer_options.stream_id = 10000;
        consumer_options.consumer_id = 42;
        consumer_options.use_driver = false;
        consumer_options.allowed_base_dirs = {dir.str()};
    }
    void start() {
        producer = std::make_unique<Producer>(*context, producer_options);
        consumer = std::make_unique<Consumer>(*context, consumer_options);
        for (int i = 0; i < 20 && !consumer->is_ready(); ++i) advance(100 * kNanosPerMilli);
        ASSERT_TRUE(consumer->is_ready());
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        producer->do_work(clock.now_ns());
        consumer->do_work(clock.now_ns());
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
    }
    void publish(int frames) {
        const std::array<std::byte, 4> values{};
        const FrameInfo info{.tensor = image_layout(Dtype::UInt8, 2, 2), .values_len_bytes = 4};
        for (int i = 0; i < frames; ++i) ASSERT_TRUE(producer->offer(values, info));
    }
    void consume() {
        while (consumer->poll([](const Frame&) {}) > 0) {
        }
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    ProducerOptions producer_options;
    ConsumerOptions consumer_options;
    std::unique_ptr<Producer> producer;
    std::unique_ptr<Consumer> consumer;
    std::vector<control::QosProducer> from_producer;
    std::vector<control::QosConsumer> from_consumer;

private:
    void on_qos_producer(const control::QosProducer& qos, const messaging::Message&) override {
        from_producer.push_back(qos);
    }
    void on_qos_consumer(const control::QosConsumer& qos, const messaging::Message&) override {
        from_consumer.push_back(qos);
    }

    std::unique_ptr<messaging::Subscription> subscription_ =
        context->messaging().add_subscription(StreamEndpoints{}.qos.channel, StreamEndpoints{}.qos.stream_id);
    control::ControlDispatcher dispatcher_{*this};
};

// spec: WIRE-123 OBS-009 OBS-010 OBS-013
TEST_F(QosTest, BothEndsReportOncePerSecond) {
    start();
    from_producer.clear();
    from_consumer.clear();
    const std::uint64_t sent = producer->counters().qos_published;
    for (int i = 0; i < 30; ++i) advance(100 * kNanosPerMilli);
    EXPECT_EQ(from_producer.size(), 3U);
    EXPECT_EQ(from_consumer.size(), 3U);
    EXPECT_EQ(producer->counters().qos_published - sent, 3U);
}

// spec: WIRE-123 OBS-009 OBS-010 OBS-016
TEST_F(QosTest, ReportsWhereItStands) {
    start();
    publish(5);
    consume();
    advance(kNanosPerSecond);
    const control::QosProducer& p = from_producer.back();
    EXPECT_EQ(p.stream_id, 10000U);
    EXPECT_EQ(p.producer_id, 7U);
    EXPECT_EQ(p.epoch, producer->epoch());
    EXPECT_EQ(p.current_seq, 5U);
    EXPECT_FALSE(p.watermark);
    const control::QosConsumer& c = from_consumer.back();
    EXPECT_EQ(c.stream_id, 10000U);
    EXPECT_EQ(c.consumer_id, 42U);
    EXPECT_EQ(c.epoch, producer->epoch());
    EXPECT_EQ(c.last_seq_seen, 4U);  // the lag is current_seq - last_seq_seen - 1: none
    EXPECT_EQ(c.mode, Mode::Stream);
}

// spec: WIRE-124 OBS-012
TEST_F(QosTest, ReportsGapsAndLateFramesSeparately) {
    start();
    publish(1);
    consume();
    ASSERT_TRUE(producer->try_claim(4));  // given up: a gap
    publish(1);
    consume();
    advance(kNanosPerSecond);
    EXPECT_EQ(from_consumer.back().drops_gap, 1U);
    EXPECT_EQ(from_consumer.back().drops_late, 0U);
    publish(9);  // laps the ring of 8: the oldest frame's slot holds another one
    consume();
    advance(kNanosPerSecond);
    EXPECT_EQ(from_consumer.back().drops_gap, consumer->counters().drops_gap);
    EXPECT_EQ(from_consumer.back().drops_late, 1U);
}

TEST_F(QosTest, AConsumerTakesLessThanAMebibyteOfMessages) {
    const auto resident_bytes = [&] {
        std::int64_t bytes = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
            struct stat status {};
            if (entry.path().filename().string().starts_with("log-") &&
                ::lstat(entry.path().c_str(), &status) == 0)
                bytes += std::int64_t{status.st_blocks} * 512;
        }
        return bytes;
    };
    start();
    const std::int64_t before = resident_bytes();
    consumer_options.consumer_id = 43;
    const Consumer another(*context, consumer_options);
    EXPECT_GT(resident_bytes(), before);
    EXPECT_LT(resident_bytes() - before, 1 << 20);
}

// spec: OBS-013
TEST_F(QosTest, KeepsQuietWithAPeriodOfZeroAndRefusesANegativeOne) {
    producer_options.qos_period_ns = 0;
    consumer_options.qos_period_ns = 0;
    start();
    for (int i = 0; i < 30; ++i) advance(100 * kNanosPerMilli);
    EXPECT_TRUE(from_producer.empty());
    EXPECT_TRUE(from_consumer.empty());
    producer_options.qos_period_ns = -1;
    EXPECT_THROW(Producer(*context, producer_options), Error);
    consumer_options.qos_period_ns = -1;
    EXPECT_THROW(Consumer(*context, consumer_options), Error);
}

}  // namespace
}  // namespace tensorpool::test
