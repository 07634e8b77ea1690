// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void allow_dynamic(DriverConfig& config) {
    config.policies.allow_dynamic_streams = true;
    config.stream_id_range = {{20000, 20002}};
}

AttachRequest creating(AttachRequest request) {
    request.publish_mode = static_cast<std::uint8_t>(PublishMode::ExistingOrCreate);
    return request;
}

// spec: DRV-122, TRP-08
TEST(DriverStreamsTest, ADynamicStreamGetsTheWantedIdOrTheNextFreeOne) {
    DriverHarness harness(allow_dynamic);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 1, 20001))).stream_id, 20001U);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 2, 0))).stream_id, 20000U);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 3, 0))).stream_id, 20002U);
    const auto exhausted = harness.attach(creating(harness.request(Role::Producer, 4, 0)));
    EXPECT_EQ(exhausted.code, ResponseCode::InvalidParams);
    const auto outside = harness.attach(creating(harness.request(Role::Producer, 5, 30000)));
    EXPECT_EQ(outside.code, ResponseCode::InvalidParams);
    EXPECT_THAT(outside.error_message, HasSubstr("outside stream_id_range"));
    EXPECT_EQ(harness.driver().streams().size(), 4U);
    EXPECT_TRUE(harness.stream(20001).dynamic);
    EXPECT_EQ(harness.stream(20001).profile, "raw");
}

// spec: TRP-05, TRP-08
TEST(DriverStreamsTest, ARepeatedRequestForAnyDynamicStreamGetsTheStreamItGotBefore) {
    DriverHarness harness(allow_dynamic);
    const AttachRequest request = creating(harness.request(Role::Producer, 1, 0));
    const auto first = harness.attach(request);
    const auto again = harness.attach(request);
    EXPECT_EQ(again.lease_id, first.lease_id);
    EXPECT_EQ(again.stream_id, first.stream_id);
    EXPECT_EQ(harness.driver().streams().size(), 2U);
}

// spec: DRV-039, DRV-121
TEST(DriverStreamsTest, AnUnknownStreamIsOnlyMadeWhenAllowedAndAskedFor) {
    DriverHarness closed;
    EXPECT_EQ(closed.attach(creating(closed.request(Role::Producer, 1, 20000))).error_message,
              "stream not provisioned");
    DriverHarness open(allow_dynamic);
    EXPECT_EQ(open.attach(Role::Producer, 1, 20000).error_message, "stream not provisioned");
    EXPECT_EQ(open.attach(Role::Consumer, 1, 0).error_message, "stream not provisioned");
    EXPECT_EQ(open.attach(creating(open.request(Role::Consumer, 1, 20000))).code, ResponseCode::Ok);
    EXPECT_EQ(open.attach(Role::Producer, 2, 20000).code, ResponseCode::Ok) << "it is provisioned now";
}

// spec: DRV-123, CFG-017, TRP-09
TEST(DriverStreamsTest, DynamicStreamsWithoutARangeAreRefusedAsInvalid) {
    DriverHarness harness([](DriverConfig& config) { config.policies.allow_dynamic_streams = true; });
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 1, 20000))).code,
              ResponseCode::InvalidParams);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 1, 0))).code,
              ResponseCode::InvalidParams);
}

// spec: DRV-121
TEST(DriverStreamsTest, AStaticSetUpServesItsStreamsWithoutAnyRange) {
    DriverHarness harness;
    EXPECT_FALSE(harness.driver().status().next_stream_id.has_value());
    EXPECT_EQ(harness.attach(Role::Producer, 1).code, ResponseCode::Ok);
}

// spec: DRV-122
TEST(DriverStreamsTest, DynamicStreamsUseTheDefaultProfileAndSeveralRangesOneAfterTheOther) {
    DriverHarness harness([](DriverConfig& config) {
        allow_dynamic(config);
        config.stream_id_range = {{30000, 30000}, {20000, 20000}};
        config.profiles.push_back(
            {.name = "small", .header_nslots = 4, .payload_pools = {{.pool_id = 9, .stride_bytes = 64}}});
        config.policies.default_profile = "small";
    });
    const AttachResponse first = harness.attach(creating(harness.request(Role::Producer, 1, 0)));
    EXPECT_EQ(first.stream_id, 20000U);
    EXPECT_EQ(first.header_nslots, 4U);
    ASSERT_THAT(first.pools, SizeIs(1));
    EXPECT_EQ(first.pools[0].pool_id, 9);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 2, 0))).stream_id, 30000U);
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 3, 0))).code,
              ResponseCode::InvalidParams);
}

