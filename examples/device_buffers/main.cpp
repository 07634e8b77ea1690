// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A device writes by DMA into shared memory: buffers are reserved ahead and come back out of order, some
// damaged.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <cstring>
#include <deque>
#include <iostream>

namespace tp = tensorpool;

int main() {
    const examples::PrivateDirectory dir;
    tp::Context context({.messaging_dir = dir.messaging()});
    tp::Producer producer(context,
                          {.stream_id = 10000,
                           .standalone = tp::StandaloneLayout{.base_dir = dir.path(), .pools = {{1, 4096}}},
                           .max_in_flight = 8});
    tp::Consumer consumer(context,
                          {.stream_id = 10000, .use_driver = false, .allowed_base_dirs = {dir.path()}});
    while (!consumer.is_ready()) {
        producer.do_work(tp::monotonic_now_ns());
        consumer.do_work(tp::monotonic_now_ns());
    }
    // A real SDK registers these addresses once, before it starts.
    const tp::DeviceSlots slots = producer.device_slots(1).value();
    std::cout << slots.nslots << " buffers of " << slots.stride_bytes << " bytes at " << slots.first_slot
              << '\n';

    const tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 32, 32), .values_len_bytes = 1024};
    std::deque<tp::Reservation> at_device;
    bool in_order = true;
    std::uint64_t good = 0, expected_seq = 0;
    for (int done = 0; done < 1000; ++done) {
        while (auto next = producer.reserve(1)) at_device.push_back(*next);  // until WouldOverrun
        const auto finished = at_device.begin() + done * 5 % 3;              // any of the oldest three
        const tp::Reservation buffer = *finished;
        at_device.erase(finished);
        std::memset(buffer.payload, static_cast<int>(buffer.seq % 251), info.values_len_bytes);  // the "DMA"
        if (done % 10 == 9) {
            producer.abandon(buffer);  // the device reported a damaged frame: a gap
        } else if (producer.publish(buffer, info) != tp::PublishResult::Published) {
            return 1;
        }
        consumer.poll([&](const tp::Frame& frame) {  // descriptors leave in sequence order whatever happened
            in_order = in_order && frame.seq() >= expected_seq;
            expected_seq = frame.seq() + 1;
            if (frame.payload()[1023] == static_cast<std::byte>(frame.seq() % 251) && frame.intact()) ++good;
        });
    }
    std::cout << good << " frames in order, " << consumer.counters().drops_gap << " gaps\n";
    return in_order && good >= 890 && consumer.counters().drops_gap >= 90 ? 0 : 1;
}
