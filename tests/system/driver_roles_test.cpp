// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "client/session_harness.hpp"
#include "support/pattern.hpp"
#include "support/rounds.hpp"

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

// A producer and a consumer with the leases of a real driver: what its decisions mean for their mappings.
namespace tensorpool {
namespace {

using control::LeaseRevoked;
using test::SessionHarness;
using test::TestClient;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr std::uint32_t kFrameBytes = 1000;

/// One stream with a producer (client id 1) and a consumer (client id 2), all on one thread and a manual
/// clock.
class DriverRolesTest : public ::testing::Test {
protected:
    DriverRolesTest() {
        harness_.start_driver([](DriverConfig& config) { config.policies.epoch_gc_enabled = false; });
        producer_client_ = &harness_.attached(Role::Producer, 1);
        consumer_client_ = &harness_.attached(Role::Consumer, 2);
        ProducerOptions producer;
        producer.allowed_base_dirs = {base_dir()};
        producer_.emplace(
            Producer::from_attach(*producer_client_->context, *producer_client_->session, producer));
        consumer_.emplace(make_consumer(base_dir()));
        cycle();
    }

    std::string base_dir() { return harness_.driver().config().shm.base_dir; }
    Consumer make_consumer(const std::string& allowed) {
        ConsumerOptions options;
        options.stream_id = SessionHarness::kStream;
        options.allowed_base_dirs = {allowed};
        return Consumer::from_attach(*consumer_client_->context, *consumer_client_->session, options);
    }
    void cycle() {
        harness_.step();
        if (producer_) producer_->do_work(harness_.clock.now_ns());
        if (consumer_) consumer_->do_work(harness_.clock.now_ns());
    }
    void live(Nanos duration_ns) {
        for (Nanos left = duration_ns; left > 0; left -= 50 * kNanosPerMilli) {
            harness_.clock.advance(50 * kNanosPerMilli);
            cycle();
        }
    }
    /// Publishes one frame; false without a lease.
    bool publish() {
        FrameInfo info;
        info.tensor.dims[0] = static_cast<std::int32_t>(kFrameBytes);
        return producer_->offer(test::pattern(producer_->next_seq(), kFrameBytes), info).has_value();
    }
    /// Frames the consumer delivers now; every one must be what was written.
    int read() {
        return consumer_->poll([](const Frame& frame) {
            std::vector<std::byte> copy(kFrameBytes);
            ASSERT_TRUE(frame.copy_to(copy));
            EXPECT_EQ(test::read_pattern(copy), frame.seq());
        });
    }
    /// A notice that the producer's lease ended, as of now. It names another lease: the producer goes on, and
    /// a consumer never knows the number (TRP-21).
    LeaseRevoked producer_notice() {
        LeaseRevoked notice;
        notice.timestamp_ns = static_cast<std::uint64_t>(harness_.clock.now_ns());
        notice.lease_id = 12345;
        notice.stream_id = SessionHarness::kStream;
        notice.client_id = 1;
        notice.role = Role::Producer;
        notice.reason = LeaseRevokeReason::Expired;
        return notice;
    }
    /// Every path below the driver's directory with what identifies its content's place.
    std::map<std::string, std::pair<ino_t, off_t>> files() {
        std::map<std::string, std::pair<ino_t, off_t>> found;
        for (const auto& entry : fs::recursive_directory_iterator(base_dir())) {
            struct stat status {};
            ::lstat(entry.path().c_str(), &status);
            found[entry.path().string()] = {status.st_ino, entry.is_directory() ? 0 : status.st_size};
        }
        return found;
    }

    SessionHarness harness_;
    TestClient* producer_client_ = nullptr;
    TestClient* consumer_client_ = nullptr;
    std::optional<Producer> producer_;
    std::optional<Consumer> consumer_;
};

// spec: DRV-007, DRV-008
TEST_F(DriverRolesTest, FramesGoThroughTheRegionsThatTheDriverGranted) {
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(publish());
        EXPECT_EQ(read(), 1);
    }
    EXPECT_EQ(producer_->epoch(), harness_.driver().streams()[0].epoch);
    EXPECT_EQ(consumer_->epoch(), producer_->epoch());
}

// spec: DRV-001, DRV-009, DRV-143
TEST_F(DriverRolesTest, ClientsNeitherCreateNorResizeNorRemoveAnyFile) {
    const auto before = files();
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(publish());
        read();
    }
    harness_.hang_driver();      // whatever changes now, a client did it
    live(10 * kNanosPerSecond);  // both give up their leases and their mappings
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Unmapped);
    EXPECT_FALSE(producer_->is_ready());
    consumer_.reset();
    producer_.reset();
    EXPECT_EQ(files(), before);
}

// spec: DRV-131, WIRE-151
TEST_F(DriverRolesTest, AConsumerMapsNothingOutsideItsAllowedDirectoriesThoughTheDriverSaysSo) {
    const test::TempDir elsewhere;
    consumer_.reset();
    consumer_.emplace(make_consumer(elsewhere.str()));
    live(3 * kNanosPerSecond);
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Unmapped);
    EXPECT_THAT(consumer_->last_error(), HasSubstr("outside the allowed directories"));
}

