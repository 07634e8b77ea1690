// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>
#include <tensorpool/error.hpp>

#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

// The members that wait, on the real clock, with a driver on a thread of its own.
namespace tensorpool {
namespace {

using ::testing::HasSubstr;

constexpr Nanos kLong = 60 * kNanosPerSecond;

class SessionAwaitTest : public ::testing::Test {
protected:
    SessionAwaitTest() {
        config_.shm.base_dir = (dir_.path() / "shm").string();
        config_.profiles = {
            {.name = "raw", .header_nslots = 8, .payload_pools = {{.pool_id = 1, .stride_bytes = 4096}}}};
        config_.streams = {{.name = "cam1", .stream_id = 10000, .profile = "raw"}};
        messaging_.messaging_dir = (dir_.path() / "messaging").string();
    }
    void start_driver() {
        driver_thread_ = std::jthread([this](const std::stop_token& stop) {
            Context context(messaging_);
            Driver driver(context, config_);
            while (!stop.stop_requested()) {
                driver.do_work(context.clock().now_ns());
                driver.wait(kNanosPerMilli);
            }
        });
    }
    static Nanos in(Nanos ns) { return monotonic_now_ns() + ns; }
    static DriverSessionOptions options(Role role, std::uint32_t client_id) {
        DriverSessionOptions options;
        options.stream_id = 10000;
        options.role = role;
        options.client_id = client_id;
        return options;
    }

    test::TempDir dir_;
    DriverConfig config_;
    ContextOptions messaging_;
    std::jthread driver_thread_;
};

// spec: DRV-004, DRV-019
TEST_F(SessionAwaitTest, AwaitAttachReturnsTheLeaseOfADriverInTheSameProcess) {
    start_driver();
    Context context(messaging_);
    DriverSession session(context, options(Role::Producer, 42));
    const Attachment& attachment = session.await_attach(in(kLong));
    EXPECT_EQ(attachment.stream_id, 10000U);
    EXPECT_EQ(&session.await_attach(in(kLong)), &attachment) << "attached already";
    EXPECT_TRUE(session.await_detach(in(kLong)));
    EXPECT_EQ(session.state(), SessionState::Unattached);
}

// spec: DRV-036
TEST_F(SessionAwaitTest, AwaitAttachBridgesTheTimeUntilADriverStarts) {
    Context context(messaging_);
    DriverSession session(context, options(Role::Consumer, 42));
    EXPECT_THROW((void)session.await_attach(in(20 * kNanosPerMilli)), Error);
    start_driver();
    EXPECT_EQ(session.await_attach(in(kLong)).client_id, 42U);
}

TEST_F(SessionAwaitTest, WithoutADriverTheTimeoutSaysWhatIsMissing) {
    Context context(messaging_);
    DriverSession session(context, options(Role::Consumer, 42));
    try {
        (void)session.await_attach(in(0));
        FAIL() << "attached to nothing";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Timeout);
        EXPECT_THAT(error.what(), HasSubstr("10000"));
        EXPECT_THAT(error.what(), HasSubstr("no driver answers on control stream 1000"));
    }
    EXPECT_EQ(session.attachment(), nullptr);
}

TEST_F(SessionAwaitTest, ARefusalThatWaitingMayCureEndsInATimeoutWithTheDriversReason) {
    start_driver();
    Context context(messaging_);
    DriverSession holder(context, options(Role::Producer, 41));
    (void)holder.await_attach(in(kLong));
    DriverSession session(context, options(Role::Producer, 42));
    session.request_attach();
    while (session.last_error().empty()) session.do_work(monotonic_now_ns());
    try {
        (void)session.await_attach(in(0));
        FAIL() << "two producers";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Timeout);
        EXPECT_THAT(error.what(), HasSubstr("already has a producer"));
    }
}

// spec: DRV-123
TEST_F(SessionAwaitTest, ARefusalThatCannotClearIsThrownAtOnceWithTheDriversText) {
    config_.policies.allow_dynamic_streams = true;
    start_driver();
    Context context(messaging_);
    DriverSessionOptions wanted = options(Role::Producer, 42);
    wanted.stream_id = 20000;
    wanted.publish_mode = PublishMode::ExistingOrCreate;
    DriverSession session(context, wanted);
    try {
        (void)session.await_attach(in(kLong));
        FAIL() << "a stream without a range";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Rejected);
        EXPECT_THAT(error.what(), HasSubstr("stream_id_range"));
    }
    EXPECT_EQ(session.state(), SessionState::Unattached);
}

TEST_F(SessionAwaitTest, AwaitDetachWithoutADriverGivesUpAtItsDeadline) {
    Context context(messaging_);
    DriverSession session(context, options(Role::Producer, 42));
    start_driver();
    (void)session.await_attach(in(kLong));
    driver_thread_.request_stop();
    driver_thread_.join();
    EXPECT_FALSE(session.await_detach(in(0)));
}

}  // namespace
}  // namespace tensorpool
