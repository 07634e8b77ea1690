// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>

// Fixed block of schema 902 (bridge.md section 3). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

/// What chunkIndex + 1, chunkCount and chunkLength may be at most.
inline constexpr std::uint32_t kMaxChunks = 65535;
inline constexpr std::uint32_t kMaxChunkBytes = 65535;
/// What payloadLength may be at most.
inline constexpr std::uint32_t kMaxBridgePayloadBytes = 1'073'741'824;

#pragma pack(push, 1)

/// BridgeFrameChunk: then headerBytes (0 or 256), payloadBytes. The ids in the schema are not in this order.
struct BridgeFrameChunkBlock {
    static constexpr std::uint16_t kSchemaId = 902;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 53;

    std::uint32_t stream_id;
    std::uint64_t epoch;
    std::uint64_t seq;
    std::uint64_t trace_id;  // null is 0
    std::uint32_t chunk_index;
    std::uint32_t chunk_count;
    std::uint32_t chunk_offset;
    std::uint32_t chunk_length;
    std::uint32_t payload_length;
    std::uint32_t payload_crc32c;  // 0: absent
    std::uint8_t header_included;
};
static_assert(sizeof(BridgeFrameChunkBlock) == BridgeFrameChunkBlock::kBlockLength);
static_assert(offsetof(BridgeFrameChunkBlock, stream_id) == 0);
static_assert(offsetof(BridgeFrameChunkBlock, epoch) == 4);
static_assert(offsetof(BridgeFrameChunkBlock, seq) == 12);
static_assert(offsetof(BridgeFrameChunkBlock, trace_id) == 20);
static_assert(offsetof(BridgeFrameChunkBlock, chunk_index) == 28);
static_assert(offsetof(BridgeFrameChunkBlock, chunk_count) == 32);
static_assert(offsetof(BridgeFrameChunkBlock, chunk_offset) == 36);
static_assert(offsetof(BridgeFrameChunkBlock, chunk_length) == 40);
static_assert(offsetof(BridgeFrameChunkBlock, payload_length) == 44);
static_assert(offsetof(BridgeFrameChunkBlock, payload_crc32c) == 48);
static_assert(offsetof(BridgeFrameChunkBlock, header_included) == 52);

#pragma pack(pop)

}  // namespace tensorpool::wire
