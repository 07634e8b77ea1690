// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "wire/shm_records.hpp"

#include "support/golden.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>

namespace tensorpool::wire {
namespace {

using test::Golden;
using test::load_golden;

/// A packed field by value: nothing may bind a reference to it.
template <typename T>
T copy(T value) noexcept {
    return value;
}

/// A field's integer as the vector's JSON gives it.
template <typename T>
T value(const Golden& golden, const std::string& path) {
    return static_cast<T>(golden.raw.at(path));
}

template <typename Record>
std::string hex_of(const Record& record) {
    return test::to_hex(std::as_bytes(std::span(&record, 1)));
}

Superblock superblock_of(const Golden& golden) {
    Superblock block{};
    block.magic = value<std::uint64_t>(golden, "magic");
    block.layout_version = value<std::uint32_t>(golden, "layoutVersion");
    block.epoch = value<std::uint64_t>(golden, "epoch");
    block.stream_id = value<std::uint32_t>(golden, "streamId");
    block.region_type = value<RegionType>(golden, "regionType");
    block.pool_id = value<std::uint16_t>(golden, "poolId");
    block.nslots = value<std::uint32_t>(golden, "nslots");
    block.slot_bytes = value<std::uint32_t>(golden, "slotBytes");
    block.stride_bytes = value<std::uint32_t>(golden, "strideBytes");
    block.pid = value<std::uint64_t>(golden, "pid");
    block.start_timestamp_ns = value<std::uint64_t>(golden, "startTimestampNs");
    block.activity_timestamp_ns = value<std::uint64_t>(golden, "activityTimestampNs");
    return block;
}

SlotHeader slot_header_of(const Golden& golden) {
    SlotHeader slot{};
    slot.seq_commit = value<std::uint64_t>(golden, "seqCommit");
    slot.values_len_bytes = value<std::uint32_t>(golden, "valuesLenBytes");
    slot.payload_slot = value<std::uint32_t>(golden, "payloadSlot");
    slot.pool_id = value<std::uint16_t>(golden, "poolId");
    slot.payload_offset = value<std::uint32_t>(golden, "payloadOffset");
    slot.timestamp_ns = value<std::uint64_t>(golden, "timestampNs");
    slot.meta_version = value<std::uint32_t>(golden, "metaVersion");
    slot.pad[0] = value<std::uint8_t>(golden, "pad");
    return slot;
}

TensorHeader tensor_header_of(const Golden& golden, const std::string& at = "") {
    TensorHeader tensor{};
    tensor.dtype = value<Dtype>(golden, at + "dtype");
    tensor.major_order = value<MajorOrder>(golden, at + "majorOrder");
    tensor.ndims = value<std::uint8_t>(golden, at + "ndims");
    tensor.pad_align = value<std::uint8_t>(golden, at + "padAlign");
    tensor.progress_unit = value<ProgressUnit>(golden, at + "progressUnit");
    tensor.progress_stride_bytes = value<std::uint32_t>(golden, at + "progressStrideBytes");
    for (std::size_t i = 0; i < kMaxDims; ++i) {
        tensor.dims[i] = value<std::int32_t>(golden, fmt::format("{}dims[{}]", at, i));
        tensor.strides[i] = value<std::int32_t>(golden, fmt::format("{}strides[{}]", at, i));
    }
    tensor.pad[0] = value<std::uint8_t>(golden, at + "pad");
    return tensor;
}

// spec: WIRE-001 WIRE-015
TEST(SuperblockImageTest, IsTheOfficialBytesOfItsFields) {
    for (const std::string name : {"wire/ShmRegionSuperblock", "wire/ShmRegionSuperblock_header"}) {
        const Golden golden = load_golden(name);
        EXPECT_EQ(hex_of(superblock_of(golden)), test::to_hex(golden.bytes)) << name;
    }
    EXPECT_EQ(sizeof(Superblock), 64U);
}

// spec: WIRE-016
TEST(SuperblockImageTest, TheMagicIsTheNumberAndNotTheText) {
    EXPECT_EQ(kSuperblockMagic, 0x544F504C53484D31U);
    const Golden golden = load_golden("wire/ShmRegionSuperblock");
    EXPECT_EQ(value<std::uint64_t>(golden, "magic"), kSuperblockMagic);
    EXPECT_EQ(test::to_hex(std::span(golden.bytes).first(8)), "314d48534c504f54") << "reads 1MHSLPOT";
}

// spec: WIRE-001 WIRE-024
TEST(SlotHeaderImageTest, IsTheOfficialBytesOfItsFields) {
    const Golden golden = load_golden("wire/SlotHeader");
    EXPECT_EQ(hex_of(slot_header_of(golden)), test::to_hex(golden.bytes));
}

// spec: WIRE-008
TEST(TensorHeaderImageTest, IsTheOfficialBytesOfItsFieldsAndHasNoRoomForMaxDims) {
    for (const std::string name : {"wire/TensorHeader", "wire/TensorHeader_full"}) {
        const Golden golden = load_golden(name);
        EXPECT_EQ(hex_of(tensor_header_of(golden)), test::to_hex(golden.bytes)) << name;
        EXPECT_EQ(value<std::uint8_t>(golden, "maxDims"), kMaxDims) << "a constant of the schema";
    }
}

// spec: WIRE-024 WIRE-026
TEST(HeaderSlotImageTest, IsTheOfficialBytesOfItsFields) {
    const Golden golden = load_golden("wire/HeaderSlot256");
    HeaderSlot slot{};
    slot.slot = slot_header_of(golden);
    slot.header_bytes_length = kHeaderBytesLength;
    slot.tensor_message = {sizeof(TensorHeader), kTensorHeaderTemplateId, kControlSchemaId,
                           kControlSchemaVersion};
    slot.tensor = tensor_header_of(golden, "headerBytes.TensorHeader.");
    EXPECT_EQ(hex_of(slot), test::to_hex(golden.bytes));
    EXPECT_EQ(sizeof(HeaderSlot), 256U);
}

// spec: WIRE-026
TEST(HeaderSlotImageTest, TheEmbeddedHeaderSaysWhatTheOfficialToolSays) {
    const Golden golden = load_golden("wire/HeaderSlot256");
    HeaderSlot slot;
    ASSERT_EQ(golden.bytes.size(), sizeof slot);
    std::memcpy(&slot, golden.bytes.data(), sizeof slot);
    EXPECT_EQ(copy(slot.header_bytes_length), 192U);
    const MessageHeader header = slot.tensor_message;
    EXPECT_EQ(copy(header.block_length), 184);
    EXPECT_EQ(copy(header.template_id), 52);
    EXPECT_EQ(copy(header.schema_id), 900);
    EXPECT_EQ(copy(header.version), 1);
    const Golden message = load_golden("wire/TensorHeader_msg");
    EXPECT_EQ(test::to_hex(message.bytes), test::to_hex(std::span(golden.bytes).subspan(64)))
        << "the slot ends with the whole TensorHeader message";
}

// spec: WIRE-025
TEST(HeaderSlotImageTest, SeqCommitIsTheFirstWordOfTheSlot) {
    const Golden golden = load_golden("wire/HeaderSlot256");
    std::uint64_t word = 0;
    std::memcpy(&word, golden.bytes.data(), sizeof word);
    EXPECT_EQ(word, value<std::uint64_t>(golden, "seqCommit"));
    EXPECT_EQ(offsetof(HeaderSlot, slot), 0U);
    EXPECT_EQ(offsetof(SlotHeader, seq_commit), 0U);
    EXPECT_EQ(kSuperblockBytes % 64, 0U) << "slots start on a cache line";
    EXPECT_EQ(kHeaderSlotBytes % 64, 0U);
}

}  // namespace
}  // namespace tensorpool::wire
