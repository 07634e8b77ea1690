// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a producer says about frames that are being filled, and how often.

#include "consumer_peer.hpp"

#include <gmock/gmock.h>

#include <optional>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = FrameProgressState;

constexpr std::uint32_t kLength = 4000;

class ProgressTest : public testing::Test {
protected:
    ProgressTest() {
        stream.options.progress = {.interval_ns = 1'000'000,
                                   .bytes_delta = 1000,
                                   .major_delta_units = 0,
                                   .least_interval_ns = 100'000,
                                   .least_bytes_delta = 100,
                                   .max_rate_hz = 0};
        stream.start();
        stream.listen();
        stream.advance(kNanosPerSecond);
    }
    /// A consumer that wants to hear of progress.
    ConsumerPeer& listener(std::uint32_t id = 42) {
        if (!peer_) peer_ = std::make_unique<ConsumerPeer>(stream, id);
        peer_->hello.supports_progress = true;
        return *peer_;
    }
    SlotClaim begin() {
        auto claim = stream.producer->try_claim(kLength);
        EXPECT_TRUE(claim);
        last = claim->begin_progress(info);
        return std::move(*claim);
    }
    /// Time passes, then the claim reports.
    ProgressResult report(SlotClaim& claim, std::uint32_t bytes, Nanos after_ns = 2'000'000) {
        stream.clock.advance(after_ns);
        return claim.report_progress(bytes);
    }
    [[nodiscard]] std::vector<std::uint64_t> said() {
        peer_->cycle();
        std::vector<std::uint64_t> bytes;
        for (const auto& message : peer_->progress) bytes.push_back(message.payload_bytes_filled);
        return bytes;
    }
    [[nodiscard]] const ProducerCounters& counters() const { return stream.producer->counters(); }

    ProducerFixture stream;
    FrameInfo info = ProducerFixture::bytes_info(kLength);
    ProgressResult last = ProgressResult::Refused;

private:
    std::unique_ptr<ConsumerPeer> peer_;
};

// spec: WIRE-104 WIRE-116
TEST_F(ProgressTest, SaysAndWritesNothingWhileNobodyAskedForIt) {
    ConsumerPeer& peer = listener();
    peer.hello.supports_progress = false;
    peer.say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(last, ProgressResult::NotWanted);
    EXPECT_EQ(report(claim, 2000), ProgressResult::NotWanted);
    EXPECT_EQ(stream.slot(stream.look(), claim.seq()).slot.values_len_bytes, 0U);
    claim.commit(info);
    peer.cycle();
    EXPECT_THAT(peer.progress, IsEmpty());
    EXPECT_EQ(counters().progress_published, 0U);
    EXPECT_EQ(counters().progress_refused, 0U);
}

// spec: WIRE-105 WIRE-095
TEST_F(ProgressTest, SaysStartedThenProgressThenCompleteAfterTheDescriptor) {
    ConsumerPeer& peer = listener();
    peer.say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(last, ProgressResult::Sent);
    EXPECT_EQ(report(claim, 1000), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 3000), ProgressResult::Sent);
    peer.cycle();
    EXPECT_THAT(stream.descriptors, IsEmpty()) << "the frame is not there yet";
    std::size_t descriptors_at_complete = 0;
    peer.on_progress = [&](const auto&) {
        stream.cycle();
        descriptors_at_complete = stream.descriptors.size();
    };
    claim.commit(info);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U, 3000U, 4000U));
    EXPECT_EQ(descriptors_at_complete, 1U);
    std::vector<State> states;
    for (const auto& message : peer.progress) {
        states.push_back(message.state);
        EXPECT_EQ(message.stream_id, ProducerFixture::kStream);
        EXPECT_EQ(message.epoch, stream.producer->epoch());
        EXPECT_EQ(message.seq, 0U);
    }
    EXPECT_THAT(states, ElementsAre(State::Started, State::Progress, State::Progress, State::Complete));
    EXPECT_EQ(counters().progress_published, 4U);
}

