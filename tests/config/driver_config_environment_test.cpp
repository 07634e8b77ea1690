// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "config_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace tensorpool {
namespace {

using test::kMinimalToml;
using test::parse_with;
using test::problem_with;
using test::Variables;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// spec: CFG-004
TEST(DriverConfigEnvironmentTest, EveryScalarKeyOfAFixedTableHasAVariable) {
    const DriverConfig config = parse_with("",
                                           Variables{
                                               {"DRIVER_INSTANCE_ID", "from-env"},
                                               {"DRIVER_AERON_DIR", "/dev/shm/aeron-x"},
                                               {"DRIVER_CONTROL_CHANNEL", "aeron:ipc?term-length=1m"},
                                               {"DRIVER_CONTROL_STREAM_ID", "1"},
                                               {"DRIVER_ANNOUNCE_CHANNEL", "aeron:ipc?term-length=2m"},
                                               {"DRIVER_ANNOUNCE_STREAM_ID", "2"},
                                               {"DRIVER_QOS_CHANNEL", "aeron:ipc?term-length=8m"},
                                               {"DRIVER_QOS_STREAM_ID", "3"},
                                               {"DRIVER_STREAM_ID_RANGE", "100-199"},
                                               {"DRIVER_DESCRIPTOR_STREAM_ID_RANGE", "200-299"},
                                               {"DRIVER_CONTROL_STREAM_ID_RANGE", "300-399"},
                                               {"SHM_BASE_DIR", "/tmp"},
                                               {"SHM_NAMESPACE", "ns"},
                                               {"SHM_REQUIRE_HUGEPAGES", "FALSE"},
                                               {"SHM_PAGE_SIZE_BYTES", "8192"},
                                               {"SHM_PERMISSIONS_MODE", "600"},
                                               {"POLICIES_ALLOW_DYNAMIC_STREAMS", "True"},
                                               {"POLICIES_DEFAULT_PROFILE", "camera"},
                                               {"POLICIES_ANNOUNCE_PERIOD_MS", "11"},
                                               {"POLICIES_LEASE_KEEPALIVE_INTERVAL_MS", "12"},
                                               {"POLICIES_LEASE_EXPIRY_GRACE_INTERVALS", "13"},
                                               {"POLICIES_PREFAULT_SHM", "false"},
                                               {"POLICIES_MLOCK_SHM", "true"},
                                               {"POLICIES_EPOCH_GC_ENABLED", "false"},
                                               {"POLICIES_EPOCH_GC_KEEP", "14"},
                                               {"POLICIES_EPOCH_GC_MIN_AGE_NS", "15"},
                                               {"POLICIES_EPOCH_GC_ON_STARTUP", "true"},
                                               {"POLICIES_SHUTDOWN_TIMEOUT_MS", "16"},
                                               {"POLICIES_SHUTDOWN_TOKEN", "token"},
                                               {"POLICIES_REUSE_EXISTING_SHM", "true"},
                                               {"POLICIES_CLEANUP_SHM_ON_EXIT", "true"},
                                               {"POLICIES_NODE_ID_REUSE_COOLDOWN_MS", "17"},
                                           })
                                    .config;
    EXPECT_EQ(config.instance_id, "from-env");
    EXPECT_EQ(config.aeron_dir, "/dev/shm/aeron-x");
    EXPECT_EQ(config.control, (Endpoint{"aeron:ipc?term-length=1m", 1}));
    EXPECT_EQ(config.announce_endpoint(), (Endpoint{"aeron:ipc?term-length=2m", 2}));
    EXPECT_EQ(config.qos, (Endpoint{"aeron:ipc?term-length=8m", 3}));
    EXPECT_THAT(config.stream_id_range, ElementsAre(IdRange{100, 199}));
    EXPECT_THAT(config.descriptor_stream_id_range, ElementsAre(IdRange{200, 299}));
    EXPECT_THAT(config.control_stream_id_range, ElementsAre(IdRange{300, 399}));
    EXPECT_EQ(config.shm.base_dir, "/tmp");
    EXPECT_EQ(config.shm.namespace_name, "ns");
    EXPECT_FALSE(config.shm.require_hugepages);
    EXPECT_EQ(config.shm.page_size_bytes, 8192U);
    EXPECT_EQ(config.shm.permissions_mode, 0600U);
    EXPECT_TRUE(config.policies.allow_dynamic_streams);
    EXPECT_EQ(config.policies.default_profile, "camera");
    EXPECT_EQ(config.policies.announce_period_ms, 11U);
    EXPECT_EQ(config.policies.lease_keepalive_interval_ms, 12U);
    EXPECT_EQ(config.policies.lease_expiry_grace_intervals, 13U);
    EXPECT_FALSE(config.policies.prefault_shm);
    EXPECT_TRUE(config.policies.mlock_shm);
    EXPECT_FALSE(config.policies.epoch_gc_enabled);
    EXPECT_EQ(config.policies.epoch_gc_keep, 14U);
    EXPECT_EQ(config.policies.epoch_gc_min_age_ns, 15U);
    EXPECT_TRUE(config.policies.epoch_gc_on_startup);
    EXPECT_EQ(config.policies.shutdown_timeout_ms, 16U);
    EXPECT_EQ(config.policies.shutdown_token, "token");
    EXPECT_TRUE(config.policies.reuse_existing_shm);
    EXPECT_TRUE(config.policies.cleanup_shm_on_exit);
    EXPECT_EQ(config.policies.node_id_reuse_cooldown_ms, 17U);
}

// spec: CFG-005
TEST(DriverConfigEnvironmentTest, TheEnvironmentWinsOverTheFileWhichWinsOverTheDefault) {
    const std::string file = "[driver]\nqos_stream_id = 7\n";
    EXPECT_EQ(parse_with("").config.qos.stream_id, 1200);
    EXPECT_EQ(parse_with(file).config.qos.stream_id, 7);
    EXPECT_EQ(parse_with(file, {{"DRIVER_QOS_STREAM_ID", "8"}}).config.qos.stream_id, 8);
    EXPECT_TRUE(parse_with("[driver]\nstream_id_range = \"5-9\"", {{"DRIVER_STREAM_ID_RANGE", ""}})
                    .config.stream_id_range.empty());
}

// spec: CFG-006
TEST(DriverConfigEnvironmentTest, OverridesAreParsedByTypeAndTheVariableIsNamedWhenTheyAreWrong) {
    EXPECT_EQ(problem_with("", {{"POLICIES_MLOCK_SHM", "yes"}}),
              "POLICIES_MLOCK_SHM: policies.mlock_shm: 'yes' is neither true nor false (CFG-006)");
    for (const char* bad : {"", "0x10", "1e3", " 5", "5 ", "+5", "-", "five"}) {
        EXPECT_EQ(problem_with("", {{"POLICIES_EPOCH_GC_KEEP", bad}}),
                  std::string("POLICIES_EPOCH_GC_KEEP: policies.epoch_gc_keep: '") + bad +
                      "' is not a decimal integer (CFG-006)");
    }
    EXPECT_THAT(problem_with("", {{"POLICIES_EPOCH_GC_KEEP", "4294967296"}}),
                HasSubstr("4294967296 is outside 0 ... 4294967295 (CFG-011)"));
    EXPECT_THAT(problem_with("", {{"POLICIES_EPOCH_GC_KEEP", "-3"}}), HasSubstr("-3 is outside"));
    EXPECT_THAT(problem_with("", {{"DRIVER_STREAM_ID_RANGE", "5"}}),
                HasSubstr("DRIVER_STREAM_ID_RANGE: driver."));
}

// spec: CFG-006
TEST(DriverConfigEnvironmentTest, OverridesPassTheSameChecksAsTheFile) {
    EXPECT_EQ(problem_with("", {{"POLICIES_EPOCH_GC_KEEP", "0"}}),
              "POLICIES_EPOCH_GC_KEEP: policies.epoch_gc_keep: 0 is too small; choose at least 1");
    EXPECT_THAT(problem_with("[policies]\nepoch_gc_keep = 0", {{"SHM_NAMESPACE", "ok"}}),
                HasSubstr("driver.toml:2: policies.epoch_gc_keep"));
    EXPECT_THAT(problem_with("", {{"SHM_PERMISSIONS_MODE", "9"}}), HasSubstr("SHM_PERMISSIONS_MODE: shm."));
}

// spec: CFG-007
TEST(DriverConfigEnvironmentTest, NamedTablesAndListsHaveNoOverride) {
    const DriverConfig config = parse_with("", {{"PROFILES_CAMERA_HEADER_NSLOTS", "128"},
                                                {"STREAMS_CAM1_STREAM_ID", "1"},
                                                {"SHM_ALLOWED_BASE_DIRS", "/nowhere"}})
                                    .config;
    EXPECT_EQ(config.profiles[0].header_nslots, 64U);
    EXPECT_EQ(config.streams[0].stream_id, 10000U);
    EXPECT_THAT(config.allowed_base_dirs(), ElementsAre("/dev/shm"));
}

// spec: CFG-008
TEST(DriverConfigEnvironmentTest, ShortVariablesStandInWhenTheRegularOnesAreUnset) {
    const Variables shorts{
        {"AERON_DIR", "/a"}, {"TP_CONTROL_CHANNEL", "aeron:ipc"}, {"TP_CONTROL_STREAM_ID", "5"}};
    const DriverConfig config = parse_with("[driver]\naeron_dir = \"/file\"", shorts).config;
    EXPECT_EQ(config.aeron_dir, "/a");
    EXPECT_EQ(config.control, (Endpoint{"aeron:ipc", 5}));
    Variables both = shorts;
    both.insert({{"DRIVER_AERON_DIR", "/b"},
                 {"DRIVER_CONTROL_CHANNEL", "aeron:ipc?term-length=64k"},
                 {"DRIVER_CONTROL_STREAM_ID", "6"}});
    const DriverConfig regular = parse_with("", both).config;
    EXPECT_EQ(regular.aeron_dir, "/b");
    EXPECT_EQ(regular.control, (Endpoint{"aeron:ipc?term-length=64k", 6}));
}

TEST(DriverConfigEnvironmentTest, TheUserNameIsExpandedInTheAeronDirectory) {
    const Variables user{{"USER", "ada"}};
    EXPECT_EQ(parse_with("[driver]\naeron_dir = \"/dev/shm/aeron-$USER\"", user).config.aeron_dir,
              "/dev/shm/aeron-ada");
    EXPECT_EQ(parse_with("[driver]\naeron_dir = \"/x/${USER}/y\"", user).config.aeron_dir, "/x/ada/y");
}

TEST(DriverConfigEnvironmentTest, TheProcessEnvironmentIsTheDefault) {
    ASSERT_EQ(::setenv("POLICIES_EPOCH_GC_KEEP", "9", 1), 0);
    const auto loaded = parse_driver_config(kMinimalToml, "driver.toml");
    ASSERT_EQ(::unsetenv("POLICIES_EPOCH_GC_KEEP"), 0);
    EXPECT_EQ(loaded.config.policies.epoch_gc_keep, 9U);
}

}  // namespace
}  // namespace tensorpool
