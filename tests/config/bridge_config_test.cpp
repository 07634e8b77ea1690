// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <tensorpool/bridge_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kBridge = R"([bridge]
instance_id = "bridge-01"
payload_channel = "aeron:udp?endpoint=10.0.0.2:40123"
payload_stream_id = 3000
control_channel = "aeron:udp?endpoint=10.0.0.2:40124"
control_stream_id = 3001
forward_metadata = false
)";
const std::string kMapping = R"([[mappings]]
source_stream_id = 1000
dest_stream_id = 2000
)";

LoadedBridgeConfig parse_bridge(const std::string& toml, Variables variables = {},
                                std::optional<BridgeEnd> end = std::nullopt) {
    return parse_bridge_config(toml, "bridge.toml", end, environment_of(std::move(variables)));
}

/// Everything that is wrong; empty when nothing is.
std::string error_of(const std::string& toml, Variables variables = {}) {
    try {
        static_cast<void>(parse_bridge(toml, std::move(variables)));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}
std::string error_with(const std::string& bridge_keys, const std::string& mapping_keys = "") {
    return error_of(kBridge + bridge_keys + kMapping + mapping_keys);
}

// spec: BRG-111 BRG-112
TEST(BridgeConfigTest, TheSmallestFileHasWorkingDefaults) {
    const auto loaded = parse_bridge(kBridge + kMapping);
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const BridgeOptions& options = loaded.config.options;
    EXPECT_EQ(options.instance_id, "bridge-01");
    EXPECT_EQ(options.payload.channel, "aeron:udp?endpoint=10.0.0.2:40123");
    EXPECT_EQ(options.payload.stream_id, 3000);
    EXPECT_EQ(options.control.stream_id, 3001);
    EXPECT_EQ(options.mtu_bytes, 0U);
    EXPECT_EQ(options.chunk_bytes, 0U);
    EXPECT_EQ(options.max_chunk_bytes, 65535U);
    EXPECT_EQ(options.max_payload_bytes, 1073741824U);
    EXPECT_FALSE(options.integrity_crc32c);
    EXPECT_FALSE(options.forward_tracelink);
    EXPECT_FALSE(options.forward_qos);
    EXPECT_FALSE(options.forward_progress);
    EXPECT_EQ(options.assembly_timeout_ns, 250 * kNanosPerMilli);
    EXPECT_EQ(options.local.control.stream_id, 1000);
    ASSERT_THAT(options.mappings, SizeIs(1));
    EXPECT_EQ(options.mappings[0].source_stream_id, 1000U);
    EXPECT_EQ(options.mappings[0].dest_stream_id, 2000U);
    EXPECT_EQ(options.mappings[0].end, BridgeEnd::Both);
    EXPECT_EQ(loaded.config.messaging, MessagingKind::Embedded);
    EXPECT_EQ(loaded.config.transport_messaging, MessagingKind::Aeron) << "UDP leaves the host";
}

TEST(BridgeConfigTest, GivesTheMediaDriverToTheSideThatIsAeron) {
    const std::string file = "embedded_media_driver = true\n" + kBridge;
    const BridgeConfig udp = parse_bridge(file + kMapping).config;
    EXPECT_FALSE(udp.local_context().embedded_media_driver) << "the clients need none";
    EXPECT_TRUE(udp.transport_context().embedded_media_driver);
    const BridgeConfig both = parse_bridge("messaging = \"aeron\"\n" + file + kMapping).config;
    EXPECT_TRUE(both.local_context().embedded_media_driver);
    EXPECT_FALSE(both.transport_context().embedded_media_driver) << "the same one serves both";
    EXPECT_THAT(error_of("embedded_media_driver = true\n" + kBridge + "transport_messaging = \"embedded\"\n" +
                         kMapping),
                HasSubstr("embedded_media_driver"));
}

// spec: BRG-111
TEST(BridgeConfigTest, ReadsEveryKey) {
    const auto loaded = parse_bridge(R"(messaging = "embedded"
messaging_dir = "/dev/shm/here"
[bridge]
instance_id = "b"
role = "sender"
payload_channel = "aeron:ipc"
payload_stream_id = 1
control_channel = "aeron:ipc"
control_stream_id = 2
metadata_channel = "aeron:ipc?alias=m"
metadata_stream_id = 3
source_metadata_stream_id = 1300
mtu_bytes = 9000
chunk_bytes = 4096
max_chunk_bytes = 8192
max_payload_bytes = 1000000
dest_stream_id_range = "50000-50009"
forward_metadata = true
forward_tracelink = true
forward_qos = true
forward_progress = true
progress_under_dest_id = true
assembly_timeout_ms = 400
max_frames_in_flight = 3
transport_messaging = "embedded"
transport_messaging_dir = "/dev/shm/there"
aeron_dir = "/dev/shm/aeron"
[local]
control_channel = "aeron:ipc?alias=c"
control_stream_id = 11
descriptor_stream_id = 12
qos_stream_id = 13
metadata_stream_id = 14
source_uses_driver = false
allowed_base_dirs = ["/dev/shm/tensors"]
keepalive_interval_ms = 500
announce_period_ms = 600
[[mappings]]
source_stream_id = 1000
dest_stream_id = 2000
profile = ""
metadata_stream_id = 2001
source_control_stream_id = 1201
dest_control_stream_id = 2201
[[mappings]]
source_stream_id = 3000
dest_stream_id = 0
role = "receiver"
source_control_stream_id = 1202
dest_control_stream_id = 2202
payload_stream_id = 101
control_stream_id = 102
metadata_transport_stream_id = 103
)");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const BridgeConfig& config = loaded.config;
    EXPECT_EQ(config.transport_messaging, MessagingKind::Embedded);
    EXPECT_EQ(config.local_context().messaging_dir, "/dev/shm/here");
    EXPECT_EQ(config.transport_context().messaging_dir, "/dev/shm/there");
    EXPECT_EQ(config.transport_context().aeron_dir, "/dev/shm/aeron");
    const BridgeOptions& options = config.options;
    EXPECT_EQ(options.metadata, (Endpoint{"aeron:ipc?alias=m", 3}));
    EXPECT_EQ(options.source_metadata_stream_id, 1300);
    EXPECT_EQ(options.mtu_bytes, 9000U);
    EXPECT_EQ(options.chunk_bytes, 4096U);
    EXPECT_EQ(options.max_chunk_bytes, 8192U);
    EXPECT_EQ(options.max_payload_bytes, 1000000U);
    EXPECT_EQ(options.dest_stream_id_range, (std::vector<IdRange>{{50000, 50009}}));
    EXPECT_TRUE(options.forward_metadata && options.forward_tracelink && options.forward_qos &&
                options.forward_progress);
    EXPECT_TRUE(options.progress_under_dest_id);
    EXPECT_EQ(options.assembly_timeout_ns, 400 * kNanosPerMilli);
    EXPECT_EQ(options.max_frames_in_flight, 3U);
    EXPECT_EQ(options.local.control, (Endpoint{"aeron:ipc?alias=c", 11}));
    EXPECT_EQ(options.local.announce, options.local.control);
    EXPECT_EQ(options.local.descriptor.stream_id, 12);
    EXPECT_EQ(options.local.metadata.stream_id, 14);
    EXPECT_FALSE(options.source_uses_driver);
    EXPECT_EQ(options.allowed_base_dirs, std::vector<std::string>{"/dev/shm/tensors"});
    EXPECT_EQ(options.keepalive_interval_ns, 500 * kNanosPerMilli);
    ASSERT_THAT(options.mappings, SizeIs(2));
    EXPECT_EQ(options.mappings[0].end, BridgeEnd::Send);
    EXPECT_EQ(options.mappings[0].metadata_stream_id, 2001U);
    EXPECT_EQ(options.mappings[0].source_control_stream_id, 1201U);
    EXPECT_EQ(options.mappings[0].dest_control_stream_id, 2201U);
    EXPECT_FALSE(options.mappings[0].payload);
    EXPECT_EQ(options.mappings[1].end, BridgeEnd::Receive);
    EXPECT_EQ(options.mappings[1].payload, (Endpoint{"aeron:ipc", 101}));
    EXPECT_EQ(options.mappings[1].metadata, (Endpoint{"aeron:ipc?alias=m", 103}));
}

// spec: BRG-111 CFG-004 CFG-005
TEST(BridgeConfigTest, TheEnvironmentWinsAndTheCommandLineNamesTheEnd) {
    const auto loaded = parse_bridge(
        kBridge + kMapping, {{"BRIDGE_PAYLOAD_STREAM_ID", "4000"}, {"LOCAL_CONTROL_STREAM_ID", "1010"}},
        BridgeEnd::Receive);
    EXPECT_EQ(loaded.config.options.payload.stream_id, 4000);
    EXPECT_EQ(loaded.config.options.local.control.stream_id, 1010);
    EXPECT_EQ(loaded.config.options.mappings[0].end, BridgeEnd::Receive);
}

// spec: BRG-112
TEST(BridgeConfigTest, NamesEveryRequiredKeyThatIsMissing) {
    const std::string error = error_of("[bridge]\nforward_metadata = false\n");
    for (const char* key : {"bridge.instance_id", "bridge.payload_channel", "bridge.payload_stream_id",
                            "bridge.control_channel", "bridge.control_stream_id", "mappings"})
        EXPECT_THAT(error, HasSubstr(key));
    EXPECT_THAT(error_of(kBridge + "[[mappings]]\ndest_stream_id = 2000\n"),
                HasSubstr("mappings[0].source_stream_id"));
}

// spec: CFG-012 CFG-013
TEST(BridgeConfigTest, RefusesValuesOutOfTheirRange) {
    EXPECT_THAT(error_with("mtu_bytes = 128\n"), AllOf(HasSubstr("bridge.mtu_bytes"), HasSubstr("128")));
    EXPECT_THAT(error_with("mtu_bytes = 0\n"), HasSubstr("bridge.mtu_bytes"));
    EXPECT_EQ(error_with("mtu_bytes = 129\n"), "");
    EXPECT_THAT(error_with("chunk_bytes = 0\n"), HasSubstr("bridge.chunk_bytes"));
    EXPECT_THAT(error_with("max_chunk_bytes = 0\n"), HasSubstr("1 ... 65535"));
    EXPECT_THAT(error_with("max_chunk_bytes = 65536\n"), HasSubstr("1 ... 65535"));
    EXPECT_THAT(error_with("max_payload_bytes = 0\n"), HasSubstr("1 ... 1073741824"));
    EXPECT_THAT(error_with("max_payload_bytes = 1073741825\n"), HasSubstr("1 ... 1073741824"));
    EXPECT_THAT(error_with("assembly_timeout_ms = 0\n"), HasSubstr("bridge.assembly_timeout_ms"));
    EXPECT_THAT(error_with("role = \"master\"\n"), HasSubstr("sender"));
    EXPECT_THAT(error_with("", "source_control_stream_id = 2147483648\n"), HasSubstr("2147483647"));
    EXPECT_THAT(error_of(kBridge + "[[mappings]]\nsource_stream_id = 0\ndest_stream_id = 1\n"),
                HasSubstr("CFG-012"));
    EXPECT_THAT(error_of("[bridge]\ninstance_id = \"\"\n"), HasSubstr("give this bridge a name"));
    EXPECT_THAT(error_of(kBridge + kMapping, {{"BRIDGE_PAYLOAD_CHANNEL", "udp://x"}}),
                HasSubstr("must start with \"aeron:\""));
    EXPECT_THAT(error_of(kBridge + kMapping, {{"BRIDGE_PAYLOAD_CHANNEL", "aeron:udp?endpoint=h:1|mtu=100"}}),
                HasSubstr("mtu 100"));
    EXPECT_THAT(error_of(kBridge + kMapping, {{"BRIDGE_INTEGRITY_CRC32C", "yes"}}),
                HasSubstr("BRIDGE_INTEGRITY_CRC32C"));
}

// spec: CFG-021 BRG-087 BRG-088
TEST(BridgeConfigTest, ForwardingMetadataNeedsItsChannelAndIds) {
    for (const std::string key : {"forward_metadata", "forward_tracelink"}) {
        std::string file = kBridge;
        file.replace(file.find("forward_metadata = false"), 24, key + " = true");
        if (key != "forward_metadata") file += "forward_metadata = false\n";
        const std::string error = error_of(file + kMapping);
        EXPECT_THAT(error, HasSubstr("bridge.metadata_channel"));
        EXPECT_THAT(error, HasSubstr("bridge.metadata_stream_id"));
        EXPECT_THAT(error, HasSubstr("bridge.source_metadata_stream_id"));
        EXPECT_THAT(error, HasSubstr("bridge." + key + " = false"));
        EXPECT_EQ(
            error_of(file +
                     "metadata_channel = \"aeron:udp?endpoint=10.0.0.2:40125\"\nmetadata_stream_id = 3002\n"
                     "source_metadata_stream_id = 1300\n" +
                     kMapping),
            "");
    }
}

// spec: CFG-021
TEST(BridgeConfigTest, MetadataForwardingIsOnByDefaultAndSaysHowToSwitchItOff) {
    std::string file = kBridge;
    file.erase(file.find("forward_metadata"));
    EXPECT_THAT(error_of(file + kMapping), HasSubstr("set bridge.forward_metadata = false (CFG-021)"));
}

// spec: BRG-092
TEST(BridgeConfigTest, MetadataHasAChannelOfItsOwn) {
    EXPECT_THAT(
        error_with("metadata_channel = \"aeron:udp?endpoint=10.0.0.2:40124\"\nmetadata_stream_id = 3002\n"),
        HasSubstr("also the control channel"));
}

// spec: CFG-022 BRG-102 BRG-104 BRG-103
TEST(BridgeConfigTest, ForwardingQosOrProgressNeedsBothControlStreams) {
    for (const std::string key : {"forward_qos", "forward_progress"}) {
        const std::string on = key + " = true\n";
        EXPECT_THAT(error_with(on),
                    AllOf(HasSubstr("mappings[0].source_control_stream_id"),
                          HasSubstr("mappings[0].dest_control_stream_id"), HasSubstr("CFG-022")));
        EXPECT_THAT(error_with(on, "source_control_stream_id = 1201\n"),
                    HasSubstr("mappings[0].dest_control_stream_id"));
        EXPECT_EQ(error_with(on, "source_control_stream_id = 1201\ndest_control_stream_id = 2201\n"), "");
    }
}

// spec: BRG-008
TEST(BridgeConfigTest, AStreamIsNotItsOwnDestination) {
    EXPECT_THAT(error_of(kBridge + "[[mappings]]\nsource_stream_id = 5\ndest_stream_id = 5\n"),
                HasSubstr("feed itself"));
}

// spec: CFG-023 BRG-007 BRG-008 BRG-009
TEST(BridgeConfigTest, ALoopOfTwoMappingsNeedsSeparateStreams) {
    const std::string back = "[[mappings]]\nsource_stream_id = 2000\ndest_stream_id = 1000\n";
    EXPECT_THAT(error_of(kBridge + kMapping + back), HasSubstr("a chunk could mean"));
    const auto warned = parse_bridge(kBridge + kMapping + back + "payload_stream_id = 3100\n").warnings;
    ASSERT_THAT(warned, SizeIs(1));
    EXPECT_THAT(warned[0].str(), HasSubstr("CFG-023"));
    EXPECT_THAT(
        parse_bridge(kBridge + kMapping + back + "payload_stream_id = 3100\ncontrol_stream_id = 3101\n")
            .warnings,
        IsEmpty());
}

// spec: BRG-006
TEST(BridgeConfigTest, NoIdMayMeanTwoMappings) {
    const auto second = [](const std::string& keys) {
        return error_of(kBridge + kMapping + "[[mappings]]\n" + keys);
    };
    EXPECT_THAT(second("source_stream_id = 1000\ndest_stream_id = 2000\n"), HasSubstr("is there already"));
    EXPECT_THAT(second("source_stream_id = 1001\ndest_stream_id = 2000\n"),
                HasSubstr("a stream has one producer"));
    EXPECT_THAT(second("source_stream_id = 1000\ndest_stream_id = 2001\n"), HasSubstr("could mean"));
    EXPECT_THAT(second("source_stream_id = 2000\ndest_stream_id = 2001\n"), HasSubstr("could mean"));
    EXPECT_THAT(second("source_stream_id = 1000\ndest_stream_id = 2001\npayload_stream_id = 3100\n"),
                HasSubstr("on one control stream"));
    EXPECT_EQ(second("source_stream_id = 1000\ndest_stream_id = 2001\npayload_stream_id = "
                     "3100\ncontrol_stream_id = 3101\n"),
              "");
    EXPECT_EQ(second("source_stream_id = 1001\ndest_stream_id = 2001\n"), "");
    EXPECT_THAT(
        error_of(kBridge + kMapping, {{"BRIDGE_CONTROL_STREAM_ID", "3000"},
                                      {"BRIDGE_CONTROL_CHANNEL", "aeron:udp?endpoint=10.0.0.2:40123"}}),
        HasSubstr("also the payload stream"));
}

const std::string kRange = "dest_stream_id_range = \"50000-50001\"\n";

// spec: CFG-025 BRG-019 BRG-020
TEST(BridgeConfigTest, AnAllocatedDestinationNeedsARangeWithRoom) {
    const std::string allocate = "[[mappings]]\nsource_stream_id = 7\ndest_stream_id = 0\n";
    EXPECT_THAT(error_of(kBridge + allocate), HasSubstr("dest_stream_id_range is not set (BRG-019)"));
    EXPECT_EQ(error_of(kBridge + kRange + allocate), "");
    EXPECT_EQ(error_of(kBridge + "role = \"sender\"\n" + allocate), "") << "allocated on the other host";
    const std::string more = "[[mappings]]\nsource_stream_id = 8\n[[mappings]]\nsource_stream_id = 9\n";
    EXPECT_THAT(error_of(kBridge + kRange + allocate + more), HasSubstr("has 2 ids for 3 mappings"));
    EXPECT_THAT(error_of(kBridge + kRange + "[[mappings]]\nsource_stream_id = 7\ndest_stream_id = 50001\n"),
                HasSubstr("choose one outside"));
}

// spec: CFG-025 BRG-020
TEST(BridgeConfigTest, TheRangeMissesEveryIdThatIsTaken) {
    const auto clash = [](const std::string& range, const std::string& whose, const std::string& more = "") {
        EXPECT_THAT(error_of(kBridge + "dest_stream_id_range = \"" + range + "\"\n" + kMapping + more),
                    AllOf(HasSubstr("bridge.dest_stream_id_range"), HasSubstr(whose)))
            << range;
    };
    clash("900-1000", "local.control_stream_id");
    clash("1100-1150", "local.descriptor_stream_id");
    clash("1150-1250", "local.qos_stream_id");
    clash("1300-1310", "local.metadata_stream_id");
    clash("2990-3000", "bridge.payload_stream_id");
    clash("3001-3010", "bridge.control_stream_id");
    clash("6000-7000", "mappings[0].source_control_stream_id", "source_control_stream_id = 6001\n");
    clash("6000-7000", "mappings[0].dest_control_stream_id", "dest_control_stream_id = 6001\n");
    clash("6000-7000", "mappings[0].metadata_stream_id", "metadata_stream_id = 6001\n");
    clash("6000-7000", "driver's configuration", "[streams.cam]\nstream_id = 6001\nprofile = \"p\"\n");
    EXPECT_THAT(error_with("dest_stream_id_range = [\"50000-50010\", \"50010-50020\"]\n"),
                HasSubstr("overlaps"));
    EXPECT_THAT(error_with("dest_stream_id_range = \"7\"\n"), HasSubstr("dest_stream_id_range"));
}

// spec: CFG-024
TEST(BridgeConfigTest, WarnsAboutAPayloadThatNoNumberOfChunksReaches) {
    const auto warnings =
        parse_bridge(kBridge + "mtu_bytes = 1408\nmax_payload_bytes = 100000000\n" + kMapping).warnings;
    ASSERT_THAT(warnings, SizeIs(1));
    EXPECT_THAT(warnings[0].str(), HasSubstr("65535 chunks"));
    EXPECT_THAT(
        parse_bridge(kBridge + "mtu_bytes = 8192\nmax_payload_bytes = 100000000\n" + kMapping).warnings,
        IsEmpty());
}

TEST(BridgeConfigTest, WarnsAboutWhatItCannotHonourOrDoesNotKnow) {
    const auto profile = parse_bridge(kBridge + kMapping + "profile = \"large\"\n").warnings;
    ASSERT_THAT(profile, SizeIs(1));
    EXPECT_THAT(profile[0].str(), HasSubstr("smallest pool"));
    EXPECT_THAT(parse_bridge(kBridge + "mtu = 3\n" + kMapping).warnings, SizeIs(1));
}

TEST(BridgeConfigTest, TheExampleFileIsValidAtBothEnds) {
    for (const BridgeEnd end : {BridgeEnd::Send, BridgeEnd::Receive}) {
        const auto loaded =
            load_bridge_config(TP_SOURCE_DIR "/docs/examples/bridge_example.toml", end, environment_of({}));
        EXPECT_THAT(loaded.warnings, IsEmpty());
    }
}

}  // namespace
}  // namespace tensorpool::test
