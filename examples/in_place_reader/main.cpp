// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Reading in place and knowing whether it went well. The writer laps the reader on purpose.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <algorithm>
#include <array>
#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    tp::Producer producer(context, {.stream_id = 10000,
                                    .standalone = tp::StandaloneLayout{
                                        .base_dir = dir.path(), .header_nslots = 4, .pools = {{1, 4096}}}});
    tp::Consumer consumer(context,
                          {.stream_id = 10000, .use_driver = false, .allowed_base_dirs = {dir.path()}});
    while (!consumer.is_ready()) {
        producer.do_work(tp::monotonic_now_ns());
        consumer.do_work(tp::monotonic_now_ns());
    }

    const auto publish = [&] {
        std::array<std::byte, 1024> values{};
        values.fill(static_cast<std::byte>(producer.next_seq()));
        return producer.offer(values, {.tensor = tp::image_layout(tp::Dtype::UInt8, 32, 32)}).has_value();
    };
    std::uint64_t overrun_seq = 0;
    consumer.on_overrun([&](std::uint64_t seq) { overrun_seq = seq; });  // undo what came from this frame

    if (!publish()) return 1;  // frame 0, read in peace
    bool good = false, torn = false, copied = true;
    consumer.poll([&](const tp::Frame& frame) {
        const auto zeros = std::count(frame.payload().begin(), frame.payload().end(), std::byte{0});
        good = zeros == 1024 && frame.intact();  // in this order: look, then ask
    });
    std::cout << "frame 0: " << (good ? "intact\n" : "overwritten\n");

    if (!publish()) return 1;  // frame 1: four more frames use its slot while it is being read
    std::uint64_t next_seq = 0;
    consumer.poll([&](const tp::Frame& frame) {
        next_seq = frame.seq();
        if (frame.seq() != 1) return;
        for (int i = 0; i < 4; ++i) torn = publish() && !frame.intact();
        std::array<std::byte, 1024> copy{};
        copied = frame.copy_to(copy);
    });
    std::cout << "frame 1: " << (torn ? "overwritten" : "intact") << ", copy_to says "
              << (copied ? "good" : "torn") << ", on_overrun named " << overrun_seq << "; the next frame was "
              << next_seq << '\n';
    return good && torn && !copied && overrun_seq == 1 && next_seq == 5 ? 0 : 1;
}
