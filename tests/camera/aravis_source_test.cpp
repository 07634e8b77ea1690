// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/fake_sink.hpp"
#include "camera/pump_core.hpp"
#include "support/eventually.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <tensorpool/aravis_source.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace tensorpool {
namespace {

using apps::FakeCameraProcess;
using test::eventually;
using test::FakeSink;
using testing::AllOf;
using testing::HasSubstr;
using Pump = camera::PumpCore<FakeSink>;

constexpr const char* kAddress = "127.0.0.1";

std::unique_ptr<FakeCameraProcess> simulator(const std::string& serial, std::vector<std::string> more = {}) {
    return std::make_unique<FakeCameraProcess>(TP_FAKE_CAMERA, kAddress, serial, std::move(more));
}

AravisSourceOptions camera_at_loopback(double rate_hz = 100) {
    AravisSourceOptions options;
    options.camera = kAddress;
    options.frame_rate_hz = rate_hz;
    options.reconnect_initial_ns = 20 * kNanosPerMilli;
    options.reconnect_max_ns = 100 * kNanosPerMilli;
    return options;
}

/// The pattern the simulator paints into a Mono8 frame.
std::uint8_t expected_pixel(std::uint64_t frame_id, int x, int y) {
    return static_cast<std::uint8_t>(
        (static_cast<std::uint64_t>(x) + frame_id + static_cast<std::uint64_t>(y)) % 255);
}

/// A camera, a pump and 32 slots to fill.
class Streaming {
public:
    explicit Streaming(const AravisSourceOptions& options)
        : source(options), pump(sink, source, [] {
              DevicePumpOptions o;
              o.queued = 8;
              return o;
          }()) {}

    bool until(std::uint64_t frames) {
        return eventually([&] {
            drive();
            return pump.counters().frames_published >= frames;
        });
    }
    void drive() { pump.do_work(monotonic_now_ns()); }

