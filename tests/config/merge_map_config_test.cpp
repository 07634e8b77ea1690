// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/merge_map_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadedMergeMap parse(const std::string& body, Variables variables = {}) {
    return parse_merge_map("[merge_map]\n" + body, "map.toml", environment_of(std::move(variables)));
}

std::string error_of(const std::string& body) {
    try {
        static_cast<void>(parse(body));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

// spec: JOIN-011 JOIN-012
TEST(MergeMapConfigTest, ReadsASequenceMap) {
    const auto loaded = parse(R"(
out_stream_id = 20000
epoch = 7
stale_timeout_ns = 5_000_000_000
rules = [{ input_stream_id = 10000, offset = -1 }, { input_stream_id = 10001, window_size = 5 }]
)");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const SequenceMergeMap expected{
        20000, 7, 5'000'000'000, {SequenceRule::at_offset(10000, -1), SequenceRule::window(10001, 5)}};
    EXPECT_EQ(std::get<SequenceMergeMap>(loaded.map), expected);
    EXPECT_FALSE(fault_of(expected));
}

// spec: JOIN-013 JOIN-017 JOIN-018 JOIN-019
TEST(MergeMapConfigTest, ReadsATimestampMap) {
    const auto loaded = parse(R"(
kind = "timestamp"
out_stream_id = 20000
clock_domain = "realtime_synced"
lateness_ns = 5_000_000
[[merge_map.rules]]
input_stream_id = 10000
offset_ns = 0
[[merge_map.rules]]
input_stream_id = 10001
window_ns = 33_000_000
source = "frame_descriptor"
)");
    const TimestampMergeMap expected{
        20000,
        1,
        std::nullopt,
        ClockDomain::RealtimeSynced,
        5'000'000,
        {TimestampRule::at_offset(10000, 0),
         TimestampRule::window(10001, 33'000'000, TimestampSource::FrameDescriptor)}};
    EXPECT_EQ(std::get<TimestampMergeMap>(loaded.map), expected);
}

TEST(MergeMapConfigTest, TheEnvironmentOverridesScalars) {
    const auto loaded = parse("out_stream_id = 1\nrules = [{ input_stream_id = 2, offset = 0 }]\n",
                              {{"MERGE_MAP_EPOCH", "9"}, {"MERGE_MAP_OUT_STREAM_ID", "5"}});
    EXPECT_EQ(std::get<SequenceMergeMap>(loaded.map).epoch, 9U);
    EXPECT_EQ(std::get<SequenceMergeMap>(loaded.map).out_stream_id, 5U);
}

// spec: JOIN-011 JOIN-012 JOIN-013 JOIN-016
TEST(MergeMapConfigTest, NamesWhatIsWrongAndWhere) {
    const std::string head = "out_stream_id = 20000\n";
    const auto rule = [&](const std::string& text) {
        return error_of(head + "rules = [{ " + text + " }]\n");
    };
    EXPECT_THAT(error_of(head), HasSubstr("merge_map.rules: is missing or empty"));
    EXPECT_THAT(error_of("rules = [{ input_stream_id = 1, offset = 0 }]\n"),
                HasSubstr("merge_map.out_stream_id: is missing"));
    EXPECT_THAT(rule("offset = 0"), HasSubstr("rules[0].input_stream_id: is missing"));
    EXPECT_THAT(rule("input_stream_id = 1"), HasSubstr("is missing; give offset or window_size"));
    EXPECT_THAT(rule("input_stream_id = 1, offset = 0, window_size = 3"), HasSubstr("stands beside offset"));
    EXPECT_THAT(rule("input_stream_id = 1, window_size = 0"), HasSubstr("is outside 1 ... 4294967294"));
    EXPECT_THAT(rule("input_stream_id = 1, offset = -2147483648"), HasSubstr("is outside -2147483647 ..."));
    EXPECT_THAT(error_of("kind = \"latest\"\n" + head), HasSubstr("write \"sequence\" or \"timestamp\""));
    const std::string timestamp = "kind = \"timestamp\"\n" + head;
    EXPECT_THAT(error_of(timestamp + "rules = [{ input_stream_id = 1, offset = 0 }]\n"),
                HasSubstr("give offset_ns or window_ns"));
    EXPECT_THAT(error_of(timestamp + "rules = [{ input_stream_id = 1, offset_ns = 0, source = \"x\" }]\n"),
                HasSubstr("write \"slot_header\" or \"frame_descriptor\""));
    EXPECT_THAT(error_of(timestamp + "clock_domain = \"utc\"\n"),
                HasSubstr("clock_domain: 'utc' is unknown"));
    EXPECT_THROW(static_cast<void>(load_merge_map("/nonexistent.toml")), Error);
}

TEST(MergeMapConfigTest, WarnsAboutKeysThatDoNotExist) {
    const auto loaded = parse(R"(
out_stream_id = 20000
latenes_ns = 5
rules = [{ input_stream_id = 10000, offset = 0, windowsize = 2 }]
)");
    EXPECT_EQ(loaded.warnings.size(), 2U);
}

}  // namespace
}  // namespace tensorpool::test
