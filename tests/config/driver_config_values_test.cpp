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
using test::parse_with;
using test::problem_with;
using test::problems_of;
using ::testing::HasSubstr;

/// A file whose only profile has these pools.
std::string with_pools(const std::string& pools, const std::string& more = "") {
    return "[profiles.raw]\n" + more + "payload_pools = [" + pools +
           "]\n[streams.s]\nstream_id = 1\nprofile = \"raw\"\n";
}

// spec: CFG-009, CFG-010
TEST(DriverConfigValuesTest, ARefusalNamesFileLineKeyValueRuleAndRemedy) {
    const auto problems = problems_of(R"([profiles.raw]
payload_pools = [
  { pool_id = 1, stride_bytes = 4096 },
  { pool_id = 2, stride_bytes = 655360 },
]
[streams.s]
stream_id = 1
profile = "raw"
)");
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].str(),
              "driver.toml:4: profiles.raw.payload_pools[1].stride_bytes: 655360 is not a power of two of at "
              "least 64 "
              "(WIRE-061); the next that fits is 1048576");
}

// spec: CFG-010
TEST(DriverConfigValuesTest, EverythingThatIsWrongIsReportedAtOnceOneLineEach) {
    try {
        (void)test::parse(R"([driver]
instance_id = ""
control_stream_id = 0
[shm]
namespace = ".."
permissions_mode = "998"
[policies]
epoch_gc_keep = 0
)" + kMinimalToml);
        FAIL() << "accepted";
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.code(), ErrorCode::InvalidConfig);
        EXPECT_EQ(error.problems().size(), 5U);
        const std::string text = error.what();
        for (const char* place :
             {"driver.toml:2: driver.instance_id", "driver.toml:3: driver.control_stream_id",
              "driver.toml:5: shm.namespace", "driver.toml:6: shm.permissions_mode",
              "driver.toml:8: policies.epoch_gc_keep"}) {
            EXPECT_THAT(text, HasSubstr(place));
        }
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
    }
}

// spec: CFG-010
TEST(DriverConfigValuesTest, TheShutdownTokenIsNeverPrinted) {
    const auto problems =
        problems_of("[policies]\nshutdown_token = \"open-sesame\"\nannounce_period_ms = 0\n" + kMinimalToml);
    for (const auto& problem : problems) EXPECT_THAT(problem.str(), ::testing::Not(HasSubstr("open-sesame")));
    EXPECT_THAT(problem_with("[policies]\nshutdown_token = 12345"),
                ::testing::AllOf(HasSubstr("policies.shutdown_token: is an integer"),
                                 ::testing::Not(HasSubstr("12345"))));
}

// spec: CFG-011
TEST(DriverConfigValuesTest, AWrongTomlTypeIsRefusedForEveryKindOfKey) {
    EXPECT_THAT(
        problem_with("[driver]\ncontrol_stream_id = \"1000\""),
        HasSubstr("driver.toml:2: driver.control_stream_id: is a string, but must be an integer (CFG-011)"));
    EXPECT_THAT(problem_with("[driver]\ncontrol_stream_id = 1000.0"),
                HasSubstr("is a floating-point number"));
    EXPECT_THAT(problem_with("[driver]\ninstance_id = 3"), HasSubstr("is an integer, but must be a string"));
    EXPECT_THAT(problem_with("[policies]\nprefault_shm = 1"), HasSubstr("must be true or false"));
    EXPECT_THAT(problem_with("[policies]\nprefault_shm = \"true\""), HasSubstr("must be true or false"));
    EXPECT_THAT(problem_with("shm = 3"), HasSubstr("driver.toml:1: shm: is an integer, but must be a table"));
    EXPECT_THAT(problem_with("[shm]\nallowed_base_dirs = \"/dev/shm\""),
                HasSubstr("must be an array of strings"));
    EXPECT_THAT(problem_with("[shm]\nallowed_base_dirs = [\"/dev/shm\", 3]"),
                HasSubstr("must be an array of strings"));
    EXPECT_THAT(problem_with("[shm]\nallowed_base_dirs = []"), HasSubstr("is an empty list"));
}