// spec: WIRE-105 WIRE-035
TEST_F(ProgressTest, WritesTheHeaderBeforeTheFirstMessageAndLeavesTheSlotInProgress) {
    ConsumerPeer& peer = listener();
    peer.say_hello();
    info.tensor = image_layout(Dtype::UInt8, 40, 100);
    info.tensor.progress_unit = ProgressUnit::Rows;
    info.tensor.progress_stride_bytes = 100;
    SlotClaim claim = begin();
    const shm::StreamMapping mapping = stream.look();
    int looked = 0;
    peer.on_progress = [&](const control::FrameProgress& message) {
        const wire::HeaderSlot slot = stream.slot(mapping, message.seq);
        EXPECT_EQ(+slot.slot.values_len_bytes, kLength);
        EXPECT_EQ(+slot.tensor.strides[0], 100);
        EXPECT_EQ(+slot.tensor.progress_stride_bytes, 100U);
        EXPECT_EQ(+slot.slot.seq_commit, shm::in_progress_word(message.seq));
        ++looked;
    };
    EXPECT_EQ(report(claim, 1500), ProgressResult::Sent);
    peer.cycle();
    EXPECT_EQ(looked, 2);
    peer.on_progress = nullptr;
    claim.commit(info);
    EXPECT_EQ(stream.slot(mapping, 0).slot.seq_commit, shm::committed_word(0));
}

// spec: WIRE-106 WIRE-107
TEST_F(ProgressTest, RefusesToGoBackToGoBeyondTheFrameOrToSpeakOfOneNotBegun) {
    listener().say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 2000), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 1999), ProgressResult::Refused);
    EXPECT_EQ(report(claim, kLength + 1), ProgressResult::Refused);
    EXPECT_THAT(said(), ElementsAre(0U, 2000U));
    auto other = stream.producer->try_claim(kLength);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->report_progress(10), ProgressResult::Refused);
    FrameInfo wrong = info;
    wrong.values_len_bytes = 1U << 30;
    EXPECT_EQ(other->begin_progress(wrong), ProgressResult::Refused);
    claim.abandon();
    EXPECT_EQ(claim.report_progress(3000), ProgressResult::Refused) << "its reservation is over";
    EXPECT_EQ(counters().progress_refused, 4U);
    FrameInfo shorter = ProducerFixture::bytes_info(1000);
    SlotClaim third = begin();
    EXPECT_EQ(report(third, 2000), ProgressResult::Sent);
    third.commit(shorter);
    EXPECT_EQ(said().back(), 2000U) << "no COMPLETE that takes bytes back";
}

// spec: WIRE-114 WIRE-115
TEST_F(ProgressTest, HoldsBackWhatComesTooEarlyAndSendsTheLatestWhenItIsDue) {
    listener().say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 1000, 1'000'000), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 2000, 300'000), ProgressResult::Deferred) << "the interval is not over";
    EXPECT_EQ(report(claim, 2500, 300'000), ProgressResult::Deferred);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U));
    stream.advance(500'000);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U, 2500U)) << "the producer's own cycle";
    EXPECT_EQ(report(claim, 3400, 5'000'000), ProgressResult::Deferred) << "too little is new";
    stream.advance(5'000'000);
    EXPECT_THAT(said(), SizeIs(3));
    EXPECT_EQ(report(claim, 3500, 0), ProgressResult::Sent);
    EXPECT_EQ(counters().progress_deferred, 3U);
    claim.commit(info);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U, 2500U, 3500U, 4000U)) << "COMPLETE waits for nothing";
}

