// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Frames that are being filled: what a consumer looks at, and what it drops.

#include "support/raw_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = FrameProgressState;

constexpr std::uint64_t kSeq = 5;

/// A producer made by hand that fills frame 5, 4 rows of 8 bytes, and a consumer that listens.
class ConsumerProgressTest : public testing::Test {
protected:
    ConsumerProgressTest() {
        reader.emplace(stream, [](ConsumerOptions& options) {
            options.consumer_id = 42;
            options.progress.emplace();
        });
        reader->map();
        EXPECT_TRUE(reader->consumer.is_ready()) << reader->consumer.last_error();
        reader->consumer.on_progress([this](const PartialFrame& frame) {
            bytes.push_back(frame.filled().size());
            states.push_back(frame.state());
            if (on_progress) on_progress(frame);
        });
        slot.slot.seq_commit = shm::in_progress_word(kSeq);
        slot.slot.values_len_bytes = 32;
        slot.tensor.dims[0] = 4;
        slot.tensor.dims[1] = 8;
        std::memset(stream.payload(kSeq), 7, RawStream::kStride);
    }
    void write() { stream.write(kSeq, slot); }
    static control::FrameProgress message(State state, std::uint64_t filled, std::uint64_t seq = kSeq) {
        control::FrameProgress progress;
        progress.stream_id = RawStream::kStream;
        progress.epoch = 1;
        progress.seq = seq;
        progress.payload_bytes_filled = filled;
        progress.state = state;
        return progress;
    }
    void say(const control::FrameProgress& progress) {
        ASSERT_TRUE(producer_.send(progress));
        reader->cycle();
    }
    void say(State state, std::uint64_t filled, std::uint64_t seq = kSeq) {
        say(message(state, filled, seq));
    }
    [[nodiscard]] const ConsumerCounters& counters() const { return reader->counters(); }

    RawStream stream;
    std::optional<RawStreamReader> reader;
    wire::HeaderSlot slot = RawStream::header_for(kSeq);
    std::vector<std::uint64_t> bytes;
    std::vector<State> states;
    std::function<void(const PartialFrame&)> on_progress;

private:
    control::ControlPublisher producer_{stream.context->messaging().add_publication(
        stream.endpoints.control.channel, stream.endpoints.control.stream_id)};
};

// spec: WIRE-105 WIRE-109 WIRE-100
TEST_F(ConsumerProgressTest, SeesTheRowsInPlaceAsTheyArrive) {
    write();
    say(State::Started, 0);
    std::vector<std::uint32_t> lines;
    on_progress = [&](const PartialFrame& frame) {
        EXPECT_EQ(frame.seq(), kSeq);
        EXPECT_EQ(frame.epoch(), 1U);
        EXPECT_EQ(frame.values_len_bytes(), 32U);
        EXPECT_EQ(frame.tensor().dims[0], 4);
        EXPECT_EQ(frame.line_bytes(), 8U);
        lines.push_back(frame.lines_filled());
        ASSERT_GE(frame.lines_filled(), 1U);
        EXPECT_EQ(frame.line(0)[7], std::byte{7});
        stream.payload(kSeq)[0] = std::byte{99};
        EXPECT_EQ(frame.filled()[0], std::byte{99});
        EXPECT_TRUE(frame.intact());
        stream.payload(kSeq)[0] = std::byte{7};
    };
    say(State::Progress, 12);
    say(State::Progress, 24);
    EXPECT_THAT(bytes, ElementsAre(0U, 12U, 24U));
    EXPECT_THAT(lines, ElementsAre(1U, 3U));
    EXPECT_EQ(counters().progress_delivered, 3U);
    EXPECT_THAT(reader->seqs, IsEmpty());
}

// spec: WIRE-104
TEST_F(ConsumerProgressTest, LooksAtNothingUnlessItAsked) {
    RawStreamReader plain(stream);
    plain.map();
    bool called = false;
    plain.consumer.on_progress([&](const PartialFrame&) { called = true; });
    write();
    say(State::Progress, 12);
    plain.cycle();
    EXPECT_FALSE(called);
    EXPECT_EQ(plain.counters().progress_received, 0U);
}

