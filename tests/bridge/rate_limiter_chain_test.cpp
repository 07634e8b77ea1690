// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A rate limiter before the bridge and behind it.

#include "bridge/two_hosts.hpp"

#include <tensorpool/rate_limiter.hpp>

#include <gmock/gmock.h>

#include <algorithm>

namespace tensorpool::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;

class RateLimiterChainTest : public TwoHosts {
protected:
    ~RateLimiterChainTest() override { clock.run_by_itself(); }

    /// `source` of `host` again as `dest`, at `max_rate_hz`.
    void start_limiter(Host& host, std::uint32_t source, std::uint32_t dest, std::uint32_t max_rate_hz) {
        host.config.streams.push_back({.name = "limited", .stream_id = dest, .profile = "raw"});
        retire(host.driver);
        host.driver = std::make_unique<Driver>(*host.context, host.config);
        RateLimiterOptions limiting;
        limiting.instance_id = "limiter";
        limiting.mappings = {{source, dest, max_rate_hz, 0}};
        limiting.allowed_base_dirs = {host.config.shm.base_dir};
        limiter = std::make_unique<RateLimiter>(*host.context, limiting);
        more = [this](Nanos now) { limiter->do_work(now); };
    }
    /// A second of the source at 100 Hz; every frame has the trace id that follows from its number.
    void publish_a_second() {
        for (int i = 0; i < 100; ++i) {
            publish(3000, 10 * producer->next_seq() + 1);
            run(2);
        }
    }
    /// What arrived is a part of what was sent, and nothing about it changed.
    void expect_originals() const {
        EXPECT_TRUE(std::ranges::is_sorted(seqs));
        EXPECT_EQ(std::ranges::adjacent_find(seqs), seqs.end());
        EXPECT_EQ(last_frame.timestamp_ns(), 5000 + last_frame.seq());
        EXPECT_EQ(last_frame.trace_id(), 10 * last_frame.seq() + 1);
        EXPECT_EQ(last_frame.meta_version(), 4U);
        EXPECT_EQ(last_frame.payload().size(), 3000U);
    }

    std::unique_ptr<RateLimiter> limiter;
};

// spec: RATE-055 RATE-056
TEST_F(RateLimiterChainTest, CarriesAThinnedStreamToTheOtherHost) {
    constexpr std::uint32_t kThinned = 1500;
    start_limiter(a, kSource, kThinned, 10);
    options.mappings[0].source_stream_id = kThinned;
    ASSERT_NO_FATAL_FAILURE(start());
    ASSERT_TRUE(run_until([&] { return limiter->is_ready(); })) << limiter->status()[0].last_error;
    publish_a_second();
    const RateLimiterCounters counted = limiter->status()[0].counters;
    EXPECT_THAT(counted.frames_published, AllOf(Ge(9U), Le(12U)));
    ASSERT_TRUE(run_until([&] { return seqs.size() == counted.frames_published; })) << seqs.size();
    EXPECT_EQ(sending().counters.frames_forwarded, counted.frames_published) << "all others stay at home";
    expect_originals();
}

// spec: RATE-055 RATE-056 BRG-074
TEST_F(RateLimiterChainTest, ThinsWhatTheBridgeRebuilt) {
    constexpr std::uint32_t kThinned = 2500;
    start_limiter(b, kDest, kThinned, 0);
    start_producer();
    start_receiver();
    start_sender();
    ASSERT_TRUE(run_until([&] { return producer->is_ready() && receiving().dest_epoch != 0; }));
    // This reader's own wish thins the stream, on its own host; the network carries all frames.
    ConsumerOptions consuming;
    consuming.stream_id = kThinned;
    consuming.max_rate_hz = 10;
    consuming.allowed_base_dirs = {b.config.shm.base_dir};
    consumer = std::make_unique<Consumer>(*b.context, consuming);
    ASSERT_TRUE(run_until([&] {
        const RateLimiterStatus status = limiter->status()[0];
        return limiter->is_ready() && consumer->is_ready() && status.rate_hz == 10 &&
               consumer->epoch() == status.dest_epoch;
    })) << limiter->status()[0].last_error;
    publish_a_second();
    const RateLimiterCounters counted = limiter->status()[0].counters;
    EXPECT_EQ(receiving().counters.frames_rematerialized, 100U);
    EXPECT_THAT(counted.frames_published, AllOf(Ge(9U), Le(12U)));
    ASSERT_TRUE(run_until([&] { return seqs.size() == counted.frames_published; })) << seqs.size();
    expect_originals();
}

// spec: RATE-050 RATE-052 BRG-106
TEST_F(RateLimiterChainTest, FollowsANewEpochOfTheSourceThroughBoth) {
    constexpr std::uint32_t kThinned = 1500;
    start_limiter(a, kSource, kThinned, 0);
    options.mappings[0].source_stream_id = kThinned;
    ASSERT_NO_FATAL_FAILURE(start());
    ASSERT_TRUE(run_until([&] { return limiter->is_ready(); }));
    publish(3000, 1);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    const std::uint64_t epoch_here = receiving().dest_epoch;
    retire(producer);
    start_producer();
    ASSERT_TRUE(run_until([&] {
        return producer->is_ready() && limiter->is_ready() && receiving().dest_epoch > epoch_here &&
               consumer->epoch() == receiving().dest_epoch;
    })) << limiter->status()[0].last_error
        << receiving().last_error << consumer->last_error();
    seqs.clear();
    ASSERT_TRUE(run_until([&] {
        publish(3000, 10 * producer->next_seq() + 1);
        return !seqs.empty();
    }));
    expect_originals();
}

}  // namespace
}  // namespace tensorpool::test
