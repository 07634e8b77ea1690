// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Frames through a limiter: what of them stays, when they leave, and what the ends of a mapping mean.

#include "rate_limiter/rate_limiter_fixture.hpp"

#include "rate_limiter/rate_slot.hpp"
#include "support/allocation_counter.hpp"
#include "telemetry/counter_list.hpp"
#include "wire/frame_descriptor.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace tensorpool::test {
namespace {

__extension__ using Wide = __int128;

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

// spec: RATE-001 RATE-002 RATE-004 RATE-007 RATE-019 RATE-020 RATE-021 RATE-022 RATE-023 RATE-024 RATE-025
// RATE-026
TEST_F(RateLimiterTest, PublishesEveryFrameAgainAsItWas) {
    start_all();
    FrameInfo info;
    info.tensor = image_layout(Dtype::UInt16, 3, 5);
    info.timestamp_ns = 0x1122334455667788;
    info.meta_version = 7;
    info.trace_id = 0xabcdef;
    std::vector<std::byte> payload(30);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i);
    ASSERT_TRUE(source->offer(payload, info));
    publish(3000);
    step();
    ASSERT_THAT(received, SizeIs(2));
    const Received& frame = received[0];
    EXPECT_EQ(frame.seq, 0U);
    EXPECT_EQ(frame.payload, payload);
    EXPECT_EQ(frame.timestamp_ns, info.timestamp_ns);
    EXPECT_EQ(frame.meta_version, 7U);
    EXPECT_EQ(frame.trace_id, 0xabcdefU);
    EXPECT_EQ(frame.tensor.dtype, Dtype::UInt16);
    EXPECT_EQ(frame.tensor.ndims, 2);
    EXPECT_THAT(std::vector(frame.tensor.dims.begin(), frame.tensor.dims.begin() + 2), ElementsAre(3, 5));
    EXPECT_EQ(frame.pool_id, 2U) << "the smallest that fits";
    EXPECT_EQ(received[1].pool_id, 3U);
    EXPECT_THAT(received[1].payload, AllOf(SizeIs(3000), Each(std::byte{1})));
    EXPECT_EQ(counters().frames_published, 2U);
    EXPECT_EQ(counters().bytes_published, 3030U);
}

TEST_F(RateLimiterTest, DoesNotInventACaptureTime) {
    start_all();
    FrameInfo info = info_of(100);
    info.timestamp_ns = UINT64_MAX;  // the source does not know
    ASSERT_TRUE(source->offer(std::vector<std::byte>(100), info));
    step();
    ASSERT_THAT(received, SizeIs(1));
    EXPECT_EQ(received[0].timestamp_ns, 0U);
}

// spec: RATE-005 RATE-006
TEST_F(RateLimiterTest, PublishesToTheDestinationOnly) {
    start_driver();
    start_source();
    auto context = new_context();
    auto descriptors =
        context->messaging().add_subscription(options.descriptor.channel, options.descriptor.stream_id);
    start_limiter();
    for (int i = 0; i < 3; ++i) {
        publish();
        step();
    }
    std::map<std::uint32_t, std::set<std::int64_t>> publications;
    descriptors->poll(
        [&](const messaging::Message& message) {
            wire::FrameDescriptorBlock descriptor;
            ASSERT_TRUE(wire::decode_frame_descriptor(message.bytes, descriptor));
            publications[descriptor.stream_id].insert(message.image->session_id);
        },
        100);
    ASSERT_EQ(publications.size(), 2U);
    EXPECT_EQ(publications[kSource].size(), 1U) << "the source's own";
    EXPECT_EQ(publications[kDest].size(), 1U);
    EXPECT_NE(publications[kSource], publications[kDest]);
}

// spec: RATE-009 RATE-010 RATE-020
TEST_F(RateLimiterTest, LetsTheNewestFrameOutWhenASlotOpens) {
    options.mappings[0].max_rate_hz = 10;
    start_all();
    publish_at(100, 10 * kNanosPerMilli);  // 100 Hz for a second
    ASSERT_THAT(received, SizeIs(AllOf(Ge(9U), Le(11U))));
    for (std::size_t i = 1; i < received.size(); ++i)
        EXPECT_EQ(received[i].seq - received[i - 1].seq, 10U) << "the newest of each tenth of a second";
    for (const Received& frame : received)
        EXPECT_THAT(frame.payload, Each(static_cast<std::byte>(frame.seq)));
    EXPECT_EQ(counters().frames_published + counters().drops_rate + (status().pending ? 1 : 0), 100U);
    EXPECT_EQ(consumers[0]->counters().drops_gap,
              received.back().seq - received.front().seq + 1 - received.size())
        << "what was dropped shows as gaps";
}

