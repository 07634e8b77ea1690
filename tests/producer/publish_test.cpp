// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a producer leaves in a slot and says about it, for each of the three ways to publish.

#include "producer/producer_fixture.hpp"
#include "wire/frame_descriptor.hpp"

#include <set>

namespace tensorpool::test {
namespace {

/// A packed field cannot be bound to the references that EXPECT_EQ takes.
template <typename T>
T by_value(T field) {
    return field;
}

struct PublishTest : testing::Test {
    static Producer& started(ProducerFixture& fixture) {
        fixture.listen();
        fixture.start();
        fixture.advance(kNanosPerSecond);
        return *fixture.producer;
    }
    [[nodiscard]] wire::HeaderSlot slot(std::uint64_t seq) const {
        return ProducerFixture::slot(*mapping, seq);
    }
    [[nodiscard]] std::uint64_t word(std::uint64_t seq) const { return slot(seq).slot.seq_commit; }

    ProducerFixture fixture;
    Producer& producer = started(fixture);
    const shm::StreamMapping look = fixture.look();
    const shm::StreamMapping* const mapping = &look;
};

// spec: WIRE-035 WIRE-036 WIRE-038
TEST_F(PublishTest, MarksTheSlotInProgressWhileItIsClaimedAndCommittedAfterwards) {
    auto claim = producer.try_claim(10);
    ASSERT_TRUE(claim);
    EXPECT_EQ(word(0), shm::in_progress_word(0));
    std::memset(claim->payload().data(), 9, 10);
    EXPECT_EQ(producer.commit(std::move(*claim), ProducerFixture::bytes_info(10)), PublishResult::Published);
    EXPECT_EQ(word(0), shm::committed_word(0));
    EXPECT_EQ(mapping->find_pool(1)->slot(0)[9], std::byte{9});
}

// spec: WIRE-025 WIRE-026 WIRE-028 WIRE-029 WIRE-047 WIRE-058 WIRE-033
TEST_F(PublishTest, WritesEveryFieldOfASlotWhateverItHeldBefore) {
    for (std::uint64_t seq = 0; seq < ProducerFixture::kSlots; ++seq)
        std::memset(mapping->header_slots() + seq * wire::kHeaderSlotBytes, 0xa5, wire::kHeaderSlotBytes);
    FrameInfo info = ProducerFixture::bytes_info(12);
    info.tensor = image_layout(Dtype::UInt16, 2, 3);
    info.timestamp_ns = 0x1122334455667788;
    info.meta_version = 0x99aabbcc;
    const std::vector<std::byte> values(12, std::byte{7});
    for (int i = 0; i < 3; ++i) ASSERT_EQ(producer.offer(values, info).value(), PublishResult::Published);

    const wire::HeaderSlot header = slot(2);
    EXPECT_EQ(by_value(header.slot.seq_commit), shm::committed_word(2));
    EXPECT_EQ(by_value(header.slot.values_len_bytes), 12U);
    EXPECT_EQ(by_value(header.slot.payload_slot), 2U);
    EXPECT_EQ(by_value(header.slot.pool_id), 1U);
    EXPECT_EQ(by_value(header.slot.payload_offset), 0U);
    EXPECT_EQ(by_value(header.slot.timestamp_ns), 0x1122334455667788U);
    EXPECT_EQ(by_value(header.slot.meta_version), 0x99aabbccU);
    EXPECT_EQ(by_value(header.header_bytes_length), 192U);
    EXPECT_EQ(by_value(header.tensor_message.block_length), 184U);
    EXPECT_EQ(by_value(header.tensor_message.template_id), 52U);
    EXPECT_EQ(by_value(header.tensor_message.schema_id), 900U);
    EXPECT_EQ(by_value(header.tensor_message.version), 1U);
    EXPECT_EQ(by_value(header.tensor.dtype), Dtype::UInt16);
    EXPECT_EQ(by_value(header.tensor.major_order), MajorOrder::Row);
    EXPECT_EQ(by_value(header.tensor.ndims), 2U);
    EXPECT_EQ(by_value(header.tensor.pad_align), 0U);
    EXPECT_EQ(by_value(header.tensor.progress_unit), ProgressUnit::None);
    EXPECT_EQ(by_value(header.tensor.progress_stride_bytes), 0U);
    EXPECT_EQ(by_value(header.tensor.dims[0]), 2);
    EXPECT_EQ(by_value(header.tensor.dims[1]), 3);
    EXPECT_EQ(by_value(header.tensor.strides[0]), 6);
    EXPECT_EQ(by_value(header.tensor.strides[1]), 2);
    for (int d = 2; d < 8; ++d) {
        EXPECT_EQ(by_value(header.tensor.dims[d]), 0) << d;
        EXPECT_EQ(by_value(header.tensor.strides[d]), 0) << d;
    }
}

// spec: WIRE-028
TEST_F(PublishTest, RestoresAHeaderThatChangedSinceTheLastFrameOfItsSlot) {
    const auto publish_round = [&](const TensorLayout& layout) {
        FrameInfo info = ProducerFixture::bytes_info(12);
        info.tensor = layout;
        const std::vector<std::byte> values(12, std::byte{7});
        for (std::uint32_t i = 0; i < ProducerFixture::kSlots; ++i)
            EXPECT_EQ(producer.offer(values, info).value(), PublishResult::Published);
    };
    publish_round(image_layout(Dtype::UInt16, 2, 3));
    const wire::HeaderSlot first = slot(5);
    const auto tensor_as_at_first = [&] {
        const wire::HeaderSlot now = slot(5);
        return std::memcmp(&first.tensor, &now.tensor, sizeof first.tensor) == 0;
    };
    // Offsets in each of the slot's three written cache lines.
    for (const std::size_t offset : {60U, 100U, 140U}) {
        std::byte& damaged = mapping->header_slots()[5 * wire::kHeaderSlotBytes + offset];
        damaged = ~damaged;
        publish_round(image_layout(Dtype::UInt16, 2, 3));
        EXPECT_TRUE(tensor_as_at_first()) << offset;
        EXPECT_EQ(by_value(slot(5).header_bytes_length), 192U) << offset;
    }
    publish_round(image_layout(Dtype::UInt8, 3, 4));
    EXPECT_EQ(by_value(slot(5).tensor.dtype), Dtype::UInt8);
    EXPECT_EQ(by_value(slot(5).tensor.dims[1]), 4);
    publish_round(image_layout(Dtype::UInt16, 2, 3));
    EXPECT_TRUE(tensor_as_at_first());
}

// spec: WIRE-055
TEST_F(PublishTest, TakesTheSmallestPoolThatFits) {
    for (const auto& [length, pool] : {std::pair{0U, 1}, {256U, 1}, {257U, 2}, {4096U, 2}}) {
        const std::uint64_t seq = producer.next_seq();
        ASSERT_TRUE(fixture.offer(length));
        EXPECT_EQ(by_value(slot(seq).slot.pool_id), pool) << length;
    }
}

// spec: WIRE-056
TEST_F(PublishTest, DropsAFrameThatFitsNoPoolAtOnceAndWithoutAGap) {
    const auto result = fixture.offer(4097);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), ClaimError::NoPoolFits);
    EXPECT_EQ(producer.counters().claims_refused_no_pool, 1U);
    EXPECT_EQ(producer.next_seq(), 0U);
}

