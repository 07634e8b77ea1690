// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What the counters of real roles say, read as another process reads them.

#include "driver/driver_harness.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/allocation_counter.hpp"
#include "support/raw_stream.hpp"
#include "support/recording_log.hpp"
#include "telemetry/counter_list.hpp"
#include "telemetry/latency.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;

/// A standalone producer and its consumer on a manual clock; sends can be made to fail.
class RoleCountersTest : public testing::Test {
protected:
    explicit RoleCountersTest(LatencyHistograms histograms = LatencyHistograms::Off)
        : context_(std::make_unique<GatedClient>(make_client(), gate), clock, histograms),
          reader(make_client()) {
        ProducerOptions produce;
        produce.stream_id = 10000;
        produce.producer_id = 7;
        produce.standalone.emplace();
        produce.standalone->base_dir = dir.str();
        produce.standalone->header_nslots = 8;
        produce.standalone->pools = {{1, 64}};
        ConsumerOptions consume;
        consume.stream_id = 10000;
        consume.consumer_id = 42;
        consume.use_driver = false;
        consume.allowed_base_dirs = {dir.str()};
        producer = std::make_unique<Producer>(context_, produce);
        consumer = std::make_unique<Consumer>(context_, consume);
        for (int i = 0; i < 20 && !consumer->is_ready(); ++i) advance();
    }
    [[nodiscard]] std::unique_ptr<messaging::Client> make_client() const {
        messaging::EmbeddedOptions options;
        options.dir = (dir.path() / "messaging").string();
        options.clock = &clock;
        return messaging::make_embedded_client(options);
    }
    void advance(Nanos by_ns = 100 * kNanosPerMilli) {
        clock.advance(by_ns);
        producer->do_work(clock.now_ns());
        consumer->do_work(clock.now_ns());
    }
    void publish(int frames) {
        const std::array<std::byte, 4> values{};
        const FrameInfo info{.tensor = image_layout(Dtype::UInt8, 2, 2), .values_len_bytes = 4};
        for (int i = 0; i < frames; ++i) EXPECT_TRUE(producer->offer(values, info));
    }
    void consume() {
        while (consumer->poll([](const Frame&) {}) > 0) {
        }
    }
    [[nodiscard]] std::optional<std::int64_t> of_producer(const char* label) {
        return counter_value(*reader, label, "Producer stream=10000");
    }
    [[nodiscard]] std::optional<std::int64_t> of_consumer(const char* label) {
        return counter_value(*reader, label, "Consumer stream=10000");
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    Context context_;
    std::unique_ptr<messaging::Client> reader;
    std::unique_ptr<Producer> producer;
    std::unique_ptr<Consumer> consumer;
};

// spec: OBS-001, OBS-005, OBS-006
TEST_F(RoleCountersTest, ShowWhatProducerAndConsumerDid) {
    publish(3);
    consume();
    advance();
    EXPECT_EQ(of_producer("FramesPublished"), 3);
    EXPECT_EQ(of_producer("FramesCommitted"), 3);
    EXPECT_EQ(of_producer("BytesCommitted"), 12);
    EXPECT_EQ(of_producer("NextSeq"), 3);
    EXPECT_EQ(of_producer("ProducerEpoch"), static_cast<std::int64_t>(producer->epoch()));
    EXPECT_GT(of_producer("TotalDutyCycles"), 0);
    EXPECT_EQ(of_consumer("FramesDelivered"), 3);
    EXPECT_EQ(of_consumer("BytesDelivered"), 12);
    EXPECT_EQ(of_consumer("LastSeq"), 2);
    EXPECT_EQ(of_consumer("DropsGap"), 0);
    EXPECT_EQ(of_consumer("Remaps"), 1);
}

// spec: OBS-007, OBS-012, OT-02, OT-03
TEST_F(RoleCountersTest, CountAGapOnceAndALateFrameOnce) {
    publish(1);
    consume();
    ASSERT_TRUE(producer->try_claim(4));  // given up: a gap
    publish(1);
    consume();
    advance();
    EXPECT_EQ(of_consumer("DropsGap"), 1);
    EXPECT_EQ(of_consumer("DropsLate"), 0);
    publish(9);  // laps the ring of 8
    consume();
    advance();
    EXPECT_EQ(of_consumer("DropsGap"), 1);
    EXPECT_EQ(of_consumer("DropsLate"), 1);
    EXPECT_EQ(*of_consumer("DropsOdd") + *of_consumer("DropsChanged") + *of_consumer("DropsFrameIdMismatch") +
                  *of_consumer("DropsHeaderInvalid") + *of_consumer("DropsPayloadInvalid"),
              1);
    EXPECT_EQ(of_producer("FramesPublished"), 11) << "events, not the next sequence number";
}

// spec: OBS-006
TEST_F(RoleCountersTest, AreGivenBackWhenTheRoleCloses) {
    ASSERT_TRUE(of_producer("FramesPublished"));
    producer.reset();
    EXPECT_FALSE(of_producer("FramesPublished"));
    EXPECT_TRUE(of_consumer("DropsGap"));
}

// spec: OBS-011
TEST_F(RoleCountersTest, DoNotCountAQosMessageThatWasRefused) {
    const Endpoint qos = StreamEndpoints{}.qos;
    const auto listener = reader->add_subscription(qos.channel, qos.stream_id);
    for (int i = 0; i < 20; ++i) advance();
    const auto sent = producer->counters().qos_published;
    ASSERT_GT(sent, 0u);
    gate->shut(messaging::SendError::BackPressured);
    for (int i = 0; i < 30; ++i) advance();
    EXPECT_GT(gate->refused(), 0);
    EXPECT_EQ(producer->counters().qos_published, sent);
    gate->open();
    for (int i = 0; i < 10; ++i) advance();
    EXPECT_EQ(producer->counters().qos_published, sent + 1) << "the next tick sends";
    EXPECT_EQ(of_producer("QosPublished"), static_cast<std::int64_t>(producer->counters().qos_published));
}

// spec: OBS-023
TEST_F(RoleCountersTest, BackPressureIsLoggedOncePerSecondWithAllFailures) {
    RecordingLog log;
    gate->shut(messaging::SendError::BackPressured);
    for (int i = 0; i < 10; ++i) {
        publish(100);
        advance(50 * kNanosPerMilli);
    }
    ASSERT_EQ(log.records.size(), 1u);
    EXPECT_EQ(log.records[0].level, LogLevel::Info);
    EXPECT_EQ(log.records[0].module, "Producer");
    EXPECT_THAT(log.records[0].fields,
                testing::ElementsAre("stream_id", "back_pressured", "not_connected", "admin_action", "closed",
                                     "max_position_exceeded", "errors"));
    advance(kNanosPerSecond);
    ASSERT_EQ(log.records.size(), 2u) << "and what came since, a second later";
    EXPECT_THAT(log.records[1].message, HasSubstr("1000 descriptors"));
    advance(kNanosPerSecond);
    EXPECT_EQ(log.records.size(), 2u) << "nothing new, nothing to say";
}

class FrameLatencyTest : public RoleCountersTest {
protected:
    FrameLatencyTest() : RoleCountersTest(LatencyHistograms::Frames) {}
    [[nodiscard]] base::Histogram of(telemetry::Latency latency) {
        for (const auto& recorder : context_.latencies().all()) {
            if (recorder->latency() == latency) return recorder->snapshot();
        }
        return {};
    }
};

// spec: OBS-025
TEST_F(FrameLatencyTest, MeasuresAFrameOfEachCycleWithoutTakingMemory) {
    publish(1);
    consume();
    const std::uint64_t published = of(telemetry::Latency::Publish).count();
    std::uint64_t allocations = 0;
    for (int i = 0; i < 100; ++i) {
        advance(telemetry::LatencySampler::kPeriod);
        const std::uint64_t before = allocations_of_this_thread();
        publish(3);
        consume();
        allocations += allocations_of_this_thread() - before;
    }
    EXPECT_EQ(allocations, 0u);
    EXPECT_EQ(of(telemetry::Latency::Publish).count(), published + 100) << "one of the three of each cycle";
}

TEST_F(FrameLatencyTest, LeavesOutStampsOfAnotherClock) {
    const std::array<std::byte, 4> values{};
    FrameInfo info{.tensor = image_layout(Dtype::UInt8, 2, 2), .values_len_bytes = 4};
    const auto stamp = [&](std::uint64_t ns) {
        advance();
        info.timestamp_ns = ns;
        ASSERT_TRUE(producer->offer(values, info));
        consume();
    };
    const auto now_ns = [&] { return static_cast<std::uint64_t>(clock.now_ns() + 100 * kNanosPerMilli); };
    const std::uint64_t before = of(telemetry::Latency::DescriptorToRead).count();
    stamp(now_ns() + 1);
    stamp(now_ns() - 61 * kNanosPerSecond);
    EXPECT_EQ(of(telemetry::Latency::DescriptorToRead).count(), before);
    stamp(now_ns() - 5000);
    EXPECT_EQ(of(telemetry::Latency::DescriptorToRead).count(), before + 1);
}

// spec: OBS-005, OT-01
TEST(DriverCountersTest, BelongToTheConfiguredId) {
    DriverHarness harness;
    messaging::EmbeddedOptions options;
    options.dir = (harness.dir.path() / "messaging").string();
    const auto reader = messaging::make_embedded_client(options);
    (void)harness.attach(harness.request(Role::Consumer, 1));
    harness.advance(10 * kNanosPerMilli);
    EXPECT_EQ(counter_value(*reader, "AttachResponses", "Driver"), 1);
    EXPECT_EQ(counter_value(*reader, "Leases", "Driver"), 1);
    EXPECT_EQ(counter_value(*reader, "LeaseHsmUnhandled", "Driver"), 0);
    for (const SeenCounter& counter : counters_seen_by(*reader))
        EXPECT_THAT(counter.label, HasSubstr(": NodeId=32767 Name=Driver instance=driver-01"));
    harness.stop_driver();
    harness.config().counter_id = 9;
    harness.start_driver();
    EXPECT_THAT(counters_seen_by(*reader).at(0).label, HasSubstr("NodeId=9 "));
}

// spec: OBS-027
TEST(DriverLatencyTest, MeasuresTheControlPlaneInTheTimeOfTheCycle) {
    DriverHarness harness;
    harness.stop_driver();
    harness.histograms = LatencyHistograms::Control;
    harness.start_driver();
    const auto of = [&](telemetry::Latency latency) {
        for (const auto& recorder : harness.driver_context().latencies().all()) {
            if (recorder->latency() == latency) return recorder->snapshot();
        }
        return base::Histogram{};
    };
    const auto lease = harness.attached(Role::Producer, 1);
    EXPECT_EQ(of(telemetry::Latency::Attach).count(), 1u);
    harness.advance(1500 * kNanosPerMilli);
    harness.keepalive(lease, Role::Producer, 1);
    harness.step();
    EXPECT_EQ(of(telemetry::Latency::KeepaliveDelta).count(), 1u);
    EXPECT_EQ(of(telemetry::Latency::KeepaliveDelta).max(), 1'500'000'000u);
    const std::uint64_t announces = of(telemetry::Latency::AnnounceDelta).count();
    for (int i = 0; i < 20; ++i) harness.advance(100 * kNanosPerMilli);
    EXPECT_EQ(of(telemetry::Latency::AnnounceDelta).count(), announces + 2);
    harness.advance(2 * kNanosPerSecond);  // the lease's three seconds ended half a second or more ago
    EXPECT_EQ(of(telemetry::Latency::LeaseExpireDelay).count(), 1u);
    EXPECT_EQ(of(telemetry::Latency::LeaseExpireDelay).max(), 1'000'000'000u);
    const auto again = harness.attached(Role::Consumer, 2);
    (void)harness.detach(again, Role::Consumer, 2);
    EXPECT_EQ(of(telemetry::Latency::Detach).count(), 1u);
    EXPECT_GT(of(telemetry::Latency::DriverPoll).count(), 20u);
}

// spec: OBS-005
TEST(SupervisorCountersTest, BelongToItsStream) {
    const TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    const auto context = context_in(dir, clock);
    SupervisorOptions options;
    options.endpoints.control.stream_id = 1234;
    Supervisor supervisor(*context, options);
    clock.advance(10 * kNanosPerSecond);
    supervisor.do_work(clock.now_ns());
    const auto seen = counters_seen_by(context->messaging());
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen[0].label, "TotalDutyCycles: NodeId=1234 Name=Supervisor");
    EXPECT_EQ(counter_value(context->messaging(), "LivenessChecks", "Supervisor"), 1);
}

}  // namespace
}  // namespace tensorpool::test
