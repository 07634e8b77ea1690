// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/control_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

// The one message of the per-frame path, without the general cursors.
namespace tensorpool::wire {

inline constexpr std::uint32_t kNullU32 = 0xFFFFFFFF;
inline constexpr std::uint64_t kNullU64 = 0xFFFFFFFFFFFFFFFF;

/// Message header and block: 48 bytes.
inline constexpr std::size_t kFrameDescriptorLength = sizeof(MessageHeader) + sizeof(FrameDescriptorBlock);
static_assert(kFrameDescriptorLength == 48);

/// Precondition: `out` has kFrameDescriptorLength bytes.
inline void encode_frame_descriptor(std::span<std::byte> out, const FrameDescriptorBlock& block) noexcept {
    constexpr MessageHeader kHeader{FrameDescriptorBlock::kBlockLength, FrameDescriptorBlock::kTemplateId,
                                    FrameDescriptorBlock::kSchemaId, kControlSchemaVersion};
    std::memcpy(out.data(), &kHeader, sizeof kHeader);
    std::memcpy(out.data() + sizeof kHeader, &block, sizeof block);
}

/// False: not a FrameDescriptor of a version we know, or shorter than one. `block` is then untouched.
[[nodiscard]] inline bool decode_frame_descriptor(std::span<const std::byte> in,
                                                  FrameDescriptorBlock& block) noexcept {
    if (in.size() < kFrameDescriptorLength) return false;
    MessageHeader header;
    std::memcpy(&header, in.data(), sizeof header);
    if (header.schema_id != FrameDescriptorBlock::kSchemaId ||
        header.template_id != FrameDescriptorBlock::kTemplateId || header.version > kControlSchemaVersion ||
        header.block_length < FrameDescriptorBlock::kBlockLength ||
        in.size() < sizeof header + header.block_length) {
        return false;
    }
    std::memcpy(&block, in.data() + sizeof header, sizeof block);
    return true;
}

}  // namespace tensorpool::wire