// spec: WIRE-095 WIRE-096 WIRE-032
TEST_F(PublishTest, SendsOneDescriptorPerFrameAfterItsCommitInAscendingSeq) {
    fixture.on_descriptor = [&](const control::FrameDescriptor& descriptor) {
        EXPECT_GE(word(descriptor.seq), shm::committed_word(descriptor.seq));
    };
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(fixture.offer(10));
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 5U);
    for (std::uint64_t seq = 0; seq < 5; ++seq) {
        EXPECT_EQ(fixture.descriptors[seq].seq, seq);
        EXPECT_EQ(fixture.descriptors[seq].epoch, producer.epoch());
        EXPECT_EQ(fixture.descriptors[seq].stream_id, ProducerFixture::kStream);
    }
}

// spec: WIRE-095
TEST_F(PublishTest, SendsDescriptorsInOrderWhenDevicesCompleteOutOfOrder) {
    std::vector<Reservation> reservations;
    for (int i = 0; i < 3; ++i) reservations.push_back(producer.reserve(1).value());
    EXPECT_EQ(producer.publish(reservations[2], ProducerFixture::bytes_info(10)), PublishResult::Published);
    EXPECT_EQ(word(2), shm::committed_word(2));  // committed as it completes
    fixture.cycle();
    EXPECT_TRUE(fixture.descriptors.empty());
    producer.abandon(reservations[1]);
    producer.publish(reservations[0], ProducerFixture::bytes_info(10));
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 2U);
    EXPECT_EQ(fixture.descriptors[0].seq, 0U);
    EXPECT_EQ(fixture.descriptors[1].seq, 2U);
    EXPECT_EQ(producer.counters().frames_abandoned, 1U);
    EXPECT_EQ(word(1), shm::in_progress_word(1));
}