// spec: WIRE-075
TEST_F(ProgressTest, TakesTheSmallestHintsButNothingBelowItsOwnLimits) {
    ConsumerPeer& first = listener();
    first.hello.progress_interval_us = 700;
    first.hello.progress_bytes_delta = 500;
    first.say_hello();
    ConsumerPeer second(stream, 43);
    second.hello.supports_progress = true;
    second.hello.progress_interval_us = 300;
    second.hello.progress_bytes_delta = 900;
    second.say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 499, 300'000), ProgressResult::Deferred);
    EXPECT_EQ(report(claim, 500, 0), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 1000, 299'000), ProgressResult::Deferred);
    EXPECT_EQ(report(claim, 1000, 1'000), ProgressResult::Sent);
    claim.abandon();

    second.hello.progress_interval_us = 1;
    second.hello.progress_bytes_delta = 1;
    second.say_hello();
    SlotClaim next = begin();
    EXPECT_EQ(report(next, 99, 100'000), ProgressResult::Deferred);
    EXPECT_EQ(report(next, 100, 0), ProgressResult::Sent);
    EXPECT_EQ(report(next, 300, 99'000), ProgressResult::Deferred);
    EXPECT_EQ(report(next, 300, 1'000), ProgressResult::Sent);
}

// spec: WIRE-075
TEST_F(ProgressTest, KeepsItsDefaultsForConsumersWithoutHints) {
    listener().say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 999), ProgressResult::Deferred);
    EXPECT_EQ(report(claim, 1000, 0), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 2000, 999'999), ProgressResult::Deferred);
    EXPECT_EQ(report(claim, 2000, 1), ProgressResult::Sent);
}

// spec: WIRE-074 WIRE-114
TEST_F(ProgressTest, CountsRowsWhereAConsumerWantsRows) {
    ConsumerPeer& peer = listener();
    peer.hello.progress_major_delta_units = 2;
    peer.say_hello();
    info.tensor = image_layout(Dtype::UInt8, 40, 100);
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 199), ProgressResult::Deferred);
    EXPECT_EQ(report(claim, 200), ProgressResult::Sent);
}

// spec: WIRE-115
TEST_F(ProgressTest, KeepsToARateOverAllFramesAfterABurst) {
    stream.options.progress.max_rate_hz = 1000;
    stream.options.progress.interval_ns = 0;
    stream.options.progress.least_interval_ns = 0;
    stream.options.progress.bytes_delta = stream.options.progress.least_bytes_delta = 1;
    stream.producer.reset();
    stream.start();
    ConsumerPeer& peer = listener();
    peer.say_hello();
    SlotClaim claim = begin();
    int sent = 0;
    for (std::uint32_t bytes = 1; bytes <= 100; ++bytes)
        sent += claim.report_progress(bytes) == ProgressResult::Sent ? 1 : 0;
    EXPECT_EQ(sent, 15) << "with STARTED, a burst of 16";
    stream.advance(10 * kNanosPerMilli);
    EXPECT_EQ(said().back(), 100U);
    for (std::uint32_t bytes = 101; bytes <= 200; ++bytes)
        sent += report(claim, bytes, kNanosPerMilli / 10) == ProgressResult::Sent ? 1 : 0;
    EXPECT_LE(sent, 15 + 10 + 10) << "one a millisecond from then on";
    EXPECT_GE(sent, 15 + 10);
}

TEST_F(ProgressTest, AFrameThatIsAbandonedIsNotSpokenOfAgain) {
    listener().say_hello();
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 1000), ProgressResult::Sent);
    EXPECT_EQ(report(claim, 2000, 0), ProgressResult::Deferred);
    claim.abandon();
    stream.advance(kNanosPerSecond);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U));
    SlotClaim next = begin();
    EXPECT_EQ(report(next, 1000), ProgressResult::Sent);
    next.commit(info);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U, 0U, 1000U, 4000U)) << "a new frame, a new seq";
}

// spec: WIRE-083 WIRE-085
TEST_F(ProgressTest, SpeaksOnTheControlStreamOfAConsumerAndOnlyOfProgress) {
    ConsumerPeer& peer = listener();
    peer.ask(0, 32007);
    peer.say_hello();
    ASSERT_THAT(peer.configs, SizeIs(1));
    const std::size_t others = peer.others;
    SlotClaim quiet = begin();
    quiet.commit(info);
    peer.cycle();
    EXPECT_THAT(peer.progress, IsEmpty()) << "nobody hears the shared stream, so nothing is said there";
    peer.listen(32007);
    SlotClaim claim = begin();
    EXPECT_EQ(report(claim, 1000), ProgressResult::Sent);
    claim.commit(info);
    EXPECT_THAT(said(), ElementsAre(0U, 1000U, 4000U));
    EXPECT_EQ(peer.others, others);
    // Another one without a stream of its own hears the shared one.
    ConsumerPeer other(stream, 43);
    other.hello.supports_progress = true;
    other.say_hello();
    SlotClaim both = begin();
    both.commit(info);
    other.cycle();
    EXPECT_THAT(other.progress, SizeIs(2));
}

// Out of order, as devices complete them.
TEST_F(ProgressTest, FollowsSeveralFramesAtATime) {
    listener().say_hello();
    SlotClaim first = begin();
    SlotClaim second = begin();
    EXPECT_EQ(report(second, 1000), ProgressResult::Sent);
    EXPECT_EQ(report(first, 1500), ProgressResult::Sent);
    second.commit(info);
    first.commit(info);
    EXPECT_THAT(said(), ElementsAre(0U, 0U, 1000U, 1500U, 4000U, 4000U));
}

}  // namespace
}  // namespace tensorpool::test
