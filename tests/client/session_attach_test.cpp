// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "session_harness.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tensorpool {
namespace {

using control::AttachRequest;
using control::DetachRequest;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kStream = SessionHarness::kStream;

// spec: DRV-007, DRV-008, DRV-010
TEST(SessionAttachTest, AnAttachmentHoldsWhatTheDriverGrantedWordForWord) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.attached(Role::Producer, 42);
    const Attachment* const attachment = client->attachment();
    ASSERT_NE(attachment, nullptr);
    const DriverStreamInfo stream = harness.driver().streams()[0];
    const DriverLeaseInfo lease = harness.driver().leases()[0];
    EXPECT_EQ(attachment->lease_id, lease.lease_id);
    EXPECT_EQ(attachment->client_id, 42U);
    EXPECT_EQ(attachment->role, Role::Producer);
    EXPECT_EQ(attachment->stream_id, kStream);
    EXPECT_EQ(attachment->epoch, stream.epoch);
    EXPECT_EQ(attachment->layout_version, 1U);
    EXPECT_EQ(attachment->header_nslots, 8U);
    EXPECT_EQ(attachment->header_region_uri, stream.header_uri);
    ASSERT_THAT(attachment->pools, SizeIs(1));
    EXPECT_EQ(attachment->pools[0].pool_id, 1);
    EXPECT_EQ(attachment->pools[0].nslots, 8U);
    EXPECT_EQ(attachment->pools[0].stride_bytes, 4096U);
    EXPECT_EQ(attachment->pools[0].region_uri, stream.pools[0].uri);
    EXPECT_EQ(attachment->node_id, lease.node_id);
    EXPECT_EQ(attachment->lease_expiry_timestamp_ns, static_cast<std::uint64_t>(lease.expiry_ns));
    EXPECT_EQ(client->generation(), 1U);
    EXPECT_EQ(client->last_error(), "");
}

// spec: DRV-057, DRV-058
TEST(SessionAttachTest, WhatIsNotAskedForIsNotInTheRequest) {
    SessionHarness harness;
    harness.add(harness.options(Role::Consumer, 42))->request_attach();
    harness.step();
    const auto requests = harness.all<AttachRequest>();
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].stream_id, kStream);
    EXPECT_EQ(requests[0].client_id, 42U);
    EXPECT_EQ(requests[0].role, 2);
    EXPECT_EQ(requests[0].expected_layout_version, 0U);
    EXPECT_FALSE(requests[0].publish_mode.has_value());
    EXPECT_EQ(requests[0].require_hugepages, 0);
    EXPECT_FALSE(requests[0].desired_node_id.has_value());
}

// spec: DRV-046, DRV-037
TEST(SessionAttachTest, EveryWishGoesIntoTheRequest) {
    SessionHarness harness;
    DriverSessionOptions options = harness.options(Role::Producer, 42);
    options.publish_mode = PublishMode::ExistingOrCreate;
    options.hugepages = HugepagesPolicy::Standard;
    options.expected_layout_version = 3;
    options.desired_node_id = 17;
    harness.add(options)->request_attach();
    harness.step();
    const auto requests = harness.all<AttachRequest>();
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].role, 1);
    EXPECT_EQ(requests[0].publish_mode, 2);
    EXPECT_EQ(requests[0].require_hugepages, 1);
    EXPECT_EQ(requests[0].expected_layout_version, 3U);
    EXPECT_EQ(requests[0].desired_node_id, 17U);
}

// spec: DRV-025, DRV-027
TEST(SessionAttachTest, ASessionWithoutAClientIdChoosesANonZeroOneOfItsOwn) {
    SessionHarness harness;
    harness.start_driver();
    std::set<std::uint32_t> ids;
    for (int i = 0; i < 20; ++i) {
        TestClient& client = harness.attached(Role::Consumer);
        EXPECT_NE(client->client_id(), 0U);
        EXPECT_NE(client->client_id(), 0xFFFFFFFFU);
        ids.insert(client->client_id());
    }
    EXPECT_THAT(ids, SizeIs(20));
    for (const auto& request : harness.all<AttachRequest>()) EXPECT_TRUE(ids.contains(request.client_id));
}

// spec: DRV-031, DRV-032, DRV-033
TEST(SessionAttachTest, CorrelationIdsAreLargeRandomNumbersAndNeverRepeat) {
    SessionHarness harness;
    for (int i = 0; i < 4; ++i) harness.add(harness.options(Role::Consumer))->request_attach();
    harness.live(60 * kNanosPerSecond);  // nobody answers: each asks again and again
    const auto requests = harness.all<AttachRequest>();
    ASSERT_GE(requests.size(), 40U);
    std::set<std::int64_t> ids;
    int small = 0;
    for (const auto& request : requests) {
        EXPECT_TRUE(ids.insert(request.correlation_id).second);
        EXPECT_GE(request.correlation_id, 0);
        small += request.correlation_id < (std::int64_t{1} << 40) ? 1 : 0;
    }
    EXPECT_LT(small, 3) << "a stale answer of an earlier run would hit them";
}

