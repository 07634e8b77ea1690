// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/bridge_blocks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

// BridgeFrameChunk on the wire, and how a frame is cut into chunks (bridge.md sections 3 and 4).
namespace tensorpool::bridge {

/// One received chunk. The spans point into the message.
struct Chunk {
    wire::BridgeFrameChunkBlock block;
    std::span<const std::byte> header;  ///< 256 bytes, or none
    std::span<const std::byte> payload;
};

enum class ChunkDecode : std::uint8_t {
    Ok,
    NotOurs,    ///< another schema or template
    Malformed,  ///< another version or an older layout; lengths beyond the message or the schema's limits
};

/// Whether the bytes are one BridgeFrameChunk whose lengths can be trusted (BRG-035, traps 12 and 17). What
/// its fields say is for the assembler to judge.
[[nodiscard]] ChunkDecode decode_chunk(std::span<const std::byte> message, Chunk& chunk) noexcept;

/// Bytes of a whole message.
[[nodiscard]] constexpr std::size_t chunk_message_bytes(std::size_t header_bytes,
                                                        std::size_t payload_bytes) noexcept {
    return sizeof(wire::MessageHeader) + sizeof(wire::BridgeFrameChunkBlock) + sizeof(std::uint32_t) +
           header_bytes + sizeof(std::uint32_t) + payload_bytes;
}
static_assert(chunk_message_bytes(0, 0) == 69 && chunk_message_bytes(256, 0) == 325);

/// Writes everything but the payload, whose place in `out` is returned: `block.chunk_length` bytes at the
/// end. Precondition: `out` has chunk_message_bytes(header.size(), block.chunk_length) bytes.
[[nodiscard]] std::span<std::byte> begin_chunk(std::span<std::byte> out,
                                               const wire::BridgeFrameChunkBlock& block,
                                               std::span<const std::byte> header) noexcept;
/// Fills in the checksum of a message from begin_chunk() once its payload is there (BRG-055, BRG-058).
void seal_chunk(std::span<std::byte> message, std::size_t header_bytes) noexcept;

/// What bounds the chunks of one mapping.
struct ChunkLimits {
    std::uint32_t mtu_bytes = 1408;
    std::uint32_t chunk_bytes = 0;  ///< 0: as the MTU says
    std::uint32_t max_chunk_bytes = wire::kMaxChunkBytes;

    /// BRG-038: the most payload bytes of one chunk, for sender and receiver alike.
    [[nodiscard]] std::uint32_t most() const noexcept;
};

/// How a frame is sliced: the first slice makes room for the header slot (trap 4), all others are equal but
/// the last.
class ChunkPlan {
public:
    explicit ChunkPlan(const ChunkLimits& limits) noexcept;

    /// At least 1; may exceed what chunkCount can say.
    [[nodiscard]] std::uint64_t chunks(std::uint32_t payload_length) const noexcept {
        if (payload_length <= first_) return 1;
        return 1 + (std::uint64_t{payload_length} - first_ + rest_ - 1) / rest_;
    }
    [[nodiscard]] std::uint32_t offset(std::uint32_t index) const noexcept {
        return index == 0 ? 0 : first_ + (index - 1) * rest_;
    }
    [[nodiscard]] std::uint32_t length(std::uint32_t index, std::uint32_t payload_length) const noexcept {
        return std::min(index == 0 ? first_ : rest_, payload_length - offset(index));
    }
    /// The largest payload that 65535 chunks carry (trap 5).
    [[nodiscard]] std::uint64_t largest_payload() const noexcept {
        return first_ + std::uint64_t{wire::kMaxChunks - 1} * rest_;
    }
    /// The longest message this plan makes.
    [[nodiscard]] std::size_t longest_message() const noexcept {
        return std::max(chunk_message_bytes(wire::kHeaderSlotBytes, first_), chunk_message_bytes(0, rest_));
    }

private:
    std::uint32_t rest_;
    std::uint32_t first_;
};

}  // namespace tensorpool::bridge
