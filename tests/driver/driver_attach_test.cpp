// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include "control/codec.hpp"
#include "shm/region_uri.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::AttachResponse;
using control::PoolAnnounce;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kStream = DriverHarness::kStream;

void allow_dynamic(DriverConfig& config) {
    config.policies.allow_dynamic_streams = true;
    config.stream_id_range = {{20000, 20002}};
}

AttachRequest creating(AttachRequest request) {
    request.publish_mode = static_cast<std::uint8_t>(PublishMode::ExistingOrCreate);
    return request;
}

// spec: DRV-035, DRV-038, DRV-049, DRV-050, DRV-051, DRV-053, DRV-066
TEST(DriverAttachTest, AnOkAnswerEchoesTheCorrelationIdAndCarriesEverythingNeededToMap) {
    DriverHarness harness;
    AttachRequest request = harness.request(Role::Producer, 42);
    const AttachResponse response = harness.attach(request);
    EXPECT_EQ(response.code, ResponseCode::Ok);
    EXPECT_EQ(response.correlation_id, request.correlation_id);
    EXPECT_TRUE(response.lease_id.has_value());
    EXPECT_EQ(response.stream_id, kStream);
    EXPECT_GT(response.epoch.value_or(0), 0U);
    EXPECT_EQ(response.layout_version, 1U);
    EXPECT_EQ(response.header_nslots, 8U);
    EXPECT_EQ(response.header_slot_bytes, 256);
    EXPECT_EQ(response.error_message, "");
    ASSERT_EQ(response.pools.size(), 2U);
    EXPECT_EQ(response.pools[0].pool_id, 1);
    EXPECT_EQ(response.pools[0].stride_bytes, 4096U);
    EXPECT_EQ(response.pools[1].pool_id, 2);
    for (const auto& pool : response.pools) EXPECT_EQ(pool.nslots, 8U);
    EXPECT_EQ(control::invalid_reason(response), std::nullopt);
    const auto uri = shm::parse_region_uri(response.header_region_uri);
    ASSERT_TRUE(uri.has_value());
    EXPECT_TRUE(std::filesystem::is_regular_file(uri->path));
}

// spec: DRV-064, TRP-14, TRP-15
TEST(DriverAttachTest, TheLeaseExpiryIsTheDriversMonotonicNowPlusIntervalTimesGrace) {
    DriverHarness harness;
    const AttachResponse response = harness.attached(Role::Consumer, 42);
    EXPECT_EQ(response.lease_expiry_timestamp_ns,
              static_cast<std::uint64_t>(harness.clock.now_ns() + 3 * kNanosPerSecond));
}

// spec: DRV-020, DRV-023, DRV-024, TRP-23
TEST(DriverAttachTest, LeaseIdsAreDistinctAndDoNotStartAtASmallNumber) {
    DriverHarness harness;
    const auto a = harness.attached(Role::Producer, 1);
    const auto b = harness.attached(Role::Consumer, 2);
    EXPECT_NE(a.lease_id, b.lease_id);
    DriverHarness other;
    const auto c = other.attached(Role::Producer, 1);
    EXPECT_NE(a.lease_id, c.lease_id) << "two driver instances must not count from the same number";
    const auto leases = harness.driver().leases();
    ASSERT_EQ(leases.size(), 2U);
    EXPECT_EQ(leases[0].stream_id, kStream);
    EXPECT_EQ(leases[0].role, Role::Producer);
    EXPECT_EQ(leases[1].role, Role::Consumer);
}

// spec: DRV-054, DRV-055, DRV-057
TEST(DriverAttachTest, ARefusalCarriesCorrelationCodeAndTextAndNullsForTheRest) {
    DriverHarness harness;
    const AttachResponse response = harness.attach(Role::Producer, 42, 555);
    EXPECT_EQ(response.code, ResponseCode::Rejected);
    EXPECT_EQ(response.error_message, "stream not provisioned");
    EXPECT_FALSE(response.lease_id || response.lease_expiry_timestamp_ns || response.stream_id ||
                 response.epoch || response.layout_version || response.header_nslots ||
                 response.header_slot_bytes || response.node_id);
    EXPECT_THAT(response.pools, IsEmpty());
    EXPECT_EQ(response.header_region_uri, "");
}