TEST_F(PublishTest, TurnsAReservationThatNobodyFinishesIntoAGapAfterItsTimeLimit) {
    const Reservation lost = producer.reserve(1).value();
    ASSERT_TRUE(fixture.offer(10));
    fixture.cycle();
    EXPECT_TRUE(fixture.descriptors.empty());
    fixture.advance(fixture.options.reservation_timeout_ns + 1);
    ASSERT_EQ(fixture.descriptors.size(), 1U);
    EXPECT_EQ(producer.counters().reservations_timed_out, 1U);
    EXPECT_EQ(producer.publish(lost, ProducerFixture::bytes_info(10)), PublishResult::Stale);
    EXPECT_EQ(word(0), shm::in_progress_word(0));  // the late completion changed nothing
}

TEST_F(PublishTest, HandsOutNoMoreSlotsThanMaxInFlight) {
    std::vector<Reservation> reservations;
    for (std::uint32_t i = 0; i < ProducerFixture::kSlots / 2; ++i)
        reservations.push_back(producer.reserve(1).value());
    EXPECT_EQ(producer.reserve(1).error(), ClaimError::WouldOverrun);
    EXPECT_EQ(fixture.offer(1).error(), ClaimError::WouldOverrun);
    EXPECT_EQ(producer.counters().claims_refused_overrun, 2U);
    producer.publish(reservations[0], ProducerFixture::bytes_info(1));
    EXPECT_TRUE(producer.reserve(1));
}

TEST_F(PublishTest, ListsEverySlotOfAPoolForADevice) {
    const auto slots = producer.device_slots(2);
    ASSERT_TRUE(slots);
    EXPECT_EQ(slots->nslots, ProducerFixture::kSlots);
    EXPECT_EQ(slots->stride_bytes, 4096U);
    std::set<std::byte*> addresses;
    for (std::uint32_t i = 0; i < slots->nslots; ++i) addresses.insert(slots->slot(i));
    EXPECT_EQ(addresses.size(), ProducerFixture::kSlots);
    const Reservation reservation = producer.reserve(2).value();
    EXPECT_EQ(reservation.payload, slots->slot(reservation.slot));
    EXPECT_FALSE(producer.device_slots(9));
    EXPECT_EQ(producer.reserve(9).error(), ClaimError::UnknownPool);
}

TEST_F(PublishTest, LeavesAGapForAClaimThatIsNotCommitted) {
    { auto claim = producer.try_claim(10); }
    ASSERT_TRUE(fixture.offer(10));
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 1U);
    EXPECT_EQ(fixture.descriptors[0].seq, 1U);
    EXPECT_EQ(producer.counters().frames_abandoned, 1U);
}

// spec: WIRE-127
TEST_F(PublishTest, OverwritesTheOldestSlotWithoutWaiting) {
    for (std::uint64_t i = 0; i < 3 * ProducerFixture::kSlots; ++i) ASSERT_TRUE(fixture.offer(10));
    EXPECT_EQ(word(0), shm::committed_word(std::uint64_t{2} * ProducerFixture::kSlots));
}

TEST_F(PublishTest, ContinuesAtTheSequenceNumberItWasToldToSkipTo) {
    ASSERT_TRUE(fixture.offer(4));
    EXPECT_FALSE(producer.skip_to(0));
    EXPECT_FALSE(producer.skip_to(std::uint64_t{1} << 63));
    ASSERT_TRUE(producer.skip_to(100));
    ASSERT_TRUE(fixture.offer(4));
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 2U);
    EXPECT_EQ(fixture.descriptors.back().seq, 100U);
    EXPECT_EQ(word(100), shm::committed_word(100));
    EXPECT_EQ(producer.counters().frames_abandoned, 0U) << "the gap is the source's";
}

