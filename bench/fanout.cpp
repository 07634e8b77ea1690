// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

// Figure 4: the producer's cost with 1, 2, 4 and 8 consumers, spinning and sleeping.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kStream = 1;
constexpr std::uint32_t kPayload = 640 * 1024;
constexpr std::uint32_t kStride = 1024 * 1024;
constexpr std::uint32_t kNslots = 16;
constexpr Nanos kFramePeriodNs = 200'000;
constexpr int kFrames = 1000;

/// Consumers share the second processor: what is measured is the producer's.
void consume(const ScratchDir& dir, Gate& gate, bool sleeping) {
    pin_to(1);
    Context context(context_on(dir));
    Consumer consumer(context, consumer_on(dir, kStream));
    consumer.await_ready(monotonic_now_ns() + 10 * kNanosPerSecond);
    gate.ready.fetch_add(1);
    volatile unsigned sum = 0;
    while (gate.stop.load(std::memory_order_relaxed) == 0) {
        consumer.do_work(monotonic_now_ns());
        const int frames =
            consumer.poll([&](const Frame& frame) { sum = sum + touch_lines(frame.payload().first(64)); });
        if (frames == 0 && sleeping) consumer.wait(kNanosPerMilli);
        if (frames == 0 && !sleeping) ::sched_yield();
    }
}

/// Median ns of one in-place publish while `consumers` processes read the stream.
double publish_cost(int consumers, bool sleeping) {
    ScratchDir dir;
    SharedMemory shared(sizeof(Gate));
    auto* gate = new (shared.as<Gate>()) Gate;
    pin_to(0);
    std::vector<std::unique_ptr<ChildProcess>> children;
    children.reserve(static_cast<std::size_t>(consumers));
    for (int i = 0; i < consumers; ++i) {
        children.push_back(std::make_unique<ChildProcess>([&] { consume(dir, *gate, sleeping); }));
    }
    Context context(context_on(dir));
    Producer producer(context, producer_on(dir, kStream, kNslots, kStride));
    drive_until([&](Nanos now) { producer.do_work(now); },
                [&] { return gate->ready.load() == static_cast<std::uint32_t>(consumers); });
    const FrameInfo info = frame_of(kPayload);
    std::vector<double> samples;
    for (int i = 0; i < kFrames; ++i) {
        const Nanos start = monotonic_now_ns();
        auto claim = producer.try_claim(kPayload);
        if (!claim) throw std::runtime_error("a claim was refused");
        claim->commit(info);
        samples.push_back(static_cast<double>(monotonic_now_ns() - start));
        if (i % 16 == 0) producer.do_work(monotonic_now_ns());
        while (monotonic_now_ns() < start + kFramePeriodNs) {
        }
    }
    gate->stop.store(1);
    for (auto& child : children) child->join();
    return median(samples);
}

}  // namespace

void fanout_group(const Options& options, Results& results) {
    constexpr std::array<int, 4> kConsumers{1, 2, 4, 8};
    std::array<std::vector<double>, kConsumers.size()> spinning;
    std::vector<double> sleeping_one;
    std::vector<double> sleeping_eight;
    std::vector<double> spinning_ratio;
    std::vector<double> sleeping_ratio;
    // In turn, round by round, and a ratio per round: a machine that changes speed does so between rounds.
    for (int round = 0; round < (options.quick ? 3 : 15); ++round) {
        for (std::size_t i = 0; i < kConsumers.size(); ++i)
            spinning[i].push_back(publish_cost(kConsumers[i], false));
        sleeping_one.push_back(publish_cost(1, true));
        sleeping_eight.push_back(publish_cost(8, true));
        spinning_ratio.push_back(spinning.back().back() / spinning.front().back());
        sleeping_ratio.push_back(sleeping_eight.back() / sleeping_one.back());
    }
    for (std::size_t i = 0; i < kConsumers.size(); ++i) {
        results.add("fanout_" + std::to_string(kConsumers[i]) + "_ns", median(spinning[i]), "ns",
                    "publish with spinning consumers");
    }
    results.add("fanout_sleeping_1_ns", median(sleeping_one), "ns", "publish with one sleeping consumer");
    results.add("fanout_sleeping_8_ns", median(sleeping_eight), "ns",
                "publish with eight sleeping consumers");
    results.add_ratio("fanout_spinning_8_over_1", median(spinning_ratio), "<= 1.1");
    results.add_ratio("fanout_sleeping_8_over_1", median(sleeping_ratio), "<= 1.1");
    results.add_ratio("fanout_8_over_1", std::max(median(spinning_ratio), median(sleeping_ratio)), "<= 1.1");
}

}  // namespace tensorpool::bench
