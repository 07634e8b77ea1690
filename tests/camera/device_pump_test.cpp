// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/fake_device.hpp"
#include "camera/stream_fixture.hpp"
#include "support/allocation_counter.hpp"
#include "support/eventually.hpp"

#include <tensorpool/device_pump.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tensorpool {
namespace {

using test::eventually;
using test::FakeDevice;
using test::StreamFixture;
using testing::ElementsAre;

class PumpToConsumerTest : public testing::Test {
protected:
    PumpToConsumerTest() {
        device.frame_bytes = 1000;
        EXPECT_TRUE(eventually([&] {
            cycle();
            return stream.consumer.is_ready() && stream.producer.is_connected();
        }));
    }

    void cycle() {
        stream.cycle([&](const Frame& frame) { received.push_back(frame.seq()); });
        pump.do_work(monotonic_now_ns());
    }
    bool receives(std::size_t frames) {
        return eventually([&] {
            cycle();
            return received.size() >= frames;
        });
    }

    StreamFixture stream{16, 4096};
    FakeDevice device;
    DevicePump pump{stream.producer, device};
    std::vector<std::uint64_t> received;
};

TEST_F(PumpToConsumerTest, UsesThePoolWithTheSmallestSlotsThatHoldAFrame) {
    EXPECT_EQ(stream.producer.pool_for(64), 1);
    EXPECT_EQ(stream.producer.pool_for(65), 2);
    EXPECT_EQ(stream.producer.pool_for(4097), std::nullopt);
    EXPECT_EQ(device.mapping.pool_id, 2);
    EXPECT_EQ(device.held.size(), 8u);
}

TEST_F(PumpToConsumerTest, DescriptorsLeaveInSequenceHoweverTheDeviceCompletes) {
    device.complete(3);
    device.complete(1);
    cycle();
    cycle();
    EXPECT_THAT(received, testing::IsEmpty()) << "frame 0 is still at the device";
    device.complete(0);
    ASSERT_TRUE(receives(2));
    EXPECT_THAT(received, ElementsAre(0, 1));
    device.complete(0);  // frame 2; 3 waits for it
    ASSERT_TRUE(receives(4));
    EXPECT_THAT(received, ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(stream.consumer.counters().drops_gap, 0u);
}

TEST_F(PumpToConsumerTest, ADamagedFrameIsOneGapForTheConsumer) {
    device.complete(0);
    device.complete(0, BufferOutcome::Incomplete);
    device.complete(0);
    ASSERT_TRUE(receives(2));
    EXPECT_THAT(received, ElementsAre(0, 2));
    EXPECT_EQ(stream.consumer.counters().drops_gap, 1u);
    EXPECT_EQ(stream.producer.counters().frames_abandoned, 1u);
}

TEST_F(PumpToConsumerTest, AFrameOfTheWrongLengthIsRefusedAndCounted) {
    device.complete(0);
    device.done.back().info.values_len_bytes = 4097;
    cycle();
    EXPECT_EQ(pump.counters().frames_refused, 1u);
    EXPECT_EQ(stream.producer.counters().invalid_frames, 1u);
}

TEST_F(PumpToConsumerTest, StopLeavesNothingInFlight) {
    device.complete(0);
    EXPECT_TRUE(pump.await_stopped(monotonic_now_ns() + 10 * kNanosPerSecond));
    EXPECT_EQ(stream.producer.in_flight(), 0u);
    EXPECT_EQ(pump.state(), PumpState::Stopped);
    ASSERT_TRUE(receives(1));
}

TEST_F(PumpToConsumerTest, AllocatesNothingPerFrame) {
    received.reserve(4096);
    device.held.reserve(64);
    device.done.reserve(64);
    std::uint64_t allocations = 0;
    for (int frame = 0; frame < 1000; ++frame) {
        device.complete(0);
        const std::uint64_t before = test::allocations_of_this_thread();
        pump.do_work(monotonic_now_ns());
        allocations += test::allocations_of_this_thread() - before;
        stream.cycle([&](const Frame& frame_read) { received.push_back(frame_read.seq()); });
    }
    EXPECT_EQ(allocations, 0u);
    EXPECT_EQ(pump.counters().frames_published, 1000u);
    EXPECT_EQ(received.size(), 1000u);
}

TEST_F(PumpToConsumerTest, KeepsTheMappingAliveForADeviceThatOutlivesPumpAndProducer) {
    FakeDevice slow;
    {
        StreamFixture short_lived(16, 4096);
        DevicePump own(short_lived.producer, slow);
        slow.frame_bytes = 1000;
        own.do_work(monotonic_now_ns());
        ASSERT_FALSE(slow.held.empty());
        slow.keep_buffers_on_stop = true;
    }
    std::memset(slow.held[0].address, 0xAB, 1000);  // must not fault: `announced` still holds the memory
    EXPECT_EQ(slow.held[0].address[999], std::byte{0xAB});
}

}  // namespace
}  // namespace tensorpool