    FakeSink sink{32, 1u << 20, 16};
    AravisSource source;
    Pump pump;
};

TEST(AravisSourceTest, FillsThePayloadSlotsThemselvesWithoutACopy) {
    const auto camera = simulator("ZEROCOPY");
    Streaming streaming(camera_at_loopback());
    const auto slots = streaming.sink.device_slots(FakeSink::kPool);
    int frames = 0;
    int wrong_pixels = 0;
    streaming.pump.on_frame([&](const PumpedFrame& frame) {
        ++frames;
        // The address Aravis wrote to is the slot's own, and the picture is there.
        EXPECT_EQ(frame.data, slots->slot(frame.slot));
        const TensorLayout& tensor = frame.completion.info.tensor;
        for (int y = 0; y < tensor.dims[0]; y += 37) {
            for (int x = 0; x < tensor.dims[1]; x += 41) {
                const auto pixel =
                    std::to_integer<std::uint8_t>(slots->slot(frame.slot)[y * tensor.strides[0] + x]);
                wrong_pixels += pixel != expected_pixel(frame.completion.device_frame_id, x, y) ? 1 : 0;
            }
        }
    });
    ASSERT_TRUE(streaming.until(100));
    EXPECT_GE(frames, 100);
    EXPECT_EQ(wrong_pixels, 0);
    EXPECT_EQ(streaming.pump.counters().frames_refused, 0u);
}

// spec: WIRE-101, WIRE-166, WIRE-167
TEST(AravisSourceTest, CarriesFrameIdsAndIncreasingCaptureTimesOfThisHostsClock) {
    const auto camera = simulator("STAMPS");
    Streaming streaming(camera_at_loopback());
    std::uint64_t last_stamp = 0;
    std::uint64_t last_id = 0;
    const auto begin = static_cast<std::uint64_t>(monotonic_now_ns());
    streaming.pump.on_frame([&](const PumpedFrame& frame) {
        EXPECT_GT(frame.completion.info.timestamp_ns, last_stamp);
        EXPECT_LE(frame.completion.info.timestamp_ns, static_cast<std::uint64_t>(monotonic_now_ns()));
        EXPECT_GE(frame.completion.info.timestamp_ns, begin);
        EXPECT_GT(frame.completion.device_timestamp_ns, 0u);
        if (last_id != 0) {
            EXPECT_LE(last_id + 1 + frame.completion.frames_missed_before, frame.completion.device_frame_id);
        }
        last_id = frame.completion.device_frame_id;
        last_stamp = frame.completion.info.timestamp_ns;
    });
    ASSERT_TRUE(streaming.until(50));
    EXPECT_NE(last_id, 0u);
    EXPECT_EQ(streaming.source.counters().clock_jumps, 0u);
}

struct FormatCase {
    const char* name;
    Dtype dtype;
    int ndims;
    std::uint32_t bytes_per_pixel;
};

std::ostream& operator<<(std::ostream& out, const FormatCase& c) {
    return out << c.name;
}

class AravisFormatTest : public testing::TestWithParam<FormatCase> {};

TEST_P(AravisFormatTest, ArrivesWithItsElementTypeAndShape) {
    const FormatCase& c = GetParam();
    const auto camera = simulator("FORMAT");
    AravisSourceOptions options = camera_at_loopback();
    options.pixel_format = c.name;
    options.region = CameraRegion{0, 0, 320, 200};
    Streaming streaming(options);
    FrameInfo info;
    streaming.pump.on_frame([&](const PumpedFrame& frame) { info = frame.completion.info; });
    ASSERT_TRUE(streaming.until(3));
    EXPECT_EQ(streaming.source.pixel_format(), c.name);
    EXPECT_EQ(info.tensor.dtype, c.dtype);
    EXPECT_EQ(info.tensor.ndims, c.ndims);
    EXPECT_EQ(info.tensor.dims[0], 200);
    EXPECT_EQ(info.tensor.dims[1], 320);
    EXPECT_EQ(info.values_len_bytes, 320 * 200 * c.bytes_per_pixel);
    EXPECT_EQ(info.tensor.dims, streaming.source.frame_format().tensor.dims);
}

INSTANTIATE_TEST_SUITE_P(Simulator, AravisFormatTest,
                         testing::Values(FormatCase{"Mono8", Dtype::UInt8, 2, 1},
                                         FormatCase{"Mono16", Dtype::UInt16, 2, 2},
                                         FormatCase{"BayerRG8", Dtype::UInt8, 2, 1},
                                         FormatCase{"RGB8", Dtype::UInt8, 3, 3}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(AravisSourceTest, TurnsFramesWithMissingPacketsIntoGaps) {
    const auto camera = simulator("LOSSY", {"--lost-packets", "0.01"});
    Streaming streaming(camera_at_loopback(200));
    ASSERT_TRUE(eventually([&] {
        streaming.drive();
        return streaming.pump.counters().frames_incomplete >= 20 &&
               streaming.pump.counters().frames_published >= 20;
    }));
    const DevicePumpCounters& counters = streaming.pump.counters();
    EXPECT_EQ(counters.frames_incomplete, streaming.sink.abandoned.size());
    EXPECT_EQ(counters.frames_incomplete, streaming.source.counters().frames_damaged);
    EXPECT_EQ(counters.frames_published, streaming.sink.published.size());
}

TEST(AravisSourceTest, ResumesWhenAKilledCameraComesBack) {
    auto camera = simulator("PHOENIX");
    Streaming streaming(camera_at_loopback());
    ASSERT_TRUE(streaming.until(20));
    camera->end(SIGKILL);
    camera = simulator("PHOENIX");
    const std::uint64_t before = streaming.pump.counters().frames_published;
    ASSERT_TRUE(streaming.until(before + 50)) << streaming.source.last_error();
    EXPECT_EQ(streaming.source.counters().connections_lost, 1u);
    EXPECT_EQ(streaming.source.counters().reconnects, 1u);
    EXPECT_EQ(streaming.pump.counters().device_losses, 1u);
    EXPECT_EQ(
        streaming.pump.outstanding() + streaming.sink.published.size() + streaming.sink.abandoned.size(),
        streaming.sink.next_seq);
    EXPECT_DOUBLE_EQ(streaming.source.frame_rate_hz(), 100) << "the settings were not applied again";
}

TEST(AravisSourceTest, NoticesACameraThatStaysAwayAndTakesNoOtherForIt) {
    auto camera = simulator("GONE");
    Streaming streaming(camera_at_loopback());
    ASSERT_TRUE(streaming.until(5));
    camera->end(SIGKILL);
    ASSERT_TRUE(eventually([&] {
        streaming.drive();
        return streaming.pump.state() == PumpState::Waiting;
    }));
    EXPECT_FALSE(streaming.source.is_connected());
    EXPECT_THAT(streaming.source.last_error(), HasSubstr("stopped answering"));
    EXPECT_EQ(streaming.pump.outstanding(), 0u);
    // Another camera at the same address is not ours.
    const auto stranger = simulator("STRANGER");
    for (int i = 0; i < 2000; ++i) streaming.drive();
    EXPECT_FALSE(streaming.source.is_connected());
}

TEST(AravisSourceTest, RegistersTheNewSlotsAfterALostLease) {
    const auto camera = simulator("LEASE");
    Streaming streaming(camera_at_loopback());
    ASSERT_TRUE(streaming.until(10));
    const auto old_memory = streaming.sink.last_memory;
    streaming.sink.map();
    const std::uint64_t before = streaming.pump.counters().frames_published;
    ASSERT_TRUE(streaming.until(before + 20));
    EXPECT_EQ(streaming.pump.counters().mapping_losses, 1u);
    EXPECT_TRUE(old_memory.expired());
    EXPECT_EQ(streaming.pump.counters().frames_refused, 0u);
}

TEST(AravisSourceTest, GivesEveryBufferBackWhenStopped) {
    const auto camera = simulator("STOP");
    Streaming streaming(camera_at_loopback());
    ASSERT_TRUE(streaming.until(10));
    streaming.pump.stop();
    ASSERT_TRUE(eventually([&] {
        streaming.drive();
        return streaming.pump.state() == PumpState::Stopped;
    }));
    EXPECT_EQ(streaming.pump.outstanding(), 0u);
    EXPECT_TRUE(streaming.sink.open.empty());
    streaming.pump.start();
    ASSERT_TRUE(streaming.until(streaming.pump.counters().frames_published + 10));
}

TEST(AravisSourceTest, ListsTheCamerasThatAnswer) {
    const auto camera = simulator("LISTED");
    bool found = false;
    for (const CameraDescription& description : list_cameras()) {
        if (description.serial != "LISTED") continue;
        found = true;
        EXPECT_EQ(description.id, "Aravis-Fake-LISTED");
        EXPECT_EQ(description.address, kAddress);
        EXPECT_EQ(description.protocol, "GigEVision");
    }
    EXPECT_TRUE(found);
}

TEST(AravisSourceTest, OpensACameraByItsId) {
    const auto camera = simulator("BYID");
    AravisSourceOptions options;
    options.camera = "Aravis-Fake-BYID";
    const AravisSource source(options);
    EXPECT_EQ(source.camera().id, "Aravis-Fake-BYID");
    EXPECT_EQ(source.camera().address, kAddress);
    EXPECT_EQ(source.payload_bytes(), 512u * 512u);
}

std::string refusal(const AravisSourceOptions& options) {
    try {
        const AravisSource source(options);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST(AravisSourceTest, SaysWhatIsThereWhenACameraCannotBeOpened) {
    const auto camera = simulator("HERE");
    AravisSourceOptions options;
    options.camera = "Acme-Nine-1";
    EXPECT_THAT(refusal(options), AllOf(HasSubstr("'Acme-Nine-1'"), HasSubstr("Aravis-Fake-HERE")));
}

TEST(AravisSourceTest, SaysWhichPixelFormatsThereAre) {
    const auto camera = simulator("FORMATS");
    AravisSourceOptions options = camera_at_loopback();
    options.pixel_format = "Mono7";
    EXPECT_THAT(refusal(options), AllOf(HasSubstr("'Mono7'"), HasSubstr("Mono8"), HasSubstr("RGB8")));
}

TEST(AravisSourceTest, SaysWhichSettingIsRefusedAndWhatWouldBeValid) {
    const auto camera = simulator("LIMITS");
    AravisSourceOptions options = camera_at_loopback();
    options.region = CameraRegion{1600, 0, 512, 512};
    try {
        const AravisSource source(options);
        FAIL() << "a region beyond the simulator's 2048 columns";
    } catch (const CameraSettingError& error) {
        EXPECT_EQ(error.setting(), CameraSetting::Region);
        EXPECT_EQ(error.reason(), "x + width exceeds the sensor's 2048 pixels; valid x is 0..1536");
        EXPECT_STREQ(error.what(),
                     "Aravis-Fake-LIMITS: region 512x512+1600+0: x + width exceeds the sensor's 2048 pixels; "
                     "valid x is 0..1536");
    }
    options = camera_at_loopback(1e6);
    EXPECT_THAT(refusal(options), HasSubstr("frame rate 1000000 Hz: the camera's range is 0.1..1000 Hz"));
    options = camera_at_loopback();
    options.gain = -3;
    EXPECT_THAT(refusal(options), HasSubstr("gain -3: the camera's range is 0..10"));
}

TEST(AravisSourceTest, KeepsTheSizeInUseWhereARegionLeavesItOut) {
    const auto camera = simulator("PARTIAL");
    AravisSourceOptions options = camera_at_loopback();
    options.region = CameraRegion{16, 8, 0, 100};
    const AravisSource source(options);
    EXPECT_EQ(source.frame_format().tensor.dims[0], 100);
    EXPECT_EQ(source.frame_format().tensor.dims[1], 512);
}

TEST(FakeCameraProcessTest, SaysWhyTheSimulatorDidNotStart) {
    const auto camera = simulator("FIRST");
    try {
        const auto second = simulator("SECOND");
        FAIL() << "two simulators on one address";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("is another camera simulator running?"));
    }
}

}  // namespace
}  // namespace tensorpool
