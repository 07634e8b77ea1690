// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/clock_mapper.hpp"
#include "camera/frame_id_tracker.hpp"
#include "camera/pixel_format.hpp"
#include "camera/region_check.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <random>
#include <set>

namespace tensorpool {
namespace {

using camera::axis_problem;
using camera::ClockMapper;
using camera::describe_image;
using camera::find_pixel_format;
using camera::FrameIdTracker;
using camera::ImageError;
using camera::ImageGeometry;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;

ImageGeometry image(std::uint32_t format, std::int32_t width, std::int32_t height) {
    return {format, width, height, 0, kPlenty};
}

struct FormatCase {
    const char* name;
    std::uint32_t code;
    Dtype dtype;
    int ndims;
    std::uint32_t bytes_of_4x3;
};

std::ostream& operator<<(std::ostream& out, const FormatCase& c) {
    return out << c.name;
}

class PixelFormatTest : public testing::TestWithParam<FormatCase> {};

TEST_P(PixelFormatTest, MapsToElementTypeShapeAndLength) {
    const FormatCase& c = GetParam();
    const auto* format = find_pixel_format(c.code);
    ASSERT_NE(format, nullptr);
    EXPECT_EQ(format->name, c.name);
    const auto info = describe_image(image(c.code, 4, 3), kPlenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->tensor.dtype, c.dtype);
    EXPECT_EQ(info->tensor.ndims, c.ndims);
    EXPECT_EQ(info->tensor.dims[0], 3);
    EXPECT_EQ(info->tensor.dims[1], 4);
    EXPECT_EQ(info->tensor.major_order, MajorOrder::Row);
    EXPECT_EQ(info->values_len_bytes, c.bytes_of_4x3);
}

INSTANTIATE_TEST_SUITE_P(Table, PixelFormatTest,
                         testing::Values(FormatCase{"Mono8", 0x01080001, Dtype::UInt8, 2, 12},
                                         FormatCase{"Mono10", 0x01100003, Dtype::UInt16, 2, 24},
                                         FormatCase{"Mono12", 0x01100005, Dtype::UInt16, 2, 24},
                                         FormatCase{"Mono14", 0x01100025, Dtype::UInt16, 2, 24},
                                         FormatCase{"Mono16", 0x01100007, Dtype::UInt16, 2, 24},
                                         FormatCase{"BayerGR8", 0x01080008, Dtype::UInt8, 2, 12},
                                         FormatCase{"BayerRG8", 0x01080009, Dtype::UInt8, 2, 12},
                                         FormatCase{"BayerGB8", 0x0108000A, Dtype::UInt8, 2, 12},
                                         FormatCase{"BayerBG8", 0x0108000B, Dtype::UInt8, 2, 12},
                                         FormatCase{"BayerRG12", 0x01100011, Dtype::UInt16, 2, 24},
                                         FormatCase{"RGB8", 0x02180014, Dtype::UInt8, 3, 36},
                                         FormatCase{"BGR8", 0x02180015, Dtype::UInt8, 3, 36},
                                         FormatCase{"RGBa8", 0x02200016, Dtype::UInt8, 3, 48}),
                         [](const auto& test) { return std::string(test.param.name); });

// Bits 16 to 23 of a PFNC code are the bits of one pixel: the table must agree with itself.
TEST(PixelFormatTableTest, HoldsNoFormatTwiceAndOnlyWholeElements) {
    std::set<std::uint32_t> codes;
    for (const auto& format : camera::pixel_formats()) {
        EXPECT_TRUE(codes.insert(format.code).second) << format.name;
        const std::uint32_t bits = (format.code >> 16) & 0xFF;
        EXPECT_EQ(bits, 8 * element_size(format.dtype) * static_cast<std::uint32_t>(format.channels))
            << format.name;
    }
}

TEST(DescribeImageTest, PutsPaddedRowsIntoTheStrides) {
    ImageGeometry padded = image(0x01100005, 5, 7);
    padded.row_padding_bytes = 6;
    const auto info = describe_image(padded, kPlenty);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->tensor.strides[0], 16);
    EXPECT_EQ(info->tensor.strides[1], 2);
    EXPECT_EQ(info->values_len_bytes, 112u);
}

TEST(DescribeImageTest, RefusesPackedAndUnknownFormats) {
    for (const std::uint32_t code : {0x010C0006u, 0x010C0047u, 0u, 0xFFFFFFFFu})
        EXPECT_EQ(describe_image(image(code, 4, 4), kPlenty).error(), ImageError::UnknownFormat);
}

TEST(DescribeImageTest, RefusesImagesThatDoNotFitTheirBuffer) {
    EXPECT_TRUE(describe_image(image(0x01080001, 10, 10), 100));
    EXPECT_EQ(describe_image(image(0x01080001, 10, 10), 99).error(), ImageError::BadGeometry);
    ImageGeometry cut = image(0x01080001, 10, 10);
    cut.received_bytes = 99;
    EXPECT_EQ(describe_image(cut, 100).error(), ImageError::TooShort);
}

TEST(DescribeImageTest, RefusesEmptyNegativeAndOverflowingGeometry) {
    constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
    constexpr auto kMin = std::numeric_limits<std::int32_t>::min();
    for (const auto& [width, height] :
         {std::pair{0, 4}, {4, 0}, {-1, 4}, {4, kMin}, {kMax, kMax}, {kMax, 1}}) {
        EXPECT_EQ(describe_image(image(0x02300033, width, height), kPlenty).error(), ImageError::BadGeometry)
            << width << 'x' << height;
    }
    ImageGeometry padded = image(0x01100005, 5, 7);
    padded.row_padding_bytes = kMax;
    EXPECT_FALSE(describe_image(padded, kPlenty));
    padded.row_padding_bytes = 1;  // rows of UINT16 that begin on odd addresses
    EXPECT_FALSE(describe_image(padded, kPlenty));
}

TEST(RegionCheckTest, AcceptsWhatLiesOnTheSensor) {
    EXPECT_EQ(axis_problem("x", "width", 0, 512, {512, 1, 1, 1}), "");
    EXPECT_EQ(axis_problem("x", "width", 511, 1, {512, 1, 1, 1}), "");
    EXPECT_EQ(axis_problem("x", "width", 8, 20, {512, 4, 16, 4}), "") << "steps count from the least width";
    EXPECT_EQ(axis_problem("x", "width", 9000, 1, {}), "") << "nothing is known about the sensor";
}

TEST(RegionCheckTest, SaysWhatIsWrongAndWhatWouldBeValid) {
    const camera::AxisLimits limits{512, 4, 4, 2};
    EXPECT_EQ(axis_problem("x", "width", 600, 512, limits),
              "x + width exceeds the sensor's 512 pixels; valid x is 0..0");
    EXPECT_EQ(axis_problem("y", "height", -1, 12, limits), "y is negative; valid y is 0..500");
    EXPECT_EQ(axis_problem("y", "height", 0, 516, limits),
              "height 516 exceeds the sensor's 512 pixels; valid height is 4..512");
    EXPECT_EQ(axis_problem("x", "width", 0, 3, limits),
              "width 3 is below the camera's least; valid width is 4..512");
    EXPECT_EQ(axis_problem("x", "width", 0, 10, limits),
              "width 10 is not a step of the camera's; the next below is 8, in steps of 4");
    EXPECT_EQ(axis_problem("x", "width", 3, 8, limits),
              "x 3 is not a step of the camera's; the next below is 2, in steps of 2");
}

TEST(RegionCheckTest, SurvivesTheLargestNumbers) {
    constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
    EXPECT_NE(axis_problem("x", "width", kMax, kMax, {512, 1, 1, 1}), "");
    EXPECT_NE(axis_problem("x", "width", kMax, 1, {512, 1, 1, 1}), "");
}

TEST(FrameIdTrackerTest, CountsTheIdsBetweenTwoFrames) {
    FrameIdTracker ids;
    EXPECT_EQ(ids.missed_before(100), 0u);
    EXPECT_EQ(ids.missed_before(101), 0u);
    EXPECT_EQ(ids.missed_before(105), 3u);
}

TEST(FrameIdTrackerTest, KnowsThatSixteenBitIdsSkipZeroWhenTheyWrap) {
    FrameIdTracker ids;
    EXPECT_EQ(ids.missed_before(65534), 0u);
    EXPECT_EQ(ids.missed_before(65535), 0u);
    EXPECT_EQ(ids.missed_before(1), 0u);
    EXPECT_EQ(ids.missed_before(2), 0u);

    ids.reset();
    EXPECT_EQ(ids.missed_before(65533), 0u);
    EXPECT_EQ(ids.missed_before(3), 4u);
}

TEST(FrameIdTrackerTest, DoesNotCountAFrameThatComesLate) {
    FrameIdTracker ids;
    EXPECT_EQ(ids.missed_before(100), 0u);
    EXPECT_EQ(ids.missed_before(102), 1u);
    EXPECT_EQ(ids.missed_before(101), 0u);
    EXPECT_EQ(ids.missed_before(103), 0u);
}

TEST(FrameIdTrackerTest, ContinuesBeyondSixteenBits) {
    FrameIdTracker ids;
    EXPECT_EQ(ids.missed_before(65535), 0u);
    EXPECT_EQ(ids.missed_before(65536), 0u);
    EXPECT_EQ(ids.missed_before(65539), 2u);
}

TEST(FrameIdTrackerTest, TakesAnImplausibleJumpForARestart) {
    FrameIdTracker ids;
    EXPECT_EQ(ids.missed_before(5), 0u);
    EXPECT_EQ(ids.missed_before(std::numeric_limits<std::uint64_t>::max()), 0u);
    EXPECT_EQ(ids.missed_before(0), 0u);
}

// spec: WIRE-166, WIRE-167
TEST(ClockMapperTest, MapsADriftingDeviceClockToIncreasingHostTimes) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    ClockMapper mapper;
    std::uint64_t last = 0;
    for (int frame = 0; frame < 20'000; ++frame) {
        const Nanos true_host = 5 * kNanosPerSecond + Nanos{frame} * 10 * kNanosPerMilli;
        const auto device = static_cast<std::uint64_t>(
            123'456'789'012 + static_cast<Nanos>(1.0001 * static_cast<double>(true_host)));  // 100 ppm fast
        const Nanos delay = 200'000 + static_cast<Nanos>(random() % 3'000'000);
        const std::uint64_t mapped = mapper.to_host(device, true_host + delay);
        ASSERT_GT(mapped, last);
        last = mapped;
        const auto error = static_cast<Nanos>(mapped) - true_host;
        ASSERT_GE(error, -kNanosPerMilli) << "frame " << frame;
        ASSERT_LE(error, 4 * kNanosPerMilli) << "frame " << frame;
    }
    EXPECT_EQ(mapper.jumps(), 0u);
}

// spec: WIRE-167
TEST(ClockMapperTest, StaysIncreasingWhenTheDeviceClockStartsAgain) {
    ClockMapper mapper;
    const std::uint64_t before = mapper.to_host(900 * kNanosPerSecond, 10 * kNanosPerSecond);
    const std::uint64_t after = mapper.to_host(1, 10 * kNanosPerSecond + 1000);
    EXPECT_GT(after, before);
    EXPECT_EQ(after, 10u * kNanosPerSecond + 1000);
    EXPECT_EQ(mapper.jumps(), 1u);
}

// spec: WIRE-167
TEST(ClockMapperTest, StaysIncreasingForArbitraryStamps) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    ClockMapper mapper;
    std::uint64_t last = 0;
    for (Nanos arrival = 1; arrival < 100'000; ++arrival) {
        const std::uint64_t mapped = mapper.to_host(random() >> (random() % 64), arrival * 1000);
        ASSERT_GT(mapped, last);
        last = mapped;
    }
}

TEST(ClockMapperTest, UsesTheArrivalWhenTheDeviceHasNoClock) {
    ClockMapper mapper;
    EXPECT_EQ(mapper.to_host(0, 1000), 1000u);
    EXPECT_EQ(mapper.to_host(0, 5000), 5000u);
}

}  // namespace
}  // namespace tensorpool
