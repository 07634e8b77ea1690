// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Working on the rows of an image while the camera still exposes the rest of it.
#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <algorithm>
#include <iostream>

namespace tp = tensorpool;
constexpr std::uint32_t kRows = 480, kColumns = 640;

std::uint64_t sum_of(std::span<const std::byte> pixels) {
    std::uint64_t sum = 0;
    for (const std::byte pixel : pixels) sum += std::to_integer<std::uint64_t>(pixel);
    return sum;
}

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    const tp::StandaloneLayout layout{.base_dir = dir.path(), .pools = {{1, 1 << 19}}};
    tp::Producer camera(context,
                        {.stream_id = 10000, .standalone = layout, .progress = {.least_interval_ns = 0}});
    tp::Consumer consumer(context,
                          {.stream_id = 10000,
                           .use_driver = false,
                           .allowed_base_dirs = {dir.path()},
                           .progress = tp::ProgressHints{.interval_us = 0, .major_delta_units = 60}});
    std::uint64_t running_sum = 0, frame_sum = 0;
    std::uint32_t rows = 0;
    consumer.on_progress([&](const tp::PartialFrame& frame) {
        for (; rows < frame.lines_filled(); ++rows) running_sum += sum_of(frame.line(rows));
        if (frame.intact()) std::cout << rows << " rows: " << running_sum << '\n';
    });
    const auto cycle = [&] {
        camera.do_work(tp::monotonic_now_ns());
        consumer.do_work(tp::monotonic_now_ns());
    };
    while (!consumer.is_ready() || consumer.counters().hello_published == 0) cycle();
    cycle();  // now the camera knows that somebody wants rows
    const tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, kRows, kColumns),
                             .values_len_bytes = kRows * kColumns};
    auto claim = camera.try_claim(info.values_len_bytes);
    if (!claim) return 1;
    claim->begin_progress(info);
    for (std::uint32_t row = 0; row < kRows; ++row) {
        std::ranges::fill(claim->payload().subspan(row * kColumns, kColumns), static_cast<std::byte>(row));
        claim->report_progress((row + 1) * kColumns);
        cycle();
    }
    claim->commit(info);
    consumer.poll([&](const tp::Frame& frame) { frame_sum = frame.intact() ? sum_of(frame.payload()) : 0; });
    std::cout << "the frame: " << frame_sum << '\n';
    return rows == kRows && running_sum == frame_sum ? 0 : 1;
}
