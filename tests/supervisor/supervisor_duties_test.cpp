// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a supervisor does beside keeping its registry: staying the one issuer, reporting, sweeping.

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "support/forked_child.hpp"
#include "support/raw_stream.hpp"
#include "wire/cursor.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/log.hpp>
#include <tensorpool/supervisor.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace tensorpool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What is logged while it lives.
class CapturedLog final : public LogSink {
public:
    CapturedLog() { set_log_sink(this, LogLevel::Debug); }
    ~CapturedLog() override { set_log_sink(nullptr, LogLevel::Info); }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;
    void write(LogLevel, std::string_view module, std::string_view message) noexcept override {
        if (module == "Supervisor") lines.emplace_back(message);
    }
    std::vector<std::string> lines;
};

class SupervisorDutiesTest : public testing::Test, private control::ControlHandler {
protected:
    std::unique_ptr<control::ControlPublisher> peer(const Endpoint& endpoint) {
        return std::make_unique<control::ControlPublisher>(
            context->messaging().add_publication(endpoint.channel, endpoint.stream_id));
    }
    void cycle(Supervisor& supervisor) {
        supervisor.do_work(clock.now_ns());
        while (dispatcher_.poll(*subscription_, 16) > 0) {
        }
    }
    void say_hello(std::uint32_t consumer_id) {
        control::ConsumerHello hello;
        hello.stream_id = 1;
        hello.consumer_id = consumer_id;
        ASSERT_TRUE(control->send(hello));
    }
    void report_drops(std::uint64_t gap, std::uint64_t late) {
        control::QosConsumer message;
        message.stream_id = 1;
        message.consumer_id = 42;
        message.epoch = 5;
        message.drops_gap = gap;
        message.drops_late = late;
        ASSERT_TRUE(qos->send(message));
    }

    const StreamEndpoints at{};
    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    SupervisorOptions options;
    std::vector<std::uint32_t> told;  // consumers that a ConsumerConfig named
    std::unique_ptr<control::ControlPublisher> control = peer(at.control);
    std::unique_ptr<control::ControlPublisher> qos = peer(at.qos);

private:
    void on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) override {
        told.push_back(config.consumer_id);
    }
    std::unique_ptr<messaging::Subscription> subscription_ =
        context->messaging().add_subscription(at.control.channel, at.control.stream_id);
    control::ControlDispatcher dispatcher_{*this};
};

// spec: SUP-010
TEST_F(SupervisorDutiesTest, OneThatOnlyWatchesTellsNobodyAnything) {
    Supervisor issuing(*context, options);
    options.issue_configs = false;
    Supervisor watching(*context, options);
    say_hello(42);
    cycle(watching);
    EXPECT_THAT(told, IsEmpty());
    EXPECT_EQ(watching.consumers().size(), 1U);
    watching.set_policy(true, "bridge://7", Mode::RateLimited);
    cycle(watching);
    EXPECT_THAT(told, IsEmpty());
    cycle(issuing);
    EXPECT_THAT(told, ElementsAre(42));
    EXPECT_EQ(watching.counters().configs_published, 0U);
}

// spec: SUP-010
TEST_F(SupervisorDutiesTest, NoticesASecondIssuer) {
    CapturedLog log;
    Supervisor first(*context, options);
    Supervisor second(*context, options);
    say_hello(42);
    for (int i = 0; i < 3; ++i) {
        cycle(first);
        cycle(second);
    }
    EXPECT_EQ(first.counters().foreign_configs, 1U);
    EXPECT_EQ(second.counters().foreign_configs, 1U);
    EXPECT_EQ(
        std::ranges::count_if(log.lines, [](const std::string& l) { return l.find("SUP-010") != l.npos; }),
        2);
}

