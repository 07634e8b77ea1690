// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "config_fixture.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace tensorpool {
namespace {

using test::kMinimalToml;
using test::parse;
using test::parse_with;
using test::problem_with;
using test::problems_of;
using ::testing::HasSubstr;

// spec: CFG-001, CFG-003
TEST(DriverConfigDefaultsTest, AFileWithOneProfileAndOneStreamGetsEveryDefault) {
    const DriverConfig config = parse(kMinimalToml).config;
    EXPECT_EQ(config.messaging, MessagingKind::Embedded);
    EXPECT_EQ(config.instance_id, "driver-01");
    EXPECT_EQ(config.aeron_dir, "");
    EXPECT_EQ(config.control, (Endpoint{"aeron:ipc?term-length=4m", 1000}));
    EXPECT_EQ(config.announce_endpoint(), config.control);
    EXPECT_EQ(config.qos, (Endpoint{"aeron:ipc?term-length=4m", 1200}));
    EXPECT_TRUE(config.stream_id_range.empty());
    EXPECT_TRUE(config.descriptor_stream_id_range.empty());
    EXPECT_TRUE(config.control_stream_id_range.empty());
    EXPECT_EQ(config.shm.base_dir, "/dev/shm");
    EXPECT_EQ(config.shm.namespace_name, "default");
    EXPECT_FALSE(config.shm.require_hugepages);
    EXPECT_EQ(config.shm.page_size_bytes, 4096U);
    EXPECT_EQ(config.shm.permissions_mode, 0660U);
    EXPECT_THAT(config.allowed_base_dirs(), ::testing::ElementsAre("/dev/shm"));
    EXPECT_FALSE(config.policies.allow_dynamic_streams);
    EXPECT_EQ(config.default_profile()->name, "camera");
    EXPECT_EQ(config.policies.announce_period_ms, 1000U);
    EXPECT_EQ(config.policies.lease_keepalive_interval_ms, 1000U);
    EXPECT_EQ(config.policies.lease_expiry_grace_intervals, 3U);
    EXPECT_TRUE(config.policies.prefault_shm);
    EXPECT_FALSE(config.policies.mlock_shm);
    EXPECT_TRUE(config.policies.epoch_gc_enabled);
    EXPECT_EQ(config.policies.epoch_gc_keep, 2U);
    EXPECT_EQ(config.epoch_gc_min_age_ns(), 3 * kNanosPerSecond);
    EXPECT_FALSE(config.policies.epoch_gc_on_startup);
    EXPECT_EQ(config.policies.shutdown_timeout_ms, 2000U);
    EXPECT_EQ(config.policies.shutdown_token, "");
    EXPECT_FALSE(config.policies.reuse_existing_shm);
    EXPECT_FALSE(config.policies.cleanup_shm_on_exit);
    EXPECT_EQ(config.policies.node_id_reuse_cooldown_ms, 1000U);
    EXPECT_EQ(config.profiles.front().header_slot_bytes, 256U);
}

// spec: CFG-003
TEST(DriverConfigDefaultsTest, ALeftOutSlotCountIs1024AndAnnounceFollowsControl) {
    const DriverConfig config = parse(R"(
[driver]
control_channel = "aeron:ipc?term-length=1m"
control_stream_id = 77
[profiles.p]
payload_pools = [{ pool_id = 1, stride_bytes = 64 }]
[streams.s]
stream_id = 1
profile = "p"
)")
                                    .config;
    EXPECT_EQ(config.profiles.front().header_nslots, 1024U);
    EXPECT_EQ(config.announce_endpoint(), (Endpoint{"aeron:ipc?term-length=1m", 77}));
}

// spec: CFG-003
TEST(DriverConfigDefaultsTest, KeysWithoutADefaultAreNamedWhenTheyAreMissing) {
    const auto problems = problems_of(R"([profiles.p]
payload_pools = [{ pool_id = 1 }, { stride_bytes = 64 }]
[profiles.q]
[streams.s]
)");
    std::string text;
    for (const auto& problem : problems) text += problem.str() + "\n";
    EXPECT_THAT(text, HasSubstr("driver.toml:2: profiles.p.payload_pools[0].stride_bytes: is missing"));
    EXPECT_THAT(text, HasSubstr("driver.toml:2: profiles.p.payload_pools[1].pool_id: is missing"));
    EXPECT_THAT(text, HasSubstr("driver.toml:3: profiles.q.payload_pools: is missing"));
    EXPECT_THAT(text, HasSubstr("driver.toml:4: streams.s.stream_id: is missing"));
    EXPECT_THAT(text, HasSubstr("driver.toml:4: streams.s.profile: is missing"));
    EXPECT_EQ(problems.size(), 5U);
}

TEST(DriverConfigDefaultsTest, AnEmptyFileIsToldThatProfilesAndStreamsAreMissing) {
    const auto problems = problems_of("");
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_THAT(problems[0].str(), HasSubstr("driver.toml: profiles: is missing"));
    EXPECT_THAT(problems[1].str(), HasSubstr("driver.toml: streams: has no entry"));
}

// spec: CFG-018
TEST(DriverConfigDefaultsTest, TheDefaultProfileIsTheFirstInTheFileAndNotInTheAlphabet) {
    const DriverConfig config = parse(R"(
[policies]
allow_dynamic_streams = true
[driver]
stream_id_range = "20000-29999"
[profiles.zebra]
payload_pools = [{ pool_id = 1, stride_bytes = 64 }]
[profiles.ant]
payload_pools = [{ pool_id = 1, stride_bytes = 64 }]
)")
                                    .config;
    ASSERT_NE(config.default_profile(), nullptr);
    EXPECT_EQ(config.default_profile()->name, "zebra");
}

TEST(DriverConfigDefaultsTest, StreamsKeepTheOrderOfTheFile) {
    const DriverConfig config = parse(kMinimalToml + R"([streams.b]
stream_id = 3
profile = "camera"
[streams.a]
stream_id = 2
profile = "camera"
)")
                                    .config;
    ASSERT_EQ(config.streams.size(), 3U);
    EXPECT_EQ(config.streams[1].name, "b");
    EXPECT_EQ(config.streams[2].name, "a");
}

// spec: CFG-002
TEST(DriverConfigDefaultsTest, UnknownKeysAndTablesAreWarnedAboutWithTheirFullNamesAndDoNotStopTheStart) {
    const auto loaded = parse_with(R"(colour = "blue"
[driver]
contol_stream_id = 5
[weather]
wind = 3
)");
    ASSERT_EQ(loaded.warnings.size(), 3U);
    EXPECT_EQ(loaded.warnings[0].str(),
              "driver.toml:3: driver.contol_stream_id: is an unknown key and ignored (CFG-002); did you mean "
              "driver.control_stream_id?");
    EXPECT_EQ(loaded.warnings[1].str(), "driver.toml:1: colour: is an unknown key and ignored (CFG-002)");
    EXPECT_EQ(loaded.warnings[2].str(), "driver.toml:4: weather: is an unknown table and ignored (CFG-002)");
    EXPECT_EQ(loaded.config.control.stream_id, 1000);
}

// spec: CFG-002
TEST(DriverConfigDefaultsTest, UnknownKeysInsideProfilesPoolsAndStreamsAreWarnedAbout) {
    const auto loaded = parse(R"(
[profiles.p]
payload_pools = [{ pool_id = 1, stride_bytes = 64, colour = 1 }]
depth = 3
[streams.s]
stream_id = 1
profile = "p"
owner = "me"
)");
    std::vector<std::string> keys;
    for (const auto& warning : loaded.warnings) keys.push_back(warning.key);
    EXPECT_THAT(keys, ::testing::ElementsAre("profiles.p.payload_pools[0].colour", "profiles.p.depth",
                                             "streams.s.owner"));
}

TEST(DriverConfigDefaultsTest, TheSupervisorTableIsKnownAndOnlyItsTyposAreWarnedAbout) {
    const auto loaded = parse_with(R"([supervisor]
consumer_capacity = 7
payload_fallback_url = ""
)");
    ASSERT_EQ(loaded.warnings.size(), 1U);
    EXPECT_EQ(loaded.warnings[0].key, "supervisor.payload_fallback_url");
    EXPECT_TRUE(loaded.config.supervised);
    EXPECT_FALSE(parse_with("").config.supervised);
}

// spec: SUP-001 OT-12
TEST(DriverConfigDefaultsTest, ASupervisorTableMakesAnEmbeddedSupervisorAtTheDriversEndpoints) {
    EXPECT_FALSE(parse_with("").supervisor);
    EXPECT_FALSE(parse_with("").config.supervised);
    const auto loaded = parse_with(R"([driver]
control_stream_id = 1010
announce_stream_id = 1011
qos_channel = "aeron:ipc?alias=q"
[supervisor]
announce_channel = ""
force_mode = 2
)");
    ASSERT_TRUE(loaded.supervisor);
    EXPECT_TRUE(loaded.config.supervised);
    EXPECT_TRUE(loaded.supervisor->issue_configs);
    EXPECT_EQ(loaded.supervisor->force_mode, Mode::RateLimited);
    const StreamEndpoints& at = loaded.supervisor->endpoints;
    EXPECT_EQ(at.control, loaded.config.control);
    EXPECT_EQ(at.announce.stream_id, 1011);
    EXPECT_EQ(at.announce.channel, loaded.config.control.channel);
    EXPECT_EQ(at.qos.channel, "aeron:ipc?alias=q");
    EXPECT_EQ(at.qos.stream_id, 1200);
    EXPECT_EQ(at.metadata.stream_id, 1300);
    EXPECT_THAT(problem_with("[supervisor]\nforce_mode = 3\n"), HasSubstr("2 RATE_LIMITED"));
    EXPECT_THAT(problem_with("[supervisor]\nsweep_base_dir = \"/dev/shm\"\n"), HasSubstr("SUP-018"));
}

// spec: CFG-009
TEST(DriverConfigDefaultsTest, TextThatIsNotTomlIsRefusedWithItsLine) {
    const auto problems = problems_of("[driver]\ninstance_id = \n");
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].source, "driver.toml:2");
}

