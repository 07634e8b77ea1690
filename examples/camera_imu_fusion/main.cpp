// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A camera at 30 Hz and an IMU at 200 Hz: every image with all IMU samples of the 33 ms before it.

#include <tensorpool/consumer.hpp>
#include <tensorpool/join.hpp>

#include "common/paced_source.hpp"

#include <cstdio>
#include <deque>

namespace tp = tensorpool;

struct ImuSample {
    std::uint64_t time_ns;
    float rate;
};

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    examples::PacedSource camera_source(context, dir, 10000, 1024, 33'333'333, [](auto) { return 1.0F; });
    examples::PacedSource imu_source(context, dir, 10001, 6, 5'000'000,
                                     [](auto seq) { return 0.01F * static_cast<float>(seq % 100); });
    tp::CompositeAgent rig("sensors", {&camera_source, &imu_source});
    tp::AgentRunner sensors(rig, std::make_unique<tp::SleepIdle>(tp::kNanosPerMilli));
    sensors.start();

    const auto reads = [&](std::uint32_t stream_id) {
        return tp::ConsumerOptions{
            .stream_id = stream_id, .use_driver = false, .allowed_base_dirs = {dir.path()}};
    };
    tp::Consumer camera(context, reads(10000));
    tp::Consumer imu(context, reads(10001));
    // Lateness 0: an image waits for the first IMU sample after it, so its window is complete.
    tp::TimestampJoin join(
        {.out_stream_id = 20000, .out_epoch = 1, .assumed_clock_domain = tp::ClockDomain::Monotonic});
    join.apply(tp::TimestampMergeMap{
        .out_stream_id = 20000,
        .epoch = 1,
        .rules = {tp::TimestampRule::at_offset(10000, 0), tp::TimestampRule::window(10001, 33'000'000)}});

    std::deque<tp::FrameObservation> images;  // the slow stream drives the output time
    std::deque<ImuSample> samples;
    std::uint64_t imu_since = 0;
    int fused = 0;
    const tp::Nanos deadline = tp::monotonic_now_ns() + 20 * tp::kNanosPerSecond;
    while (fused < 5 && tp::monotonic_now_ns() < deadline) {
        const tp::Nanos now = tp::monotonic_now_ns();
        camera.do_work(now);
        imu.do_work(now);
        camera.poll([&](const tp::Frame& frame) {
            join.observe(10000, frame, now);
            images.push_back(tp::JoinBarrier::observation_of(10000, frame));
        });
        imu.poll([&](const tp::Frame& frame) {
            join.observe(10001, frame, now);
            if (imu_since == 0) imu_since = frame.timestamp_ns();
            samples.push_back({frame.timestamp_ns(), examples::first_value(frame)});  // 24 bytes: copied
        });
        while (!images.empty()) {
            const std::uint64_t time = images.front().capture_time_ns.value_or(0);
            const tp::JoinDecision& decision = join.decide(time, tp::ClockDomain::Monotonic, now);
            if (!decision.ready()) break;
            const tp::JoinInput window = decision.inputs[1];
            if (window.first < imu_since) {  // the IMU was not there yet: this window cannot be complete
                images.pop_front();
                continue;
            }
            while (!samples.empty() && samples.front().time_ns < window.first) samples.pop_front();
            std::size_t count = 0;
            float sum = 0;
            for (; count < samples.size() && samples[count].time_ns <= window.last; ++count)
                sum += samples[count].rate;
            const bool whole = camera.read(images.front().seq, [](const tp::Frame&) {});
            std::printf("image %llu: %s, %zu IMU samples, mean rate %.3f, waited %.1f ms\n",
                        static_cast<unsigned long long>(images.front().seq), whole ? "in place" : "gone",
                        count, count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count),
                        static_cast<double>(now - static_cast<tp::Nanos>(time)) / 1e6);
            fused += whole && count > 0 ? 1 : 0;
            images.pop_front();
        }
        camera.wait(tp::kNanosPerMilli);
    }
    return fused >= 5 ? 0 : 1;
}
