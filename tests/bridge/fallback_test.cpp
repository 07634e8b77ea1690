// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A consumer that may not, or cannot, read shared memory goes on with the same frames.

#include "bridge/payload_receiver.hpp"
#include "bridge/two_hosts.hpp"
#include "support/allocation_counter.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/fallback_consumer.hpp>

#include <gmock/gmock.h>

#include <tuple>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;

/// A frame as somebody got it.
struct Seen {
    std::uint64_t epoch;
    std::uint64_t seq;
    std::uint64_t timestamp_ns;
    std::uint64_t trace_id;
    std::uint32_t meta_version;
    std::int32_t width;
    std::vector<std::byte> payload;

    friend bool operator==(const Seen&, const Seen&) = default;
};

Seen copied(const Frame& frame) {
    Seen seen{
        frame.epoch(),          frame.seq(), frame.timestamp_ns(), frame.trace_id(), frame.meta_version(),
        frame.tensor().dims[0], {}};
    seen.payload.resize(frame.payload().size());
    EXPECT_TRUE(frame.copy_to(seen.payload));
    return seen;
}

/// The consumer under test is at host A, beside one that always reads shared memory; the sender's chunks pass
/// through the network's messaging.
class FallbackTest : public TwoHosts {
protected:
    static constexpr std::uint32_t kId = 42;
    static constexpr const char* kChunks = "aeron:ipc?stream-id=3000|term-length=16m|tensor-stream-id=2000";

    FallbackTest() {
        options.control.channel = options.payload.channel;
        consuming.stream_id = kSource;
        consuming.consumer_id = kId;
        consuming.allowed_base_dirs = {a.config.shm.base_dir};
        falling.transport = network_b.get();
        more = [this](Nanos now) {
            if (reference) {
                reference->do_work(now);
                reference->poll([this](const Frame& frame) { expected.push_back(copied(frame)); }, 64);
            }
            if (!fallback) return;
            fallback->do_work(now);
            fallback->poll([this](const Frame& frame) { got.push_back(copied(frame)); }, 64);
        };
    }
    ~FallbackTest() override { clock.run_by_itself(); }

    void start_all() {
        start_producer();
        start_sender();
        ConsumerOptions plain = consuming;
        plain.consumer_id = kId + 1;
        reference = std::make_unique<Consumer>(*a.context, plain);
        fallback = std::make_unique<FallbackConsumer>(*a.context, consuming, falling);
        ASSERT_TRUE(run_until([&] { return reference->is_ready() && sending().source_epoch != 0; }));
    }
    void tell(bool use_shm, const std::string& uri = "") {
        control::ConsumerConfig message;
        message.stream_id = kSource;
        message.consumer_id = kId;
        message.use_shm = use_shm;
        message.payload_fallback_uri = uri;
        ASSERT_TRUE(teller.send(message));
    }
    [[nodiscard]] bool reads(FrameOrigin origin) {
        return run_until([&] { return fallback->origin() == origin && fallback->is_ready(); });
    }
    /// Frames of all sizes, each with its own trace id.
    void publish_some(int frames) {
        for (int i = 0; i < frames; ++i) {
            publish(static_cast<std::uint32_t>(500 + 3000 * (producer->next_seq() % 7)),
                    10 * producer->next_seq() + 1);
            run(2);
        }
    }
    [[nodiscard]] bool has_everything() {
        return run_until([&] { return got.size() >= expected.size(); }) && got == expected;
    }

    ConsumerOptions consuming;
    FallbackOptions falling;
    std::unique_ptr<Consumer> reference;
    std::unique_ptr<FallbackConsumer> fallback;
    control::ControlPublisher teller{a.context->messaging().add_publication(
        StreamEndpoints{}.control.channel, StreamEndpoints{}.control.stream_id)};
    std::vector<Seen> expected;
    std::vector<Seen> got;
};

// spec: WIRE-089 WIRE-090 WIRE-141
TEST_F(FallbackTest, DeliversTheSameFramesFromChunksWhenItIsToldTo) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    ASSERT_TRUE(reads(FrameOrigin::SharedMemory)) << fallback->last_error();
    publish_some(20);
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    publish_some(40);
    tell(true);
    ASSERT_TRUE(reads(FrameOrigin::SharedMemory)) << fallback->last_error();
    publish_some(20);
    EXPECT_TRUE(has_everything()) << got.size() << " of " << expected.size();
    EXPECT_EQ(got.size(), 80U);
    EXPECT_EQ(fallback->counters().frames_delivered, 40U);
    EXPECT_EQ(fallback->counters().switches, 2U);
    EXPECT_EQ(fallback->counters().frames_overwritten, 0U);
}