TEST(DriverConfigDefaultsTest, AFileThatCannotBeReadIsNamed) {
    try {
        (void)load_driver_config("/nowhere/driver.toml");
        FAIL() << "a missing file was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::NotFound);
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/driver.toml"));
    }
    EXPECT_THROW((void)load_driver_config("/tmp"), Error);
}

TEST(DriverConfigDefaultsTest, LoadsAFileFromDiskAndReportsItsPath) {
    const test::TempDir dir(false);
    const auto file = dir.path() / "camera.toml";
    std::ofstream(file) << "[driver]\ninstance_id = \"\"\n" << kMinimalToml;
    try {
        (void)load_driver_config(file, test::environment_of({}));
        FAIL() << "an empty instance id was accepted";
    } catch (const ConfigError& error) {
        EXPECT_EQ(std::string(error.what()),
                  file.string() + ":2: driver.instance_id: is empty; give this driver a name");
    }
}

// spec: CFG-015
TEST(DriverConfigDefaultsTest, DumpShowsTheEffectiveValuesInTheDocumentedOrderIncludingTheLeaseWindow) {
    const auto loaded = parse_with(R"([driver]
stream_id_range = ["20000-20009", "21000-21009"]
[policies]
lease_keepalive_interval_ms = 250
shutdown_token = "secret"
)");
    EXPECT_EQ(loaded.config.lease_window_ns(), 750 * kNanosPerMilli);
    const std::string dump = dump_driver_config(loaded.config);
    EXPECT_EQ(dump, R"(instance_id=driver-01
aeron_dir=
control_channel=aeron:ipc?term-length=4m
control_stream_id=1000
announce_channel=aeron:ipc?term-length=4m
announce_stream_id=1000
qos_channel=aeron:ipc?term-length=4m
qos_stream_id=1200
prefault_shm=true
default_profile=camera
allow_dynamic_streams=false
announce_period_ms=1000
lease_keepalive_interval_ms=250
lease_expiry_grace_intervals=3
stream_id_range=20000-20009,21000-21009
profiles=1
profile=camera header_nslots=64 header_slot_bytes=256 max_dims=8
pool_id=1 stride_bytes=1048576
streams=1
stream=cam1 stream_id=10000 profile=camera
)");
    EXPECT_THAT(dump, ::testing::Not(HasSubstr("secret")));
}