// spec: DRV-026, DRV-069, TRP-03
TEST(DriverAttachTest, AClientIdThatHoldsALeaseAnywhereIsRefusedWithTheTextClientsMatch) {
    DriverHarness harness([](DriverConfig& config) {
        config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
    });
    harness.attached(Role::Producer, 42);
    for (const std::uint32_t stream : {kStream, 10001U}) {
        const AttachResponse response = harness.attach(Role::Consumer, 42, stream);
        EXPECT_EQ(response.code, ResponseCode::Rejected);
        EXPECT_EQ(response.error_message, "client_id already attached");
    }
}

// spec: DRV-068, TRP-03
TEST(DriverAttachTest, ClientIdZeroAndUnknownRoleAndUnknownHugepagesWishAreInvalid) {
    DriverHarness harness;
    EXPECT_EQ(harness.attach(Role::Producer, 0).code, ResponseCode::InvalidParams);
    for (const int role : {0, 3, 255}) {
        AttachRequest request = harness.request(Role::Producer, 42);
        request.role = static_cast<std::uint8_t>(role);
        EXPECT_EQ(harness.attach(request).code, ResponseCode::InvalidParams) << role;
    }
    for (const int wish : {3, 255}) {
        AttachRequest request = harness.request(Role::Producer, 42);
        request.require_hugepages = static_cast<std::uint8_t>(wish);
        EXPECT_EQ(harness.attach(request).code, ResponseCode::InvalidParams) << wish;
    }
}

// spec: DRV-067
TEST(DriverAttachTest, AnUnknownPublishModeIsUnsupported) {
    DriverHarness harness;
    for (const int mode : {0, 3, 254}) {
        AttachRequest request = harness.request(Role::Producer, 42);
        request.publish_mode = static_cast<std::uint8_t>(mode);
        EXPECT_EQ(harness.attach(request).code, ResponseCode::Unsupported) << mode;
    }
}

/// The bytes of an attach request with another version in the message header.
std::vector<std::byte> with_version(const AttachRequest& request, std::uint16_t version) {
    std::vector<std::byte> bytes(256);
    bytes.resize(control::encode(bytes, request));
    std::memcpy(bytes.data() + 6, &version, sizeof(version));
    return bytes;
}

// spec: DRV-017, DRV-018, DRV-067, TRP-36
TEST(DriverAttachTest, ANewerSchemaVersionIsAnsweredUnsupportedInVersionOne) {
    DriverHarness harness;
    const AttachRequest request = harness.request(Role::Producer, 42);
    harness.send_raw(with_version(request, 2));
    harness.step();
    const auto responses = harness.all<AttachResponse>();
    ASSERT_EQ(responses.size(), 1U);
    EXPECT_EQ(responses[0].correlation_id, request.correlation_id);
    EXPECT_EQ(responses[0].code, ResponseCode::Unsupported);
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
}

// spec: DRV-014, DRV-015, TRP-36
TEST(DriverAttachTest, MessagesOfOtherSchemasAndTruncatedOnesAreDroppedWithoutAnAnswer) {
    DriverHarness harness;
    std::vector<std::byte> bytes = with_version(harness.request(Role::Producer, 42), 1);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        harness.send_raw({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)});
    }
    const std::uint16_t foreign = 902;
    std::memcpy(bytes.data() + 4, &foreign, sizeof(foreign));
    harness.send_raw(bytes);
    harness.step();
    EXPECT_THAT(harness.seen, IsEmpty());
    EXPECT_THAT(harness.driver().leases(), IsEmpty());
}

// spec: TRP-04
TEST(DriverAttachTest, TheDriversOwnKindsOfMessagesFromOthersAreIgnored) {
    DriverHarness harness;
    const auto lease = harness.attached(Role::Producer, 42);
    harness.seen.clear();
    control::LeaseRevoked notice;
    notice.lease_id = *lease.lease_id;
    notice.stream_id = kStream;
    notice.client_id = 42;
    notice.role = Role::Producer;
    notice.reason = LeaseRevokeReason::Revoked;
    harness.send(notice);
    harness.send(control::DriverShutdown{});
    harness.send(control::AttachResponse{});
    harness.send(control::DetachResponse{});
    harness.step();
    EXPECT_EQ(harness.driver().leases().size(), 1U);
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Running);
}

