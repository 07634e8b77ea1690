// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The per-frame path takes no memory either while it is watched: counters, latency histograms, metadata.

#include "support/allocation_counter.hpp"
#include "system/standalone_processes.hpp"
#include "telemetry/latency.hpp"

#include <tensorpool/metadata.hpp>

namespace tensorpool::test {
namespace {

// spec: OBS-022, OBS-025
TEST(TelemetryAllocationTest, FramesWithMetadataAndHistogramsAllocateNothing) {
    const TempDir dir;
    ContextOptions options = context_options_in(dir);
    options.histograms = LatencyHistograms::Frames;
    Context producing(options);
    Context consuming(options);
    Producer producer(producing, producer_options_in(dir, 16));
    Consumer consumer(consuming, consumer_options_in(dir));
    MetadataPublisherOptions publishing;
    publishing.stream_id = producer.stream_id();
    publishing.producer_id = producer.producer_id();
    publishing.attributes = {{.key = "exposure_us", .value = "9"}};
    MetadataPublisher publisher(producing, publishing);
    MetadataCacheOptions caching;
    caching.stream_id = producer.stream_id();
    MetadataCache cache(consuming, caching);

    const std::vector<std::byte> values(kFrameBytes, std::byte{1});
    FrameInfo info = frame_info();
    info.meta_version = publisher.version();
    std::uint64_t described = 0;
    const auto exchange = [&] {
        const bool sent = producer.offer(values, info).has_value();
        consumer.poll([&](const Frame& frame) {
            const Metadata* const metadata = cache.find(frame.meta_version());
            if (metadata != nullptr && metadata->find("exposure_us") != nullptr) ++described;
        });
        return sent;
    };
    const auto cycle = [&] {
        const Nanos now_ns = monotonic_now_ns();
        producer.do_work(now_ns);
        consumer.do_work(now_ns);
    };
    ASSERT_TRUE(eventually([&] {
        cycle();
        publisher.do_work(monotonic_now_ns());
        cache.do_work(monotonic_now_ns());
        return exchange() && described > 0;
    }));

    std::uint64_t allocations = 0;
    const std::uint64_t described_before = described;
    bool all_sent = true;
    for (int i = 0; i < 10'000; ++i) {
        cycle();  // arms the histograms and publishes the counters
        const std::uint64_t before = allocations_of_this_thread();
        all_sent = exchange() && all_sent;
        allocations += allocations_of_this_thread() - before;
    }
    EXPECT_EQ(allocations, 0U);
    EXPECT_TRUE(all_sent);
    EXPECT_EQ(described - described_before, 10'000U);
    std::uint64_t measured = 0;
    for (Context* context : {&producing, &consuming}) {
        for (const auto& recorder : context->latencies().all()) measured += recorder->snapshot().count();
    }
    EXPECT_GT(measured, 2U) << "the histograms were really on";
}

}  // namespace
}  // namespace tensorpool::test