// spec: CFG-001
TEST(DriverConfigDefaultsTest, TheThreeCameraSampleOfTheReferenceLoadsWithoutAWarning) {
    const auto loaded = parse(R"(
[driver]
instance_id        = "driver-01"
control_channel    = "aeron:ipc?term-length=4m"
control_stream_id  = 1000
announce_stream_id = 1001
qos_channel        = "aeron:ipc?term-length=4m"
qos_stream_id      = 1200
stream_id_range    = "20000-29999"
[shm]
base_dir          = "/dev/shm"
namespace         = "default"
require_hugepages = false
page_size_bytes   = 4096
permissions_mode  = "660"
[policies]
allow_dynamic_streams        = true
default_profile              = "raw_profile"
announce_period_ms           = 1000
lease_keepalive_interval_ms  = 1000
lease_expiry_grace_intervals = 3
shutdown_timeout_ms          = 2000
shutdown_token               = ""
[profiles.raw_profile]
header_nslots = 1024
payload_pools = [{ pool_id = 1, stride_bytes = 1048576 }, { pool_id = 2, stride_bytes = 4194304 }]
[profiles.processed_profile]
header_nslots = 512
payload_pools = [{ pool_id = 1, stride_bytes = 524288 }, { pool_id = 2, stride_bytes = 2097152 }]
[streams]
cam1  = { stream_id = 10000, profile = "raw_profile" }
cam2  = { stream_id = 10001, profile = "raw_profile" }
cam3  = { stream_id = 10002, profile = "raw_profile" }
proc1 = { stream_id = 10100, profile = "processed_profile" }
proc2 = { stream_id = 10101, profile = "processed_profile" }
proc3 = { stream_id = 10102, profile = "processed_profile" }
)");
    EXPECT_TRUE(loaded.warnings.empty());
    EXPECT_EQ(loaded.config.streams.size(), 6U);
    EXPECT_EQ(loaded.config.announce_endpoint().stream_id, 1001);
    std::uint64_t all = 0;
    for (const auto& stream : loaded.config.streams) {
        all += epoch_size_bytes(*loaded.config.find_profile(stream.profile)).value();
    }
    EXPECT_NEAR(static_cast<double>(all) / (1ULL << 30U), 18.8, 0.05);
}