// spec: CFG-011
TEST(DriverConfigValuesTest, WrongTypesInsideProfilesAndStreamsAreRefused) {
    EXPECT_THAT(problems_of("profiles = 3\n[streams.s]\nstream_id = 1\nprofile = \"p\"\n")[0].str(),
                HasSubstr("profiles: is an integer, but must be a table of named tables"));
    EXPECT_THAT(problems_of(kMinimalToml + "[streams]\nextra = 5\n")[0].str(), HasSubstr("must be a table"));
    EXPECT_THAT(problems_of(with_pools("3"))[0].str(),
                HasSubstr("profiles.raw.payload_pools[0]: is an integer"));
    EXPECT_THAT(
        problems_of("[profiles.raw]\npayload_pools = 3\n[streams.s]\nstream_id = 1\nprofile = \"raw\"\n")[0]
            .str(),
        HasSubstr("must be an array of tables"));
}

// spec: CFG-011
TEST(DriverConfigValuesTest, IntegersAreCheckedBeforeTheyAreNarrowed) {
    EXPECT_THAT(problem_with("[policies]\nannounce_period_ms = 4294967296"),
                HasSubstr("4294967296 is outside 0 ... 4294967295 (CFG-011)"));
    EXPECT_THAT(problem_with("[policies]\nannounce_period_ms = -1"), HasSubstr("-1 is outside"));
    EXPECT_THAT(problems_of(with_pools("{ pool_id = 65537, stride_bytes = 64 }"))[0].str(),
                HasSubstr("65537 is outside 0 ... 65535"));
    EXPECT_THAT(problem_with("[policies]\nepoch_gc_min_age_ns = -5"), HasSubstr("-5 is outside"));
}

// spec: CFG-012
TEST(DriverConfigValuesTest, MessagingStreamIdsArePositiveSigned32BitNumbers) {
    for (const char* key : {"control_stream_id", "announce_stream_id", "qos_stream_id"}) {
        for (const char* bad : {"0", "2147483648", "4294967295"}) {
            EXPECT_THAT(problem_with(std::string("[driver]\n") + key + " = " + bad),
                        HasSubstr(std::string("driver.") + key + ": " + bad +
                                  " is not a messaging stream id; choose 1 ... 2147483647 (CFG-012)"));
        }
    }
    EXPECT_EQ(parse_with("[driver]\nqos_stream_id = 2147483647").config.qos.stream_id, 2147483647);
}

// spec: CFG-012
TEST(DriverConfigValuesTest, PoolStreamIdsExcludeZeroAndTheNullValue) {
    for (const char* bad : {"0", "4294967295"}) {
        EXPECT_THAT(problem_with(std::string("[streams.x]\nprofile = \"camera\"\nstream_id = ") + bad),
                    HasSubstr("is not a pool stream id; choose 1 ... 4294967294 (CFG-012)"));
    }
    EXPECT_EQ(
        parse_with("[streams.x]\nprofile = \"camera\"\nstream_id = 4294967294").config.streams[0].stream_id,
        4294967294U);
}

// spec: CFG-013
TEST(DriverConfigValuesTest, ChannelsMustNotBeEmptyAndMustParse) {
    for (const char* key : {"control_channel", "announce_channel", "qos_channel"}) {
        for (const char* bad :
             {"", "ipc", "aeron:pigeon", "aeron:ipc?term-length", "aeron:ipc?term-length=4q"}) {
            // Separate streams, so that nothing but the text itself is wrong.
            const auto problems = problems_of(
                "[driver]\ncontrol_stream_id = 1\nannounce_stream_id = 2\n"
                "announce_channel = \"aeron:ipc\"\n" +
                    kMinimalToml,
                {{test::upper("DRIVER_", key), bad}});
            ASSERT_EQ(problems.size(), 1U) << key << " " << bad;
            EXPECT_EQ(problems[0].key, std::string("driver.") + key);
            EXPECT_THAT(problems[0].text, HasSubstr("CFG-013"));
        }
    }
}