// spec: DRV-034, DRV-030, TRP-05
TEST(DriverAttachTest, ARepeatedRequestIsAnsweredAgainWithTheSameLeaseAndNoNewEpoch) {
    DriverHarness harness;
    const AttachRequest request = harness.request(Role::Producer, 42);
    const AttachResponse first = harness.attach(request);
    harness.advance(500 * kNanosPerMilli);
    const AttachResponse again = harness.attach(request);
    EXPECT_EQ(again.code, ResponseCode::Ok);
    EXPECT_EQ(again.lease_id, first.lease_id);
    EXPECT_EQ(again.epoch, first.epoch);
    EXPECT_EQ(harness.driver().counters().attach_repeated, 1U);
    EXPECT_EQ(harness.driver().leases().size(), 1U);
    AttachRequest other = request;
    ++other.correlation_id;
    EXPECT_EQ(harness.attach(other).error_message, "client_id already attached");
}

// spec: DRV-037, DRV-069, TRP-39
TEST(DriverAttachTest, ADifferentLayoutVersionIsRejectedAndZeroOrAbsentTakesTheDrivers) {
    DriverHarness harness;
    AttachRequest request = harness.request(Role::Consumer, 42);
    request.expected_layout_version = 2;
    EXPECT_EQ(harness.attach(request).code, ResponseCode::Rejected);
    std::uint32_t client = 50;
    for (const std::uint32_t version : {0U, 1U, 0xFFFFFFFFU}) {
        AttachRequest fine = harness.request(Role::Consumer, ++client);
        fine.expected_layout_version = version;
        const auto response = harness.attach(fine);
        EXPECT_EQ(response.code, ResponseCode::Ok) << version;
        EXPECT_EQ(response.layout_version, 1U);
    }
}

// spec: DRV-039, DRV-040, TRP-06, TRP-07
TEST(DriverAttachTest, AConfiguredStreamCountsAsProvisionedInEitherModeAndWithNone) {
    for (const std::optional<std::uint8_t> mode :
         {std::optional<std::uint8_t>(), std::optional<std::uint8_t>(1), std::optional<std::uint8_t>(2)}) {
        DriverHarness harness;
        AttachRequest request = harness.request(Role::Consumer, 42);
        request.publish_mode = mode;
        EXPECT_EQ(harness.attach(request).code, ResponseCode::Ok);
    }
}

// spec: DRV-098, DRV-099
TEST(DriverAttachTest, AStreamHasOneProducerAndAnyNumberOfConsumers) {
    DriverHarness harness;
    harness.attached(Role::Producer, 1);
    const auto second = harness.attach(Role::Producer, 2);
    EXPECT_EQ(second.code, ResponseCode::Rejected);
    EXPECT_THAT(second.error_message, HasSubstr("already has a producer"));
    for (std::uint32_t client = 10; client < 40; ++client) harness.attached(Role::Consumer, client);
    EXPECT_EQ(harness.stream().consumer_lease_ids.size(), 30U);
    EXPECT_EQ(harness.stream().producer_id, 1U);
}

// spec: DRV-100, TRP-12
TEST(DriverAttachTest, AProducersAttachRaisesTheEpochOnceAndAnnouncesIt) {
    DriverHarness harness;
    const auto consumer = harness.attached(Role::Consumer, 7);
    harness.seen.clear();
    const auto producer = harness.attached(Role::Producer, 42);
    EXPECT_GT(producer.epoch, consumer.epoch);
    const auto announces = harness.all<PoolAnnounce>();
    ASSERT_EQ(announces.size(), 1U);
    EXPECT_EQ(announces[0].epoch, *producer.epoch);
    EXPECT_EQ(announces[0].producer_id, 42U);
    EXPECT_EQ(harness.stream().epoch, *producer.epoch);
}

// spec: TRP-10
TEST(DriverAttachTest, AConsumersAttachProvisionsOnlyWhatIsNotThereYet) {
    DriverHarness harness;
    const auto first = harness.attached(Role::Consumer, 1);
    const auto second = harness.attached(Role::Consumer, 2);
    EXPECT_EQ(first.epoch, second.epoch);
    EXPECT_EQ(harness.epoch_dirs().size(), 1U);
    EXPECT_EQ(harness.driver().counters().epochs_created, 1U);
}