TEST_F(FallbackTest, GoesOnWithoutAGapWhenTheOriginChangesAmidFrames) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    publish_some(10);
    // The chunks of the last frames are still on their way when shared memory is there again.
    tell(true);
    ASSERT_TRUE(run_until([&] {
        publish_some(1);
        return fallback->origin() == FrameOrigin::SharedMemory;
    }));
    publish_some(10);
    ASSERT_TRUE(run_until([&] { return got.back() == expected.back(); }));
    for (std::size_t i = 1; i < got.size(); ++i) ASSERT_GT(got[i].seq, got[i - 1].seq) << "repeated";
    // While the mapping came back a frame may have had neither way; nothing else is lost.
    EXPECT_GE(got.size() + 2, expected.size());
}

// spec: WIRE-141 WIRE-160
TEST_F(FallbackTest, ReadsChunksWhereTheStreamCannotBeMapped) {
    const TempDir elsewhere;
    consuming.allowed_base_dirs = {elsewhere.str()};
    falling.uri = kChunks;
    start_producer();
    start_sender();
    fallback = std::make_unique<FallbackConsumer>(*a.context, consuming, falling);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    ASSERT_TRUE(run_until([&] { return producer->is_ready() && sending().source_epoch != 0; }));
    consuming.allowed_base_dirs = {a.config.shm.base_dir};
    consuming.consumer_id = kId + 1;
    reference = std::make_unique<Consumer>(*a.context, consuming);
    ASSERT_TRUE(run_until([&] { return reference->is_ready() && fallback->epoch() == producer->epoch(); }));
    publish_some(30);
    EXPECT_TRUE(has_everything()) << got.size() << " of " << expected.size();
}

// spec: WIRE-090
TEST_F(FallbackTest, ReadsTheStreamThatABridgeReceiverFillsOnItsHost) {
    start_producer();
    start_receiver();
    start_sender();
    consuming.allowed_base_dirs = {b.config.shm.base_dir};
    falling.uri = "bridge://2000";
    fallback = std::make_unique<FallbackConsumer>(*b.context, consuming, falling);
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; })) << receiving().last_error;
    ASSERT_TRUE(reads(FrameOrigin::OtherStream)) << fallback->last_error();
    ASSERT_TRUE(run_until([&] { return fallback->epoch() == receiving().dest_epoch; }));
    publish_some(30);
    ASSERT_TRUE(run_until([&] { return got.size() == 30; })) << got.size();
    EXPECT_EQ(got.back().trace_id, 10 * got.back().seq + 1);
    EXPECT_EQ(got.back().timestamp_ns, 5000 + got.back().seq);
    EXPECT_EQ(read_pattern(got.back().payload), got.back().seq);
}

// spec: BRG-106 BRG-107
TEST_F(FallbackTest, FollowsANewEpochOfTheSource) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    publish_some(10);
    retire(producer);
    start_producer();
    ASSERT_TRUE(run_until([&] {
        return producer->is_ready() && reference->epoch() == producer->epoch() &&
               sending().source_epoch == producer->epoch() && fallback->epoch() == producer->epoch();
    })) << fallback->last_error();
    publish_some(10);
    EXPECT_TRUE(has_everything()) << got.size() << " of " << expected.size();
}

TEST_F(FallbackTest, LosesOnlyTheFramesWhoseChunksAreLost) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    bad->drop = 20;
    publish_some(100);
    bad->drop = 0;
    publish_some(10);
    ASSERT_TRUE(run_until([&] { return !got.empty() && got.back() == expected.back(); }));
    EXPECT_LT(got.size(), expected.size());
    for (const Seen& frame : got) EXPECT_EQ(read_pattern(frame.payload), frame.seq);
}

