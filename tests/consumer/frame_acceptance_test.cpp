// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Which frames a consumer hands over and which it drops, and under which name.

#include <gtest/gtest.h>

#include "support/raw_stream.hpp"
#include "wire/frame_descriptor.hpp"

#include <array>
#include <stdexcept>

namespace tensorpool::test {
namespace {

class FrameAcceptanceTest : public testing::Test {
protected:
    FrameAcceptanceTest() {
        reader.map();
        EXPECT_TRUE(reader.consumer.is_ready()) << reader.consumer.last_error();
    }
    /// Publishes `slot` as frame `seq` and lets the consumer look at it.
    void offer(std::uint64_t seq, const wire::HeaderSlot& header) {
        stream.publish(seq, header);
        reader.cycle();
    }
    RawStream stream;
    RawStreamReader reader{stream};
    wire::HeaderSlot slot = RawStream::header_for(5);
    const ConsumerCounters& counters = reader.counters();
};

// spec: WIRE-024 WIRE-032 WIRE-099 WIRE-100 WIRE-042
TEST_F(FrameAcceptanceTest, DeliversACommittedFrameInPlaceWithWhatTheSlotSays) {
    bool seen = false;
    reader.on_frame = [&](const Frame& frame) {
        seen = true;
        EXPECT_EQ(frame.seq(), 5U);
        EXPECT_EQ(frame.epoch(), 1U);
        EXPECT_EQ(frame.slot(), 5U);
        EXPECT_EQ(frame.timestamp_ns(), 1005U);
        EXPECT_EQ(frame.meta_version(), 3U);
        EXPECT_EQ(frame.payload().size(), 6U);
        EXPECT_EQ(frame.payload()[5], std::byte{5});
        EXPECT_EQ(frame.tensor().strides[0], 3);
        EXPECT_EQ(frame.tensor().strides[1], 1);
        EXPECT_TRUE(frame.intact());
        // In place: what the writer does to the slot shows in the span.
        stream.payload(5)[0] = std::byte{99};
        EXPECT_EQ(frame.payload()[0], std::byte{99});
    };
    offer(5, slot);
    EXPECT_TRUE(seen);
    EXPECT_EQ(counters.frames_delivered, 1U);
}

// spec: WIRE-041 WIRE-045 WIRE-130
TEST_F(FrameAcceptanceTest, DropsASlotThatIsBeingWrittenAndGoesOn) {
    slot.slot.seq_commit = shm::in_progress_word(5);
    offer(5, slot);
    EXPECT_EQ(counters.drops_odd, 1U);
    offer(6, RawStream::header_for(6));
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{6});
    EXPECT_EQ(counters.drops_late, 1U);
    EXPECT_EQ(counters.drops_gap, 0U);
}

// spec: WIRE-032 WIRE-042 WIRE-128
TEST_F(FrameAcceptanceTest, DropsAFrameWhoseSlotHoldsALaterOne) {
    slot.slot.seq_commit = shm::committed_word(5 + RawStream::kSlots);
    offer(5, slot);
    EXPECT_TRUE(reader.seqs.empty());
    EXPECT_EQ(counters.drops_frame_id_mismatch, 1U);
    EXPECT_EQ(counters.drops_late, 1U);
}

// spec: WIRE-044
TEST_F(FrameAcceptanceTest, DropsASlotWhoseSequenceWentBack) {
    offer(5 + RawStream::kSlots, RawStream::header_for(5 + RawStream::kSlots));
    stream.write(5 + RawStream::kSlots, slot);  // the same slot, an older frame
    stream.send(stream.descriptor(6 + RawStream::kSlots));
    wire::HeaderSlot next = RawStream::header_for(6 + RawStream::kSlots);
    stream.write(6 + RawStream::kSlots, next);
    stream.send(stream.descriptor(5 + 2 * RawStream::kSlots));
    reader.cycle();
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{13, 14}));
    EXPECT_EQ(counters.drops_changed, 1U);
}

// spec: WIRE-042 WIRE-043 WIRE-128
TEST_F(FrameAcceptanceTest, CountsAFrameThatIsOverwrittenWhileTheHandlerReadsItAsLate) {
    std::vector<std::uint64_t> overruns;
    reader.consumer.on_overrun([&](std::uint64_t seq) { overruns.push_back(seq); });
    reader.on_frame = [&](const Frame& frame) {
        EXPECT_TRUE(frame.intact());
        std::array<std::byte, 6> copy{};
        EXPECT_TRUE(frame.copy_to(copy));
        EXPECT_EQ(copy[0], std::byte{5});
        stream.write(5, RawStream::header_for(5 + RawStream::kSlots));
        EXPECT_FALSE(frame.intact());
        EXPECT_FALSE(frame.copy_to(copy));
    };
    offer(5, slot);
    EXPECT_EQ(overruns, std::vector<std::uint64_t>{5});
    EXPECT_EQ(counters.frames_delivered, 0U);
    EXPECT_EQ(counters.overruns, 1U);
    EXPECT_EQ(counters.drops_changed, 1U);
    EXPECT_EQ(counters.drops_late, 1U);
}