// spec: CFG-013
TEST(DriverConfigValuesTest, TwoChannelTextsOnOneStreamAreRefusedWithBothTexts) {
    const std::string text = problem_with("[driver]\nannounce_channel = \"aeron:ipc?term-length=1m\"");
    EXPECT_THAT(text, HasSubstr("driver.toml:2: driver.announce_channel"));
    EXPECT_THAT(text, HasSubstr("'aeron:ipc?term-length=1m'"));
    EXPECT_THAT(text, HasSubstr("'aeron:ipc?term-length=4m'"));
    EXPECT_NO_THROW(
        parse_with("[driver]\nannounce_channel = \"aeron:ipc?term-length=1m\"\nannounce_stream_id = 1001"));
}

TEST(DriverConfigValuesTest, ANetworkChannelNeedsAeronMessaging) {
    const std::string udp = "[driver]\nqos_channel = \"aeron:udp?endpoint=localhost:40123\"\n";
    EXPECT_THAT(problem_with(udp), HasSubstr("leaves this host, which embedded messaging cannot do"));
    EXPECT_NO_THROW(parse_with("messaging = \"aeron\"\n" + udp));
}

// spec: CFG-014
TEST(DriverConfigValuesTest, RangesAreReadFromAStringAPairOrSeveralStrings) {
    const auto range_of = [](const std::string& text) {
        return parse_with("[driver]\nstream_id_range = " + text).config.stream_id_range;
    };
    EXPECT_THAT(range_of("\"20000-29999\""), ::testing::ElementsAre(IdRange{20000, 29999}));
    EXPECT_THAT(range_of("[20000, 29999]"), ::testing::ElementsAre(IdRange{20000, 29999}));
    EXPECT_THAT(range_of("[\"5-5\", \"20000-29999\"]"),
                ::testing::ElementsAre(IdRange{5, 5}, IdRange{20000, 29999}));
    EXPECT_THAT(range_of("\"\""), ::testing::IsEmpty());
    EXPECT_TRUE((IdRange{5, 7}.contains(5)) && (IdRange{5, 7}.contains(7)) && !(IdRange{5, 7}.contains(8)));
}

// spec: CFG-014
TEST(DriverConfigValuesTest, MalformedRangesAreRefused) {
    const auto refusal = [](const std::string& text) {
        return problem_with("[driver]\nstream_id_range = " + text);
    };
    EXPECT_THAT(refusal("20000"), HasSubstr("is an integer, but must be a range"));
    EXPECT_THAT(refusal("\"20000\""), HasSubstr("'20000' is not a range (CFG-014)"));
    EXPECT_THAT(refusal("\"7-\""), HasSubstr("is not a range"));
    EXPECT_THAT(refusal("\"1-2-3\""), HasSubstr("is not a range"));
    EXPECT_THAT(refusal("\" 1-2\""), HasSubstr("is not a range"));
    EXPECT_THAT(refusal("\"1-99999999999\""), HasSubstr("is not a range"));
    EXPECT_THAT(refusal("\"0-5\""), HasSubstr("breaks 1 <= first <= last (CFG-014)"));
    EXPECT_THAT(refusal("\"9-5\""), HasSubstr("breaks 1 <= first <= last (CFG-014)"));
    EXPECT_THAT(refusal("[-1, 5]"), HasSubstr("breaks 1 <= first <= last (CFG-014)"));
    EXPECT_THAT(refusal("[1, 2, 3]"), HasSubstr("must be a range"));
    EXPECT_THAT(refusal("[1]"), HasSubstr("must be a range"));
    EXPECT_THAT(refusal("[]"), HasSubstr("must be a range"));
    EXPECT_THAT(refusal("[1, \"2\"]"), HasSubstr("must be a range"));
    EXPECT_THAT(refusal("[\"1-2\", \"x\"]"), HasSubstr("'x' is not a range"));
}

