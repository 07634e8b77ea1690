// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A camera SDK that wants its buffers up front writes into shared memory: every payload slot is registered
// once, reserved ahead, and published as the SDK hands it back, out of order, some damaged.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"
#include "common/simulated_sdk.hpp"

#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    tp::Producer producer(context,
                          {.stream_id = 10000,
                           .standalone = tp::StandaloneLayout{.base_dir = dir.path(), .pools = {{1, 65536}}},
                           .max_in_flight = 8});
    tp::Consumer consumer(context,
                          {.stream_id = 10000, .use_driver = false, .allowed_base_dirs = {dir.path()}});

    const tp::DeviceSlots slots = producer.device_slots(1).value();
    examples::SimulatedSdk sdk(240 * 256, tp::kNanosPerMilli);
    for (std::uint32_t i = 0; i < slots.nslots; ++i) sdk.register_buffer(slots.slot(i));
    sdk.start();

    std::vector<tp::Reservation> at_camera(slots.nslots);
    tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 240, 256), .values_len_bytes = 240 * 256};
    int good = 0, damaged = 0;
    bool in_order = true;
    std::uint64_t expected_seq = 0;
    while (good < 500) {
        producer.do_work(tp::monotonic_now_ns());
        consumer.do_work(tp::monotonic_now_ns());
        while (auto next = producer.reserve(1)) {  // until WouldOverrun: readers keep the other slots
            at_camera[next->slot] = *next;
            sdk.queue(next->slot);
        }
        while (auto frame = sdk.next_completion()) {
            const tp::Reservation& buffer = at_camera[frame->buffer];
            info.timestamp_ns = frame->timestamp_ns;
            if (!frame->complete) {
                producer.abandon(buffer);  // a gap
                ++damaged;
            } else if (producer.publish(buffer, info) == tp::PublishResult::InvalidFrame) {
                return 1;
            }
        }
        consumer.poll([&](const tp::Frame& frame) {  // descriptors leave in sequence order whatever happened
            in_order = in_order && frame.seq() >= expected_seq;
            expected_seq = frame.seq() + 1;
            good += frame.payload().front() == frame.payload().back() && frame.intact() ? 1 : 0;
        });
    }
    sdk.stop();  // before its buffers go
    std::cout << good << " frames in order, " << damaged << " damaged ones became gaps, nothing was copied\n";
    return in_order && damaged > 0 ? 0 : 1;
}
