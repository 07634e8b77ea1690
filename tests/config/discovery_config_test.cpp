// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <tensorpool/discovery_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DiscoveryProviderOptions options_of(const std::string& toml,
                                    DiscoveryTable which = DiscoveryTable::Standalone,
                                    Variables variables = {}) {
    const auto loaded = parse_discovery_config(toml, "d.toml", which, environment_of(std::move(variables)));
    EXPECT_TRUE(loaded);
    if (!loaded) return {};
    EXPECT_THAT(loaded->warnings, IsEmpty());
    return loaded->config.options;
}

std::string error_of(const std::string& toml, DiscoveryTable which = DiscoveryTable::Standalone) {
    try {
        static_cast<void>(parse_discovery_config(toml, "d.toml", which, environment_of({})));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

const std::string kRegistry = R"([discovery_registry]
channel = "aeron:ipc?term-length=4m"
stream_id = 7000
max_results = 50
expiry_ns = 4000000000
response_buf_bytes = 1000
[[discovery_registry.endpoints]]
driver_instance_id = "a"
announce_channel = "aeron:ipc?alias=a"
announce_stream_id = 1001
driver_control_channel = "aeron:ipc?alias=ac"
driver_control_stream_id = 1000
[[discovery_registry.endpoints]]
driver_instance_id = "b"
announce_channel = "aeron:ipc?alias=b"
announce_stream_id = 2001
metadata_channel = "aeron:ipc?alias=bm"
metadata_stream_id = 2300
driver_control_channel = "aeron:ipc?alias=bc"
driver_control_stream_id = 2000
[[discovery_registry.labels]]
driver_instance_id = "b"
stream_id = 10
tags = ["lab"]
data_source_id = 0
visible_to = ["1-5", "7-7"]
)";

// spec: DISC-013 DISC-071 DISC-078
TEST(DiscoveryConfigTest, ReadsARegistryOverSeveralDrivers) {
    const DiscoveryProviderOptions options = options_of(kRegistry);
    EXPECT_EQ(options.request, (Endpoint{"aeron:ipc?term-length=4m", 7000}));
    EXPECT_EQ(options.max_results, 50U);
    EXPECT_EQ(options.expiry_ns, 4 * kNanosPerSecond);
    EXPECT_EQ(options.response_buffer_bytes, 1000U);
    ASSERT_THAT(options.authorities, SizeIs(2));
    EXPECT_EQ(options.authorities[0].instance_id, "a");
    EXPECT_EQ(options.authorities[0].announce, (Endpoint{"aeron:ipc?alias=a", 1001}));
    EXPECT_EQ(options.authorities[0].control, (Endpoint{"aeron:ipc?alias=ac", 1000}));
    EXPECT_EQ(options.authorities[0].metadata, std::nullopt);
    EXPECT_EQ(options.authorities[1].metadata, (Endpoint{"aeron:ipc?alias=bm", 2300}));
    ASSERT_THAT(options.labels, SizeIs(1));
    EXPECT_EQ(options.labels[0].instance_id, "b");
    EXPECT_THAT(options.labels[0].tags, ElementsAre("lab"));
    EXPECT_EQ(options.labels[0].data_source_id, 0U);
}

// spec: DISC-079 DISC-082
TEST(DiscoveryConfigTest, TurnsVisibleToIntoARule) {
    const DiscoveryProviderOptions options = options_of(kRegistry);
    ASSERT_TRUE(options.visible);
    DiscoveredStream stream;
    stream.driver_instance_id = "b";
    stream.stream_id = 10;
    EXPECT_TRUE(options.visible(5, stream));
    EXPECT_FALSE(options.visible(6, stream));
    EXPECT_TRUE(options.visible(7, stream));
    stream.stream_id = 11;
    EXPECT_TRUE(options.visible(6, stream)) << "what has no rule is everybody's";
    EXPECT_FALSE(options_of("[discovery]\n[driver]\ninstance_id = \"x\"\n").visible);
}

// spec: DISC-014 DISC-071 DISC-074 DISC-085
TEST(DiscoveryConfigTest, TakesAnEmbeddedProvidersDefaultsFromItsDriver) {
    const DiscoveryProviderOptions options = options_of(
        "[driver]\ninstance_id = \"d\"\ncontrol_stream_id = 1500\nannounce_stream_id = 1501\n"
        "[discovery]\nannounce_period_ms = 2000\n",
        DiscoveryTable::Embedded);
    EXPECT_EQ(options.request, (Endpoint{"aeron:ipc?term-length=4m", 1500}));
    ASSERT_THAT(options.authorities, SizeIs(1));
    EXPECT_EQ(options.authorities[0].instance_id, "d");
    EXPECT_EQ(options.authorities[0].control.stream_id, 1500);
    EXPECT_EQ(options.authorities[0].announce.stream_id, 1501);
    EXPECT_EQ(options.expiry_ns, 6 * kNanosPerSecond) << "three periods";
    EXPECT_EQ(options.max_results, 1000U);
    EXPECT_EQ(options_of("[discovery]\n", DiscoveryTable::Embedded).authorities[0].instance_id, "driver-01");
    EXPECT_FALSE(parse_discovery_config("[driver]\n", "d.toml", DiscoveryTable::Embedded, environment_of({})))
        << "no table, no provider";
}

// spec: CFG-029
TEST(DiscoveryConfigTest, RefusesAKeyAndItsAliasThatContradictEachOther) {
    const std::string driver = "[driver]\ninstance_id = \"d\"\n[discovery]\n";
    EXPECT_EQ(
        options_of(driver + "request_channel = \"aeron:ipc?alias=r\"\nrequest_stream_id = 9000\n").request,
        (Endpoint{"aeron:ipc?alias=r", 9000}));
    EXPECT_EQ(options_of(driver + "stream_id = 9000\nrequest_stream_id = 9000\n").request.stream_id, 9000);
    EXPECT_THAT(
        error_of(driver + "stream_id = 9000\nrequest_stream_id = 9001\n"),
        HasSubstr("d.toml:5: discovery.request_stream_id: 9001 contradicts discovery.stream_id = 9000"));
    EXPECT_THAT(error_of(driver + "channel = \"aeron:ipc\"\nrequest_channel = \"aeron:udp?endpoint=x:1\"\n"),
                HasSubstr("contradicts discovery.channel"));
}

TEST(DiscoveryConfigTest, SaysEverythingThatIsWrongAtOnce) {
    EXPECT_THAT(
        error_of("[discovery]\nmax_results = 0\nexpiry_ns = 0\nannounce_period_ms = 0\n"
                 "metadata_channel = \"aeron:ipc\"\n"),
        AllOf(HasSubstr("discovery.channel: is missing"), HasSubstr("discovery.stream_id: is missing"),
              HasSubstr("discovery.driver_instance_id: is missing"),
              HasSubstr("discovery.driver_control_channel: is missing"),
              HasSubstr("discovery.announce_stream_id: is missing"),
              HasSubstr("discovery.metadata_stream_id: is missing"), HasSubstr("discovery.max_results: 0"),
              HasSubstr("discovery.expiry_ns: 0"), HasSubstr("discovery.announce_period_ms: is 0")));
    EXPECT_THAT(error_of("[driver]\naeron_dir = \"/x\"\n"), HasSubstr("discovery_registry: is missing"));
    std::string twice = kRegistry;
    twice.replace(twice.find("driver_instance_id = \"b\""), 24, "driver_instance_id = \"a\"");
    EXPECT_THAT(error_of(twice), HasSubstr("'a' is given twice"));
    std::string same_announce = kRegistry;
    same_announce.replace(same_announce.find("aeron:ipc?alias=b\"\nannounce_stream_id = 2001"), 44,
                          "aeron:ipc?alias=a\"\nannounce_stream_id = 1001");
    EXPECT_THAT(error_of(same_announce), HasSubstr("could not be told apart"));
    EXPECT_THAT(
        error_of(kRegistry + "[[discovery_registry.labels]]\ndriver_instance_id = \"c\"\nstream_id = 0\n"),
        AllOf(HasSubstr("'c' is none of the drivers"), HasSubstr("stream_id: 0 is not a stream")));
}

TEST(DiscoveryConfigTest, TakesTheEnvironmentBeforeTheFile) {
    EXPECT_EQ(options_of("[driver]\ninstance_id = \"d\"\n[discovery]\nmax_results = 5\n",
                         DiscoveryTable::Standalone,
                         {{"DISCOVERY_MAX_RESULTS", "7"}, {"DISCOVERY_STREAM_ID", "7001"}})
                  .max_results,
              7U);
}

TEST(DiscoveryConfigTest, WarnsOfKeysItDoesNotKnow) {
    const auto loaded = parse_discovery_config("[driver]\ninstance_id = \"d\"\n[discovery]\nmax_result = 5\n",
                                               "d.toml", DiscoveryTable::Standalone, environment_of({}));
    ASSERT_TRUE(loaded);
    ASSERT_THAT(loaded->warnings, SizeIs(1));
    EXPECT_THAT(loaded->warnings[0].str(), HasSubstr("did you mean discovery.max_results?"));
    EXPECT_THAT(parse_with("[discovery]\nmax_results = 5\n").warnings, IsEmpty())
        << "a driver's file may have both";
}

}  // namespace
}  // namespace tensorpool::test