TEST(DriverConfigValuesTest, TheBaseDirectoryMustBeAnAbsoluteWritableDirectoryOrCreatableInOne) {
    const test::TempDir dir(false);
    std::ofstream(dir.path() / "file") << "x";
    EXPECT_THAT(problem_with("[shm]\nbase_dir = \"relative/dir\""), HasSubstr("is not an absolute path"));
    EXPECT_THAT(problem_with("[shm]\nbase_dir = \"" + dir.str() + "/file\""),
                HasSubstr("is not a directory"));
    EXPECT_THAT(problem_with("[shm]\nbase_dir = \"" + dir.str() + "/file/below\""),
                HasSubstr("is not a directory"));
    const auto loaded = parse_with("[shm]\nbase_dir = \"" + dir.str() + "/new/dir\"");
    EXPECT_EQ(loaded.config.shm.base_dir, dir.str() + "/new/dir");
    // spec: CFG-009
    EXPECT_FALSE(std::filesystem::exists(dir.path() / "new"))
        << "loading a configuration must change nothing";
}

TEST(DriverConfigValuesTest, TheNamespaceIsOneSafePathComponent) {
    for (const char* bad : {"", ".", "..", "a/b", "a b", "ä"}) {
        EXPECT_THAT(problem_with(std::string("[shm]\nnamespace = \"") + bad + "\""),
                    HasSubstr("is not one path component"));
    }
    EXPECT_EQ(parse_with("[shm]\nnamespace = \"A.b_c-9\"").config.shm.namespace_name, "A.b_c-9");
}

TEST(DriverConfigValuesTest, PermissionsAreOctalDigitsInAString) {
    EXPECT_EQ(parse_with("[shm]\npermissions_mode = \"600\"").config.shm.permissions_mode, 0600U);
    EXPECT_EQ(parse_with("[shm]\npermissions_mode = \"0640\"").config.shm.permissions_mode, 0640U);
    EXPECT_THAT(problem_with("[shm]\npermissions_mode = 660"),
                HasSubstr("is an integer, but must be a string"));
    for (const char* bad : {"66", "00660", "668", "rw-", ""}) {
        EXPECT_THAT(problem_with(std::string("[shm]\npermissions_mode = \"") + bad + "\""),
                    HasSubstr("is not 3 or 4 octal digits"));
    }
    for (const char* bad : {"1660", "460", "260", "000"}) {
        EXPECT_THAT(problem_with(std::string("[shm]\npermissions_mode = \"") + bad + "\""),
                    HasSubstr("let the owner read and write"));
    }
}

TEST(DriverConfigValuesTest, ThePageSizeIsAPowerOfTwoFrom4096Up) {
    for (const char* bad : {"0", "2048", "5000"}) {
        EXPECT_THAT(problem_with(std::string("[shm]\npage_size_bytes = ") + bad),
                    HasSubstr("is not a power of two of at least 4096"));
    }
    EXPECT_EQ(parse_with("[shm]\npage_size_bytes = 2097152").config.shm.page_size_bytes, 2097152U);
}

TEST(DriverConfigValuesTest, HugepagesOnAnOrdinaryFileSystemAreRefusedBeforeTheStart) {
    EXPECT_THAT(problem_with("[shm]\nrequire_hugepages = true\nbase_dir = \"/tmp\""),
                HasSubstr("is not on a hugetlbfs file system"));
}

TEST(DriverConfigValuesTest, AllowedDirectoriesAreAbsoluteResolvableAndContainTheBaseDirectory) {
    const test::TempDir dir(false);
    const std::string base = "[shm]\nbase_dir = \"" + dir.str() + "\"\nallowed_base_dirs = ";
    EXPECT_THAT(problem_with(base + "[\"/dev/shm\"]"), HasSubstr("does not contain shm.base_dir"));
    EXPECT_THAT(problem_with(base + "[\"" + dir.str() + "\", \"x\"]"),
                HasSubstr("shm.allowed_base_dirs[1]: 'x' is not an absolute path"));
    EXPECT_THAT(problem_with(base + "[\"" + dir.str() + "\", \"/no/such/dir\"]"),
                HasSubstr("cannot be resolved"));
    // A sibling whose name merely begins alike does not contain the base directory (TRP-01).
    const test::TempDir shm(true);
    std::filesystem::create_directory(shm.path() / "pool");
    std::filesystem::create_directory(shm.path() / "pool-alice");
    EXPECT_THAT(problem_with("[shm]\nbase_dir = \"" + shm.str() + "/pool-alice\"\nallowed_base_dirs = [\"" +
                             shm.str() + "/pool\"]"),
                HasSubstr("does not contain shm.base_dir"));
    // A symlink to the base directory is the base directory.
    std::filesystem::create_directory_symlink(shm.path() / "pool", shm.path() / "link");
    EXPECT_NO_THROW(parse_with("[shm]\nbase_dir = \"" + shm.str() + "/link/sub\"\nallowed_base_dirs = [\"" +
                               shm.str() + "/pool\"]"));
}