// spec: WIRE-112 WIRE-113
TEST_F(ConsumerProgressTest, DoesNotTakeCompleteForTheFrame) {
    write();
    say(State::Complete, 32);  // claims what the slot does not say
    EXPECT_THAT(bytes, IsEmpty());
    EXPECT_EQ(counters().progress_drops_late, 1U);
    slot.slot.seq_commit = shm::committed_word(kSeq);
    write();
    say(State::Complete, 32);
    EXPECT_THAT(bytes, ElementsAre(32U));
    EXPECT_THAT(reader->seqs, IsEmpty()) << "the frame is there when its descriptor is";
    EXPECT_EQ(counters().frames_delivered, 0U);
    stream.send(stream.descriptor(kSeq));
    reader->cycle();
    EXPECT_THAT(reader->seqs, ElementsAre(kSeq));
    say(State::Progress, 32);
    EXPECT_EQ(counters().progress_drops_regression, 1U) << "nothing comes after COMPLETE";
}

// spec: WIRE-107
TEST_F(ConsumerProgressTest, DropsWhatGoesBack) {
    write();
    say(State::Progress, 16);
    say(State::Progress, 15);
    say(State::Started, 0);
    EXPECT_THAT(bytes, ElementsAre(16U));
    EXPECT_EQ(counters().progress_drops_regression, 2U);
    say(State::Progress, 24);
    EXPECT_THAT(bytes, ElementsAre(16U, 24U));
    // The next frame of this slot begins anew, and then the old one is over.
    slot.slot.seq_commit = shm::in_progress_word(kSeq + RawStream::kSlots);
    write();
    say(State::Progress, 8, kSeq + RawStream::kSlots);
    say(State::Progress, 32);
    EXPECT_THAT(bytes, ElementsAre(16U, 24U, 8U));
    EXPECT_EQ(counters().progress_drops_regression, 3U);
}

// spec: WIRE-108 WIRE-073
TEST_F(ConsumerProgressTest, DropsWhatIsOfAnotherEpochOrStream) {
    write();
    auto other = message(State::Progress, 8);
    other.epoch = 2;
    say(other);
    EXPECT_EQ(counters().progress_drops_epoch, 1U);
    other = message(State::Progress, 8);
    other.stream_id = RawStream::kStream + 1;
    say(other);
    EXPECT_EQ(counters().progress_received, 1U);
    EXPECT_THAT(bytes, IsEmpty());
}

// spec: WIRE-106 WIRE-110
TEST_F(ConsumerProgressTest, DropsWhatContradictsTheHeader) {
    const auto refuses = [&](const std::function<void(wire::HeaderSlot&)>& spoil, std::uint64_t filled = 8) {
        const auto before = counters().progress_drops_inconsistent;
        wire::HeaderSlot bad = slot;
        spoil(bad);
        stream.write(kSeq, bad);
        say(State::Progress, filled);
        return counters().progress_drops_inconsistent == before + 1;
    };
    EXPECT_TRUE(refuses([](wire::HeaderSlot&) {}, 33)) << "beyond the values";
    EXPECT_TRUE(refuses([](wire::HeaderSlot&) {}, ~std::uint64_t{0}));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.tensor.progress_unit = ProgressUnit::Rows; }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) {
        s.tensor.progress_unit = ProgressUnit::Rows;
        s.tensor.progress_stride_bytes = 9;
    }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.tensor.progress_unit = static_cast<ProgressUnit>(9); }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.tensor.dims[0] = 5; })) << "more than the values hold";
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.slot.pool_id = 99; }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.slot.payload_slot = 6; }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.slot.payload_offset = 4; }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.slot.values_len_bytes = RawStream::kStride + 1; }));
    EXPECT_TRUE(refuses([](wire::HeaderSlot& s) { s.header_bytes_length = 7; }));
    write();
    say(message(State::Unknown, 8));
    say(message(State::Started, 8));
    EXPECT_EQ(counters().progress_drops_inconsistent, 13U);
    EXPECT_THAT(bytes, IsEmpty());
    say(State::Progress, 8);
    EXPECT_THAT(bytes, ElementsAre(8U));
}