// spec: DRV-122, DRV-100
TEST(DriverStreamsTest, ADynamicStreamHasOneProducerAndItsOwnEpochs) {
    DriverHarness harness(allow_dynamic);
    const AttachResponse first = harness.attach(creating(harness.request(Role::Producer, 1, 20000)));
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 2, 20000))).code,
              ResponseCode::Rejected);
    const AttachResponse second = harness.attach(creating(harness.request(Role::Producer, 3, 20001)));
    EXPECT_EQ(second.code, ResponseCode::Ok);
    EXPECT_EQ(harness.stream(20000).epoch, *first.epoch);
    EXPECT_NE(second.header_region_uri, first.header_region_uri);
}

// spec: TRP-38
TEST(DriverStreamsTest, AnAnswerAndAnAnnounceMayBeFarLargerThanOneFragment) {
    constexpr std::uint16_t kPools = 300;
    DriverHarness harness([](DriverConfig& config) {
        config.shm.base_dir += "/" + std::string(120, 'd');
        config.profiles[0].payload_pools.clear();
        for (std::uint16_t id = 1; id <= kPools; ++id) {
            config.profiles[0].payload_pools.push_back({.pool_id = id, .stride_bytes = 64});
        }
    });
    const AttachResponse lease = harness.attached(Role::Producer, 1);
    ASSERT_THAT(lease.pools, SizeIs(kPools));
    EXPECT_THAT(lease.pools.back().region_uri, HasSubstr("/300.pool"));
    const auto announces = harness.all<control::PoolAnnounce>();
    ASSERT_THAT(announces, SizeIs(1));
    EXPECT_EQ(announces[0].pools, lease.pools);
}

struct RangeFault {
    const char* name;
    void (*apply)(DriverConfig&);
};

class DriverRangeTest : public ::testing::TestWithParam<RangeFault> {};

// spec: DRV-127, DRV-128
TEST_P(DriverRangeTest, FailsTheStartBeforeAnythingIsMade) {
    test::TempDir dir;
    DriverConfig config = test::small_config(dir);
    config.policies.allow_dynamic_streams = true;
    GetParam().apply(config);
    ContextOptions options;
    options.messaging_dir = (dir.path() / "messaging").string();
    Context context(options);
    EXPECT_THROW(Driver(context, config), ConfigError);
    EXPECT_FALSE(std::filesystem::exists(config.shm.base_dir));
}

INSTANTIATE_TEST_SUITE_P(Faults, DriverRangeTest,
                         ::testing::Values(RangeFault{"EndBeforeStart",
                                                      [](DriverConfig& c) {
                                                          c.stream_id_range = {{20002, 20000}};
                                                      }},
                                           RangeFault{"StartsAtZero",
                                                      [](DriverConfig& c) {
                                                          c.descriptor_stream_id_range = {{0, 10}};
                                                      }},
                                           RangeFault{"HoldsTheControlStream",
                                                      [](DriverConfig& c) {
                                                          c.control_stream_id_range = {{900, 1000}};
                                                      }},
                                           RangeFault{"HoldsTheQosStream",
                                                      [](DriverConfig& c) {
                                                          c.descriptor_stream_id_range = {{1150, 1250}};
                                                      }},
                                           RangeFault{"HoldsTheAnnounceStream",
                                                      [](DriverConfig& c) {
                                                          c.announce = {"aeron:ipc?term-length=4m", 1001};
                                                          c.descriptor_stream_id_range = {{1001, 1001}};
                                                      }},
                                           RangeFault{"HoldsAConfiguredStream",
                                                      [](DriverConfig& c) {
                                                          c.stream_id_range = {{9999, 10000}};
                                                      }},
                                           RangeFault{"OverlapsAnotherRange",
                                                      [](DriverConfig& c) {
                                                          c.stream_id_range = {{20000, 20010}};
                                                          c.control_stream_id_range = {{20010, 20020}};
                                                      }},
                                           RangeFault{
                                               "OverlapsItself",
                                               [](DriverConfig& c) {
                                                   c.stream_id_range = {{20000, 20010}, {20005, 20006}};
                                               }}),
                         [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace tensorpool