TEST(DriverConfigValuesTest, PeriodsIntervalsAndKeepCountsAreAtLeastOne) {
    for (const char* key : {"announce_period_ms", "lease_keepalive_interval_ms",
                            "lease_expiry_grace_intervals", "epoch_gc_keep"}) {
        EXPECT_THAT(problem_with(std::string("[policies]\n") + key + " = 0"),
                    HasSubstr(std::string("policies.") + key + ": 0 is too small; choose at least 1"));
    }
    EXPECT_THAT(problem_with("[policies]\nlease_keepalive_interval_ms = 4294967295\n"
                             "lease_expiry_grace_intervals = 4294967295"),
                HasSubstr("does not fit 64 bits of nanoseconds"));
    const auto config = parse_with("[policies]\nepoch_gc_min_age_ns = 5\nannounce_period_ms = 7").config;
    EXPECT_EQ(config.epoch_gc_min_age_ns(), 5);
    EXPECT_EQ(parse_with("[policies]\nannounce_period_ms = 7").config.epoch_gc_min_age_ns(),
              21 * kNanosPerMilli);
}

TEST(DriverConfigValuesTest, ProfilesNeedAPowerOfTwoOfSlots) {
    for (const char* bad : {"0", "3", "1000"}) {
        EXPECT_THAT(problems_of(with_pools("{ pool_id = 1, stride_bytes = 64 }",
                                           std::string("header_nslots = ") + bad + "\n"))[0]
                        .str(),
                    HasSubstr("is not a power of two (WIRE-057)"));
    }
    EXPECT_THAT(
        problems_of(with_pools("{ pool_id = 1, stride_bytes = 64 }", "header_slot_bytes = 512\n"))[0].str(),
        HasSubstr("512 is not possible: a header slot has 256 bytes"));
}

TEST(DriverConfigValuesTest, PoolsNeedUniqueIdsAndPowerOfTwoStrides) {
    EXPECT_THAT(problems_of(with_pools(""))[0].str(), HasSubstr("payload_pools: is empty"));
    EXPECT_THAT(problems_of(with_pools("{ pool_id = 0, stride_bytes = 64 }"))[0].str(),
                HasSubstr("0 names the header ring; choose 1 ... 65535"));
    EXPECT_THAT(
        problems_of(with_pools("{ pool_id = 1, stride_bytes = 64 }, { pool_id = 1, stride_bytes = 128 }"))[0]
            .str(),
        HasSubstr("payload_pools[1].pool_id: 1 is used twice"));
    EXPECT_THAT(problems_of(with_pools("{ pool_id = 1, stride_bytes = 32 }"))[0].str(),
                HasSubstr("the next that fits is 64"));
    EXPECT_THAT(problems_of(with_pools("{ pool_id = 1, stride_bytes = 4000000000 }"))[0].str(),
                HasSubstr("the next that fits is 2147483648"));
}

TEST(DriverConfigValuesTest, StreamsNeedUniqueIdsAndAKnownProfile) {
    EXPECT_THAT(problem_with("[streams.x]\nprofile = \"camera\"\nstream_id = 10000"),
                HasSubstr("streams.cam1.stream_id: 10000 is already used by streams.x"));
    EXPECT_THAT(problem_with("[streams.x]\nprofile = \"nobody\"\nstream_id = 1"),
                HasSubstr("driver.toml:2: streams.x.profile: 'nobody' names no profile"));
    EXPECT_THAT(problem_with("[policies]\ndefault_profile = \"nobody\""),
                HasSubstr("'nobody' names no profile"));
}

}  // namespace
}  // namespace tensorpool
