// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "latency.hpp"
#include "floors.hpp"
#include "streams.hpp"

#include <optional>

// Figure 3: half of a frame ping-pong between two processes, beside a bare cache-line ping-pong (spinning)
// and a bare futex wake (blocking) at the same pacing.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kPing = 1;
constexpr std::uint32_t kPong = 2;
constexpr std::uint32_t kNslots = 64;
constexpr std::uint32_t kPayload = 64;
constexpr unsigned kPollsPerWork = 512;
constexpr Nanos kBlockNs = 100 * kNanosPerMilli;

/// One end: sends on one stream, receives on the other.
class End {
public:
    End(const ContextOptions& context, const ScratchDir& dir, std::uint32_t sends, std::uint32_t receives)
        : context_(context),
          producer_(context_, producer_on(dir, sends, kNslots, kPayload)),
          consumer_(context_, consumer_on(dir, receives)),
          info_(frame_of(kPayload)) {}

    void meet(Gate& gate) {
        gate.ready.fetch_add(1);
        drive_until(
            [&](Nanos now) { work(now); },
            [&] { return consumer_.is_ready() && producer_.is_connected() && gate.ready.load() >= 2; });
        // The other end may still be mapping: keep announcing until both say so.
        gate.go.fetch_add(1);
        drive_until([&](Nanos now) { work(now); }, [&] { return gate.go.load() >= 2; });
    }

    void work(Nanos now) {
        producer_.do_work(now);
        consumer_.do_work(now);
    }

    void send() {
        auto claim = producer_.try_claim(kPayload);
        if (!claim) throw std::runtime_error("a claim was refused");
        claim->payload()[0] = std::byte{1};
        claim->commit(info_);
    }

    void receive(bool blocking) {
        bool got = false;
        while (!got) {
            consumer_.poll(
                [&](const Frame& frame) {
                    sum_ =
                        sum_ + touch_lines(frame.payload()) + static_cast<unsigned>(frame.tensor().dims[0]);
                    got = true;
                },
                1);
            if (got) return;
            if (blocking) consumer_.wait(kBlockNs);
            if (++idle_polls_ % kPollsPerWork == 0) work(monotonic_now_ns());
        }
    }

    [[nodiscard]] const ConsumerCounters& counters() const { return consumer_.counters(); }

private:
    Context context_;
    Producer producer_;
    Consumer consumer_;
    FrameInfo info_;
    unsigned idle_polls_ = 0;
    volatile unsigned sum_ = 0;
};

}  // namespace

FrameRun frame_half_trips(int trips, Nanos pause_ns, bool blocking, const ContextOptions* messaging) {
    ScratchDir dir;
    const ContextOptions context = messaging != nullptr ? *messaging : context_on(dir);
    SharedMemory shared(sizeof(Gate));
    auto* gate = new (shared.as<Gate>()) Gate;
    constexpr int kWorkEvery = 4096;  // control work stays out of most trips, as with a real duty cycle
    ChildProcess echo([&] {
        pin_to(1);
        End end(context, dir, kPong, kPing);
        end.meet(*gate);
        const std::uint64_t before = allocation_count();
        for (int i = 0; i < trips; ++i) {
            end.receive(blocking);
            end.send();
            if (i % kWorkEvery == 0 || pause_ns > 0) end.work(monotonic_now_ns());
        }
        gate->count.store(allocation_count() - before);
    });
    pin_to(0);
    End end(context, dir, kPing, kPong);
    end.meet(*gate);
    FrameRun run;
    run.half_trips.reserve(static_cast<std::size_t>(trips));
    const std::uint64_t before = allocation_count();
    for (int i = 0; i < trips; ++i) {
        const Nanos start = monotonic_now_ns();
        end.send();
        end.receive(blocking);
        run.half_trips.push_back((monotonic_now_ns() - start) / 2);
        if (i % kWorkEvery == 0 || pause_ns > 0) end.work(monotonic_now_ns());
        if (pause_ns > 0)
            drive_until([&](Nanos now) { end.work(now); },
                        [&] { return monotonic_now_ns() >= start + pause_ns; });
    }
    const std::uint64_t own = allocation_count() - before;
    echo.join();
    run.allocations_per_frame = static_cast<double>(own + gate->count.load()) / (2.0 * trips);
    return run;
}

namespace {

using Floor = std::vector<Nanos> (*)(int, Nanos);

/// Floor and frames in turn, several times, so that both see the same machine.
double compare(const std::string& name, Floor floor, int trips, Nanos pause_ns, bool blocking, int rounds,
               Results& results, double* allocations) {
    std::vector<double> floors;
    std::vector<double> ours;
    std::vector<double> ratios;
    Percentiles last{};
    for (int round = 0; round < rounds; ++round) {
        floors.push_back(percentiles(floor(trips, pause_ns)).p50);
        const FrameRun run = frame_half_trips(trips, pause_ns, blocking);
        last = percentiles(run.half_trips);
        ours.push_back(last.p50);
        // Beside the floor before and after: the machine may have changed its speed in between.
        const auto after = static_cast<double>(percentiles(floor(trips, pause_ns)).p50);
        ratios.push_back(2 * ours.back() / (floors.back() + after));
        if (allocations != nullptr) *allocations = run.allocations_per_frame;
    }
    results.add(name + "_p50_ns", median(ours), "ns");
    results.add(name + "_p99_ns", last.p99, "ns", "last round");
    results.add(name + "_p999_ns", last.p999, "ns", "last round");
    results.add(name + "_floor_p50_ns", median(floors), "ns");
    return median(ratios);
}

}  // namespace

void latency_group(const Options& options, Results& results) {
    const int rounds = options.quick ? 3 : 9;
    double allocations = 0;
    const double spinning = compare("latency", cache_line_half_trips, options.quick ? 50'000 : 300'000, 0,
                                    false, rounds, results, &allocations);
    const double paced = compare("latency_1khz", cache_line_half_trips, options.quick ? 500 : 3'000,
                                 kNanosPerMilli, false, rounds, results, nullptr);
    const double blocking = compare("blocking", futex_half_trips, options.quick ? 5'000 : 30'000, 0, true,
                                    rounds, results, nullptr);
    results.add_ratio("latency_p50_over_floor", spinning, "<= 2.5");
    results.add_ratio("latency_1khz_p50_over_floor", paced, "<= 2.5");
    results.add_ratio("blocking_p50_over_floor", blocking, "<= 2");
    results.add("allocs_per_frame", allocations, "", "both sides, target 0");
}

}  // namespace tensorpool::bench