// spec: DRV-028, TRP-03
TEST(SessionAttachTest, ATakenIdThatWasChosenHereIsReplacedAfterAPause) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& client = harness.add(harness.options(Role::Consumer));
    const std::uint32_t taken = client->client_id();
    harness.attached(Role::Consumer, taken);
    client->request_attach();
    harness.step();
    harness.step();
    EXPECT_EQ(client->state(), SessionState::Backoff);
    EXPECT_NE(client->client_id(), taken);
    ASSERT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
    EXPECT_EQ(client->counters().attach_refused, 1U);
    EXPECT_THAT(harness.driver().leases(), SizeIs(2));
}

// spec: DRV-028
TEST(SessionAttachTest, ATakenIdThatTheApplicationChoseIsKeptUntilItIsFree) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& holder = harness.attached(Role::Consumer, 42);
    TestClient& client = harness.add(harness.options(Role::Consumer, 42));
    client->request_attach();
    harness.live(3 * kNanosPerSecond);
    EXPECT_NE(client->state(), SessionState::Attached);
    EXPECT_EQ(client->client_id(), 42U);
    EXPECT_THAT(client->last_error(), HasSubstr("client_id already attached"));
    holder->detach();
    EXPECT_TRUE(harness.run_until([&] { return client->state() == SessionState::Attached; }));
}

// spec: DRV-029
TEST(SessionAttachTest, AskingAgainWhileARequestIsUnderWaySendsNothing) {
    SessionHarness harness;
    TestClient& client = harness.add(harness.options(Role::Consumer));
    for (int i = 0; i < 10; ++i) {
        client->request_attach();
        harness.step();
    }
    EXPECT_THAT(harness.all<AttachRequest>(), SizeIs(1));
    harness.say(harness.granting(harness.all<AttachRequest>()[0]));
    harness.step();
    client->request_attach();
    harness.step();
    EXPECT_THAT(harness.all<AttachRequest>(), SizeIs(1)) << "attached: nothing to ask for";
}

// spec: TRP-08
TEST(SessionAttachTest, ASessionForAnyStreamTakesTheOneTheDriverChose) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) {
        config.policies.allow_dynamic_streams = true;
        config.stream_id_range = {{20000, 20009}};
    });
    DriverSessionOptions options = harness.options(Role::Producer);
    options.stream_id = 0;
    options.publish_mode = PublishMode::ExistingOrCreate;
    TestClient& client = harness.attached(options);
    EXPECT_EQ(client->attachment()->stream_id, 20000U);
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Attached) << "keepalives name the granted stream";
    EXPECT_EQ(client->generation(), 1U);
}

// spec: DRV-069, DRV-036
TEST(SessionAttachTest, ARefusalIsReportedInTheDriversWordsAndTriedAgainUntilItClears) {
    SessionHarness harness;
    harness.start_driver();
    TestClient& first = harness.attached(Role::Producer, 1);
    TestClient& second = harness.add(harness.options(Role::Producer, 2));
    second->request_attach();
    harness.live(kNanosPerSecond);
    EXPECT_THAT(second->last_error(), HasSubstr("REJECTED"));
    EXPECT_THAT(second->last_error(), HasSubstr("already has a producer"));
    EXPECT_EQ(second->attachment(), nullptr);
    EXPECT_GE(second->counters().attach_refused, 2U);
    first->detach();
    ASSERT_TRUE(harness.run_until([&] { return second->state() == SessionState::Attached; }));
    EXPECT_EQ(second->last_error(), "");
}

TEST(SessionAttachTest, OptionsThatCannotWorkAreRefusedAtOnce) {
    SessionHarness harness;
    const auto fails = [&](auto change) {
        DriverSessionOptions options = harness.options(Role::Consumer);
        change(options);
        EXPECT_THROW(harness.add(options), Error);
    };
    fails([](DriverSessionOptions& o) { o.role = static_cast<Role>(3); });
    fails([](DriverSessionOptions& o) { o.keepalive_interval_ns = 0; });
    fails([](DriverSessionOptions& o) { o.attach_timeout_ns = -1; });
    fails([](DriverSessionOptions& o) { o.announce_period_ns = 0; });
    fails([](DriverSessionOptions& o) { o.control.channel = "nonsense"; });
}

// spec: DRV-014
TEST(SessionAttachTest, TheControlStreamMayBeAnyAsLongAsAllAgreeOnIt) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) { config.control = {"aeron:ipc?term-length=64k", 4242}; });
    DriverSessionOptions options = harness.options(Role::Consumer);
    options.control = options.announce = {"aeron:ipc?term-length=64k", 4242};
    TestClient& client = harness.attached(options);
    harness.live(5 * kNanosPerSecond);
    EXPECT_EQ(client->state(), SessionState::Attached);
    EXPECT_THAT(harness.sent, IsEmpty()) << "nothing on the default stream";
}

// spec: DRV-108
TEST(SessionAttachTest, AnnouncesMayComeOnAStreamOfTheirOwn) {
    SessionHarness harness;
    harness.start_driver([](DriverConfig& config) { config.announce = {"aeron:ipc?term-length=4m", 1001}; });
    DriverSessionOptions options = harness.options(Role::Consumer);
    options.announce = {"aeron:ipc?term-length=4m", 1001};
    TestClient& client = harness.attached(options);
    harness.live(10 * kNanosPerSecond);
    EXPECT_EQ(client->generation(), 1U) << "the driver was heard all the time";
}

}  // namespace
}  // namespace tensorpool
