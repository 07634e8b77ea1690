// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver_harness.hpp"

#include "driver/token.hpp"

#include <tensorpool/log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace tensorpool {
namespace {

using control::AttachResponse;
using control::DriverShutdown;
using control::DriverShutdownRequest;
using control::LeaseRevoked;
using control::PoolAnnounce;
using test::DriverHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kToken = "let-me-stop-you";
constexpr Nanos kDrain = 2 * kNanosPerSecond;  // the default

void with_token(DriverConfig& config) {
    config.policies.shutdown_token = kToken;
    config.streams.push_back({.name = "cam2", .stream_id = 10001, .profile = "raw"});
}

DriverShutdownRequest stop_request(std::string token) {
    return {.correlation_id = 5,
            .reason = ShutdownReason::Admin,
            .token = std::move(token),
            .error_message = "maintenance"};
}

// spec: DRV-110, DRV-111, DRV-113, DRV-114, DRV-115
TEST(DriverShutdownTest, TheRightTokenDrainsWithALastAnnounceOfAllStreamsAndEndsWithTheNotice) {
    DriverHarness harness(with_token);
    harness.attached(Role::Consumer, 1);
    harness.attached(Role::Consumer, 2, 10001);
    harness.seen.clear();
    harness.send(stop_request(kToken));
    harness.step();
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Draining);
    EXPECT_THAT(harness.all<PoolAnnounce>(), SizeIs(2));
    EXPECT_THAT(harness.all<DriverShutdown>(), IsEmpty());
    harness.advance(kDrain - 1);
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Draining);
    harness.advance(1);
    EXPECT_TRUE(harness.driver().is_stopped());
    const auto notices = harness.all<DriverShutdown>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, ShutdownReason::Admin);
    EXPECT_EQ(notices[0].error_message, "maintenance");
    EXPECT_EQ(notices[0].timestamp_ns, static_cast<std::uint64_t>(harness.clock.now_ns()));
    EXPECT_EQ(harness.driver().status().shutdown_reason, ShutdownReason::Admin);
    EXPECT_EQ(harness.driver().status().shutdown_message, "maintenance");
}

// spec: DRV-114, TRP-25
TEST(DriverShutdownTest, WhileDrainingLeasesGoOnButNoNewOneIsGrantedAndTheEndRevokesNone) {
    DriverHarness harness(with_token);
    const auto request = harness.request(Role::Producer, 1);
    const AttachResponse stays = harness.attach(request);
    const AttachResponse leaves = harness.attached(Role::Consumer, 2, 10001);
    harness.send(stop_request(kToken));
    harness.step();
    harness.seen.clear();
    const AttachResponse refused = harness.attach(Role::Consumer, 3);
    EXPECT_EQ(refused.code, ResponseCode::Rejected);
    EXPECT_EQ(refused.error_message, "driver draining");
    EXPECT_EQ(harness.attach(request).code, ResponseCode::Rejected) << "not even a repeated one";
    harness.keepalive(stays, request);
    EXPECT_EQ(harness.detach(leaves, Role::Consumer, 2).code, ResponseCode::Ok);
    EXPECT_EQ(harness.driver().counters().keepalives, 1U);
    EXPECT_THAT(harness.all<LeaseRevoked>(), SizeIs(1));
    harness.advance(kDrain);
    EXPECT_TRUE(harness.driver().is_stopped());
    EXPECT_THAT(harness.all<LeaseRevoked>(), SizeIs(1)) << "the notice ends the others";
}

// spec: DRV-114
TEST(DriverShutdownTest, ALeaseThatRunsOutWhileDrainingIsEndedAsUsual) {
    DriverHarness harness([](DriverConfig& config) {
        with_token(config);
        config.policies.shutdown_timeout_ms = 10'000;
    });
    const AttachResponse lease = harness.attached(Role::Producer, 1);
    harness.send(stop_request(kToken));
    harness.step();
    harness.advance(3 * kNanosPerSecond);
    ASSERT_THAT(harness.all<LeaseRevoked>(), SizeIs(1));
    EXPECT_GT(harness.stream().epoch, *lease.epoch);
}

// spec: DRV-112, TRP-24
TEST(DriverShutdownTest, AWrongOrMissingTokenIsIgnoredWithoutAReply) {
    DriverHarness harness(with_token);
    const std::string token = kToken;
    for (const std::string& wrong :
         {std::string(), token.substr(1), token.substr(0, token.size() - 1), token + "x", token + token,
          std::string("let-me-stop-yoU"), token + '\0', std::string(100'000, 'l')}) {
        harness.send(stop_request(wrong));
    }
    harness.step();
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Running);
    EXPECT_EQ(harness.driver().counters().shutdown_requests_refused, 8U);
    EXPECT_THAT(harness.seen, IsEmpty());
}

// spec: DRV-112, TRP-24
TEST(DriverShutdownTest, WithoutAConfiguredTokenNoTokenMatchesNotEvenTheEmptyOne) {
    DriverHarness harness;
    harness.send(stop_request(""));
    harness.send(stop_request("anything"));
    harness.step();
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Running);
    EXPECT_EQ(harness.driver().counters().shutdown_requests_refused, 2U);
    EXPECT_FALSE(driver::token_matches("", ""));
}

