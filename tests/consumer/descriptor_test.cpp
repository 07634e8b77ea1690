// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Which descriptors a consumer follows, and how it accounts for the others.

#include <gtest/gtest.h>

#include "support/raw_stream.hpp"

namespace tensorpool::test {
namespace {

struct MappedReader {
    explicit MappedReader(const std::function<void(ConsumerOptions&)>& adjust = {}) : reader(stream, adjust) {
        reader.map();
        EXPECT_TRUE(reader.consumer.is_ready()) << reader.consumer.last_error();
    }
    void publish(std::initializer_list<std::uint64_t> seqs) {
        for (const std::uint64_t seq : seqs) stream.publish(seq);
        reader.cycle();
    }
    RawStream stream;
    RawStreamReader reader;
    const ConsumerCounters& counters = reader.counters();
};

// spec: WIRE-098 WIRE-133 WIRE-134
TEST(DescriptorTest, IgnoresAndCountsDescriptorsOfAnotherEpoch) {
    MappedReader test;
    control::FrameDescriptor descriptor = test.stream.descriptor(5);
    test.stream.write(5, RawStream::header_for(5));
    descriptor.epoch = 2;
    test.stream.send(descriptor);
    test.reader.cycle();
    EXPECT_TRUE(test.reader.seqs.empty());
    EXPECT_EQ(test.counters.drops_epoch_mismatch, 1U);
    EXPECT_EQ(test.counters.drops_late, 0U);  // not part of it
}

// spec: WIRE-073
TEST(DescriptorTest, IgnoresDescriptorsOfOtherStreamsSilently) {
    MappedReader test;
    control::FrameDescriptor descriptor = test.stream.descriptor(5);
    descriptor.stream_id = RawStream::kStream + 1;
    test.stream.send(descriptor);
    test.reader.cycle();
    EXPECT_EQ(test.counters.descriptors_received, 0U);
    EXPECT_EQ(test.counters.messages_invalid, 0U);
}

// spec: WIRE-134
TEST(DescriptorTest, DropsWhatArrivesWhileNothingIsMapped) {
    RawStream stream;
    RawStreamReader reader(stream);
    stream.publish(5);
    reader.cycle();
    EXPECT_EQ(reader.counters().drops_unmapped, 1U);
    EXPECT_EQ(reader.counters().drops_gap, 0U);
}

// spec: WIRE-124 WIRE-128
TEST(DescriptorTest, CountsMissingSequenceNumbersAsGapAndNothingTwice) {
    MappedReader test;
    test.publish({5, 6, 9});
    EXPECT_EQ(test.counters.drops_gap, 2U);
    EXPECT_EQ(test.counters.drops_late, 0U);
    EXPECT_EQ(test.reader.seqs, (std::vector<std::uint64_t>{5, 6, 9}));
    EXPECT_EQ(test.reader.consumer.last_seq(), 9U);
}

// spec: WIRE-128
TEST(DescriptorTest, CountsNoGapBeforeTheFirstFrameItSees) {
    MappedReader test;
    test.publish({1'000'000});
    EXPECT_EQ(test.counters.drops_gap, 0U);
}

// spec: WIRE-129
TEST(DescriptorTest, JumpsToTheNewestAfterAGapAboveTheLimit) {
    MappedReader test([](ConsumerOptions& options) { options.max_outstanding_seq_gap = 10; });
    test.publish({5});
    test.publish({17, 18, 19});
    test.reader.cycle();
    EXPECT_EQ(test.counters.resynchronisations, 1U);
    EXPECT_EQ(test.counters.drops_gap, 11U);
    EXPECT_EQ(test.reader.seqs.back(), 19U);
    test.publish({20});
    EXPECT_EQ(test.reader.seqs.back(), 20U);
}

// spec: WIRE-135
TEST(DescriptorTest, UnmapsWhenTheSequenceGoesBackAndMapsAgainWithTheNextAnnounce) {
    MappedReader test;
    test.publish({50});
    test.publish({40});
    EXPECT_EQ(test.counters.seq_regressions, 1U);
    EXPECT_FALSE(test.reader.consumer.is_ready());
    test.reader.map();
    EXPECT_TRUE(test.reader.consumer.is_ready());
    test.publish({41});
    EXPECT_EQ(test.reader.seqs, (std::vector<std::uint64_t>{50, 41}));
    EXPECT_EQ(test.counters.remaps, 2U);
}

TEST(DescriptorTest, DeliversOnlyTheNewestInLatestOnlyMode) {
    MappedReader test([](ConsumerOptions& options) { options.delivery = Delivery::LatestOnly; });
    test.publish({5, 6, 7});
    EXPECT_EQ(test.reader.seqs, std::vector<std::uint64_t>{7});
    EXPECT_EQ(test.counters.skipped_latest_only, 2U);
    EXPECT_EQ(test.counters.drops_gap, 0U);
}

// spec: WIRE-092 WIRE-094
TEST(DescriptorTest, ThinsOutByFrameTimeInRateLimitedMode) {
    MappedReader test([](ConsumerOptions& options) {
        options.delivery = Delivery::RateLimited;
        options.max_rate_hz = 100;
    });
    for (std::uint64_t seq = 0; seq < 6; ++seq) {  // a frame every 4 ms
        wire::HeaderSlot slot = RawStream::header_for(seq);
        slot.slot.timestamp_ns = 1'000'000'000 + seq * 4'000'000;
        test.stream.publish(seq, slot);
    }
    test.reader.cycle();
    // One per 10 ms of frame time: at 0, then the first after 10 and after 20 ms.
    EXPECT_EQ(test.reader.seqs, (std::vector<std::uint64_t>{0, 3, 5}));
    EXPECT_EQ(test.counters.skipped_rate_limited, 3U);
    EXPECT_EQ(test.counters.drops_gap + test.counters.drops_late, 0U);
}

// spec: WIRE-092
TEST(DescriptorTest, ProcessesEveryDescriptorInStreamMode) {
    MappedReader test;
    test.publish({5, 6, 7, 8, 9});
    EXPECT_EQ(test.reader.seqs, (std::vector<std::uint64_t>{5, 6, 7, 8, 9}));
}

// spec: WIRE-003 WIRE-004
TEST(DescriptorTest, SkipsWhatItDoesNotKnowAndCountsWhatIsMalformed) {
    MappedReader test;
    auto publication = test.stream.context->messaging().add_publication(
        test.stream.endpoints.descriptor.channel, test.stream.endpoints.descriptor.stream_id);
    test.reader.cycle();
    std::array<std::byte, 48> message{};
    ASSERT_NE(control::encode(message, test.stream.descriptor(5)), 0U);
    message[6] = std::byte{9};  // version
    ASSERT_TRUE(publication->offer(message));
    ASSERT_TRUE(publication->offer(std::span(message).first(3)));
    test.reader.cycle();
    EXPECT_TRUE(test.reader.seqs.empty());
    EXPECT_EQ(test.counters.messages_invalid, 2U);
}

}  // namespace
}  // namespace tensorpool::test
