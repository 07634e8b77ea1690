// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/stream_fixture.hpp"
#include "support/eventually.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <tensorpool/aravis_source.hpp>
#include <tensorpool/device_pump.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <memory>

namespace tensorpool {
namespace {

using apps::FakeCameraProcess;
using test::eventually;
using test::StreamFixture;

std::unique_ptr<FakeCameraProcess> simulator() {
    return std::make_unique<FakeCameraProcess>(TP_FAKE_CAMERA, "127.0.0.1", "CONSUMED");
}

AravisSourceOptions camera_at_loopback() {
    AravisSourceOptions options;
    options.camera = "127.0.0.1";
    options.frame_rate_hz = 100;
    options.reconnect_initial_ns = 20 * kNanosPerMilli;
    return options;
}

/// Camera, producer and consumer, and what the camera's frame ids say each frame must look like.
class CameraStream {
public:
    CameraStream() : source(camera_at_loopback()), pump(stream.producer, source) {
        pump.on_frame([&](const PumpedFrame& frame) { ids[frame.seq] = frame.completion.device_frame_id; });
    }

    void cycle() {
        pump.do_work(monotonic_now_ns());
        stream.cycle([&](const Frame& frame) { check(frame); });
    }
    bool delivers(std::uint64_t frames) {
        const std::uint64_t goal = good_frames + frames;
        return eventually([&] {
            cycle();
            return good_frames >= goal;
        });
    }

    StreamFixture stream;
    AravisSource source;
    DevicePump pump;
    std::map<std::uint64_t, std::uint64_t> ids;
    std::uint64_t good_frames = 0;
    std::uint64_t wrong_frames = 0;
    std::uint64_t last_seq = 0;

private:
    void check(const Frame& frame) {
        EXPECT_EQ(frame.tensor().dtype, Dtype::UInt8);
        EXPECT_EQ(frame.tensor().dims[0], 512);
        EXPECT_EQ(frame.tensor().dims[1], 512);
        EXPECT_EQ(frame.payload().size(), 512u * 512u);
        EXPECT_GT(frame.timestamp_ns(), 0u);
        if (good_frames > 0) {
            EXPECT_GT(frame.seq(), last_seq);
        }
        last_seq = frame.seq();
        const std::uint64_t id = ids[frame.seq()];
        bool right = true;
        for (std::uint64_t i = 0; i < frame.payload().size(); i += 1009) {
            const std::uint64_t expected = (i % 512 + i / 512 + id) % 255;
            right = right && std::to_integer<std::uint64_t>(frame.payload()[i]) == expected;
        }
        if (!frame.intact()) return;  // overwritten while it was checked: allowed, and counted elsewhere
        ++(right ? good_frames : wrong_frames);
    }
};

TEST(CameraToConsumerTest, EveryFrameTheConsumerSeesIsTheOneTheCameraSent) {
    const auto camera = simulator();
    CameraStream stream;
    ASSERT_TRUE(stream.delivers(100));
    EXPECT_EQ(stream.wrong_frames, 0u);
}

TEST(CameraToConsumerTest, TheStreamGoesOnInTheSameEpochAfterTheCameraWasKilledAndCameBack) {
    auto camera = simulator();
    CameraStream stream;
    ASSERT_TRUE(stream.delivers(30));
    const std::uint64_t epoch = stream.stream.consumer.epoch();
    camera->end(SIGKILL);
    camera = simulator();
    ASSERT_TRUE(eventually([&] {
        stream.cycle();
        return stream.source.counters().reconnects == 1;
    }));
    ASSERT_TRUE(stream.delivers(30));
    EXPECT_EQ(stream.stream.consumer.epoch(), epoch);
    EXPECT_EQ(stream.wrong_frames, 0u);
    // What the pump gave up when the camera was lost is what the consumer missed.
    const DevicePumpCounters& pumped = stream.pump.counters();
    EXPECT_EQ(stream.stream.producer.counters().frames_abandoned,
              pumped.buffers_returned + pumped.frames_incomplete);
}

}  // namespace
}  // namespace tensorpool
