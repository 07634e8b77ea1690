// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "config_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool {
namespace {

using test::parse;
using test::parse_with;
using test::problem_with;
using test::problems_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// spec: CFG-016, STR-001
TEST(DriverConfigCrossChecksTest, RangesMustNotOverlapEachOther) {
    EXPECT_EQ(
        problem_with(
            "[driver]\nstream_id_range = \"20000-29999\"\ndescriptor_stream_id_range = \"29999-31999\""),
        "driver.toml:3: driver.descriptor_stream_id_range: 29999-31999 overlaps driver.stream_id_range "
        "20000-29999 (CFG-016); make them disjoint");
    EXPECT_THAT(problem_with("[driver]\nstream_id_range = [\"20000-20009\", \"20009-20020\"]"),
                HasSubstr("20009-20020 overlaps driver.stream_id_range 20000-20009"));
    EXPECT_THAT(
        problem_with("[driver]\ncontrol_stream_id_range = \"5-9\"\ndescriptor_stream_id_range = \"1-5\""),
        HasSubstr("5-9 overlaps driver.descriptor_stream_id_range 1-5"));
    EXPECT_NO_THROW(
        parse_with("[driver]\ncontrol_stream_id_range = \"6-9\"\ndescriptor_stream_id_range = \"1-5\""));
}

// spec: CFG-016, STR-001
TEST(DriverConfigCrossChecksTest, RangesMustNotHoldAnEndpointsOrAConfiguredStreamsId) {
    EXPECT_THAT(
        problem_with("[driver]\nannounce_stream_id = 3\nstream_id_range = \"900-1000\""),
        HasSubstr("driver.stream_id_range: 900-1000 contains driver.control_stream_id 1000 (CFG-016)"));
    EXPECT_THAT(
        problem_with("[driver]\nannounce_stream_id = 1001\ndescriptor_stream_id_range = \"1001-1005\""),
        HasSubstr("contains driver.announce_stream_id 1001"));
    EXPECT_THAT(problem_with("[driver]\ncontrol_stream_id_range = \"1200-1200\""),
                HasSubstr("contains driver.qos_stream_id 1200"));
    EXPECT_THAT(problem_with("[driver]\nstream_id_range = \"10000-10999\""),
                HasSubstr("contains streams.cam1.stream_id 10000"));
}

// spec: CFG-016
TEST(DriverConfigCrossChecksTest, RangesOverTheConventionalSharedStreamsAreOnlyWarnedAbout) {
    const auto loaded =
        parse_with("[driver]\nstream_id_range = \"1100-1150\"\ncontrol_stream_id_range = \"1300-1300\"");
    ASSERT_EQ(loaded.warnings.size(), 2U);
    EXPECT_EQ(loaded.warnings[0].str(),
              "driver.toml:2: driver.stream_id_range: 1100-1150 contains 1100, by convention "
              "the shared stream of descriptors (CFG-016)");
    EXPECT_THAT(loaded.warnings[1].str(), HasSubstr("the shared stream of metadata"));
}

// spec: CFG-012, STR-007
TEST(DriverConfigCrossChecksTest, PerConsumerRangesStayInsideTheSigned32BitNumbers) {
    EXPECT_THAT(problem_with("[driver]\ndescriptor_stream_id_range = \"5-2147483648\""),
                HasSubstr("goes beyond 2147483647 (CFG-012)"));
    EXPECT_NO_THROW(parse_with("[driver]\nstream_id_range = \"3000000000-4294967294\""));
    EXPECT_THAT(problem_with("[driver]\nstream_id_range = \"3000000000-4294967295\""),
                HasSubstr("goes beyond 4294967294"));
}

// spec: CFG-017
TEST(DriverConfigCrossChecksTest, DynamicStreamsWithoutARangeStartWithAWarning) {
    const auto loaded = parse_with("[policies]\nallow_dynamic_streams = true");
    ASSERT_EQ(loaded.warnings.size(), 1U);
    EXPECT_THAT(loaded.warnings[0].str(), HasSubstr("is true without driver.stream_id_range"));
    EXPECT_THAT(
        parse_with("[driver]\nstream_id_range = \"20000-29999\"\n[policies]\nallow_dynamic_streams = true")
            .warnings,
        IsEmpty());
}

TEST(DriverConfigCrossChecksTest, StreamsMayBeAbsentOnceDynamicStreamsAreAllowed) {
    const std::string profile = "[profiles.p]\npayload_pools = [{ pool_id = 1, stride_bytes = 64 }]\n";
    EXPECT_THAT(problems_of(profile)[0].str(), HasSubstr("streams: has no entry"));
    EXPECT_NO_THROW(
        parse("[policies]\nallow_dynamic_streams = true\n[driver]\nstream_id_range = \"1-9\"\n" + profile));
}

// spec: CFG-019
TEST(DriverConfigCrossChecksTest, FileSizesAreSummedIn64BitsAndRoundedUpToHugepages) {
    DriverProfileConfig profile;
    profile.header_nslots = 1024;
    profile.payload_pools = {{.pool_id = 1, .stride_bytes = 1U << 30U}};
    EXPECT_EQ(epoch_size_bytes(profile), 64U + 1024U * 256U + 64U + 1024ULL * (1ULL << 30U));
    constexpr std::uint64_t kHuge = 2U << 20U;
    profile.payload_pools = {{.pool_id = 1, .stride_bytes = 4096}};
    EXPECT_EQ(epoch_size_bytes(profile, kHuge), kHuge + 3 * kHuge);
}

// spec: CFG-019
TEST(DriverConfigCrossChecksTest, ASizeBeyondTheFileOffsetRangeIsRefused) {
    std::string pools;
    for (int id = 1; id <= 3; ++id) {
        pools += "{ pool_id = " + std::to_string(id) + ", stride_bytes = 2147483648 },";
    }
    const auto problems = problems_of("[profiles.huge]\nheader_nslots = 2147483648\npayload_pools = [" +
                                      pools + "]\n[streams.s]\nstream_id = 1\nprofile = \"huge\"\n");
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].str(),
              "driver.toml:1: profiles.huge: needs more bytes than a file offset can count "
              "(CFG-019); use fewer slots or smaller strides");
}

TEST(DriverConfigCrossChecksTest, AConfigurationBuiltInCodePassesTheSameChecksWithoutASource) {
    DriverConfig config;
    ConfigReport report = validate_driver_config(config);
    ASSERT_EQ(report.problems.size(), 2U);
    EXPECT_THAT(report.problems[0].str(), HasSubstr("profiles: is missing"));
    config.profiles = {
        {.name = "p", .header_nslots = 8, .payload_pools = {{.pool_id = 1, .stride_bytes = 64}}}};
    config.streams = {{.name = "s", .stream_id = 1, .profile = "p"}};
    EXPECT_THAT(validate_driver_config(config).problems, IsEmpty());
    config.shm.permissions_mode = 0400;
    config.control.stream_id = -1;
    EXPECT_EQ(validate_driver_config(config).problems.size(), 3U) << "announce follows control";
}

}  // namespace
}  // namespace tensorpool
