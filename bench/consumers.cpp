// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

// What frame progress costs a producer per frame, and what streams of single consumers cost it.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kStream = 1;
constexpr std::uint32_t kPayload = 4096;
constexpr std::uint32_t kNslots = 64;
constexpr int kBatch = 1000;
constexpr const char* kOwnChannel = "aeron:ipc?term-length=256k";

ProducerOptions producing(const ScratchDir& dir) {
    ProducerOptions options = producer_on(dir, kStream, kNslots, kPayload);
    options.endpoints.qos.stream_id = 4101;
    // Many publications in one process: small logs.
    for (Endpoint* at : {&options.endpoints.control, &options.endpoints.qos, &options.endpoints.announce})
        at->channel = kOwnChannel;
    options.max_consumers = 32;
    options.progress.max_rate_hz = 0;
    options.progress.least_interval_ns = 0;
    return options;
}

/// One way of being read: a producer and consumers that joined their streams. Consumers do not poll while the
/// producer is timed: what a record costs its writer is the figure.
class Setting {
public:
    Setting(int consumers, bool own_streams, bool progress) : producer_(context_, producing(dir_)) {
        for (int i = 0; i < consumers; ++i) {
            ConsumerOptions options = consumer_on(dir_, kStream);
            options.endpoints = producing(dir_).endpoints;
            options.consumer_id = static_cast<std::uint32_t>(i + 1);
            if (own_streams) options.own_descriptors = Endpoint{kOwnChannel, 0};
            if (progress) options.progress = ProgressHints{.interval_us = 0, .bytes_delta = 1024};
            consumers_.push_back(std::make_unique<Consumer>(context_, options));
        }
        drive_until(
            [&](Nanos now) {
                cycle(now);
                publish();
            },
            [&] {
                return std::ranges::all_of(consumers_, [&](const auto& consumer) {
                    return consumer->counters().frames_delivered > 0 &&
                           consumer->on_own_stream() == own_streams;
                });
            });
        for (int i = 0; i < 4; ++i) cycle(monotonic_now_ns());
    }

    /// ns per frame of one batch, filled in four steps that are reported.
    double batch() {
        const Nanos start = monotonic_now_ns();
        for (int i = 0; i < kBatch; ++i) publish();
        const double ns = static_cast<double>(monotonic_now_ns() - start) / kBatch;
        cycle(monotonic_now_ns());
        return ns;
    }

private:
    void publish() {
        auto claim = producer_.try_claim(kPayload);
        if (!claim) throw std::runtime_error("a claim was refused");
        claim->begin_progress(info_);
        for (std::uint32_t step = 1; step <= 4; ++step) claim->report_progress(step * kPayload / 4);
        claim->commit(info_);
    }
    void cycle(Nanos now) {
        producer_.do_work(now);
        for (const auto& consumer : consumers_) {
            consumer->do_work(now);
            consumer->poll([](const Frame&) {}, 2 * kBatch);
        }
    }

    ScratchDir dir_;
    Context context_{context_on(dir_)};
    Producer producer_;
    std::vector<std::unique_ptr<Consumer>> consumers_;
    FrameInfo info_ = frame_of(kPayload);
};

}  // namespace

void consumers_group(const Options& options, Results& results) {
    pin_to(0);
    constexpr std::array<int, 3> kCounts{1, 4, 16};
    Setting shared(1, false, false);
    Setting progress(1, false, true);
    std::vector<std::unique_ptr<Setting>> own;
    for (const int count : kCounts) own.push_back(std::make_unique<Setting>(count, true, false));
    std::vector<double> off;
    std::vector<double> on;
    std::array<std::vector<double>, kCounts.size()> per_consumer;
    // In turn, so that a machine that changes speed does so for all of them.
    for (int round = 0; round < (options.quick ? 200 : 1000); ++round) {
        off.push_back(shared.batch());
        on.push_back(progress.batch());
        for (std::size_t i = 0; i < kCounts.size(); ++i) per_consumer[i].push_back(own[i]->batch());
    }
    const double one = median(per_consumer[0]);
    results.add("progress_off_ns", median(off), "ns", "publish 4 KiB, progress reported, nobody asked");
    results.add("progress_on_ns", median(on), "ns", "the same, six messages to a consumer that asked");
    for (std::size_t i = 0; i < kCounts.size(); ++i) {
        results.add("per_consumer_" + std::to_string(kCounts[i]) + "_ns", median(per_consumer[i]), "ns",
                    "publish 4 KiB to consumers with descriptor streams of their own");
    }
    results.add("progress_on_over_off", median(on) / median(off), "", "six more messages a frame");
    results.add("per_consumer_1_over_shared", one / median(off), "", "one more descriptor a frame");
    results.add("per_consumer_4_over_1", median(per_consumer[1]) / one, "", "growth");
    results.add("per_consumer_16_over_1", median(per_consumer[2]) / one, "",
                "growth; linear would be below 16");
}

}  // namespace tensorpool::bench