// spec: RATE-017
TEST_F(RateLimiterTest, LetsTheFirstFrameOutAtOnceAndOneThatWaitsWithoutAnother) {
    options.mappings[0].max_rate_hz = 1;
    start_all();
    publish();
    step();
    EXPECT_THAT(seqs(), ElementsAre(0));
    publish();
    publish();
    step();
    EXPECT_THAT(seqs(), ElementsAre(0));
    EXPECT_TRUE(status().pending);
    live(kNanosPerSecond);
    EXPECT_THAT(seqs(), ElementsAre(0, 2)) << "on the local clock, not on the next descriptor (trap 7)";
}

TEST_F(RateLimiterTest, AllocatesNothingForAFrame) {
    options.mappings.push_back({kSource, kDest + 1, 5, 0});  // one lets all through, one thins out
    start_all();
    publish();
    step();
    const std::vector<std::byte> payload(100);
    const std::uint64_t published = counters().frames_published;
    const std::uint64_t before = allocations_of_this_thread();
    bool all_offered = true;
    for (int i = 0; i < 1000; ++i) {
        all_offered = source->offer(payload, info_of(100)).has_value() && all_offered;
        limiter->do_work(clock.now_ns());
    }
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_TRUE(all_offered);
    EXPECT_EQ(counters().frames_published - published, 1000U);
}