// spec: WIRE-129
TEST_F(FrameAcceptanceTest, SkipsToTheNewestAfterAHandlerThatWasOvertaken) {
    reader.on_frame = [&](const Frame& frame) {
        if (frame.seq() == 5) stream.write(5, RawStream::header_for(5 + RawStream::kSlots));
    };
    stream.publish(5);
    reader.cycle();
    for (const std::uint64_t seq : {6U, 7U, 8U}) stream.publish(seq);
    reader.cycle();
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{5, 8}));
    EXPECT_EQ(counters.skipped_resync, 2U);
    EXPECT_EQ(counters.resynchronisations, 1U);
}

struct BadHeader {
    const char* name;
    std::function<void(wire::HeaderSlot&)> spoil;
};
void PrintTo(const BadHeader& bad, std::ostream* out) {
    *out << bad.name;
}

class HeaderValidationTest : public FrameAcceptanceTest, public testing::WithParamInterface<BadHeader> {};

// spec: WIRE-009 WIRE-026 WIRE-027 WIRE-029 WIRE-046 WIRE-048 WIRE-050 WIRE-051 WIRE-053 WIRE-054 WIRE-058
// WIRE-110 JOIN-080
TEST_P(HeaderValidationTest, DropsAFrameWhoseHeaderContradictsTheProtocol) {
    GetParam().spoil(slot);
    offer(5, slot);
    EXPECT_TRUE(reader.seqs.empty());
    EXPECT_EQ(counters.drops_header_invalid, 1U);
    EXPECT_EQ(counters.drops_late, 1U);
    offer(6, RawStream::header_for(6));
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{6});
}

INSTANTIATE_TEST_SUITE_P(
    Headers, HeaderValidationTest,
    testing::Values(
        BadHeader{"LengthOfHeaderBytes", [](auto& s) { s.header_bytes_length = 191; }},
        BadHeader{"TemplateId", [](auto& s) { s.tensor_message.template_id = 51; }},
        BadHeader{"BlockLength", [](auto& s) { s.tensor_message.block_length = 183; }},
        BadHeader{"SchemaId", [](auto& s) { s.tensor_message.schema_id = 901; }},
        BadHeader{"Version", [](auto& s) { s.tensor_message.version = 2; }},
        BadHeader{"PayloadOffset", [](auto& s) { s.slot.payload_offset = 64; }},
        BadHeader{"PayloadSlotOfAnotherFrame", [](auto& s) { s.slot.payload_slot = 6; }},
        BadHeader{"PayloadSlotBeyondThePool", [](auto& s) { s.slot.payload_slot = 1u << 31; }},
        BadHeader{"NoDimension", [](auto& s) { s.tensor.ndims = 0; }},
        BadHeader{"NineDimensions", [](auto& s) { s.tensor.ndims = 9; }},
        BadHeader{"UnknownDtype", [](auto& s) { s.tensor.dtype = static_cast<Dtype>(12); }},
        BadHeader{"DtypeZero", [](auto& s) { s.tensor.dtype = Dtype::Unknown; }},
        BadHeader{"UnknownOrder", [](auto& s) { s.tensor.major_order = static_cast<MajorOrder>(3); }},
        BadHeader{"OrderZero", [](auto& s) { s.tensor.major_order = MajorOrder::Unknown; }},
        BadHeader{"NegativeDimension", [](auto& s) { s.tensor.dims[1] = -3; }},
        BadHeader{"NegativeStride", [](auto& s) { s.tensor.strides[0] = -3; }},
        BadHeader{"OverlappingRows", [](auto& s) { s.tensor.strides[0] = 2; }},
        BadHeader{"StridesOfTheOtherOrder",
                  [](auto& s) {
                      s.tensor.strides[0] = 1;
                      s.tensor.strides[1] = 2;
                  }},
        BadHeader{"MoreThanThePayload", [](auto& s) { s.slot.values_len_bytes = 5; }},
        BadHeader{"ExtentThatWrapsAround",
                  [](auto& s) {
                      s.tensor.dims[0] = s.tensor.dims[1] = 0x7fffffff;
                      s.tensor.strides[1] = 0x7fffffff;
                  }},
        BadHeader{"UnknownProgressUnit",
                  [](auto& s) { s.tensor.progress_unit = static_cast<ProgressUnit>(3); }},
        BadHeader{"ProgressWithoutStride", [](auto& s) { s.tensor.progress_unit = ProgressUnit::Rows; }},
        BadHeader{"ProgressStrideOfNoRow",
                  [](auto& s) {
                      s.tensor.progress_unit = ProgressUnit::Rows;
                      s.tensor.progress_stride_bytes = 4;
                  }}),
    [](const auto& test) { return std::string(test.param.name); });

