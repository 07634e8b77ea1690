// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>

// Fixed blocks of schema 904 (trace.md section 2). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

#pragma pack(push, 1)

/// TraceLinkSet: then group parents (TraceParentEntry).
struct TraceLinkSetBlock {
    static constexpr std::uint16_t kSchemaId = 904;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 28;

    std::uint32_t stream_id;
    std::uint64_t epoch;
    std::uint64_t seq;
    std::uint64_t trace_id;
};
static_assert(sizeof(TraceLinkSetBlock) == TraceLinkSetBlock::kBlockLength);
static_assert(offsetof(TraceLinkSetBlock, stream_id) == 0);
static_assert(offsetof(TraceLinkSetBlock, epoch) == 4);
static_assert(offsetof(TraceLinkSetBlock, seq) == 12);
static_assert(offsetof(TraceLinkSetBlock, trace_id) == 20);

/// Entry of the parents group.
struct TraceParentEntry {
    static constexpr std::uint16_t kBlockLength = 8;

    std::uint64_t trace_id;
};
static_assert(sizeof(TraceParentEntry) == TraceParentEntry::kBlockLength);

#pragma pack(pop)

/// Bytes of a set with `parents` entries: message header, block, group header, entries.
[[nodiscard]] constexpr std::size_t trace_link_set_length(std::size_t parents) noexcept {
    return sizeof(MessageHeader) + sizeof(TraceLinkSetBlock) + 2 * sizeof(std::uint16_t) +
           parents * sizeof(TraceParentEntry);
}
static_assert(trace_link_set_length(0) == 40);

}  // namespace tensorpool::wire
