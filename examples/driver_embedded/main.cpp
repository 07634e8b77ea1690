// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A driver inside the application; a producer and a consumer attach to it. Three agents, three threads.

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <atomic>
#include <iostream>

namespace tp = tensorpool;

/// Publishes one frame per cycle for as long as there is a lease.
struct Source final : tp::Agent {
    Source(tp::Context& context, const tp::ProducerOptions& options) : producer(context, options) {}
    void on_start() override { producer.on_start(); }
    int do_work(tp::Nanos now_ns) noexcept override {
        const int work = producer.do_work(now_ns);
        if (auto claim = producer.try_claim(64)) claim->commit(info);
        return work;
    }
    std::string_view role_name() const noexcept override { return "source"; }

    tp::Producer producer;
    tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 8, 8), .values_len_bytes = 64};
};

int main() {
    const examples::PrivateDirectory dir;
    tp::DriverConfig config;
    config.messaging_dir = dir.messaging();
    config.shm.base_dir = dir.path();
    config.policies.cleanup_shm_on_exit = true;
    config.profiles = {{.name = "small", .header_nslots = 64, .payload_pools = {{1, 4096}}}};
    config.streams = {{"demo", 10000, "small"}};
    tp::Context context(config.context_options());
    tp::Driver driver(context, config);
    tp::AgentRunner driver_thread(driver, tp::make_idle_strategy("back-off"));
    driver_thread.start();

    Source source(context, {.stream_id = 10000, .allowed_base_dirs = {dir.path()}});
    tp::Consumer consumer(context, {.stream_id = 10000, .allowed_base_dirs = {dir.path()}});
    std::atomic<int> frames{0};
    consumer.on_frame([&](const tp::Frame&) {
        if (++frames == 1000) frames.notify_one();
    });
    tp::AgentRunner consumer_thread(consumer, tp::make_idle_strategy("yield"));
    tp::AgentRunner source_thread(source, tp::make_idle_strategy("back-off"));
    consumer_thread.start();
    source_thread.start();

    for (int seen = 0; seen < 1000; seen = frames) frames.wait(seen);
    std::cout << frames << " frames through a driver in this process\n";
    return 0;  // in reverse order: threads end, leases are given back, the driver stops and removes its files
}
