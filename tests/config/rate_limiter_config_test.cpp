// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <tensorpool/rate_limiter_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

LoadedRateLimiterConfig parse_limiter(const std::string& toml, Variables variables = {}) {
    return parse_rate_limiter_config(toml, "r.toml", environment_of(std::move(variables)));
}

std::string error_of(const std::string& toml) {
    try {
        static_cast<void>(parse_limiter(toml));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

const std::string kHead = R"([rate_limiter]
instance_id = "limiter-1"
descriptor_channel = "aeron:ipc?term-length=4m"
descriptor_stream_id = 1100
driver_control_channel = "aeron:ipc?term-length=4m"
driver_control_stream_id = 1000
)";
const std::string kMappings = R"([[mappings]]
source_stream_id = 10000
dest_stream_id = 20000
[[mappings]]
source_stream_id = 10000
dest_stream_id = 20001
max_rate_hz = 5
metadata_stream_id = 9
)";

// spec: RATE-015 RATE-054 RATE-033
TEST(RateLimiterConfigTest, ReadsMappingsAndTheirFallbackRates) {
    const auto loaded = parse_limiter(kHead + "max_rate_hz = 30\nforward_metadata = false\n" + kMappings);
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const RateLimiterOptions& options = loaded.config.options;
    EXPECT_EQ(options.instance_id, "limiter-1");
    EXPECT_EQ(options.descriptor, (Endpoint{"aeron:ipc?term-length=4m", 1100}));
    EXPECT_EQ(options.source_descriptor, options.descriptor);
    EXPECT_EQ(options.driver_control, (Endpoint{"aeron:ipc?term-length=4m", 1000}));
    EXPECT_EQ(options.driver_announce, options.driver_control);
    EXPECT_EQ(options.metadata, std::nullopt);
    EXPECT_EQ(options.source_progress, std::nullopt);
    EXPECT_EQ(options.qos, std::nullopt);
    EXPECT_THAT(options.allowed_base_dirs, ElementsAre("/dev/shm"));
    ASSERT_THAT(options.mappings, SizeIs(2));
    EXPECT_EQ(options.mappings[0].max_rate_hz, 30U);
    EXPECT_EQ(options.mappings[1].max_rate_hz, 5U);
    EXPECT_EQ(options.mappings[0].metadata_stream_id, 0U) << "as the destination";
    EXPECT_EQ(options.mappings[1].metadata_stream_id, 9U);
}

// spec: RATE-030 RATE-036 RATE-043 CFG-026
TEST(RateLimiterConfigTest, ReadsWhatIsForwardedWhere) {
    const auto loaded = parse_limiter(kHead + R"(forward_progress = true
control_channel = "aeron:ipc?alias=c"
source_control_stream_id = 1401
dest_control_stream_id = 1402
forward_qos = true
qos_channel = "aeron:ipc?alias=q"
source_qos_stream_id = 1201
dest_qos_stream_id = 1202
qos_stream_id = 1200
metadata_channel = "aeron:ipc?alias=m"
metadata_stream_id = 1300
source_descriptor_stream_id = 1101
shm_base_dir = "/dev/hugepages"
keepalive_interval_ns = 5
attach_timeout_ns = 6
attach_retry_interval_ns = 7
)" + kMappings);
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const RateLimiterOptions& options = loaded.config.options;
    EXPECT_EQ(options.source_progress, (Endpoint{"aeron:ipc?alias=c", 1401}));
    EXPECT_EQ(options.dest_progress, (Endpoint{"aeron:ipc?alias=c", 1402}));
    EXPECT_EQ(options.source_qos, (Endpoint{"aeron:ipc?alias=q", 1201}));
    EXPECT_EQ(options.dest_qos, (Endpoint{"aeron:ipc?alias=q", 1202}));
    EXPECT_EQ(options.qos, (Endpoint{"aeron:ipc?alias=q", 1200}));
    EXPECT_EQ(options.metadata, (Endpoint{"aeron:ipc?alias=m", 1300}));
    EXPECT_EQ(options.source_descriptor.stream_id, 1101);
    EXPECT_THAT(options.allowed_base_dirs, ElementsAre("/dev/hugepages"));
    EXPECT_EQ(options.keepalive_interval_ns, 5);
    EXPECT_EQ(options.attach_timeout_ns, 6);
    EXPECT_EQ(options.attach_retry_interval_ns, 7);
}

