// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <tensorpool/trace_store.hpp>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <ctime>

#include <filesystem>
#include <stdexcept>
#include <string>

// The trace store on a real disk: rows a second, and a recorder beside a producer of 10,000 traced and linked
// frames a second.
namespace tensorpool::bench {

void trace_store_figures(const Options& options, Results& results);

namespace {

constexpr std::uint32_t kStream = 1;
constexpr std::uint32_t kBytes = 4096;
constexpr std::size_t kRowsPerCommit = 1500;  // 50 ms of 10,000 frames a second with two links each
constexpr int kFramesPerTick = 10;            // and a tick a millisecond

/// A file that is not on tmpfs, removed at the end.
class DiskFile {
public:
    explicit DiskFile(const std::string& name)
        : path_((std::filesystem::temp_directory_path() / name).string() + std::to_string(::getpid())) {
        remove();
    }
    ~DiskFile() { remove(); }
    DiskFile(const DiskFile&) = delete;
    DiskFile& operator=(const DiskFile&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    void remove() const {
        std::error_code ignored;
        for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix, ignored);
    }
    std::string path_;
};

double rows_per_second(std::uint64_t frames) {
    const DiskFile file("tp-bench-rows-");
    TraceStore store({.path = file.path()});
    const Nanos start = monotonic_now_ns();
    for (std::uint64_t seq = 0; seq < frames; ++seq) {
        const std::uint64_t id = (seq + 1) << 8;
        store.add(TracedFrame{kStream, 1, seq, 7, seq, id, TraceFrameStatus::Ok});
        store.add_link(id, id + 1);
        store.add_link(id, id + 2);
        if (store.pending_rows() >= kRowsPerCommit && !store.commit())
            throw std::runtime_error(store.last_error());
    }
    if (!store.commit()) throw std::runtime_error(store.last_error());
    const double seconds = static_cast<double>(monotonic_now_ns() - start) / kNanosPerSecond;
    return static_cast<double>(store.counters().rows_written) / seconds;
}

/// Records until told to stop, then what is left.
void record(const ScratchDir& dir, const std::string& path, Gate& gate) {
    pin_to(1);
    Context context(context_on(dir));
    TraceStore store({.path = path});
    TraceRecorderOptions options;
    options.endpoints = producer_on(dir, kStream, 2, kBytes).endpoints;
    options.allowed_base_dirs = {dir.path()};
    TraceRecorder recorder(context, store, options);
    const timespec nap{0, kNanosPerMilli};
    while (gate.stop.load(std::memory_order_acquire) == 0) {
        if (recorder.do_work(monotonic_now_ns()) == 0) ::nanosleep(&nap, nullptr);
        gate.count.store(recorder.counters().slots_read, std::memory_order_release);
    }
    while (recorder.do_work(monotonic_now_ns()) > 0) {
    }
}

void tick_until(Nanos at) {
    const timespec when{static_cast<time_t>(at / kNanosPerSecond), static_cast<long>(at % kNanosPerSecond)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
}

struct Lost {
    std::uint64_t published = 0;
    std::uint64_t frames = 0;
    std::uint64_t links = 0;
};

Lost lost_at_10_000_hz(double seconds) {
    ScratchDir dir;
    const DiskFile file("tp-bench-trace-");
    SharedMemory shared(sizeof(Gate));
    auto* gate = new (shared.as<Gate>()) Gate;
    ChildProcess recorder([&] { record(dir, file.path(), *gate); });
    pin_to(0);
    Context context(context_on(dir));
    Producer producer(context, producer_on(dir, kStream, 4096, kBytes));
    TracerOptions tracing;
    tracing.stream_id = kStream;
    tracing.node_id = 1;
    tracing.endpoints = producer_on(dir, kStream, 2, kBytes).endpoints;
    Tracer tracer(context, tracing);
    tracer.set_output(producer.epoch(), producer.node_id());
    FrameInfo info = frame_of(kBytes);
    std::uint64_t published = 0;
    const auto publish = [&] {
        auto claim = producer.try_claim(kBytes);
        if (!claim) throw std::runtime_error("a claim was refused");
        const std::uint64_t seq = claim->seq();
        info.trace_id = tracer.mint();
        claim->commit(info);
        const std::array<std::uint64_t, 2> parents{info.trace_id + 1, info.trace_id + 2};
        std::ignore = tracer.link(seq, info.trace_id, parents);
        ++published;
    };
    // Until the recorder hears the stream; what comes before that is nobody's loss.
    drive_until(
        [&](Nanos now) {
            producer.do_work(now);
            tracer.do_work(now);
            publish();
            tick_until(now + kNanosPerMilli);
        },
        [&] { return gate->count.load(std::memory_order_acquire) > 0; });
    tick_until(monotonic_now_ns() + 100 * kNanosPerMilli);
    published = 0;
    const std::uint64_t first = producer.next_seq();
    const Nanos begin = monotonic_now_ns();
    const auto ticks = static_cast<std::int64_t>(seconds * 1000);
    for (std::int64_t tick = 0; tick < ticks; ++tick) {
        producer.do_work(monotonic_now_ns());
        tracer.do_work(monotonic_now_ns());
        for (int i = 0; i < kFramesPerTick; ++i) publish();
        tick_until(begin + (tick + 1) * kNanosPerMilli);
    }
    tracer.do_work(monotonic_now_ns());
    gate->stop.store(1, std::memory_order_release);
    recorder.join();

    Lost lost;
    lost.published = published;
    const TraceReader reader(file.path());
    std::uint64_t found = 0;
    for (const TracedFrame& frame : reader.newest_frames(kStream, UINT32_MAX)) {
        if (frame.seq < first) continue;
        ++found;
        const Lineage lineage = reader.lineage({.trace_id = frame.trace_id, .max_depth = 0});
        if (lineage.nodes[0].parents.size() != 2) ++lost.links;
    }
    lost.frames = published - std::min(found, published);
    return lost;
}

}  // namespace

void trace_store_figures(const Options& options, Results& results) {
    results.add("trace_store_rows_per_s", rows_per_second(options.quick ? 50'000 : 200'000), "rows/s",
                "target 50,000; frames and links, a transaction every 1500 rows");
    const Lost lost = lost_at_10_000_hz(options.quick ? 1 : 3);
    results.add("trace_recorded_frames", static_cast<double>(lost.published), "frames",
                "at 10,000 a second, two links each");
    results.add("trace_lost_frames", static_cast<double>(lost.frames), "frames", "of these; target 0");
    results.add("trace_lost_link_sets", static_cast<double>(lost.links), "sets", "of these; target 0");
}

}  // namespace tensorpool::bench