TEST(DriverConfigDefaultsTest, MessagingIsEmbeddedUnlessTheFileOrTheEnvironmentSaysAeron) {
    EXPECT_EQ(parse_with("messaging = \"aeron\"").config.messaging, MessagingKind::Aeron);
    EXPECT_EQ(parse_with("", {{"TP_MESSAGING", "aeron"}}).config.messaging, MessagingKind::Aeron);
    EXPECT_EQ(parse_with("messaging = \"aeron\"", {{"TP_MESSAGING", "embedded"}}).config.messaging,
              MessagingKind::Embedded);
    EXPECT_THAT(
        test::problem_with("messaging = \"carrier pigeon\""),
        HasSubstr("driver.toml:1: messaging: 'carrier pigeon' is unknown; use \"embedded\" or \"aeron\""));
    const auto options = parse_with("messaging_dir = \"/dev/shm/mine\"").config.context_options();
    EXPECT_EQ(options.messaging_dir, "/dev/shm/mine");
    EXPECT_FALSE(options.group_access);
    EXPECT_TRUE(parse_with("messaging_group = true").config.context_options().group_access);
    EXPECT_TRUE(parse_with("messaging = \"aeron\"\nembedded_media_driver = true")
                    .config.context_options()
                    .embedded_media_driver);
    EXPECT_THAT(test::problem_with("embedded_media_driver = true"), HasSubstr("messaging = \"aeron\""));
}

}  // namespace
}  // namespace tensorpool