// spec: SUP-004
TEST_F(SupervisorDutiesTest, TakesNoMessageOfAnotherSchemaForOneOfItsOwn) {
    Supervisor supervisor(*context, options);
    std::array<std::byte, sizeof(wire::MessageHeader) + 64> bytes{};
    bytes.fill(std::byte{1});
    for (const std::uint16_t schema : std::initializer_list<std::uint16_t>{901, 902, 903, 777}) {
        for (std::uint16_t template_id = 1; template_id < 16; ++template_id) {
            const wire::MessageHeader header{64, template_id, schema, 1};
            std::memcpy(bytes.data(), &header, sizeof(header));
            ASSERT_TRUE(control->publication().offer(bytes));
            ASSERT_TRUE(qos->publication().offer(bytes));
        }
    }
    for (int i = 0; i < 10; ++i) cycle(supervisor);
    EXPECT_THAT(supervisor.consumers(), IsEmpty());
    EXPECT_THAT(supervisor.producers(), IsEmpty());
    EXPECT_EQ(supervisor.counters().consumer_qos + supervisor.counters().producer_qos, 0U);
    EXPECT_EQ(supervisor.counters().hellos + supervisor.counters().announces, 0U);
}

// spec: SUP-009
TEST_F(SupervisorDutiesTest, ReportsDropsWhenTheyHaveGrownSinceTheLastPass) {
    CapturedLog log;
    Supervisor supervisor(*context, options);
    const auto pass_with = [&](std::uint64_t gap, std::uint64_t late) {
        report_drops(gap, late);
        cycle(supervisor);
        clock.advance(options.stale_after_ns / 4);
        log.lines.clear();
        cycle(supervisor);
        return log.lines;
    };
    EXPECT_THAT(pass_with(0, 0), IsEmpty());
    EXPECT_THAT(pass_with(2, 3), ElementsAre(HasSubstr("consumer 42 lost 5 frames (gap 2, late 3 in all)")));
    EXPECT_THAT(pass_with(2, 3), IsEmpty());
    EXPECT_THAT(pass_with(4, 3), ElementsAre(HasSubstr("lost 2 frames")));
}

// spec: SUP-018
TEST_F(SupervisorDutiesTest, SweepsEpochsWhoseProducerIsGoneAndWhoseStampIsOld) {
    const std::string base = dir.str() + "/shm";
    std::filesystem::create_directory(base);
    const shm::StreamPaths paths{base, shm::sanitised_user(), "default"};
    const auto create = [&](std::uint32_t stream, std::uint64_t epoch, Nanos stamp) {
        shm::StreamCreation what;
        what.stream_id = stream;
        what.epoch = epoch;
        what.header_nslots = 8;
        what.pools = {{1, 8, 4096, ""}};
        return shm::create_stream(paths, what, static_cast<std::uint64_t>(stamp));
    };
    const Nanos old = clock.now_ns() - 60 * kNanosPerSecond;
    // Of a process that is gone: one that was silent for long, and one whose stamp is fresh.
    ForkedChild maker([&] {
        const auto first = create(7, 1, old);
        const auto second = create(7, 2, clock.now_ns() + 9 * kNanosPerSecond);
        const auto third = create(8, 1, old);
        return 0;
    });
    ASSERT_EQ(maker.wait(), 0);
    const auto own = create(7, 3, old);  // of a living one
    const auto other_place = shm::StreamPaths{base, shm::sanitised_user(), "other"};
    std::filesystem::create_directories(other_place.stream_dir(7) + "/1");

    options.sweep_base_dir = base;
    Supervisor supervisor(*context, options);
    clock.advance(2 * options.stale_after_ns);
    cycle(supervisor);
    EXPECT_EQ(supervisor.counters().epochs_removed, 2U);
    EXPECT_THAT(shm::list_epochs(paths, 7), ElementsAre(2, 3));
    EXPECT_THAT(shm::list_streams(paths), ElementsAre(7)) << "an empty directory is left";
    EXPECT_THAT(shm::list_epochs(other_place, 7), ElementsAre(1)) << "not this supervisor's namespace";
    clock.advance(3 * options.stale_after_ns);
    cycle(supervisor);
    EXPECT_THAT(shm::list_epochs(paths, 7), ElementsAre(3));
}

// spec: SUP-018
TEST_F(SupervisorDutiesTest, SweepsNothingUnlessToldWhereAndRefusesANonsensicalPlace) {
    options.sweep_base_dir = dir.str() + "/none";
    EXPECT_THROW(Supervisor(*context, options), Error);
    options.sweep_base_dir = dir.str();
    options.sweep_namespace = "../x";
    EXPECT_THROW(Supervisor(*context, options), Error);
}

}  // namespace
}  // namespace tensorpool::test
