// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <tensorpool/supervisor_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

LoadedSupervisorConfig parse_supervisor(const std::string& toml, Variables variables = {}) {
    return parse_supervisor_config(toml, "supervisor.toml", environment_of(std::move(variables)));
}

std::string error_of(const std::string& toml) {
    try {
        static_cast<void>(parse_supervisor(toml));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

TEST(SupervisorConfigTest, HasWorkingDefaults) {
    const auto loaded = parse_supervisor("");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const SupervisorOptions& options = loaded.config.options;
    EXPECT_EQ(options.capacity, 256U);
    EXPECT_EQ(options.stale_after_ns, 5 * kNanosPerSecond);
    EXPECT_FALSE(options.force_no_shm);
    EXPECT_FALSE(options.force_mode);
    EXPECT_EQ(options.endpoints.control.stream_id, 1000);
    EXPECT_EQ(options.endpoints.metadata.stream_id, 1300);
}

TEST(SupervisorConfigTest, ReadsEveryKey) {
    const auto loaded = parse_supervisor(R"([supervisor]
control_channel = "aeron:ipc?alias=c"
control_stream_id = 1
announce_stream_id = 2
qos_stream_id = 3
metadata_stream_id = 4
consumer_capacity = 7
consumer_stale_ms = 1500
force_no_shm = true
force_mode = 2
payload_fallback_uri = "bridge://9"
)");
    const SupervisorOptions& options = loaded.config.options;
    EXPECT_EQ(options.endpoints.control.channel, "aeron:ipc?alias=c");
    EXPECT_EQ(options.endpoints.control.stream_id, 1);
    EXPECT_EQ(options.endpoints.announce.channel, "aeron:ipc?alias=c");
    EXPECT_EQ(options.endpoints.announce.stream_id, 2);
    EXPECT_EQ(options.endpoints.qos.stream_id, 3);
    EXPECT_EQ(options.endpoints.metadata.stream_id, 4);
    EXPECT_EQ(options.capacity, 7U);
    EXPECT_EQ(options.stale_after_ns, 1500 * kNanosPerMilli);
    EXPECT_TRUE(options.force_no_shm);
    EXPECT_EQ(options.force_mode, Mode::RateLimited);
    EXPECT_EQ(options.payload_fallback_uri, "bridge://9");
}

// spec: OT-12
TEST(SupervisorConfigTest, TakesTheDriversEndpointsForThoseItLeavesOut) {
    const auto loaded = parse_supervisor(kMinimalToml + R"([driver]
control_stream_id = 1010
qos_channel = "aeron:ipc?alias=q"
[supervisor]
qos_channel = ""
)");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const StreamEndpoints& at = loaded.config.options.endpoints;
    EXPECT_EQ(at.control.stream_id, 1010);
    EXPECT_EQ(at.announce.stream_id, 1010);
    EXPECT_EQ(at.qos.channel, "aeron:ipc?alias=q");
}

// spec: SUP-010
TEST(SupervisorConfigTest, OnlyWatchesBesideADriverThatIssuesConfigurationsItself) {
    const auto issues = [](const std::string& toml) {
        return parse_supervisor(toml).config.options.issue_configs;
    };
    EXPECT_TRUE(issues("[supervisor]\nforce_mode = 1\n"));
    EXPECT_TRUE(issues(kMinimalToml));
    EXPECT_FALSE(issues(kMinimalToml + "[supervisor]\nforce_mode = 1\n"));
    EXPECT_FALSE(issues(kMinimalToml + "[driver]\ndescriptor_stream_id_range = \"31000-31999\"\n"));
}

// spec: SUP-018
TEST(SupervisorConfigTest, SweepsOnlyWhereNoDriverDoes) {
    const auto loaded =
        parse_supervisor("[supervisor]\nsweep_base_dir = \"/dev/shm\"\nsweep_namespace = \"lab\"\n");
    EXPECT_EQ(loaded.config.options.sweep_base_dir, "/dev/shm");
    EXPECT_EQ(loaded.config.options.sweep_namespace, "lab");
    EXPECT_THAT(error_of("[supervisor]\nsweep_base_dir = \"shm\"\n"), HasSubstr("absolute"));
    EXPECT_THAT(error_of(kMinimalToml + "[supervisor]\nsweep_base_dir = \"/dev/shm\"\n"),
                HasSubstr("SUP-018"));
}

TEST(SupervisorConfigTest, TheEnvironmentWins) {
    const auto loaded =
        parse_supervisor("[supervisor]\nconsumer_capacity = 7\n", {{"SUPERVISOR_CONSUMER_CAPACITY", "9"}});
    EXPECT_EQ(loaded.config.options.capacity, 9U);
}

TEST(SupervisorConfigTest, RefusesWrongValuesWithPlaceKeyAndRemedy) {
    EXPECT_THAT(error_of("[supervisor]\nforce_mode = 3\n"), HasSubstr("supervisor.toml:2"));
    EXPECT_THAT(error_of("[supervisor]\nforce_mode = 3\n"), HasSubstr("0 none, 1 STREAM, 2 RATE_LIMITED"));
    EXPECT_THAT(error_of("[supervisor]\nconsumer_capacity = 0\n"), HasSubstr("at least 1"));
    EXPECT_THAT(error_of("[supervisor]\nconsumer_stale_ms = 0\n"), HasSubstr("consumer_stale_ms"));
    EXPECT_THAT(error_of("[supervisor]\npayload_fallback_uri = \"http://x\"\n"), HasSubstr("bridge://<id>"));
    EXPECT_THAT(error_of("[supervisor]\npayload_fallback_uri = \"bridge://\"\n"), HasSubstr("bridge://<id>"));
    EXPECT_THAT(error_of("[supervisor]\ncontrol_stream_id = 0\n"), HasSubstr("CFG-012"));
}

// spec: SUP-014
TEST(SupervisorConfigTest, ReadsWhereStreamsOfSingleConsumersComeFrom) {
    const auto loaded = parse_supervisor(R"([supervisor]
per_consumer_enabled = true
per_consumer_descriptor_channel = "aeron:ipc?term-length=64k"
per_consumer_descriptor_base = 31000
per_consumer_descriptor_range = 1000
per_consumer_control_base = 32000
per_consumer_control_range = 500
)");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const PerConsumerStreams& streams = loaded.config.options.per_consumer;
    EXPECT_TRUE(streams.enabled);
    EXPECT_EQ(streams.descriptor.channel, "aeron:ipc?term-length=64k");
    EXPECT_EQ(streams.descriptor.base, 31000U);
    EXPECT_EQ(streams.descriptor.range, 1000U);
    EXPECT_THAT(streams.control.channel, IsEmpty());
    EXPECT_EQ(streams.control.base, 32000U);
    EXPECT_EQ(streams.control.range, 500U);
    EXPECT_FALSE(parse_supervisor("").config.options.per_consumer.enabled);
}

// spec: SUP-014 STR-001 STR-007
TEST(SupervisorConfigTest, RefusesRangesThatMakeNoSense) {
    const auto error = [](const std::string& keys) { return error_of("[supervisor]\n" + keys); };
    EXPECT_THAT(error("per_consumer_descriptor_base = 31000\n"), HasSubstr("range of at least 1"));
    EXPECT_THAT(error("per_consumer_control_base = 2147483647\nper_consumer_control_range = 2\n"),
                HasSubstr("STR-007"));
    EXPECT_THAT(error("per_consumer_descriptor_base = 990\nper_consumer_descriptor_range = 20\n"),
                HasSubstr("1000, which is a shared stream"));
    EXPECT_THAT(error("per_consumer_descriptor_base = 31000\nper_consumer_descriptor_range = 1000\n"
                      "per_consumer_control_base = 31999\nper_consumer_control_range = 10\n"),
                HasSubstr("overlap"));
    EXPECT_THAT(error("per_consumer_control_channel = \"tcp:x\"\n"), HasSubstr("is no channel"));
    EXPECT_THAT(error("per_consumer_control_channel = \"aeron:ipc?term-length=1g\"\n"),
                HasSubstr("above 16m"));
}

TEST(SupervisorConfigTest, WarnsAboutKeysNobodyKnows) {
    EXPECT_THAT(parse_supervisor("[supervisor]\nforce_shm = true\n").warnings, SizeIs(1));
}

TEST(SupervisorConfigTest, AMissingFileIsNamed) {
    try {
        static_cast<void>(load_supervisor_config("/nowhere/supervisor.toml", environment_of({})));
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::NotFound);
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/supervisor.toml"));
    }
}

}  // namespace
}  // namespace tensorpool::test
