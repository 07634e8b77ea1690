// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Two cameras on one trigger, in lockstep: frame n of the left one belongs to frame n of the right one.

#include <tensorpool/consumer.hpp>
#include <tensorpool/join.hpp>

#include "common/paced_source.hpp"

#include <array>
#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    const auto number = [](std::uint64_t seq) { return static_cast<float>(seq); };
    examples::PacedSource left_camera(context, dir, 10000, 64, 10 * tp::kNanosPerMilli, number);
    examples::PacedSource right_camera(context, dir, 10001, 64, 10 * tp::kNanosPerMilli, number);
    tp::CompositeAgent rig("cameras", {&left_camera, &right_camera});
    tp::AgentRunner cameras(rig, std::make_unique<tp::SleepIdle>(tp::kNanosPerMilli));
    cameras.start();

    const auto reads = [&](std::uint32_t stream_id) {
        return tp::ConsumerOptions{
            .stream_id = stream_id, .use_driver = false, .allowed_base_dirs = {dir.path()}};
    };
    tp::Consumer left(context, reads(10000));
    tp::Consumer right(context, reads(10001));
    tp::SequenceJoin join({.out_stream_id = 20000, .out_epoch = 1});
    join.apply(tp::SequenceMergeMap{
        .out_stream_id = 20000,
        .epoch = 1,
        .rules = {tp::SequenceRule::at_offset(10000, 0), tp::SequenceRule::at_offset(10001, 0)}});

    int joined = 0;
    std::optional<std::uint64_t> next;
    const tp::Nanos deadline = tp::monotonic_now_ns() + 20 * tp::kNanosPerSecond;
    while (joined < 5 && tp::monotonic_now_ns() < deadline) {
        const tp::Nanos now = tp::monotonic_now_ns();
        for (tp::Consumer* camera : {&left, &right}) {
            camera->do_work(now);
            camera->poll([&](const tp::Frame& frame) { join.observe(camera->stream_id(), frame, now); });
        }
        if (!next) next = join.first_out_seq();
        while (next && join.decide(*next, now).ready()) {
            // Ready means "try": each frame is read in place, once, and may be gone by now.
            float l = -1, r = -1;
            const bool whole = left.read(*next, [&](const tp::Frame& f) { l = examples::first_value(f); }) &&
                               right.read(*next, [&](const tp::Frame& f) { r = examples::first_value(f); });
            std::cout << "output " << *next << ": left " << l << ", right " << r
                      << (whole ? "" : ", gone: dropped") << '\n';
            if (whole && l != r) return 1;
            joined += whole ? 1 : 0;
            ++*next;
        }
        left.wait(tp::kNanosPerMilli);
    }
    return joined >= 5 ? 0 : 1;
}
