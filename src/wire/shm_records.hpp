// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// Byte images of what lies in shared memory (wire.md 3.1 to 3.3). SBE packs fields back to back, so several
// are misaligned: copy a record out with memcpy, never bind a reference or pointer to a field.
namespace tensorpool::wire {

static_assert(std::endian::native == std::endian::little,
              "everything on the wire is little-endian and nothing here swaps bytes (WIRE-001)");

inline constexpr std::uint64_t kSuperblockMagic = 0x544F504C53484D31;  // compared as a number (trap T1)
inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::size_t kSuperblockBytes = 64;
inline constexpr std::size_t kHeaderSlotBytes = 256;
inline constexpr std::uint16_t kControlSchemaId = 900;
inline constexpr std::uint16_t kControlSchemaVersion = 1;

enum class RegionType : std::int16_t { HeaderRing = 1, PayloadPool = 2 };

#pragma pack(push, 1)

struct MessageHeader {
    std::uint16_t block_length;
    std::uint16_t template_id;
    std::uint16_t schema_id;
    std::uint16_t version;
};
static_assert(sizeof(MessageHeader) == 8 && std::is_trivially_copyable_v<MessageHeader>);

/// Template 50, bare, first 64 bytes of every region.
struct Superblock {
    std::uint64_t magic;
    std::uint32_t layout_version;
    std::uint64_t epoch;
    std::uint32_t stream_id;
    RegionType region_type;
    std::uint16_t pool_id;  // 0 for a header ring
    std::uint32_t nslots;
    std::uint32_t slot_bytes;    // header ring 256; pool: the stride (trap T3)
    std::uint32_t stride_bytes;  // pool; header ring 0 (trap T3)
    std::uint64_t pid;
    std::uint64_t start_timestamp_ns;
    std::uint64_t activity_timestamp_ns;  // the only field rewritten after creation; 8-byte aligned
};
static_assert(sizeof(Superblock) == kSuperblockBytes && std::is_trivially_copyable_v<Superblock>);
static_assert(offsetof(Superblock, magic) == 0);
static_assert(offsetof(Superblock, layout_version) == 8);
static_assert(offsetof(Superblock, epoch) == 12);
static_assert(offsetof(Superblock, stream_id) == 20);
static_assert(offsetof(Superblock, region_type) == 24);
static_assert(offsetof(Superblock, pool_id) == 26);
static_assert(offsetof(Superblock, nslots) == 28);
static_assert(offsetof(Superblock, slot_bytes) == 32);
static_assert(offsetof(Superblock, stride_bytes) == 36);
static_assert(offsetof(Superblock, pid) == 40);
static_assert(offsetof(Superblock, start_timestamp_ns) == 48);
static_assert(offsetof(Superblock, activity_timestamp_ns) == 56);

/// Template 51, bare, opens every header slot.
struct SlotHeader {
    std::uint64_t seq_commit;  // atomic access only: shm/seqlock.hpp
    std::uint32_t values_len_bytes;
    std::uint32_t payload_slot;  // equals header_index in v1.2
    std::uint16_t pool_id;
    std::uint32_t payload_offset;  // 0 in v1.2
    std::uint64_t timestamp_ns;
    std::uint32_t meta_version;
    std::uint8_t pad[26];
};
static_assert(sizeof(SlotHeader) == 60 && std::is_trivially_copyable_v<SlotHeader>);
static_assert(offsetof(SlotHeader, seq_commit) == 0);
static_assert(offsetof(SlotHeader, values_len_bytes) == 8);
static_assert(offsetof(SlotHeader, payload_slot) == 12);
static_assert(offsetof(SlotHeader, pool_id) == 16);
static_assert(offsetof(SlotHeader, payload_offset) == 18);
static_assert(offsetof(SlotHeader, timestamp_ns) == 22);
static_assert(offsetof(SlotHeader, meta_version) == 30);
static_assert(offsetof(SlotHeader, pad) == 34);

/// Template 52; stored behind its own message header inside SlotHeader.headerBytes.
struct TensorHeader {
    Dtype dtype;
    MajorOrder major_order;
    std::uint8_t ndims;
    std::uint8_t pad_align;
    ProgressUnit progress_unit;
    std::uint32_t progress_stride_bytes;
    std::int32_t dims[kMaxDims];
    std::int32_t strides[kMaxDims];
    std::uint8_t pad[109];
};
static_assert(sizeof(TensorHeader) == 184 && std::is_trivially_copyable_v<TensorHeader>);
static_assert(offsetof(TensorHeader, dtype) == 0);
static_assert(offsetof(TensorHeader, major_order) == 2);
static_assert(offsetof(TensorHeader, ndims) == 4);
static_assert(offsetof(TensorHeader, pad_align) == 5);
static_assert(offsetof(TensorHeader, progress_unit) == 6);
static_assert(offsetof(TensorHeader, progress_stride_bytes) == 7);
static_assert(offsetof(TensorHeader, dims) == 11);
static_assert(offsetof(TensorHeader, strides) == 43);
static_assert(offsetof(TensorHeader, pad) == 75);

inline constexpr std::uint16_t kTensorHeaderTemplateId = 52;
/// Length word of headerBytes: message header and block (WIRE-026).
inline constexpr std::uint32_t kHeaderBytesLength = sizeof(MessageHeader) + sizeof(TensorHeader);
static_assert(kHeaderBytesLength == 192);

/// One slot of the header ring, exactly 256 bytes (WIRE-024).
struct HeaderSlot {
    SlotHeader slot;
    std::uint32_t header_bytes_length;  // 192
    MessageHeader tensor_message;
    TensorHeader tensor;
};
static_assert(sizeof(HeaderSlot) == kHeaderSlotBytes && std::is_trivially_copyable_v<HeaderSlot>);
static_assert(offsetof(HeaderSlot, header_bytes_length) == 60);
static_assert(offsetof(HeaderSlot, tensor_message) == 64);
static_assert(offsetof(HeaderSlot, tensor) == 72);

#pragma pack(pop)

}  // namespace tensorpool::wire