// spec: TRP-13
TEST(DriverAttachTest, ARefusedRequestLeavesEpochFilesAndLeasesUntouched) {
    DriverHarness harness(allow_dynamic);
    const auto producer = harness.attached(Role::Producer, 1);
    const auto before = harness.epoch_dirs();
    harness.attach(Role::Producer, 2);
    harness.attach(Role::Consumer, 1);
    harness.attach(Role::Producer, 0);
    harness.attach(Role::Consumer, 3, 555);
    AttachRequest bad_layout = harness.request(Role::Producer, 4);
    bad_layout.expected_layout_version = 9;
    harness.attach(bad_layout);
    AttachRequest bad_dynamic = creating(harness.request(Role::Producer, 5, 20000));
    bad_dynamic.expected_layout_version = 9;
    harness.attach(bad_dynamic);
    EXPECT_EQ(harness.epoch_dirs(), before);
    EXPECT_EQ(harness.stream().epoch, *producer.epoch);
    EXPECT_EQ(harness.driver().leases().size(), 1U);
    EXPECT_EQ(harness.driver().streams().size(), 1U) << "no stream is made for a refused request";
    EXPECT_EQ(harness.driver().counters().attach_refused, 6U);
}

// spec: DRV-041, DRV-042, TRP-35
TEST(DriverAttachTest, HugepagesAreRejectedOnOrdinaryPagesAndStandardOrNoWishIsGranted) {
    DriverHarness harness;
    AttachRequest request = harness.request(Role::Producer, 1);
    request.require_hugepages = static_cast<std::uint8_t>(HugepagesPolicy::Hugepages);
    const auto refused = harness.attach(request);
    EXPECT_EQ(refused.code, ResponseCode::Rejected);
    EXPECT_THAT(refused.error_message, HasSubstr("hugetlbfs"));
    std::uint32_t client = 2;
    for (const auto wish : {HugepagesPolicy::Standard, HugepagesPolicy::Unspecified}) {
        AttachRequest fine = harness.request(Role::Consumer, client++);
        fine.require_hugepages = static_cast<std::uint8_t>(wish);
        EXPECT_EQ(harness.attach(fine).code, ResponseCode::Ok);
    }
}

// spec: DRV-070, DRV-149, TRP-13
TEST(DriverAttachTest, WhenTheFilesCannotBeMadeTheAnswerIsAnInternalErrorAndNothingIsLeft) {
    DriverHarness harness(allow_dynamic);
    const auto producer = harness.attached(Role::Producer, 1);
    // A file where the stream's directory would be.
    const auto uri = shm::parse_region_uri(producer.header_region_uri);
    const auto streams_dir = std::filesystem::path(uri->path).parent_path().parent_path().parent_path();
    std::ofstream(streams_dir / "20000") << "in the way";
    const auto response = harness.attach(creating(harness.request(Role::Producer, 2, 20000)));
    EXPECT_EQ(response.code, ResponseCode::InternalError);
    EXPECT_THAT(response.error_message, HasSubstr("20000"));
    EXPECT_EQ(harness.driver().streams().size(), 1U);
    EXPECT_EQ(harness.driver().leases().size(), 1U);
    EXPECT_EQ(harness.driver().counters().epoch_failures, 1U);
    std::filesystem::remove(streams_dir / "20000");
    EXPECT_EQ(harness.attach(creating(harness.request(Role::Producer, 3, 20000))).code, ResponseCode::Ok);
}

// spec: DRV-043
TEST(DriverAttachTest, AConfigurationWithoutPoolsIsRefusedBeforeAnyStreamCouldLackThem) {
    EXPECT_THROW(DriverHarness([](DriverConfig& config) { config.profiles[0].payload_pools.clear(); }),
                 ConfigError);
}

// spec: DRV-056
TEST(DriverAttachTest, AnErrorTextOnTheWireHasAtMost1024Bytes) {
    EXPECT_LE(control::truncated_error(std::string(5000, 'x')).size(), 1024U);
}

// spec: DRV-021, DRV-071, DRV-076
TEST(DriverAttachTest, LeasesAreBoundedByTheConfiguredIntervalAndGrace) {
    DriverHarness harness([](DriverConfig& config) {
        config.policies.lease_keepalive_interval_ms = 100;
        config.policies.lease_expiry_grace_intervals = 5;
    });
    harness.attached(Role::Consumer, 1);
    EXPECT_EQ(harness.driver().leases()[0].expires_in_ns, 500 * kNanosPerMilli);
    EXPECT_EQ(harness.driver().config().lease_window_ns(), 500 * kNanosPerMilli);
}

}  // namespace
}  // namespace tensorpool
