// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Streams of single consumers and frame progress between real roles: whoever issues ConsumerConfig, a
// producer serves them and a consumer changes over without losing a frame.

#include "support/manual_clock.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <optional>
#include <tuple>
#include <vector>

namespace tensorpool::test {
namespace {

using ::testing::SizeIs;

constexpr std::uint32_t kStream = 10000;
constexpr const char* kChannel = "aeron:ipc?term-length=64k";

/// Roles on one thread and a manual clock.
class PerConsumerTest : public testing::Test {
protected:
    PerConsumerTest() {
        producing.stream_id = kStream;
        producing.allowed_base_dirs = {dir.str()};
        consuming.stream_id = kStream;
        consuming.allowed_base_dirs = {dir.str()};
        consuming.own_descriptors = Endpoint{kChannel, 31042};
        consuming.own_progress = Endpoint{kChannel, 32042};
        consuming.progress = ProgressHints{.interval_us = 0, .bytes_delta = 0, .major_delta_units = 1};
    }
    void standalone() {
        producing.standalone.emplace();
        producing.standalone->base_dir = dir.str();
        producing.standalone->header_nslots = 64;
        producing.standalone->pools = {{1, 4096}};
        consuming.use_driver = false;
    }
    void drive() {
        DriverConfig config;
        config.shm.base_dir = dir.str();
        config.profiles = {{.name = "p", .header_nslots = 64, .payload_pools = {{1, 4096}}}};
        config.streams = {{.name = "s", .stream_id = kStream, .profile = "p"}};
        config.descriptor_stream_id_range = {{31000, 31009}};
        config.control_stream_id_range = {{32000, 32009}};
        config.supervised = supervised;
        driver.emplace(*context, config);
    }
    void start() {
        start_producer();
        if (driver) {
            attach(consumer_session, Role::Consumer);
            consumer.emplace(Consumer::from_attach(*context, *consumer_session, consuming));
        } else {
            consumer.emplace(*context, consuming);
        }
        consumer->on_progress([this](const PartialFrame& frame) {
            if (frame.state() == FrameProgressState::Progress) lines.push_back(frame.lines_filled());
        });
    }
    void start_producer() {
        if (driver) {
            attach(producer_session, Role::Producer);
            producer.emplace(Producer::from_attach(*context, *producer_session, producing));
        } else {
            producer.emplace(*context, producing);
        }
    }
    /// A session that the test drives: roles that own one wait for the driver when they end.
    void attach(std::optional<DriverSession>& session, Role role) {
        DriverSessionOptions options;
        options.stream_id = kStream;
        options.role = role;
        session.emplace(*context, options);
        session->request_attach();
        for (int i = 0; i < 100 && session->attachment() == nullptr; ++i) live(20 * kNanosPerMilli);
        ASSERT_NE(session->attachment(), nullptr) << session->last_error();
    }
    void cycle() {
        for (auto* session : {&producer_session, &consumer_session}) {
            if (*session) (*session)->do_work(clock.now_ns());
        }
        if (driver) driver->do_work(clock.now_ns());
        if (supervisor) supervisor->do_work(clock.now_ns());
        if (producer) producer->do_work(clock.now_ns());
        if (consumer) {
            consumer->do_work(clock.now_ns());
            consumer->poll([this](const Frame& frame) { seqs.push_back(frame.seq()); });
        }
    }
    void live(Nanos duration_ns, Nanos step_ns = 50 * kNanosPerMilli) {
        for (Nanos left = duration_ns; left > 0; left -= step_ns) {
            clock.advance(step_ns);
            cycle();
        }
    }
    bool publish() {
        FrameInfo info{.tensor = image_layout(Dtype::UInt8, 8, 8), .values_len_bytes = 64, .timestamp_ns = 1};
        return producer->offer(std::vector<std::byte>(64), info).has_value();
    }
    /// Publishes a frame with every cycle until the consumer reads its own stream, and a few after that.
    void change_over() {
        const auto once = [&] {
            clock.advance(20 * kNanosPerMilli);
            std::ignore = publish();
            cycle();
        };
        for (int i = 0; i < 500 && !(consumer->on_own_stream() && consumer->is_ready()); ++i) once();
        ASSERT_TRUE(consumer->on_own_stream()) << consumer->last_error();
        for (int i = 0; i < 10; ++i) once();
    }
    void expect_no_loss() {
        ASSERT_FALSE(seqs.empty());
        std::vector<std::uint64_t> expected(seqs.size());
        std::iota(expected.begin(), expected.end(), seqs.front());
        EXPECT_EQ(seqs, expected);
        EXPECT_EQ(consumer->counters().drops_gap, 0U);
        EXPECT_EQ(consumer->counters().seq_regressions, 0U);
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    ProducerOptions producing;
    ConsumerOptions consuming;
    bool supervised = false;
    std::optional<Driver> driver;
    std::optional<Supervisor> supervisor;
    std::optional<DriverSession> producer_session;
    std::optional<DriverSession> consumer_session;
    std::optional<Producer> producer;
    std::optional<Consumer> consumer;
    std::vector<std::uint64_t> seqs;
    std::vector<std::uint32_t> lines;
};

// spec: WIRE-081 WIRE-082 WIRE-083 WIRE-084 SUP-010
TEST_F(PerConsumerTest, AStandaloneProducerAssignsTheStreamsItself) {
    standalone();
    start();
    change_over();
    expect_no_loss();
    EXPECT_EQ(consumer->counters().streams_assigned, 2U);
    EXPECT_EQ(producer->counters().configs_published, consumer->counters().hello_published);
}

// spec: WIRE-081 WIRE-082 SUP-010 DRV-124
TEST_F(PerConsumerTest, WithADriverItsIdsAreUsed) {
    drive();
    start();
    change_over();
    expect_no_loss();
    ASSERT_THAT(driver->assigned_streams(), SizeIs(1));
    EXPECT_EQ(driver->assigned_streams()[0].descriptor_stream_id, 31000U);
    EXPECT_EQ(producer->counters().consumer_streams_opened, 2U);
    EXPECT_EQ(producer->counters().configs_published, 0U);
    // The consumer detaches: its streams are closed at once, not after a timeout.
    consumer.reset();
    consumer_session->detach();
    for (int i = 0; i < 20 && producer->counters().consumer_streams_closed < 2; ++i) live(kNanosPerMilli);
    EXPECT_EQ(producer->counters().consumer_streams_closed, 2U);
    EXPECT_EQ(producer->counters().consumers_stale, 0U);
}

// spec: SUP-010 SUP-014
TEST_F(PerConsumerTest, WithASupervisorItAssignsAndTheDriverDoesNot) {
    supervised = true;
    drive();
    SupervisorOptions options;
    options.per_consumer = {.enabled = true,
                            .descriptor = {.channel = "", .base = 33000, .range = 5},
                            .control = {.channel = "", .base = 34000, .range = 5}};
    supervisor.emplace(*context, options);
    start();
    change_over();
    expect_no_loss();
    EXPECT_THAT(driver->assigned_streams(), SizeIs(0));
    EXPECT_EQ(driver->counters().consumer_configs, 0U);
    EXPECT_GT(supervisor->counters().configs_published, 0U);
    // The operator forbids shared memory and allows it again: the streams stay.
    supervisor->set_policy(true, "bridge://7", std::nullopt);
    live(kNanosPerSecond);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Fallback);
    supervisor->set_policy(false, "", std::nullopt);
    live(3 * kNanosPerSecond);
    EXPECT_EQ(consumer->mapping_state(), MappingState::Mapped);
    EXPECT_EQ(producer->counters().consumer_streams_opened, 2U);
}

// spec: WIRE-080
TEST_F(PerConsumerTest, ADeclinedConsumerReadsTheSharedStream) {
    standalone();
    producing.per_consumer.enabled = false;
    start();
    for (int i = 0; i < 100; ++i) {
        clock.advance(20 * kNanosPerMilli);
        ASSERT_TRUE(publish());
        cycle();
    }
    EXPECT_FALSE(consumer->on_own_stream());
    EXPECT_GT(seqs.size(), 50U);
    expect_no_loss();
}

// spec: WIRE-081 WIRE-086
TEST_F(PerConsumerTest, AProducerThatStartsAgainServesTheConsumerAgain) {
    drive();
    start();
    change_over();
    producer.reset();
    producer_session->detach();
    live(5 * kNanosPerSecond);
    EXPECT_FALSE(consumer->on_own_stream());
    start_producer();
    seqs.clear();
    change_over();
    expect_no_loss();
    EXPECT_EQ(consumer->counters().streams_returned, 1U);
}

// spec: WIRE-105 WIRE-113
TEST_F(PerConsumerTest, RowsArriveBeforeTheFrameWithAndWithoutAStreamOfItsOwn) {
    standalone();
    producing.progress.least_interval_ns = 0;
    producing.progress.least_bytes_delta = 1;
    for (const bool own : {true, false}) {
        if (!own) {
            consuming.own_descriptors.reset();
            consuming.own_progress.reset();
        }
        start();
        live(3 * kNanosPerSecond);
        ASSERT_TRUE(consumer->is_ready());
        lines.clear();
        seqs.clear();
        const FrameInfo info{.tensor = image_layout(Dtype::UInt8, 8, 8), .values_len_bytes = 64};
        auto claim = producer->try_claim(64);
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->begin_progress(info), ProgressResult::Sent);
        for (std::uint32_t row = 1; row <= 8; ++row) {
            claim->report_progress(row * 8);
            cycle();
        }
        EXPECT_EQ(lines, (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6, 7, 8})) << own;
        EXPECT_TRUE(seqs.empty());
        claim->commit(info);
        cycle();
        EXPECT_THAT(seqs, SizeIs(1));
        EXPECT_EQ(consumer->counters().progress_delivered, 10U);
        EXPECT_EQ(consumer->counters().progress_received, 10U) << "on one stream only";
        consumer.reset();
        producer.reset();
    }
}

// spec: WIRE-088 WIRE-092
TEST_F(PerConsumerTest, TheProducerThinsOutForOneConsumerAndNobodyCountsALoss) {
    standalone();
    consuming.max_rate_hz = 10;
    start();
    change_over();
    seqs.clear();
    FrameInfo info{.tensor = image_layout(Dtype::UInt8, 8, 8), .values_len_bytes = 64};
    for (std::uint64_t i = 0; i < 100; ++i) {  // one second of frame time
        info.timestamp_ns = 5'000'000'000 + i * 10'000'000;
        ASSERT_TRUE(producer->offer(std::vector<std::byte>(64), info));
        cycle();
    }
    EXPECT_THAT(seqs, SizeIs(10));
    EXPECT_EQ(consumer->counters().drops_gap, 0U);
    EXPECT_GE(producer->counters().consumer_descriptors_capped, 90U);
}

}  // namespace
}  // namespace tensorpool::test