TEST_F(FallbackTest, AllocatesNothingForAFrame) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    publish_some(20);  // everything has its memory
    std::uint64_t frames = 0;
    std::uint64_t allocated = 0;
    more = [&](Nanos now) {
        reference->do_work(now);
        reference->poll([](const Frame&) {}, 64);
        const std::uint64_t before = allocations_of_this_thread();
        fallback->do_work(now);
        fallback->poll([&](const Frame&) { ++frames; }, 64);
        allocated += allocations_of_this_thread() - before;
    };
    // One stretch between two announces, which are decoded into vectors.
    for (int round = 0; round < 20 && (round == 0 || allocated > 0); ++round) {
        allocated = frames = 0;
        publish_some(15);
    }
    EXPECT_GT(frames, 10U);
    EXPECT_EQ(allocated, 0U);
}

TEST_F(FallbackTest, SaysWhatIsWrongWithAnAddressAndStaysUsable) {
    ASSERT_NO_FATAL_FAILURE(start_all());
    for (const char* uri : {"aeron:ipc?stream-id=0", "aeron:ipc?stream-id=x", "aeron:tcp", "bridge://camera",
                            "aeron:ipc?control-stream-id=2147483648"}) {
        const std::uint64_t failed = fallback->counters().openings_failed;
        tell(false, uri);
        ASSERT_TRUE(run_until([&] { return fallback->counters().openings_failed > failed; })) << uri;
        EXPECT_THAT(fallback->last_error(), HasSubstr(std::string(uri).substr(0, 9))) << uri;
        ConsumerOptions other = consuming;
        other.consumer_id = kId + 2;
        EXPECT_THROW(FallbackConsumer(*a.context, other, {.uri = uri}), Error) << uri;
    }
    tell(false, kChunks);
    ASSERT_TRUE(reads(FrameOrigin::Chunks)) << fallback->last_error();
    publish_some(5);
    EXPECT_TRUE(run_until([&] { return !got.empty() && got.back() == expected.back(); }));
}

TEST_F(FallbackTest, RefusesFramesThatNeedMoreMemoryThanItMayTake) {
    falling.max_memory_bytes = 100'000;
    ASSERT_NO_FATAL_FAILURE(start_all());
    tell(false, kChunks);
    ASSERT_TRUE(
        run_until([&] { return fallback->last_error().find("max_memory_bytes") != std::string::npos; }));
    publish_some(5);
    EXPECT_TRUE(got.empty());
    EXPECT_GT(fallback->chunk_counters().drops_no_destination, 0U);
}

TEST(FallbackAddressTest, TakesTheStreamsOutOfTheChannel) {
    const auto plain = bridge::FallbackAddress::parse("aeron:udp?endpoint=10.0.0.1:40456|mtu=8192");
    EXPECT_EQ(plain.channel, "aeron:udp?endpoint=10.0.0.1:40456|mtu=8192");
    EXPECT_EQ(plain.payload_stream_id, 3000);
    EXPECT_EQ(plain.control_stream_id, 3001);
    EXPECT_EQ(plain.tensor_stream_id, 0U);
    const auto full = bridge::FallbackAddress::parse(
        "aeron:udp?stream-id=7|endpoint=10.0.0.1:40456|control-stream-id=9|mtu=8192|tensor-stream-id=20000");
    EXPECT_EQ(full.channel, "aeron:udp?endpoint=10.0.0.1:40456|mtu=8192");
    EXPECT_EQ(full.payload_stream_id, 7);
    EXPECT_EQ(full.control_stream_id, 9);
    EXPECT_EQ(full.tensor_stream_id, 20000U);
    EXPECT_EQ(full.control_channel, full.channel);
    const auto two = bridge::FallbackAddress::parse(
        "aeron:udp?control-endpoint=10.0.0.1:40457|endpoint=10.0.0.1:40456|mtu=8192");
    EXPECT_EQ(two.channel, "aeron:udp?endpoint=10.0.0.1:40456|mtu=8192");
    EXPECT_EQ(two.control_channel, "aeron:udp?endpoint=10.0.0.1:40457|mtu=8192");
    EXPECT_EQ(bridge::FallbackAddress::parse("aeron:ipc?stream-id=5").channel, "aeron:ipc");
    EXPECT_EQ(bridge::FallbackAddress::parse("aeron:ipc").channel, "aeron:ipc");
}

}  // namespace
}  // namespace tensorpool::test
