// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/fake_device.hpp"
#include "camera/fake_sink.hpp"
#include "camera/pump_core.hpp"
#include "support/allocation_counter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>

namespace tensorpool {
namespace {

using test::FakeDevice;
using test::FakeSink;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Pump = camera::PumpCore<FakeSink>;

DevicePumpOptions queued(std::uint32_t count) {
    DevicePumpOptions options;
    options.queued = count;
    return options;
}

std::uint64_t accounted_for(const DevicePumpCounters& c) {
    return c.frames_published + c.frames_incomplete + c.frames_refused + c.frames_stale + c.buffers_returned;
}

class DevicePumpTest : public testing::Test {
protected:
    /// Runs one cycle and checks that no buffer was lost from the books.
    void cycle() {
        now_ns += kNanosPerMilli;
        pump->do_work(now_ns);
        EXPECT_EQ(pump->counters().buffers_queued, accounted_for(pump->counters()) + pump->outstanding());
    }
    void cycles(int count) {
        for (int i = 0; i < count; ++i) cycle();
    }

    FakeSink sink;
    FakeDevice device;
    std::unique_ptr<Pump> pump = std::make_unique<Pump>(sink, device, queued(4));
    Nanos now_ns = kNanosPerSecond;
};

TEST_F(DevicePumpTest, RegistersEverySlotOnceAndKeepsTheWantedNumberAtTheDevice) {
    cycles(10);
    ASSERT_EQ(device.announced.size(), 1u);
    EXPECT_EQ(device.announced[0].nslots, 16u);
    EXPECT_EQ(device.held.size(), 4u);
    EXPECT_TRUE(device.running);
    device.complete();
    device.complete();
    cycles(10);
    EXPECT_EQ(device.held.size(), 4u);
    EXPECT_EQ(device.announced.size(), 1u);
    EXPECT_EQ(pump->state(), PumpState::Streaming);
}

TEST_F(DevicePumpTest, GivesTheDeviceTheSlotsOwnAddresses) {
    cycle();
    for (const auto& buffer : device.held) EXPECT_EQ(buffer.address, device.announced[0].slot(buffer.slot));
}

// The device may not be handed the slot that readers were just pointed to.
TEST_F(DevicePumpTest, NeverHoldsMoreSlotsThanTheProducerLetsItReserve) {
    pump = std::make_unique<Pump>(sink, device, queued(100));
    cycles(5);
    EXPECT_EQ(device.held.size(), 8u);
    EXPECT_EQ(pump->counters().queue_refused_overrun, 1u) << "one refusal, not one per cycle";
    const std::uint32_t slot = device.held[0].slot;
    device.complete();
    cycle();
    for (const auto& buffer : device.held) EXPECT_NE(buffer.slot, slot);
    EXPECT_EQ(device.held.size(), 8u);
}

TEST_F(DevicePumpTest, PublishesBuffersThatCompleteOutOfOrder) {
    cycle();
    device.complete(2);
    device.complete(0);
    cycle();
    device.complete(0);
    cycle();
    EXPECT_THAT(sink.published, ElementsAre(2, 0, 1));
    EXPECT_THAT(sink.abandoned, IsEmpty());
    EXPECT_EQ(device.held.size(), 4u);
}

TEST_F(DevicePumpTest, TurnsADamagedFrameIntoOneGap) {
    cycle();
    device.complete(1, BufferOutcome::Incomplete);
    device.complete(0);
    cycle();
    EXPECT_THAT(sink.published, ElementsAre(0));
    EXPECT_THAT(sink.abandoned, ElementsAre(1));
    EXPECT_EQ(pump->counters().frames_incomplete, 1u);
}

TEST_F(DevicePumpTest, CountsFramesTheDeviceHadNoBufferFor) {
    cycle();
    device.complete();
    device.done.back().frames_missed_before = 7;
    cycle();
    EXPECT_EQ(pump->counters().frames_missed, 7u);
    EXPECT_EQ(pump->counters().frames_published, 1u);
}

TEST_F(DevicePumpTest, RefusesAFrameThatDoesNotLieInItsSlot) {
    cycle();
    std::byte elsewhere{};
    device.complete();
    device.done.back().data = &elsewhere;
    cycle();
    EXPECT_THAT(sink.published, IsEmpty());
    EXPECT_THAT(sink.abandoned, ElementsAre(0));
    EXPECT_EQ(pump->counters().frames_refused, 1u);
}

TEST_F(DevicePumpTest, CountsAFrameTheProducerFindsContradictory) {
    cycle();
    device.complete();
    device.done.back().info.values_len_bytes = 1'000'000;
    cycle();
    EXPECT_EQ(pump->counters().frames_refused, 1u);
    EXPECT_EQ(device.held.size(), 4u);
}

TEST_F(DevicePumpTest, IgnoresCompletionsForBuffersThatAreNotOut) {
    cycle();
    device.complete();
    const BufferCompletion once = device.done.back();
    BufferCompletion unknown_slot = once;
    unknown_slot.slot = 4'000'000'000;
    BufferCompletion old_cookie = once;
    old_cookie.cookie = 0;
    device.done.insert(device.done.end(), {once, unknown_slot, old_cookie});
    cycle();
    EXPECT_THAT(sink.published, ElementsAre(0));
    EXPECT_EQ(pump->counters().completions_unexpected, 3u);
    EXPECT_EQ(pump->outstanding(), 4u);
}

TEST_F(DevicePumpTest, ReplacesABufferTheDeviceLostOnceItWasLongOvertaken) {
    cycle();
    const FakeDevice::Held lost = device.lose(0);
    for (int i = 0; i < 40; ++i) {
        device.complete();
        cycle();
    }
    EXPECT_EQ(pump->counters().buffers_overdue, 1u);
    EXPECT_EQ(device.held.size(), 4u) << "the lost buffer still counts against the device";
    EXPECT_EQ(pump->outstanding(), 5u);
    EXPECT_EQ(pump->counters().frames_published, 40u);

    // It turns up after all, long after its reservation ended.
    sink.open.erase(0);
    device.held.insert(device.held.begin(), lost);
    device.complete(0);
    cycle();
    EXPECT_EQ(pump->counters().frames_stale, 1u);
    EXPECT_EQ(pump->outstanding(), 4u);
    EXPECT_EQ(device.held.size(), 4u);
}

TEST_F(DevicePumpTest, DoesNotHandOutASlotThatALostBufferMayStillWriteInto) {
    cycle();
    const FakeDevice::Held lost = device.lose(0);
    sink.open.erase(0);  // the producer gave the reservation up
    for (int i = 0; i < 100; ++i) {
        device.complete();
        cycle();
        for (const auto& buffer : device.held) EXPECT_NE(buffer.slot, lost.slot);
    }
    EXPECT_GT(pump->counters().queue_refused_busy, 0u);
    EXPECT_GT(pump->counters().frames_published, 90u);
}

TEST_F(DevicePumpTest, KeepsTheOldMemoryMappedUntilTheDeviceGaveItsBuffersBack) {
    cycle();
    device.keep_buffers_on_stop = true;
    const auto old_memory = sink.last_memory;
    sink.lose_lease();
    cycle();
    EXPECT_EQ(pump->state(), PumpState::Stopping);
    EXPECT_FALSE(device.running);
    ASSERT_FALSE(old_memory.expired());
    std::memset(device.held[0].address, 0xFF, 256);  // a late write harms nobody

    sink.map();
    cycles(3);
    EXPECT_EQ(device.announced.size(), 1u)
        << "new slots were registered while the device still held old ones";

    device.return_all();
    cycles(2);
    EXPECT_EQ(pump->state(), PumpState::Streaming);
    ASSERT_EQ(device.announced.size(), 2u);
    device.announced.clear();
    EXPECT_TRUE(old_memory.expired());
    EXPECT_EQ(pump->counters().mapping_losses, 1u);
    EXPECT_EQ(device.withdrawals, 1);
}

TEST_F(DevicePumpTest, RegistersTheNewSlotsWhenTheMappingWasReplacedBetweenTwoCycles) {
    cycle();
    sink.map();
    cycles(2);
    ASSERT_EQ(device.announced.size(), 2u);
    EXPECT_NE(device.announced[0].first_slot, device.announced[1].first_slot);
    for (const auto& buffer : device.held) EXPECT_EQ(buffer.address, device.announced[1].slot(buffer.slot));
    device.complete();
    cycle();
    EXPECT_EQ(sink.published.size(), 1u);
}

TEST_F(DevicePumpTest, PublishesNothingThatWasFilledAfterTheLeaseEnded) {
    cycle();
    device.complete();
    sink.lose_lease();
    cycle();
    EXPECT_THAT(sink.published, IsEmpty());
    EXPECT_EQ(pump->counters().frames_stale, 1u);
}

TEST_F(DevicePumpTest, StartsAgainWhenALostDeviceComesBack) {
    cycle();
    device.connected = false;
    cycle();
    EXPECT_FALSE(device.running);
    EXPECT_EQ(pump->state(), PumpState::Waiting);
    EXPECT_EQ(sink.abandoned.size(), 4u);
    EXPECT_THAT(pump->last_error(), HasSubstr("disconnected"));
    cycles(5);
    EXPECT_EQ(device.announced.size(), 1u);
    device.connected = true;
    cycle();
    EXPECT_TRUE(device.running);
    EXPECT_EQ(device.held.size(), 4u);
    EXPECT_EQ(pump->counters().device_losses, 1u);
    EXPECT_EQ(pump->last_error(), "");
}

TEST_F(DevicePumpTest, RetriesAStartThatFailedWithGrowingPauses) {
    device.fail_start = true;
    cycles(1000);
    EXPECT_EQ(pump->counters().device_start_failures, 4u);  // at 0, 100, 300 and 700 ms
    EXPECT_THAT(pump->last_error(), HasSubstr("will not start"));
    EXPECT_EQ(pump->outstanding(), 0u);
    device.fail_start = false;
    cycles(2000);
    EXPECT_EQ(pump->state(), PumpState::Streaming);
    EXPECT_EQ(device.held.size(), 4u);
}

TEST_F(DevicePumpTest, SaysWhenAFrameFitsNoPool) {
    device.frame_bytes = 257;
    cycle();
    EXPECT_THAT(pump->last_error(), HasSubstr("257 bytes fits no payload pool"));
    DevicePumpOptions options = queued(4);
    options.pool_id = FakeSink::kPool;
    pump = std::make_unique<Pump>(sink, device, options);
    cycle();
    EXPECT_THAT(pump->last_error(), HasSubstr("does not fit the 256-byte slots of payload pool 3"));
    options.pool_id = 9;
    pump = std::make_unique<Pump>(sink, device, options);
    cycle();
    EXPECT_THAT(pump->last_error(), HasSubstr("no payload pool 9"));
    EXPECT_THAT(device.announced, IsEmpty());
}

TEST_F(DevicePumpTest, StopPublishesFinishedFramesAndGivesUpUnusedOnes) {
    cycle();
    device.complete(0);
    device.complete(0);
    pump->stop();
    cycle();
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_THAT(sink.published, ElementsAre(0, 1));
    EXPECT_THAT(sink.abandoned, ElementsAre(2, 3));
    EXPECT_THAT(sink.open, IsEmpty());
    EXPECT_EQ(device.withdrawals, 1);
    cycles(3);
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    pump->start();
    cycle();
    EXPECT_EQ(pump->state(), PumpState::Streaming);
}

TEST_F(DevicePumpTest, StopWaitsForADeviceThatKeepsItsBuffers) {
    cycle();
    device.keep_buffers_on_stop = true;
    pump->stop();
    cycles(3);
    EXPECT_EQ(pump->state(), PumpState::Stopping);
    EXPECT_EQ(pump->outstanding(), 4u);
    device.complete(0);  // it was just being filled
    device.return_all();
    cycle();
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_THAT(sink.published, ElementsAre(0));
}

TEST_F(DevicePumpTest, PublishesExactlyAsManyFramesAsItsLimitAndStops) {
    DevicePumpOptions options = queued(4);
    options.frame_limit = 10;
    pump = std::make_unique<Pump>(sink, device, options);
    cycle();
    for (int i = 0; i < 100 && pump->state() == PumpState::Streaming; ++i) {
        const bool damaged = i % 3 == 0;
        if (!device.held.empty())
            device.complete(0, damaged ? BufferOutcome::Incomplete : BufferOutcome::Filled);
        cycle();
    }
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_EQ(pump->counters().frames_published, 10u);
    EXPECT_GE(pump->counters().frames_incomplete, 4u);
    EXPECT_EQ(pump->outstanding(), 0u);
    EXPECT_THAT(sink.open, IsEmpty());
    EXPECT_FALSE(device.running);
}

TEST_F(DevicePumpTest, ReachesItsLimitWithADeviceThatKeepsItsLastBufferUntilItGetsAnother) {
    DevicePumpOptions options = queued(4);
    options.frame_limit = 10;
    pump = std::make_unique<Pump>(sink, device, options);
    cycle();
    for (int i = 0; i < 100 && pump->state() == PumpState::Streaming; ++i) {
        while (device.held.size() > 1) device.complete();
        cycle();
    }
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_EQ(pump->counters().frames_published, 10u);
    EXPECT_THAT(sink.published, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_F(DevicePumpTest, ReachesItsLimitWithoutALostBufferAndDoesNotExceedItWhenThatTurnsUp) {
    DevicePumpOptions options = queued(4);
    options.frame_limit = 45;
    pump = std::make_unique<Pump>(sink, device, options);
    cycle();
    const FakeDevice::Held lost = device.lose(0);
    for (int i = 0; i < 45; ++i) {
        ASSERT_FALSE(device.held.empty()) << "after " << i << " frames";
        device.complete();
        cycle();
    }
    EXPECT_EQ(pump->counters().frames_published, 45u);
    EXPECT_EQ(pump->state(), PumpState::Stopping) << "the device still has a buffer";
    device.held.push_back(lost);
    device.complete();
    cycle();
    EXPECT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_EQ(pump->counters().frames_published, 45u);
}

TEST_F(DevicePumpTest, LeavesNoReservationOpenWhenDestroyed) {
    cycle();
    device.complete(0);
    pump.reset();
    EXPECT_THAT(sink.published, ElementsAre(0));
    EXPECT_THAT(sink.open, IsEmpty());
    EXPECT_FALSE(device.running);
}

TEST_F(DevicePumpTest, GivesTheReservationBackWhenTheDeviceRefusesABuffer) {
    device.refuse_queue = true;
    cycle();
    EXPECT_THAT(sink.open, IsEmpty());
    EXPECT_GT(pump->counters().queue_refused_device, 0u);
    device.refuse_queue = false;
    cycle();
    EXPECT_EQ(device.held.size(), 4u);
}

TEST_F(DevicePumpTest, SurvivesAHandlerThatThrows) {
    int seen = 0;
    pump->on_frame([&](const PumpedFrame& frame) {
        ++seen;
        EXPECT_EQ(frame.data, device.announced[0].slot(frame.slot));
        throw std::runtime_error("a handler's own mistake");
    });
    cycle();
    device.complete();
    device.complete();
    cycle();
    EXPECT_EQ(seen, 2);
    EXPECT_EQ(pump->counters().handler_errors, 2u);
    EXPECT_EQ(pump->counters().frames_published, 2u);
}

TEST_F(DevicePumpTest, RefusesOptionsThatCouldNeverStream) {
    EXPECT_THROW(Pump(sink, device, queued(0)), Error);
    DevicePumpOptions options;
    options.retry_initial_ns = 0;
    EXPECT_THROW(Pump(sink, device, options), Error);
}

// Whatever the device does, every reservation ends exactly once, and seq has no unexplained hole.
TEST_F(DevicePumpTest, AccountsForEveryReservationExactlyOnceUnderRandomEvents) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
    for (int step = 0; step < 20'000; ++step) {
        if (!device.held.empty() && chance(70)) {
            const auto outcome = chance(10) ? BufferOutcome::Incomplete : BufferOutcome::Filled;
            device.complete(random() % device.held.size(), outcome);
        }
        if (chance(1)) device.connected = !device.connected;
        if (chance(1)) pump->stop();
        if (chance(5)) pump->start();
        device.refuse_queue = chance(2);
        cycle();
        if (chance(1)) device.connected = true;
    }
    pump->stop();
    cycles(2);
    ASSERT_EQ(pump->state(), PumpState::Stopped);
    EXPECT_THAT(sink.open, IsEmpty());
    std::vector<std::uint64_t> all = sink.published;
    all.insert(all.end(), sink.abandoned.begin(), sink.abandoned.end());
    std::sort(all.begin(), all.end());
    std::vector<std::uint64_t> expected_seqs(sink.next_seq);
    std::iota(expected_seqs.begin(), expected_seqs.end(), 0u);
    EXPECT_EQ(all, expected_seqs);
    EXPECT_EQ(pump->counters().frames_published, sink.published.size());
}

TEST_F(DevicePumpTest, AllocatesNothingPerFrame) {
    sink = FakeSink(16, 256, 8);
    device.held.reserve(64);
    device.done.reserve(64);
    cycles(10);
    std::uint64_t in_pump = 0;
    for (int frame = 0; frame < 1000; ++frame) {
        device.complete();
        const auto before = test::allocations_of_this_thread();
        const auto sink_nodes_before = sink.next_seq;
        pump->do_work(now_ns);
        // The fake sink's own bookkeeping allocates one set node per reservation; nothing else may.
        in_pump += test::allocations_of_this_thread() - before - (sink.next_seq - sink_nodes_before);
    }
    EXPECT_EQ(in_pump, 0u);
    EXPECT_EQ(pump->counters().frames_published, 1000u);
}

}  // namespace
}  // namespace tensorpool