// spec: CFG-026 RATE-046 RATE-047 RATE-048 RATE-049
TEST(RateLimiterConfigTest, RefusesToForwardOnStreamZero) {
    EXPECT_THAT(error_of(kHead + "forward_progress = true\nsource_control_stream_id = 5\n" + kMappings),
                AllOf(HasSubstr("rate_limiter.dest_control_stream_id: is 0 or missing"),
                      Not(HasSubstr("source_control_stream_id"))));
    EXPECT_THAT(error_of(kHead + "forward_qos = true\nsource_qos_stream_id = 0\ndest_qos_stream_id = 7\n" +
                         kMappings),
                HasSubstr("rate_limiter.source_qos_stream_id: is 0 or missing"));
    EXPECT_EQ(error_of(kHead + "forward_metadata = false\nsource_qos_stream_id = 5\n" + kMappings), "")
        << "what is not forwarded needs no ids";
}

// spec: CFG-028
TEST(RateLimiterConfigTest, RefusesTwoChannelsForOneStream) {
    EXPECT_THAT(error_of(kHead +
                         "forward_progress = true\nsource_control_stream_id = 1000\n"
                         "dest_control_stream_id = 1402\n" +
                         kMappings),
                HasSubstr("(CFG-028)"));
    EXPECT_EQ(error_of(kHead +
                       "forward_progress = true\nsource_control_stream_id = 1401\n"
                       "dest_control_stream_id = 1402\nforward_metadata = false\n" +
                       kMappings),
              "")
        << "the 1m default is fine on other ids";
}

// spec: RATE-034
TEST(RateLimiterConfigTest, WarnsThatMetadataHasNowhereToGo) {
    const auto loaded = parse_limiter(kHead + kMappings);
    ASSERT_THAT(loaded.warnings, SizeIs(1));
    EXPECT_THAT(loaded.warnings[0].str(), HasSubstr("rate_limiter.forward_metadata: has no effect"));
}

// spec: RATE-004 RATE-008 RATE-054
TEST(RateLimiterConfigTest, SaysEverythingThatIsWrongAtOnce) {
    EXPECT_THAT(error_of(""), AllOf(HasSubstr("rate_limiter.instance_id: is missing"),
                                    HasSubstr("rate_limiter.descriptor_channel: is missing"),
                                    HasSubstr("rate_limiter.descriptor_stream_id: is missing"),
                                    HasSubstr("rate_limiter.driver_control_stream_id: is 0 or missing"),
                                    HasSubstr("mappings: is missing")));
    EXPECT_THAT(error_of(kHead + "[[mappings]]\nsource_stream_id = 5\ndest_stream_id = 5\n"),
                HasSubstr("mappings[0].dest_stream_id: 5 is the source itself"));
    EXPECT_THAT(error_of(kHead + kMappings + "[[mappings]]\nsource_stream_id = 5\ndest_stream_id = 20000\n"),
                HasSubstr("mappings[2].dest_stream_id: 20000 is the destination of another mapping too"));
    EXPECT_THAT(error_of(kHead + "[[mappings]]\nsource_stream_id = 0\n"),
                AllOf(HasSubstr("mappings[0].source_stream_id: 0 is not a stream"),
                      HasSubstr("mappings[0].dest_stream_id")));
    EXPECT_THAT(error_of(kHead + "keepalive_interval_ns = 0\n" + kMappings), HasSubstr("0 is outside 1 ..."));
}

TEST(RateLimiterConfigTest, TakesTheEnvironmentBeforeTheFile) {
    const auto loaded = parse_limiter(kHead + "max_rate_hz = 30\n" + kMappings,
                                      {{"RATE_LIMITER_MAX_RATE_HZ", "7"}, {"TP_MESSAGING", "aeron"}});
    EXPECT_EQ(loaded.config.options.mappings[0].max_rate_hz, 7U);
    EXPECT_EQ(loaded.config.context_options().messaging, MessagingKind::Aeron);
}

}  // namespace
}  // namespace tensorpool::test
