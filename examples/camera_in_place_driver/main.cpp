// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// As camera_in_place, with a driver: attach first, register the buffers the lease names, let a DevicePump run
// the loop. A lease that is lost and a device that stops are its business too.

#include <tensorpool/consumer.hpp>
#include <tensorpool/device_pump.hpp>
#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>

#include "camera_in_place_driver/sdk_device.hpp"
#include "common/private_directory.hpp"

#include <cstddef>
#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::DriverConfig config;  // of a driver that usually runs elsewhere, as `tp driver`
    config.messaging_dir = dir.messaging();
    config.shm.base_dir = dir.path();
    config.policies.cleanup_shm_on_exit = true;
    config.profiles = {{.name = "camera", .header_nslots = 64, .payload_pools = {{1, 65536}}}};
    config.streams = {{"camera1", 10000, "camera"}};
    tp::Context context(config.context_options());
    tp::Driver driver(context, config);
    tp::AgentRunner driver_thread(driver, tp::make_idle_strategy("back-off"));
    driver_thread.start();

    tp::DriverSession session(context, {.stream_id = 10000, .role = tp::Role::Producer});
    const tp::Attachment& lease = session.await_attach(tp::monotonic_now_ns() + 30 * tp::kNanosPerSecond);
    std::cout << "attached to stream " << lease.stream_id << ": " << lease.header_nslots << " slots of "
              << lease.pools[0].stride_bytes << " bytes\n";
    tp::Producer producer = tp::Producer::from_attach(
        context, session,
        {.stream_id = 10000, .allowed_base_dirs = {dir.path()}, .reservation_timeout_ns = 0});

    examples::SimulatedSdk sdk(std::size_t{240} * 256, tp::kNanosPerMilli);
    examples::SdkDevice device(
        sdk, {.tensor = tp::image_layout(tp::Dtype::UInt8, 240, 256), .values_len_bytes = 240 * 256});
    tp::DevicePump pump(producer, device, {.queued = 8, .frame_limit = 500});
    tp::Consumer consumer(context, {.stream_id = 10000, .allowed_base_dirs = {dir.path()}});
    consumer.await_ready(tp::monotonic_now_ns() + 30 * tp::kNanosPerSecond);
    int good = 0;
    consumer.on_frame([&](const tp::Frame& frame) {
        good += frame.payload().front() == frame.payload().back() && frame.intact() ? 1 : 0;
    });

    tp::CompositeAgent roles("camera", {&session, &producer, &pump, &consumer});
    tp::AgentInvoker invoker(roles);
    tp::BackOffIdle idle;
    invoker.start();
    const tp::Nanos end = tp::monotonic_now_ns() + 60 * tp::kNanosPerSecond;
    while (pump.state() != tp::PumpState::Stopped && tp::monotonic_now_ns() < end)
        idle.idle(invoker.invoke());
    while (invoker.invoke() > 0) {
    }
    const tp::DevicePumpCounters& counters = pump.counters();
    std::cout << counters.frames_published << " frames published, " << counters.frames_incomplete
              << " damaged, " << good << " read, nothing was copied\n";
    return counters.frames_published == 500 && counters.frames_incomplete > 0 && good > 0 ? 0 : 1;
}
