// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/latency.hpp"
#include "messaging/embedded_backend.hpp"
#include "support/allocation_counter.hpp"
#include "support/manual_clock.hpp"
#include "telemetry/counter_list.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/telemetry.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tensorpool::test {
namespace {

using telemetry::Latency;
using telemetry::LatencyRegistry;
using telemetry::Owner;

// spec: OBS-025
TEST(LatencyTest, IsMeasuredOnlyWhenAskedForAndPerFrameOnlyWhenThatIsAskedFor) {
    EXPECT_EQ(LatencyRegistry(LatencyHistograms::Off).add(Latency::Attach, {}), nullptr);
    EXPECT_EQ(LatencyRegistry(LatencyHistograms::Off).add(Latency::Publish, {}), nullptr);
    EXPECT_NE(LatencyRegistry(LatencyHistograms::Control).add(Latency::Attach, {}), nullptr);
    EXPECT_EQ(LatencyRegistry(LatencyHistograms::Control).add(Latency::Publish, {}), nullptr);
    EXPECT_NE(LatencyRegistry(LatencyHistograms::Frames).add(Latency::Attach, {}), nullptr);
    EXPECT_NE(LatencyRegistry(LatencyHistograms::Frames).add(Latency::DescriptorToRead, {}), nullptr);
}

// spec: OBS-025
TEST(LatencyTest, RecordingTakesNoMemoryWhateverTheValue) {
    LatencyRegistry registry(LatencyHistograms::Frames);
    const auto recorder = registry.add(Latency::Publish, {"Producer", 1});
    const std::uint64_t before = allocations_of_this_thread();
    for (Nanos value : {Nanos{-5}, Nanos{0}, Nanos{1}, Nanos{1} << 40, std::numeric_limits<Nanos>::max()})
        recorder->record(value);
    EXPECT_EQ(allocations_of_this_thread() - before, 0u);
    EXPECT_EQ(recorder->snapshot().count(), 5u);
    EXPECT_EQ(recorder->snapshot().quantile(0.2), 0u) << "a negative duration counts as none";
}

// spec: OBS-026
TEST(LatencyTest, SnapshotsNeverHoldTheWriterUpAndMissNothingInTheEnd) {
    LatencyRegistry registry(LatencyHistograms::Control);
    const auto recorder = registry.add(Latency::DriverPoll, {"Driver", 1});
    constexpr std::uint64_t kRecords = 200'000;
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < kRecords; ++i) recorder->record(static_cast<Nanos>(i % 1000));
    });
    std::uint64_t last = 0;
    while (last < kRecords / 2) {
        const base::Histogram seen = recorder->snapshot();
        EXPECT_GE(seen.count(), last);
        EXPECT_LE(seen.quantile(1), 999u);
        last = seen.count();
    }
    writer.join();
    EXPECT_EQ(recorder->snapshot().count(), kRecords);
    EXPECT_EQ(recorder->snapshot().max(), 999u);
}

TEST(LatencyTest, RecordersLeaveTheRegistryWithTheirRole) {
    LatencyRegistry registry(LatencyHistograms::Control);
    auto attach = registry.add(Latency::Attach, {});
    const auto detach = registry.add(Latency::Detach, {});
    EXPECT_EQ(registry.all().size(), 2u);
    attach.reset();
    EXPECT_EQ(registry.all().size(), 1u);
}

TEST(LatencyTest, LevelsAreReadByName) {
    EXPECT_EQ(parse_latency_histograms("off"), LatencyHistograms::Off);
    EXPECT_EQ(parse_latency_histograms("control"), LatencyHistograms::Control);
    EXPECT_EQ(parse_latency_histograms("frames"), LatencyHistograms::Frames);
    EXPECT_THROW(std::ignore = parse_latency_histograms("all"), Error);
}

// spec: OBS-026
TEST(TelemetryExporterTest, PublishesTheQuantilesOfEachPeriodAndTheTotalCount) {
    EmbeddedBackend backend;
    const auto reader = backend.make_client();
    ManualClock clock{kNanosPerSecond};
    Context context(backend.make_client(), clock, LatencyHistograms::Control);
    auto recorder = context.latencies().add(Latency::Attach, {"Driver instance=d", 32767});
    TelemetryExporter exporter(context);
    const auto value = [&](const char* label) { return counter_value(*reader, label, "Driver"); };
    for (Nanos i = 1; i <= 100; ++i) recorder->record(i);
    exporter.do_work(clock.now_ns());
    EXPECT_NEAR(static_cast<double>(*value("AttachLatencyP50")), 50, 2);
    EXPECT_NEAR(static_cast<double>(*value("AttachLatencyP90")), 90, 3);
    EXPECT_NEAR(static_cast<double>(*value("AttachLatencyP99")), 99, 4);
    EXPECT_EQ(value("AttachLatencyP999"), 100);
    EXPECT_EQ(value("AttachLatencyMax"), 100);
    EXPECT_EQ(value("AttachLatencyCount"), 100);
    recorder->record(7);
    exporter.do_work(clock.now_ns() + kNanosPerSecond - 1);
    EXPECT_EQ(value("AttachLatencyCount"), 100) << "not due";
    exporter.do_work(clock.now_ns() + kNanosPerSecond);
    EXPECT_EQ(value("AttachLatencyMax"), 7) << "of the last period";
    EXPECT_EQ(value("AttachLatencyCount"), 101);
    recorder.reset();
    exporter.do_work(clock.now_ns() + 2 * kNanosPerSecond);
    EXPECT_EQ(value("AttachLatencyCount"), std::nullopt) << "gone with its role";
}

}  // namespace
}  // namespace tensorpool::test