// spec: TRP-24
TEST(DriverShutdownTest, AnUnknownReasonIsIgnoredWhateverTheToken) {
    DriverHarness harness(with_token);
    DriverShutdownRequest request = stop_request(kToken);
    request.reason = static_cast<ShutdownReason>(3);
    harness.send(request);
    harness.step();
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Running);
    EXPECT_EQ(harness.driver().counters().shutdown_requests_refused, 1U);
}

// spec: DRV-114, DRV-115
TEST(DriverShutdownTest, TheFirstRequestDecidesReasonAndEnd) {
    DriverHarness harness(with_token);
    harness.send(stop_request(kToken));
    harness.advance(kDrain / 2);
    const Nanos began_ns = harness.clock.now_ns();
    harness.driver().request_shutdown(ShutdownReason::Error);
    DriverShutdownRequest later = stop_request(kToken);
    later.reason = ShutdownReason::Error;
    harness.send(later);
    harness.advance(kDrain / 2);
    EXPECT_FALSE(harness.driver().is_stopped());
    harness.advance(began_ns + kDrain - harness.clock.now_ns());
    EXPECT_TRUE(harness.driver().is_stopped());
    const auto notices = harness.all<DriverShutdown>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, ShutdownReason::Admin);
}

// spec: DRV-114, DRV-116
TEST(DriverShutdownTest, ALocalStopMayComeFromAnyThreadAndDrainsAlike) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 1);
    std::thread([&] { harness.driver().request_shutdown(ShutdownReason::Error); }).join();
    harness.step();
    EXPECT_EQ(harness.driver().lifecycle(), DriverLifecycle::Draining);
    harness.advance(kDrain);
    const auto notices = harness.all<DriverShutdown>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, ShutdownReason::Error);
}

// spec: DRV-114
TEST(DriverShutdownTest, WithoutADrainTimeTheNoticeLeavesInTheSameCycle) {
    DriverHarness harness([](DriverConfig& config) {
        with_token(config);
        config.policies.shutdown_timeout_ms = 0;
    });
    harness.send(stop_request(kToken));
    harness.step();
    EXPECT_TRUE(harness.driver().is_stopped());
    EXPECT_THAT(harness.all<DriverShutdown>(), SizeIs(1));
}

// spec: DRV-116
TEST(DriverShutdownTest, DestroyingARunningDriverSendsTheNoticeOnce) {
    DriverHarness harness;
    harness.attached(Role::Consumer, 1);
    harness.stop_driver();
    harness.step();
    const auto notices = harness.all<DriverShutdown>();
    ASSERT_THAT(notices, SizeIs(1));
    EXPECT_EQ(notices[0].reason, ShutdownReason::Normal);
}

TEST(DriverShutdownTest, AStoppedDriverDoesNothingAnyMore) {
    DriverHarness harness([](DriverConfig& config) { config.policies.shutdown_timeout_ms = 0; });
    const AttachResponse lease = harness.attached(Role::Producer, 1);
    harness.driver().request_shutdown();
    harness.step();
    harness.seen.clear();
    harness.send(harness.request(Role::Consumer, 2));
    harness.advance(100 * kNanosPerSecond);
    EXPECT_EQ(harness.driver().do_work(harness.clock.now_ns()), 0);
    EXPECT_FALSE(harness.driver().revoke(*lease.lease_id, ""));
    EXPECT_THAT(harness.seen, IsEmpty());
    harness.stop_driver();
    harness.step();
    EXPECT_THAT(harness.seen, IsEmpty()) << "no second notice";
}

/// Keeps everything that is logged.
class RecordingSink final : public LogSink {
public:
    RecordingSink() { set_log_sink(this, LogLevel::Debug); }
    ~RecordingSink() override { set_log_sink(nullptr); }
    void write(LogLevel, std::string_view, std::string_view message) noexcept override {
        text += message;
        text += '\n';
    }
    std::string text;
};

// spec: TRP-24
TEST(DriverShutdownTest, NoTokenEverReachesTheLog) {
    RecordingSink sink;
    DriverHarness harness(with_token);
    harness.send(stop_request("a-wrong-token"));
    harness.send(stop_request(kToken));
    harness.step();
    harness.advance(kDrain);
    EXPECT_THAT(sink.text, HasSubstr("shutdown request"));
    EXPECT_THAT(sink.text, Not(HasSubstr(kToken)));
    EXPECT_THAT(sink.text, Not(HasSubstr("a-wrong-token")));
}

}  // namespace
}  // namespace tensorpool