// spec: WIRE-111
TEST_F(ConsumerProgressTest, CutsThePrefixIntoLinesOnlyWhereThatIsSafe) {
    std::vector<std::uint32_t> line_bytes;
    std::vector<std::uint32_t> lines;
    on_progress = [&](const PartialFrame& frame) {
        line_bytes.push_back(frame.line_bytes());
        lines.push_back(frame.lines_filled());
    };
    slot.slot.values_len_bytes = 64;
    slot.tensor.strides[0] = 16;  // padded rows, no progress unit: a number of bytes and no more
    slot.tensor.strides[1] = 1;
    write();
    say(State::Progress, 33);
    slot.tensor.progress_unit = ProgressUnit::Rows;
    slot.tensor.progress_stride_bytes = 16;
    write();
    say(State::Progress, 33);
    slot.tensor.major_order = MajorOrder::Column;  // 4 rows of one byte make a column
    slot.tensor.strides[0] = 1;
    slot.tensor.strides[1] = 8;
    slot.tensor.progress_unit = ProgressUnit::Columns;
    slot.tensor.progress_stride_bytes = 8;
    write();
    say(State::Progress, 33);
    slot.tensor.strides[0] = slot.tensor.strides[1] = 0;  // inferred: columns of four
    slot.tensor.progress_unit = ProgressUnit::None;
    slot.tensor.progress_stride_bytes = 0;
    write();
    say(State::Progress, 33);
    EXPECT_THAT(line_bytes, ElementsAre(0U, 16U, 8U, 4U));
    EXPECT_THAT(lines, ElementsAre(0U, 2U, 4U, 8U));
}

// spec: WIRE-105 WIRE-109
TEST_F(ConsumerProgressTest, DropsWhatTheSlotDoesNotHoldOrNoLonger) {
    write();
    say(State::Progress, 8, kSeq + RawStream::kSlots);  // not begun, as far as the slot says
    EXPECT_EQ(counters().progress_drops_late, 1U);
    on_progress = [&](const PartialFrame& frame) {
        EXPECT_TRUE(frame.intact());
        slot.slot.seq_commit = shm::in_progress_word(kSeq + RawStream::kSlots);
        write();
        EXPECT_FALSE(frame.intact());
    };
    say(State::Progress, 8);
    EXPECT_EQ(counters().progress_drops_late, 2U) << "overwritten while the handler looked";
    EXPECT_EQ(counters().progress_delivered, 0U);
}

TEST_F(ConsumerProgressTest, ACommitWhileTheHandlerLooksTakesNothingAway) {
    write();
    on_progress = [&](const PartialFrame& frame) {
        slot.slot.seq_commit = shm::committed_word(kSeq);
        write();
        EXPECT_TRUE(frame.intact());
    };
    say(State::Progress, 8);
    EXPECT_EQ(counters().progress_delivered, 1U);
}

TEST_F(ConsumerProgressTest, CountsAHandlerThatThrows) {
    write();
    on_progress = [](const PartialFrame&) { throw std::runtime_error("no"); };
    say(State::Progress, 8);
    EXPECT_EQ(counters().handler_errors, 1U);
    EXPECT_EQ(counters().progress_delivered, 1U);
}

// spec: WIRE-084 WIRE-085
TEST_F(ConsumerProgressTest, TakesProgressFromItsOwnControlStreamAndTheRestFromTheSharedOne) {
    constexpr const char* kChannel = "aeron:ipc?term-length=64k";
    write();
    control::ConsumerConfig config;
    config.stream_id = RawStream::kStream;
    config.consumer_id = 42;
    config.control_channel = kChannel;
    config.control_stream_id = 32042;
    control::ControlPublisher issuer(stream.context->messaging().add_publication(
        stream.endpoints.control.channel, stream.endpoints.control.stream_id));
    reader->cycle();
    ASSERT_TRUE(issuer.send(config));
    reader->cycle();
    say(State::Progress, 8);
    EXPECT_THAT(bytes, ElementsAre(8U)) << "nobody speaks on the own one yet";
    auto own = std::make_unique<control::ControlPublisher>(
        stream.context->messaging().add_publication(kChannel, 32042));
    reader->cycle();
    say(State::Progress, 16);
    EXPECT_THAT(bytes, ElementsAre(8U));
    ASSERT_TRUE(own->send(message(State::Progress, 24)));
    ASSERT_TRUE(own->send(config));  // not there
    reader->cycle();
    EXPECT_THAT(bytes, ElementsAre(8U, 24U));
    EXPECT_EQ(counters().messages_invalid, 1U);
    config.use_shm = false;
    config.payload_fallback_uri = "bridge://7";
    ASSERT_TRUE(issuer.send(config));
    reader->cycle();
    EXPECT_EQ(reader->consumer.mapping_state(), MappingState::Fallback) << "all else stays on the shared one";
}

}  // namespace
}  // namespace tensorpool::test
