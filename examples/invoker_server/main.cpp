// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A server with a loop of its own (it stands for a GenICam server) drives producer, consumer and supervisor
// in it at 1 kHz; with --runners the same roles have a thread each.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>
#include <tensorpool/supervisor.hpp>

#include "common/private_directory.hpp"
#include "common/timed_agent.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string_view>

namespace tp = tensorpool;

constexpr tp::Nanos kTick = tp::kNanosPerMilli;

/// The server's own part: a register that clients write, and a frame made from it each tick.
struct Camera final : tp::Agent {
    Camera(tp::Context& context, const tp::ProducerOptions& options) : producer(context, options) {}
    void on_start() override { producer.on_start(); }
    int do_work(tp::Nanos now_ns) noexcept override {
        const int work = producer.do_work(now_ns);
        if (auto claim = producer.try_claim(info.values_len_bytes)) {
            std::memset(claim->payload().data(), brightness.load(), info.values_len_bytes);
            claim->commit(info);
            ++frames;
        }
        return work + 1;
    }
    std::string_view role_name() const noexcept override { return "camera"; }

    tp::Producer producer;
    tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 64, 64), .values_len_bytes = 4096};
    std::atomic<int> brightness{0};
    std::atomic<int> frames{0};
};

int main(int argc, char** argv) {
    bool runners = false;
    int ticks = 3000;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--runners") runners = true;
        if (std::string_view(argv[i]) == "--ticks" && i + 1 < argc) ticks = std::atoi(argv[++i]);
    }
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    Camera camera(context, {.stream_id = 10000,
                            .standalone = tp::StandaloneLayout{.base_dir = dir.path(), .pools = {{1, 4096}}},
                            .qos_period_ns = 100 * kTick});
    tp::Consumer consumer(context, {.stream_id = 10000,
                                    .use_driver = false,
                                    .allowed_base_dirs = {dir.path()},
                                    .qos_period_ns = 100 * kTick,
                                    .hello_period_ns = 100 * kTick});
    tp::Supervisor supervisor(context);
    int received = 0;
    consumer.on_frame([&](const tp::Frame& frame) { received += frame.intact() ? 1 : 0; });

    if (runners) {  // a thread for each role
        examples::TimedAgent timed[] = {examples::TimedAgent(camera), examples::TimedAgent(consumer),
                                        examples::TimedAgent(supervisor)};
        {
            tp::AgentRunner threads[] = {{timed[0], std::make_unique<examples::TickIdle>(kTick)},
                                         {timed[1], std::make_unique<examples::TickIdle>(kTick)},
                                         {timed[2], std::make_unique<examples::TickIdle>(kTick)}};
            for (tp::AgentRunner& thread : threads) thread.start();
            examples::TickIdle pace(kTick);
            for (int tick = 0; camera.frames < ticks; ++tick, pace.idle(0)) camera.brightness = tick % 200;
        }
        for (const examples::TimedAgent& each : timed) each.print();
    } else {  // no thread but this one, and one clock read per tick
        tp::CompositeAgent roles("library", {&camera, &consumer, &supervisor});
        examples::TimedAgent timed(roles);
        tp::AgentInvoker invoker(timed);
        invoker.start();
        examples::TickIdle pace(kTick);
        for (int tick = 0; camera.frames < ticks; ++tick, pace.idle(0)) {
            camera.brightness = tick % 200;  // the server's own work
            invoker.invoke();
        }
        invoker.close();
        timed.print();
    }
    std::cout << camera.frames << " frames made, " << received << " received; the supervisor knows "
              << supervisor.producers().size() << " producer and " << supervisor.consumers().size()
              << " consumer\n";
    return received > ticks / 2 && supervisor.producers().size() == 1 && supervisor.consumers().size() == 1
               ? 0
               : 1;
}
