// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// One process, no driver: a producer that owns its shared memory, a consumer that reads it in place.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <array>
#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});

    tp::ProducerOptions producing;
    producing.stream_id = 10000;
    producing.standalone = tp::StandaloneLayout{};
    producing.standalone->base_dir = dir.path();
    producing.standalone->header_nslots = 8;    // frames the ring holds
    producing.standalone->pools = {{1, 4096}};  // one pool with slots of 4 KiB
    tp::Producer producer(context, producing);

    tp::ConsumerOptions consuming;
    consuming.stream_id = 10000;
    consuming.use_driver = false;
    consuming.allowed_base_dirs = {dir.path()};
    tp::Consumer consumer(context, consuming);

    const tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::Float32, 2, 3)};
    int received = 0;
    const tp::Nanos deadline = tp::monotonic_now_ns() + 10 * tp::kNanosPerSecond;
    while (received < 5 && tp::monotonic_now_ns() < deadline) {
        const tp::Nanos now = tp::monotonic_now_ns();
        producer.do_work(now);  // announces the stream once a second
        consumer.do_work(now);  // maps it when it sees the announce
        if (!consumer.is_ready()) continue;

        const auto first = static_cast<float>(producer.next_seq());
        const std::array<float, 6> image{first, 1, 2, 3, 4, 5};
        if (!producer.offer(std::as_bytes(std::span(image)), info)) return 1;
        consumer.poll([&](const tp::Frame& frame) {
            std::array<float, 6> copy{};
            if (!frame.copy_to(std::as_writable_bytes(std::span(copy)))) return;
            const tp::TensorLayout& tensor = frame.tensor();
            std::cout << "frame " << frame.seq() << ": " << tensor.dims[0] << " x " << tensor.dims[1] << ' '
                      << tp::to_string(tensor.dtype) << ", first element " << copy[0] << '\n';
            if (copy[0] == static_cast<float>(frame.seq())) ++received;
        });
    }
    return received == 5 ? 0 : 1;
}
