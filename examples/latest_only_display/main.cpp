// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A display refreshes 60 times a second and wants the newest frame; the source makes many more.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <chrono>
#include <iostream>

namespace tp = tensorpool;

/// Publishes a frame whenever it is driven: the idle strategy sets the pace.
struct Source final : tp::Agent {
    Source(tp::Context& context, const tp::ProducerOptions& options) : producer(context, options) {}
    void on_start() override { producer.on_start(); }
    int do_work(tp::Nanos now_ns) noexcept override {
        producer.do_work(now_ns);
        if (auto claim = producer.try_claim(1 << 16)) claim->commit(info);
        return 0;
    }
    std::string_view role_name() const noexcept override { return "source"; }
    tp::Producer producer;
    tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 256, 256), .values_len_bytes = 1 << 16};
};

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    Source source(context,
                  {.stream_id = 10000,
                   .standalone = tp::StandaloneLayout{.base_dir = dir.path(), .pools = {{1, 1 << 16}}}});
    tp::AgentRunner source_thread(source, std::make_unique<tp::SleepIdle>(tp::kNanosPerMilli));
    source_thread.start();

    tp::Consumer consumer(context, {.stream_id = 10000,
                                    .use_driver = false,
                                    .delivery = tp::Delivery::LatestOnly,
                                    .allowed_base_dirs = {dir.path()}});
    consumer.await_ready(tp::monotonic_now_ns() + 10 * tp::kNanosPerSecond);
    int shown = 0;
    std::uint64_t last_seq = 0;
    bool newer_each_time = true;
    auto refresh = std::chrono::steady_clock::now();
    for (int i = 0; shown < 60 && i < 600; ++i) {
        std::this_thread::sleep_until(refresh += std::chrono::microseconds(16'667));  // the display's clock
        consumer.do_work(tp::monotonic_now_ns());
        shown += consumer.poll([&](const tp::Frame& frame) {
            newer_each_time = newer_each_time && (shown == 0 || frame.seq() > last_seq);
            last_seq = frame.seq();
        });
    }
    const std::uint64_t skipped = consumer.counters().skipped_latest_only;
    std::cout << shown << " frames shown, " << skipped << " skipped\n";
    return shown == 60 && newer_each_time && skipped > 0 ? 0 : 1;
}
