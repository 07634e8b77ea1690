// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec.hpp"
#include "control/codec_support.hpp"
#include "wire/merge_blocks.hpp"

// Schema 903 (join.md section 3). Read only as version 1 has it, block lengths included (JT-09).
namespace tensorpool::control {

using wire::Decoder;
using wire::Encoder;

namespace {

/// The null of a signed optional field is its smallest value.
template <typename T>
T or_smallest(const std::optional<T>& value) noexcept {
    return value.value_or(std::numeric_limits<T>::min());
}
template <typename T>
std::optional<T> from_smallest(T value) noexcept {
    return value == std::numeric_limits<T>::min() ? std::nullopt : std::optional<T>(value);
}

/// Calls `take(entry)` for every entry of the group that follows; false when the group is not as long as it
/// says or its entries are not ours.
template <typename Entry, typename Take>
bool read_rules(Decoder& from, Take&& take) {
    wire::GroupHeader group{};
    if (!from.group(group) || group.block_length != Entry::kBlockLength ||
        group.num_in_group > kMaxMergeRules ||
        from.remaining() < std::size_t{group.num_in_group} * Entry::kBlockLength) {
        return false;
    }
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        Entry entry;
        if (!from.entry(entry, group.block_length)) return false;
        take(entry);
    }
    return true;
}

template <typename Block, typename Request>
std::size_t encode_request(std::span<std::byte> out, const Request& m) noexcept {
    Encoder to(out);
    to.message(Block{m.out_stream_id, m.epoch});
    return finished(to);
}

template <typename Block, typename Request>
DecodeResult decode_request(std::span<const std::byte> in, Request& m) noexcept {
    Decoder from(in);
    Block b;
    if (!from.message_of_version_1(b)) return failed(from);
    m = {b.out_stream_id, b.epoch};
    return DecodeResult::Ok;
}

}  // namespace

std::size_t encode(std::span<std::byte> out, const SequenceMergeMapAnnounce& m) noexcept {
    if (m.rules.size() > kMaxMergeRules) return 0;
    Encoder to(out);
    to.message(wire::SequenceMergeMapAnnounceBlock{m.out_stream_id, m.epoch, or_null(m.stale_timeout_ns)});
    to.group(wire::SequenceMergeRuleEntry::kBlockLength, m.rules.size());
    for (const SequenceRule& rule : m.rules) {
        to.entry(wire::SequenceMergeRuleEntry{rule.input_stream_id, rule.type, or_smallest(rule.offset),
                                              or_null(rule.window_size)});
    }
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, SequenceMergeMapAnnounce& m) {
    Decoder from(in);
    wire::SequenceMergeMapAnnounceBlock b;
    if (!from.message_of_version_1(b)) return failed(from);
    m = {b.out_stream_id, b.epoch, from_null<std::uint64_t>(b.stale_timeout_ns), {}};
    const bool whole = read_rules<wire::SequenceMergeRuleEntry>(from, [&](const auto& entry) {
        m.rules.push_back({entry.input_stream_id, entry.rule_type, from_smallest<std::int32_t>(entry.offset),
                           from_null<std::uint32_t>(entry.window_size)});
    });
    return whole ? DecodeResult::Ok : DecodeResult::Malformed;
}

std::size_t encode(std::span<std::byte> out, const SequenceMergeMapRequest& m) noexcept {
    return encode_request<wire::SequenceMergeMapRequestBlock>(out, m);
}

DecodeResult decode(std::span<const std::byte> in, SequenceMergeMapRequest& m) {
    return decode_request<wire::SequenceMergeMapRequestBlock>(in, m);
}

std::size_t encode(std::span<std::byte> out, const TimestampMergeMapAnnounce& m) noexcept {
    if (m.rules.size() > kMaxMergeRules) return 0;
    Encoder to(out);
    to.message(wire::TimestampMergeMapAnnounceBlock{m.out_stream_id, m.epoch, or_null(m.stale_timeout_ns),
                                                    m.clock_domain, or_null(m.lateness_ns)});
    to.group(wire::TimestampMergeRuleEntry::kBlockLength, m.rules.size());
    for (const TimestampRule& rule : m.rules) {
        to.entry(wire::TimestampMergeRuleEntry{rule.input_stream_id, rule.type, rule.source,
                                               or_smallest(rule.offset_ns), or_null(rule.window_ns)});
    }
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, TimestampMergeMapAnnounce& m) {
    Decoder from(in);
    wire::TimestampMergeMapAnnounceBlock b;
    if (!from.message_of_version_1(b)) return failed(from);
    m = {b.out_stream_id,
         b.epoch,
         from_null<std::uint64_t>(b.stale_timeout_ns),
         b.clock_domain,
         from_null<std::uint64_t>(b.lateness_ns),
         {}};
    const bool whole = read_rules<wire::TimestampMergeRuleEntry>(from, [&](const auto& entry) {
        m.rules.push_back({entry.input_stream_id, entry.rule_type, entry.timestamp_source,
                           from_smallest<std::int64_t>(entry.offset_ns),
                           from_null<std::uint64_t>(entry.window_ns)});
    });
    return whole ? DecodeResult::Ok : DecodeResult::Malformed;
}

std::size_t encode(std::span<std::byte> out, const TimestampMergeMapRequest& m) noexcept {
    return encode_request<wire::TimestampMergeMapRequestBlock>(out, m);
}

DecodeResult decode(std::span<const std::byte> in, TimestampMergeMapRequest& m) {
    return decode_request<wire::TimestampMergeMapRequestBlock>(in, m);
}

}  // namespace tensorpool::control