// spec: DRV-090, DRV-097, TRP-21
TEST_F(DriverRolesTest, AfterTheProducersRevocationAConsumerWaitsForAHigherEpoch) {
    const std::uint64_t epoch = consumer_->epoch();
    ASSERT_NE(epoch, 0U);
    harness_.clock.advance(kNanosPerMilli);
    harness_.say(producer_notice());
    consumer_->do_work(harness_.clock.now_ns());
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Unmapped);
    auto other_stream = harness_.announcing(epoch + 1);
    other_stream.stream_id += 1;
    harness_.say(other_stream);
    harness_.say(harness_.announcing(epoch - 1));
    live(2500 * kNanosPerMilli);  // the driver announces the epoch the notice was about
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Unmapped);
    ASSERT_TRUE(harness_.driver().revoke(producer_client_->session->attachment()->lease_id, ""));
    cycle();
    cycle();
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Mapped);
    EXPECT_GT(consumer_->epoch(), epoch);
}

// spec: DRV-091, TRP-20, TRP-21
TEST_F(DriverRolesTest, NoticesAboutOthersOrFromBeforeTheMappedEpochUnmapNothing) {
    live(2 * kNanosPerSecond);
    const std::uint64_t unmaps = consumer_->counters().unmaps;
    for (int field = 0; field < 4; ++field) {
        LeaseRevoked notice = producer_notice();
        if (field == 0) notice.stream_id += 1;
        if (field == 1) notice.client_id = 3;
        if (field == 2) notice.role = Role::Consumer;
        if (field == 3) notice.timestamp_ns = 1;
        harness_.say(notice);
    }
    cycle();
    EXPECT_EQ(consumer_->counters().unmaps, unmaps) << consumer_->last_error();
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Mapped);
}

// spec: DRV-079, DRV-089, DRV-103
TEST_F(DriverRolesTest, ANewProducerEpochIsAHardBoundaryForFramesOnTheirWay) {
    ASSERT_TRUE(publish());
    EXPECT_EQ(read(), 1);
    const std::uint64_t epoch = producer_->epoch();
    ASSERT_TRUE(publish());  // on its way when the epoch ends
    ASSERT_TRUE(harness_.driver().revoke(producer_client_->session->attachment()->lease_id, ""));
    cycle();
    EXPECT_FALSE(producer_->is_ready());
    EXPECT_FALSE(publish()) << "no lease, no slot";
    cycle();
    EXPECT_EQ(read(), 0);
    live(kNanosPerSecond);
    ASSERT_TRUE(producer_->is_ready()) << "attached again by itself";
    EXPECT_GT(producer_->epoch(), epoch);
    EXPECT_EQ(producer_->next_seq(), 0U);
    ASSERT_TRUE(publish());
    EXPECT_EQ(read(), 1);
    EXPECT_EQ(consumer_->epoch(), producer_->epoch());
}

// spec: DRV-096
TEST_F(DriverRolesTest, AConsumerWhoseNewEpochIsNeverAnnouncedGivesUpAndComesBackByItself) {
    harness_.clock.advance(kNanosPerMilli);
    harness_.say(producer_notice());
    consumer_->do_work(harness_.clock.now_ns());
    ASSERT_EQ(consumer_->mapping_state(), MappingState::Unmapped) << "not held while it waits";
    harness_.hang_driver();
    live(3500 * kNanosPerMilli);
    EXPECT_EQ(consumer_client_->session->attachment(), nullptr);
    harness_.hang_driver(false);
    live(6 * kNanosPerSecond);
    EXPECT_EQ(consumer_->mapping_state(), MappingState::Mapped);
    EXPECT_EQ(consumer_->epoch(), harness_.driver().streams()[0].epoch);
}

// spec: DRV-117, DRV-118, DRV-119
TEST_F(DriverRolesTest, WithoutItsDriverNothingStaysMappedAndWithTheNextOneFramesFlowAgain) {
    for (const bool orderly : {true, false}) {
        const std::uint64_t epoch = producer_->epoch();
        orderly ? harness_.stop_driver() : harness_.crash_driver();
        live(200 * kNanosPerMilli);
        EXPECT_FALSE(producer_->is_ready());
        EXPECT_EQ(consumer_->mapping_state(), MappingState::Unmapped);
        harness_.start_driver();
        live(5 * kNanosPerSecond);
        ASSERT_TRUE(producer_->is_ready());
        EXPECT_GT(producer_->epoch(), epoch);
        read();
        ASSERT_TRUE(publish());
        EXPECT_EQ(read(), 1);
    }
}

std::uint64_t locked_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmLck:")) return std::stoull(line.substr(6));
    }
    return 0;
}

// spec: DRV-137
TEST_F(DriverRolesTest, AConsumerLocksItsOwnMappingWhenAskedTo) {
    if (test::kSanitized) GTEST_SKIP() << "sanitizers make mlock do nothing";
    EXPECT_EQ(locked_kib(), 0U);
    consumer_.reset();
    ConsumerOptions options;
    options.stream_id = SessionHarness::kStream;
    options.allowed_base_dirs = {base_dir()};
    options.lock_memory = true;
    consumer_.emplace(Consumer::from_attach(*consumer_client_->context, *consumer_client_->session, options));
    cycle();
    ASSERT_EQ(consumer_->mapping_state(), MappingState::Mapped) << consumer_->last_error();
    EXPECT_GE(locked_kib(), 4096U * 8U / 1024U);
    consumer_.reset();
    EXPECT_EQ(locked_kib(), 0U);
}

}  // namespace
}  // namespace tensorpool
