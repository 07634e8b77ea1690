// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/merge_map.hpp>

#include "wire/control_blocks.hpp"

#include <cstddef>
#include <cstdint>

// Fixed blocks of schema 903 (join.md section 3). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

#pragma pack(push, 1)

/// Entry of SequenceMergeMapAnnounce.rules: offset and window_size are optional.
struct SequenceMergeRuleEntry {
    static constexpr std::uint16_t kBlockLength = 13;

    std::uint32_t input_stream_id;
    MergeRuleType rule_type;
    std::int32_t offset;
    std::uint32_t window_size;
};
static_assert(sizeof(SequenceMergeRuleEntry) == SequenceMergeRuleEntry::kBlockLength);
static_assert(offsetof(SequenceMergeRuleEntry, input_stream_id) == 0);
static_assert(offsetof(SequenceMergeRuleEntry, rule_type) == 4);
static_assert(offsetof(SequenceMergeRuleEntry, offset) == 5);
static_assert(offsetof(SequenceMergeRuleEntry, window_size) == 9);

/// SequenceMergeMapAnnounce: stale_timeout_ns is optional; then group rules (SequenceMergeRuleEntry).
struct SequenceMergeMapAnnounceBlock {
    static constexpr std::uint16_t kSchemaId = 903;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 20;

    std::uint32_t out_stream_id;
    std::uint64_t epoch;
    std::uint64_t stale_timeout_ns;
};
static_assert(sizeof(SequenceMergeMapAnnounceBlock) == SequenceMergeMapAnnounceBlock::kBlockLength);
static_assert(offsetof(SequenceMergeMapAnnounceBlock, out_stream_id) == 0);
static_assert(offsetof(SequenceMergeMapAnnounceBlock, epoch) == 4);
static_assert(offsetof(SequenceMergeMapAnnounceBlock, stale_timeout_ns) == 12);

/// SequenceMergeMapRequest.
struct SequenceMergeMapRequestBlock {
    static constexpr std::uint16_t kSchemaId = 903;
    static constexpr std::uint16_t kTemplateId = 2;
    static constexpr std::uint16_t kBlockLength = 12;

    std::uint32_t out_stream_id;
    std::uint64_t epoch;
};
static_assert(sizeof(SequenceMergeMapRequestBlock) == SequenceMergeMapRequestBlock::kBlockLength);
static_assert(offsetof(SequenceMergeMapRequestBlock, out_stream_id) == 0);
static_assert(offsetof(SequenceMergeMapRequestBlock, epoch) == 4);

/// Entry of TimestampMergeMapAnnounce.rules: offset_ns and window_ns are optional.
struct TimestampMergeRuleEntry {
    static constexpr std::uint16_t kBlockLength = 22;

    std::uint32_t input_stream_id;
    MergeTimeRuleType rule_type;
    TimestampSource timestamp_source;
    std::int64_t offset_ns;
    std::uint64_t window_ns;
};
static_assert(sizeof(TimestampMergeRuleEntry) == TimestampMergeRuleEntry::kBlockLength);
static_assert(offsetof(TimestampMergeRuleEntry, input_stream_id) == 0);
static_assert(offsetof(TimestampMergeRuleEntry, rule_type) == 4);
static_assert(offsetof(TimestampMergeRuleEntry, timestamp_source) == 5);
static_assert(offsetof(TimestampMergeRuleEntry, offset_ns) == 6);
static_assert(offsetof(TimestampMergeRuleEntry, window_ns) == 14);

/// TimestampMergeMapAnnounce: stale_timeout_ns and lateness_ns are optional; then group rules
/// (TimestampMergeRuleEntry).
struct TimestampMergeMapAnnounceBlock {
    static constexpr std::uint16_t kSchemaId = 903;
    static constexpr std::uint16_t kTemplateId = 3;
    static constexpr std::uint16_t kBlockLength = 29;

    std::uint32_t out_stream_id;
    std::uint64_t epoch;
    std::uint64_t stale_timeout_ns;
    ClockDomain clock_domain;
    std::uint64_t lateness_ns;
};
static_assert(sizeof(TimestampMergeMapAnnounceBlock) == TimestampMergeMapAnnounceBlock::kBlockLength);
static_assert(offsetof(TimestampMergeMapAnnounceBlock, out_stream_id) == 0);
static_assert(offsetof(TimestampMergeMapAnnounceBlock, epoch) == 4);
static_assert(offsetof(TimestampMergeMapAnnounceBlock, stale_timeout_ns) == 12);
static_assert(offsetof(TimestampMergeMapAnnounceBlock, clock_domain) == 20);
static_assert(offsetof(TimestampMergeMapAnnounceBlock, lateness_ns) == 21);

/// TimestampMergeMapRequest: the body of the other request under its own template.
struct TimestampMergeMapRequestBlock {
    static constexpr std::uint16_t kSchemaId = 903;
    static constexpr std::uint16_t kTemplateId = 4;
    static constexpr std::uint16_t kBlockLength = 12;

    std::uint32_t out_stream_id;
    std::uint64_t epoch;
};
static_assert(sizeof(TimestampMergeMapRequestBlock) == TimestampMergeMapRequestBlock::kBlockLength);
static_assert(offsetof(TimestampMergeMapRequestBlock, out_stream_id) == 0);
static_assert(offsetof(TimestampMergeMapRequestBlock, epoch) == 4);

#pragma pack(pop)

}  // namespace tensorpool::wire
