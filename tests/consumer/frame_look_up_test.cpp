// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Consumer::read(): a frame by its sequence, as a join asks for it.

#include "support/raw_stream.hpp"

#include <stdexcept>
#include <vector>

namespace tensorpool::test {
namespace {

class FrameLookUpTest : public ::testing::Test {
protected:
    FrameLookUpTest() { reader.map(); }

    /// The first payload byte of frame `seq`, or -1.
    int first_byte(std::uint64_t seq) {
        int byte = -1;
        const bool good = reader.consumer.read(
            seq, [&](const Frame& frame) { byte = std::to_integer<int>(frame.payload()[0]); });
        return good ? byte : -1;
    }

    RawStream stream;
    RawStreamReader reader{stream};
};

TEST_F(FrameLookUpTest, FindsEveryFrameThatIsStillInTheRing) {
    for (std::uint64_t seq = 0; seq < 12; ++seq) stream.publish(seq);
    reader.cycle();
    for (std::uint64_t seq = 4; seq < 12; ++seq) EXPECT_EQ(first_byte(seq), static_cast<int>(seq));
    EXPECT_EQ(reader.counters().frames_read, 8U);
}

// spec: JOIN-005 JOIN-006 JOIN-029
TEST_F(FrameLookUpTest, LooksOnceAndSaysNoToAFrameThatIsGoneOrNotThereYet) {
    for (std::uint64_t seq = 0; seq < 12; ++seq) stream.publish(seq);
    reader.cycle();
    EXPECT_EQ(first_byte(3), -1) << "overwritten by 11";
    EXPECT_EQ(first_byte(12), -1) << "its slot still holds 4";
    EXPECT_EQ(reader.counters().reads_failed, 2U);
    EXPECT_EQ(first_byte(4), 4) << "which was not disturbed";
}

// spec: JOIN-003
TEST_F(FrameLookUpTest, DoesNotWaitForAFrameThatIsBeingWritten) {
    wire::HeaderSlot slot = RawStream::header_for(5);
    slot.slot.seq_commit &= ~std::uint64_t{1};  // in progress
    stream.write(5, slot);
    EXPECT_EQ(first_byte(5), -1);
}

TEST_F(FrameLookUpTest, SaysNoWhenTheFrameIsOverwrittenWhileItIsBeingRead) {
    stream.publish(2);
    reader.cycle();
    EXPECT_FALSE(reader.consumer.read(2, [&](const Frame& frame) {
        EXPECT_TRUE(frame.intact());
        stream.publish(10);
        EXPECT_FALSE(frame.intact());
    }));
}

TEST_F(FrameLookUpTest, WorksInsideThePollsHandlerAndChangesNothingThere) {
    stream.publish(0);
    stream.publish(1);
    std::vector<int> before;
    reader.on_frame = [&](const Frame& frame) {
        before.push_back(frame.seq() == 1 ? first_byte(0) : -2);
        EXPECT_EQ(std::to_integer<std::uint64_t>(frame.payload()[0]), frame.seq());
    };
    reader.cycle();
    EXPECT_EQ(before, (std::vector<int>{-2, 0}));
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{0, 1}));
    EXPECT_EQ(reader.counters().frames_delivered, 2U);
    EXPECT_EQ(reader.counters().drops_late, 0U);
}

TEST_F(FrameLookUpTest, CountsAHandlerThatThrows) {
    stream.publish(0);
    reader.cycle();
    EXPECT_TRUE(reader.consumer.read(0, [](const Frame&) { throw std::runtime_error("no"); }));
    EXPECT_EQ(reader.counters().handler_errors, 1U);
}

TEST(UnmappedFrameLookUpTest, SaysNoBeforeAStreamIsMapped) {
    RawStream stream;
    RawStreamReader reader(stream);
    EXPECT_FALSE(reader.consumer.read(0, [](const Frame&) { FAIL(); }));
}

}  // namespace
}  // namespace tensorpool::test
