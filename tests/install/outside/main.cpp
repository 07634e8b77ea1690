// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
// A project that knows the installed tree only: one frame through shared memory and back.
#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/version.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tp = tensorpool;

int main() {
    std::string dir = (std::filesystem::temp_directory_path() / "tensorpool-outside-XXXXXX").string();
    if (mkdtemp(dir.data()) == nullptr) return 1;
    int received = 0;
    {
        tp::ContextOptions options;
        options.messaging_dir = dir + "/messaging";
        tp::Context context(options);

        tp::ProducerOptions producing;
        producing.stream_id = 10000;
        producing.standalone = tp::StandaloneLayout{};
        producing.standalone->base_dir = dir;
        producing.standalone->header_nslots = 8;
        producing.standalone->pools = {{1, 4096}};
        tp::Producer producer(context, producing);

        tp::ConsumerOptions consuming;
        consuming.stream_id = 10000;
        consuming.use_driver = false;
        consuming.allowed_base_dirs = {dir};
        tp::Consumer consumer(context, consuming);

        const std::array<std::byte, 12> values{std::byte{42}};
        tp::FrameInfo info;
        info.tensor.dtype = tp::Dtype::UInt8;
        info.tensor.ndims = 1;
        info.tensor.dims[0] = 12;
        const tp::Nanos deadline = context.clock().now_ns() + 10 * tp::kNanosPerSecond;
        while (received == 0 && context.clock().now_ns() < deadline) {
            const tp::Nanos now = context.clock().now_ns();
            producer.do_work(now);
            consumer.do_work(now);
            if (!consumer.is_ready()) continue;
            if (!producer.offer(values, info)) return 1;
            consumer.poll(
                [&](const tp::Frame& frame) { received += frame.payload()[0] == std::byte{42} ? 1 : 0; });
        }
    }
    std::filesystem::remove_all(dir);
    std::printf("tensorpool %s: %s\n", TENSORPOOL_VERSION, received > 0 ? "frame received" : "NO FRAME");
    return received > 0 ? 0 : 1;
}