// spec: WIRE-059
TEST_F(FrameAcceptanceTest, DropsAFrameInAPoolThatIsNotMapped) {
    slot.slot.pool_id = 3;
    offer(5, slot);
    EXPECT_EQ(counters.drops_payload_invalid, 1U);
    EXPECT_EQ(counters.drops_late, 1U);
}

// spec: WIRE-060
TEST_F(FrameAcceptanceTest, DropsAFrameLongerThanItsSlot) {
    slot.slot.values_len_bytes = RawStream::kStride + 1;
    offer(5, slot);
    EXPECT_EQ(counters.drops_payload_invalid, 1U);
    slot = RawStream::header_for(6);
    slot.slot.values_len_bytes = RawStream::kStride;
    offer(6, slot);
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{6});
}

// spec: WIRE-030
TEST_F(FrameAcceptanceTest, DeliversAnEmptyFrameWithoutLookingAtItsPool) {
    slot.slot.values_len_bytes = 0;
    slot.slot.pool_id = 77;
    slot.tensor.dims[0] = 0;
    reader.on_frame = [](const Frame& frame) {
        EXPECT_TRUE(frame.payload().empty());
        EXPECT_TRUE(frame.copy_to({}));
    };
    offer(5, slot);
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{5});
}

// spec: WIRE-031 WIRE-047
TEST_F(FrameAcceptanceTest, IgnoresPaddingAndUnusedDimensions) {
    std::memset(slot.slot.pad, 0xee, sizeof(slot.slot.pad));
    std::memset(slot.tensor.pad, 0xee, sizeof(slot.tensor.pad));
    slot.tensor.pad_align = 0xee;
    slot.tensor.dims[2] = -1;
    slot.tensor.strides[7] = -1;
    reader.on_frame = [](const Frame& frame) {
        EXPECT_EQ(frame.tensor().dims[2], 0);
        EXPECT_EQ(frame.tensor().strides[7], 0);
    };
    offer(5, slot);
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{5});
}

// spec: WIRE-046
TEST_F(FrameAcceptanceTest, DeliversEightDimensions) {
    slot.tensor.ndims = 8;
    for (int d = 0; d < 8; ++d) slot.tensor.dims[d] = 1;
    slot.tensor.dims[7] = 6;
    reader.on_frame = [](const Frame& frame) { EXPECT_EQ(frame.tensor().dims[7], 6); };
    offer(5, slot);
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{5});
}

// spec: WIRE-012
TEST_F(FrameAcceptanceTest, ReadsNullTimestampsAndVersionsAsNotGiven) {
    slot.slot.timestamp_ns = wire::kNullU64;
    slot.slot.meta_version = wire::kNullU32;
    reader.on_frame = [](const Frame& frame) {
        EXPECT_EQ(frame.timestamp_ns(), 0U);
        EXPECT_EQ(frame.publish_timestamp_ns(), 0U);
        EXPECT_EQ(frame.meta_version(), 0U);
    };
    offer(5, slot);
    EXPECT_EQ(counters.frames_delivered, 1U);
}

// spec: WIRE-102
TEST_F(FrameAcceptanceTest, KeepsPublishTimeAndCaptureTimeApart) {
    stream.write(5, slot);
    control::FrameDescriptor descriptor = stream.descriptor(5);
    descriptor.timestamp_ns = 777;
    descriptor.trace_id = 9;
    reader.on_frame = [](const Frame& frame) {
        EXPECT_EQ(frame.publish_timestamp_ns(), 777U);
        EXPECT_EQ(frame.timestamp_ns(), 1005U);
        EXPECT_EQ(frame.trace_id(), 9U);
    };
    stream.send(descriptor);
    reader.cycle();
    EXPECT_EQ(counters.frames_delivered, 1U);
}

// spec: WIRE-049 WIRE-052
TEST_F(FrameAcceptanceTest, TakesExplicitStridesLargerThanTheRow) {
    slot.tensor.strides[0] = 4;  // a row of 3 bytes and one of padding
    slot.slot.values_len_bytes = 7;
    reader.on_frame = [](const Frame& frame) {
        EXPECT_EQ(frame.tensor().strides[0], 4);
        EXPECT_EQ(frame.tensor().strides[1], 1);
    };
    offer(5, slot);
    EXPECT_EQ(counters.frames_delivered, 1U);
}

// spec: WIRE-053
TEST_F(FrameAcceptanceTest, TakesAProgressStrideThatEqualsTheRow) {
    slot.tensor.progress_unit = ProgressUnit::Rows;
    slot.tensor.progress_stride_bytes = 3;
    offer(5, slot);
    EXPECT_EQ(counters.frames_delivered, 1U);
}

TEST_F(FrameAcceptanceTest, CountsAHandlerThatThrowsAndDeliversTheNextFrame) {
    reader.on_frame = [](const Frame& frame) {
        if (frame.seq() == 5) throw std::runtime_error("handler");
    };
    stream.publish(5);
    stream.publish(6);
    reader.cycle();
    EXPECT_EQ(counters.handler_errors, 1U);
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{5, 6}));
}

}  // namespace
}  // namespace tensorpool::test
