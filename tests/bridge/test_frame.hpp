// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge/chunk.hpp"
#include "shm/seqlock.hpp"
#include "support/pattern.hpp"
#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

namespace tensorpool::test {

/// A frame made by hand and the messages it travels in, right or wrong.
struct TestFrame {
    static constexpr std::uint32_t kStream = 2000;

    /// `lengths` of its slices; their sum is the payload.
    explicit TestFrame(std::uint64_t number, const std::vector<std::uint32_t>& lengths,
                       std::uint64_t in_epoch = 5)
        : seq(number), epoch(in_epoch) {
        std::uint32_t offset = 0;
        for (const std::uint32_t length : lengths) {
            slices.push_back({offset, length});
            offset += length;
        }
        payload.resize(offset);
        if (offset >= kPatternHeader) fill_pattern(payload, seq);
        header.slot.seq_commit = shm::committed_word(seq);
        header.slot.values_len_bytes = offset;
        header.slot.payload_slot = 77;  // of the source's ring: must not matter here
        header.slot.pool_id = 1;
        header.slot.timestamp_ns = 1000 + seq;
        header.slot.meta_version = 3;
        header.header_bytes_length = wire::kHeaderBytesLength;
        header.tensor_message = {sizeof(wire::TensorHeader), wire::kTensorHeaderTemplateId,
                                 wire::kControlSchemaId, wire::kControlSchemaVersion};
        header.tensor.dtype = Dtype::UInt8;
        header.tensor.major_order = MajorOrder::Row;
        header.tensor.ndims = 1;
        header.tensor.dims[0] = static_cast<std::int32_t>(offset);
        header.tensor.strides[0] = 1;
    }

    struct Slice {
        std::uint32_t offset;
        std::uint32_t length;
    };
    using Adjust = std::function<void(wire::BridgeFrameChunkBlock&)>;

    [[nodiscard]] std::uint32_t chunks() const { return static_cast<std::uint32_t>(slices.size()); }

    /// The message of one slice; `adjust` may spoil its block.
    [[nodiscard]] std::vector<std::byte> message(std::uint32_t index, const Adjust& adjust = {}) const {
        return message_with(index, payload, adjust);
    }
    /// The same with the slice taken from other bytes.
    [[nodiscard]] std::vector<std::byte> message_with(std::uint32_t index, std::span<const std::byte> from,
                                                      const Adjust& adjust = {}) const {
        wire::BridgeFrameChunkBlock block{};
        block.stream_id = kStream;
        block.epoch = epoch;
        block.seq = seq;
        block.trace_id = trace_id;
        block.chunk_index = index;
        block.chunk_count = chunks();
        block.chunk_offset = slices[index].offset;
        block.chunk_length = slices[index].length;
        block.payload_length = static_cast<std::uint32_t>(payload.size());
        block.header_included = index == 0 ? 1 : 0;
        if (adjust) adjust(block);
        const auto slot = std::as_bytes(std::span(&header, 1));
        const std::span<const std::byte> sent =
            block.header_included == 1 ? slot : std::span<const std::byte>();
        std::vector<std::byte> bytes(bridge::chunk_message_bytes(sent.size(), block.chunk_length));
        const auto place = bridge::begin_chunk(bytes, block, sent);
        const std::size_t offset = slices[index].offset;
        for (std::size_t i = 0; i < place.size(); ++i) place[i] = from[(offset + i) % from.size()];
        if (crc) bridge::seal_chunk(bytes, sent.size());
        return bytes;
    }

    std::uint64_t seq;
    std::uint64_t epoch;
    std::uint64_t trace_id = 0;
    bool crc = false;
    std::vector<std::byte> payload;
    std::vector<Slice> slices;
    wire::HeaderSlot header{};
};

}  // namespace tensorpool::test
