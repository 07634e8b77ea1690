// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/chunk.hpp"

#include "bridge/crc32c.hpp"
#include "wire/cursor.hpp"

#include <cstring>
#include <string_view>

namespace tensorpool::bridge {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint32_t kMtuMargin = 128;  // BRG-038
// Aeron claims up to MTU - 32 bytes; what the first message holds beside its payload is 325.
constexpr std::uint32_t kFirstMargin = 32 + static_cast<std::uint32_t>(chunk_message_bytes(256, 0));
constexpr std::size_t kCrcAt =
    sizeof(wire::MessageHeader) + offsetof(wire::BridgeFrameChunkBlock, payload_crc32c);
constexpr std::size_t kHeaderAt =
    sizeof(wire::MessageHeader) + sizeof(wire::BridgeFrameChunkBlock) + sizeof(std::uint32_t);

std::span<const std::byte> as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void put_length(std::byte* at, std::size_t length) noexcept {
    const auto value = static_cast<std::uint32_t>(length);
    std::memcpy(at, &value, sizeof value);
}

}  // namespace

ChunkDecode decode_chunk(std::span<const std::byte> message, Chunk& chunk) noexcept {
    wire::Decoder from(message);
    std::uint16_t version = 0;
    if (!from.message_of_any_version(chunk.block, version)) {
        return from.error() == wire::DecodeError::NotOurs ? ChunkDecode::NotOurs : ChunkDecode::Malformed;
    }
    if (version != kVersion) return ChunkDecode::Malformed;
    std::string_view header;
    std::string_view payload;
    if (!from.var_data(header) || header.size() > wire::kHeaderSlotBytes || !from.var_data(payload) ||
        payload.size() > wire::kMaxChunkBytes) {
        return ChunkDecode::Malformed;
    }
    chunk.header = as_bytes(header);
    chunk.payload = as_bytes(payload);
    return ChunkDecode::Ok;
}

std::span<std::byte> begin_chunk(std::span<std::byte> out, const wire::BridgeFrameChunkBlock& block,
                                 std::span<const std::byte> header) noexcept {
    constexpr wire::MessageHeader kHeader{wire::BridgeFrameChunkBlock::kBlockLength,
                                          wire::BridgeFrameChunkBlock::kTemplateId,
                                          wire::BridgeFrameChunkBlock::kSchemaId, kVersion};
    std::byte* at = out.data();
    std::memcpy(at, &kHeader, sizeof kHeader);
    std::memcpy(at + sizeof kHeader, &block, sizeof block);
    put_length(at + kHeaderAt - sizeof(std::uint32_t), header.size());
    if (!header.empty()) std::memcpy(at + kHeaderAt, header.data(), header.size());
    put_length(at + kHeaderAt + header.size(), block.chunk_length);
    return out.subspan(kHeaderAt + header.size() + sizeof(std::uint32_t), block.chunk_length);
}

void seal_chunk(std::span<std::byte> message, std::size_t header_bytes) noexcept {
    const std::uint32_t crc = crc32c(message.subspan(kHeaderAt, header_bytes),
                                     message.subspan(kHeaderAt + header_bytes + sizeof(std::uint32_t)));
    std::memcpy(message.data() + kCrcAt, &crc, sizeof crc);
}

std::uint32_t ChunkLimits::most() const noexcept {
    const std::uint32_t by_mtu = mtu_bytes > kMtuMargin ? mtu_bytes - kMtuMargin : 1;
    const std::uint32_t wanted = chunk_bytes != 0 ? std::min(chunk_bytes, by_mtu) : by_mtu;
    return std::max<std::uint32_t>(1, std::min({wanted, max_chunk_bytes, wire::kMaxChunkBytes}));
}

ChunkPlan::ChunkPlan(const ChunkLimits& limits) noexcept
    : rest_(limits.most()),
      // An MTU too small for a header slot and a byte beside it: the first chunk is fragmented.
      first_(limits.mtu_bytes > kFirstMargin ? std::min(rest_, limits.mtu_bytes - kFirstMargin) : rest_) {
}

}  // namespace tensorpool::bridge