TEST(RateSlotTest, NeverExceedsTheLimitByRounding) {
    for (const std::uint32_t rate : {1U, 3U, 7U, 60U, 999'999'999U, 2'000'000'000U, UINT32_MAX - 1}) {
        rate_limiter::RateSlot slot(rate);
        EXPECT_TRUE(slot.is_limited());
        slot.on_published(0);
        EXPECT_GE(slot.next_ns() * static_cast<Wide>(rate), kNanosPerSecond) << rate;
    }
    EXPECT_FALSE(rate_limiter::RateSlot(0).is_limited());
}

// spec: RATE-003 RATE-013 RATE-014 RATE-015 CFG-027
TEST_F(RateLimiterTest, FollowsTheRateThatItsConsumerAsksFor) {
    options.mappings[0].max_rate_hz = 1;
    start_driver();
    start_source();
    start_limiter();
    EXPECT_EQ(status().rate_hz, 1U) << "until somebody says otherwise";
    add_consumer(kDest, 501, 20);
    EXPECT_TRUE(run_until([&] { return status().rate_hz == 20; }));
    EXPECT_EQ(status().consumer_id, 501U);
    control::ConsumerHello hello;
    hello.stream_id = kDest;
    hello.consumer_id = 501;
    hello.max_rate_hz = 0;
    hello.mode = Mode::RateLimited;  // ignored (trap 2)
    send(options.driver_control, hello);
    step();
    EXPECT_EQ(status().rate_hz, 0U) << "an explicit 0 is unlimited and beats the fallback";
    hello.max_rate_hz = UINT32_MAX;
    send(options.driver_control, hello);
    step();
    EXPECT_EQ(status().rate_hz, 1U) << "no number is no hello (trap 1)";
    hello.stream_id = kSource;
    hello.max_rate_hz = 33;
    send(options.driver_control, hello);
    step();
    EXPECT_EQ(status().rate_hz, 1U) << "hellos of other streams are not its business";
}

// spec: RATE-016 RATE-011 RATE-012
TEST_F(RateLimiterTest, BindsToOneConsumerAndIgnoresASecond) {
    options.mappings.push_back({kSource, kDest + 1, 0, 0});
    start_driver();
    start_source();
    start_limiter();
    add_consumer(kDest, 501, 20);
    EXPECT_TRUE(run_until([&] { return status().rate_hz == 20; }));
    add_consumer(kDest, 502, 5);
    add_consumer(kDest + 1, 503, 7);
    live(2 * kNanosPerSecond);
    EXPECT_EQ(status().rate_hz, 20U);
    EXPECT_EQ(status().consumer_id, 501U);
    EXPECT_GT(counters().hellos_ignored, 0U);
    EXPECT_EQ(status(1).rate_hz, 7U) << "another consumer, another policy";
}

// spec: RATE-015
TEST_F(RateLimiterTest, GoesBackToItsOwnRateWhenTheConsumerIsGone) {
    options.mappings[0].max_rate_hz = 3;
    start_driver();
    start_source();
    start_limiter();
    add_consumer(kDest, 501, 20);
    ASSERT_TRUE(run_until([&] { return status().rate_hz == 20; }));
    waiting([&] { consumers.clear(); });  // gives its lease back
    step();
    EXPECT_EQ(status().rate_hz, 3U) << "told by the notice";
    EXPECT_EQ(status().consumer_id, std::nullopt);
    control::ConsumerHello hello;
    hello.stream_id = kDest;
    hello.consumer_id = 777;
    hello.max_rate_hz = 50;
    send(options.driver_control, hello);
    step();
    EXPECT_EQ(status().consumer_id, 777U);
    live(options.consumer_stale_after_ns + 100 * kNanosPerMilli, 100 * kNanosPerMilli);
    EXPECT_EQ(status().consumer_id, std::nullopt) << "or by its silence";
    EXPECT_EQ(status().rate_hz, 3U);
}

// spec: RATE-027 RATE-022
TEST_F(RateLimiterTest, DropsWhatFitsNoPoolWithoutUsingUpASlot) {
    options.mappings[0].max_rate_hz = 1;
    start_all();
    publish(5000);
    step();
    EXPECT_THAT(received, IsEmpty());
    EXPECT_EQ(counters().drops_too_large, 1U);
    publish(4096);
    step();
    EXPECT_THAT(seqs(), ElementsAre(1)) << "the slot is still there";
}

// spec: RATE-028 RATE-029 RATE-051
TEST_F(RateLimiterTest, DropsAndGoesOnWhileItsDestinationIsNotThere) {
    start_all();
    publish();
    step();
    ASSERT_THAT(seqs(), ElementsAre(0));
    const auto leases = driver->leases();
    for (const DriverLeaseInfo& lease : leases) {
        if (lease.stream_id != kDest || lease.role != Role::Producer) continue;
        EXPECT_TRUE(driver->revoke(lease.lease_id, "test"));
    }
    limiter->do_work(clock.now_ns());
    publish();
    limiter->do_work(clock.now_ns());
    EXPECT_EQ(counters().drops_not_attached, 1U);
    ASSERT_TRUE(settled());
    publish();
    step();
    EXPECT_THAT(seqs(), ElementsAre(0, 2));
}

// spec: RATE-018 RATE-050 RATE-051 RATE-052 RATE-020
TEST_F(RateLimiterTest, BeginsANewEpochWithEveryEpochOfTheSource) {
    options.mappings[0].max_rate_hz = 1;
    start_all();
    for (int i = 0; i < 50; ++i) publish();
    step();
    ASSERT_THAT(seqs(), ElementsAre(49));
    publish();
    step();
    ASSERT_TRUE(status().pending);
    const std::uint64_t first_epoch = status().dest_epoch;
    start_source();  // its numbers start at 0 again
    ASSERT_TRUE(settled());
    EXPECT_GT(status().dest_epoch, first_epoch) << "within one epoch numbers never go back (trap 10)";
    EXPECT_EQ(counters().drops_epoch, 1U) << "what waited did not cross the boundary";
    EXPECT_GE(counters().source_epochs, 2U);
    publish();
    step();
    EXPECT_THAT(seqs(), ElementsAre(49, 0)) << "and the rate timer began anew";
    EXPECT_EQ(received[1].epoch, status().dest_epoch);
    EXPECT_EQ(counters().drops_regressed, 0U);
}

// spec: RATE-018 RATE-052 RATE-017
TEST_F(RateLimiterTest, BeginsANewEpochAndRateWhenItStartsAgain) {
    options.mappings[0].max_rate_hz = 1;
    start_all();
    publish();
    step();
    const std::uint64_t first_epoch = status().dest_epoch;
    start_limiter();
    ASSERT_TRUE(settled());
    EXPECT_GT(status().dest_epoch, first_epoch);
    publish();
    step();
    EXPECT_THAT(seqs(), ElementsAre(0, 1)) << "eligible at once, under the source's number";
}

// spec: RATE-008
TEST_F(RateLimiterTest, SharesItsDestinationWithNoOtherProducer) {
    start_driver();
    start_source();
    start_limiter();
    auto context = new_context();
    RateLimiterOptions other = options;
    other.instance_id = "limiter-2";
    RateLimiter second(*context, other);
    for (int i = 0; i < 100; ++i) {
        step(10 * kNanosPerMilli);
        second.do_work(clock.now_ns());
    }
    EXPECT_FALSE(second.is_ready());
    EXPECT_THAT(second.status()[0].last_error, HasSubstr("destination"));
    EXPECT_TRUE(limiter->is_ready());
    waiting([&] { EXPECT_THROW(second.await_ready(clock.now_ns() + kNanosPerSecond), Error); });
    // Its consumer's lease is given back like any other.
    clock.hook = [this] {
        clock.advance(kNanosPerMilli);
        driver->do_work(clock.now_ns());
    };
}

// spec: RATE-055 RATE-056
TEST_F(RateLimiterTest, ChainsWithAnotherOneThroughAnOrdinaryStream) {
    options.mappings = {{kSource, kDest, 50, 0}, {kDest, kDest + 1, 10, 0}};
    start_driver();
    start_source();
    start_limiter();
    add_consumer(kDest + 1, 500, 0, 0);
    publish_at(100, 10 * kNanosPerMilli);
    EXPECT_THAT(received, SizeIs(AllOf(Ge(8U), Le(11U))));
    for (const Received& frame : received)
        EXPECT_THAT(frame.payload, Each(static_cast<std::byte>(frame.seq)));
}

// spec: RATE-046 RATE-047 RATE-048 RATE-049 RATE-054 RATE-012 RATE-004 RATE-008
TEST_F(RateLimiterTest, RefusesOptionsThatCannotWork) {
    auto context = new_context();
    const auto refused = [&](auto change) {
        RateLimiterOptions bad = options;
        change(bad);
        EXPECT_THROW(RateLimiter(*context, bad), Error);
    };
    refused([](auto& o) { o.instance_id.clear(); });
    refused([](auto& o) { o.mappings.clear(); });
    refused([](auto& o) { o.mappings[0].source_stream_id = 0; });
    refused([](auto& o) { o.mappings[0].dest_stream_id = o.mappings[0].source_stream_id; });
    refused([](auto& o) { o.mappings.push_back({11000, o.mappings[0].dest_stream_id, 0, 0}); });
    refused([](auto& o) {
        o.mappings.push_back({o.mappings[0].dest_stream_id, o.mappings[0].source_stream_id, 0, 0});
    });
    refused([](auto& o) { o.source_progress = Endpoint{"aeron:ipc", 1400}; });
    refused([](auto& o) { o.source_progress = o.dest_progress = Endpoint{"aeron:ipc", 0}; });
    refused([](auto& o) { o.dest_qos = Endpoint{"aeron:ipc", 1400}; });
    refused([](auto& o) { o.consumer_stale_after_ns = 0; });
}

// spec: OBS-006, OT-06
TEST_F(RateLimiterTest, OtherProcessesSeeWhatEachMappingDid) {
    options.mappings = {{kSource, kDest, 10, 0}, {kSource, kDest + 1, 0, 0}};
    start_all();
    publish_at(30, 10 * kNanosPerMilli);
    live(20 * kNanosPerMilli);
    const auto reader = new_context();
    const std::string slow = "RateLimiter stream=20000 source=10000 instance=limiter-1";
    const std::string fast = "RateLimiter stream=20001 source=10000 instance=limiter-1";
    expect_published(reader->messaging(), counters(0), slow);
    expect_published(reader->messaging(), counters(1), fast);
    EXPECT_GT(counter_value(reader->messaging(), "RateLimiterDropsRate", slow), 20);
    EXPECT_EQ(counter_value(reader->messaging(), "RateLimiterFramesPublished", fast), 30);
    EXPECT_EQ(counter_value(reader->messaging(), "RateLimiterRateHz", slow), 10);
    EXPECT_EQ(counter_value(reader->messaging(), "RateLimiterLastSeq", fast), 29);
}

}  // namespace
}  // namespace tensorpool::test