// spec: WIRE-101 WIRE-102
TEST_F(PublishTest, StampsTheCaptureTimeAndLeavesThePublishTimeOut) {
    const auto before = static_cast<std::uint64_t>(monotonic_now_ns());
    ASSERT_TRUE(fixture.offer(10));
    EXPECT_GE(by_value(slot(0).slot.timestamp_ns), before);
    FrameInfo info = ProducerFixture::bytes_info(10);
    info.timestamp_ns = 123;
    const std::vector<std::byte> values(10);
    ASSERT_TRUE(producer.offer(values, info));
    EXPECT_EQ(by_value(slot(1).slot.timestamp_ns), 123U);
    fixture.cycle();
    EXPECT_FALSE(fixture.descriptors.at(0).timestamp_ns);
}

// spec: WIRE-012 WIRE-103
TEST_F(PublishTest, CarriesTraceIdAndMetadataVersionInTheDescriptor) {
    FrameInfo info = ProducerFixture::bytes_info(10);
    const std::vector<std::byte> values(10);
    ASSERT_TRUE(producer.offer(values, info));
    info.trace_id = 0xabc;
    info.meta_version = 4;
    ASSERT_TRUE(producer.offer(values, info));
    fixture.cycle();
    EXPECT_EQ(fixture.descriptors.at(0).trace_id, 0U);
    EXPECT_FALSE(fixture.descriptors.at(0).meta_version);
    EXPECT_EQ(fixture.descriptors.at(1).trace_id, 0xabcU);
    EXPECT_EQ(fixture.descriptors.at(1).meta_version, 4U);
}

// spec: WIRE-046 WIRE-051 WIRE-053 WIRE-054
TEST_F(PublishTest, RefusesAFrameThatContradictsItselfAndLeavesAGap) {
    const std::vector<std::byte> values(10);
    const auto result_of = [&](const std::function<void(FrameInfo&)>& spoil) {
        FrameInfo info = ProducerFixture::bytes_info(10);
        spoil(info);
        return producer.offer(values, info).value();
    };
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.ndims = 0; }), PublishResult::InvalidFrame);
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.ndims = 9; }), PublishResult::InvalidFrame);
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.dtype = Dtype::Unknown; }), PublishResult::InvalidFrame);
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.dims[0] = 11; }), PublishResult::InvalidFrame);
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.dims[0] = -1; }), PublishResult::InvalidFrame);
    EXPECT_EQ(result_of([](FrameInfo& i) { i.tensor.progress_unit = ProgressUnit::Rows; }),
              PublishResult::InvalidFrame);
    EXPECT_EQ(producer.counters().invalid_frames, 6U);
    EXPECT_EQ(producer.counters().frames_abandoned, 6U);
    ASSERT_EQ(fixture.offer(10).value(), PublishResult::Published);
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 1U);
    EXPECT_EQ(fixture.descriptors[0].seq, 6U);
}

// spec: WIRE-030
TEST_F(PublishTest, CommitsAnEmptyFrame) {
    ASSERT_EQ(fixture.offer(0).value(), PublishResult::Published);
    EXPECT_EQ(word(0), shm::committed_word(0));
    EXPECT_EQ(by_value(slot(0).slot.values_len_bytes), 0U);
    EXPECT_EQ(by_value(slot(0).slot.payload_slot), 0U);
}

// spec: WIRE-097
TEST(PublishWithoutReaderTest, CommitsFramesThatNobodyListensTo) {
    ProducerFixture fixture;
    fixture.start();
    EXPECT_FALSE(fixture.producer->is_connected());
    EXPECT_EQ(fixture.offer(10).value(), PublishResult::NotConnected);
    EXPECT_EQ(fixture.producer->counters().frames_committed, 1U);
    EXPECT_EQ(fixture.producer->counters().descriptor_not_connected, 1U);
    EXPECT_EQ(fixture.producer->next_seq(), 1U);
    fixture.listen();
    fixture.cycle();
    fixture.advance(100 * kNanosPerMilli);
    EXPECT_EQ(fixture.offer(10).value(), PublishResult::Published);
    fixture.cycle();
    ASSERT_EQ(fixture.descriptors.size(), 1U);
    EXPECT_EQ(fixture.descriptors[0].seq, 1U);
}

}  // namespace
}  // namespace tensorpool::test
