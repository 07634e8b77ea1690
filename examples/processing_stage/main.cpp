// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// One stage of a pipeline: reads an 8-bit image stream in place, publishes it binned 2 x 2 as 16-bit sums on
// another stream, straight into that stream's slots. Both streams belong to a running driver.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/trace.hpp>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string_view>

namespace tp = tensorpool;

namespace {

volatile std::sig_atomic_t stop_flag = 0;

struct Counts {
    unsigned long long binned = 0;
    unsigned long long refused = 0;      // not an image, or no slot for the result
    unsigned long long overwritten = 0;  // the source was reused while we read it
    unsigned long long from_epoch = 0, from_seq = 0, to_epoch = 0, to_seq = 0;  // of the last one binned
};

std::uint8_t pixel(const tp::Frame& frame, std::int32_t row, std::int32_t column) {
    const auto& strides = frame.tensor().strides;
    const auto at = std::int64_t{row} * strides[0] + std::int64_t{column} * strides[1];
    return std::to_integer<std::uint8_t>(frame.payload()[static_cast<std::size_t>(at)]);
}

bool is_image(const tp::TensorLayout& tensor) {
    return tensor.dtype == tp::Dtype::UInt8 && tensor.ndims == 2 && tensor.dims[0] >= 2 &&
           tensor.dims[1] >= 2;
}

void bin(const tp::Frame& frame, tp::Producer& output, tp::Tracer* tracer, Counts& counts) {
    if (!is_image(frame.tensor())) return void(++counts.refused);
    const std::int32_t rows = frame.tensor().dims[0] / 2;
    const std::int32_t columns = frame.tensor().dims[1] / 2;
    const auto bytes = static_cast<std::uint32_t>(rows) * static_cast<std::uint32_t>(columns) * 2;
    auto claim = output.try_claim(bytes);
    if (!claim) return void(++counts.refused);
    std::byte* to = claim->payload().data();
    for (std::int32_t row = 0; row < 2 * rows; row += 2) {
        for (std::int32_t column = 0; column < 2 * columns; column += 2, to += 2) {
            const auto sum =
                static_cast<std::uint16_t>(pixel(frame, row, column) + pixel(frame, row, column + 1) +
                                           pixel(frame, row + 1, column) + pixel(frame, row + 1, column + 1));
            std::memcpy(to, &sum, sizeof sum);
        }
    }
    // What was read from a frame that was overwritten meanwhile is worth nothing: give the claim up.
    if (!frame.intact()) return void(++counts.overwritten);
    const std::uint64_t seq = claim->seq();
    claim->commit({.tensor = tp::image_layout(tp::Dtype::UInt16, rows, columns),
                   .values_len_bytes = bytes,
                   .timestamp_ns = frame.timestamp_ns(),  // of the exposure, not of the processing
                   // One frame in, one frame out: the same lineage, the same id.
                   .trace_id = tracer != nullptr ? tracer->carry(frame.trace_id()) : frame.trace_id()});
    ++counts.binned;
    counts.from_epoch = frame.epoch(), counts.from_seq = frame.seq();
    counts.to_epoch = output.epoch(), counts.to_seq = seq;
}

std::optional<std::uint32_t> stream_id(std::string_view text) {
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size() || id == 0) return std::nullopt;
    return id;
}

void run(std::uint32_t from, std::uint32_t to, const char* shm_dir) {
    tp::Context context;  // TP_MESSAGING_DIR, as every program here
    tp::Consumer input(context, {.stream_id = from, .allowed_base_dirs = {shm_dir}});
    tp::Producer output(context, {.stream_id = to, .allowed_base_dirs = {shm_dir}});
    std::optional<tp::Tracer> tracer;  // gives ids to frames that came without one
    if (std::getenv("TP_TRACE") != nullptr) tracer.emplace(context, tp::TracerOptions{.stream_id = to});
    Counts counts;
    while (stop_flag == 0) {
        const tp::Nanos now = tp::monotonic_now_ns();
        input.do_work(now);
        output.do_work(now);
        if (tracer) {
            tracer->set_output(output.epoch(), output.node_id());
            tracer->do_work(now);
        }
        tp::Tracer* const tracing = tracer ? &*tracer : nullptr;
        if (input.poll([&](const tp::Frame& frame) { bin(frame, output, tracing, counts); }) == 0)
            input.wait(10 * tp::kNanosPerMilli);
    }
    const tp::ConsumerCounters& lost = input.counters();
    std::printf(R"({"type":"summary","from":%u,"to":%u,"frames":%llu,"refused":%llu,"overwritten":%llu,)"
                R"("drops_gap":%llu,"drops_late":%llu,"last_from":{"epoch":%llu,"seq":%llu},)"
                R"("last_to":{"epoch":%llu,"seq":%llu}})"
                "\n",
                from, to, counts.binned, counts.refused, counts.overwritten,
                static_cast<unsigned long long>(lost.drops_gap),
                static_cast<unsigned long long>(lost.drops_late), counts.from_epoch, counts.from_seq,
                counts.to_epoch, counts.to_seq);
}

}  // namespace

int main(int argc, char** argv) {
    const auto from = argc > 2 ? stream_id(argv[1]) : std::nullopt;
    const auto to = argc > 2 ? stream_id(argv[2]) : std::nullopt;
    if (!from || !to || argc > 4) {
        std::fputs("usage: processing_stage FROM_STREAM TO_STREAM [SHM_DIR]\n", stderr);
        return 2;
    }
    std::signal(SIGINT, [](int) { stop_flag = 1; });
    std::signal(SIGTERM, [](int) { stop_flag = 1; });
    try {
        run(*from, *to, argc == 4 ? argv[3] : "/dev/shm");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "processing_stage: %s\n", error.what());
        return 1;
    }
    return 0;
}
