// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/protocol_enums.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Merge maps: which inputs one output stream is made of, and how far each must have come (join.md
// sections 2.1 and 3). Plain data, the same on the wire and in a program; a map may be wrong, and fault_of()
// says how.
namespace tensorpool {

enum class MergeRuleType : std::uint8_t { Offset = 0, Window = 1 };
enum class MergeTimeRuleType : std::uint8_t { OffsetNs = 0, WindowNs = 1 };

/// Which of a frame's two timestamps a time rule looks at. SlotHeader is the capture time and usually what
/// you want; FrameDescriptor is the publish time, which producers send only when they opt in (JOIN-052,
/// JT-15).
enum class TimestampSource : std::uint8_t { FrameDescriptor = 1, SlotHeader = 2 };

/// The two kinds of map. A map of one kind never replaces one of the other (JT-06).
enum class MergeMapKind : std::uint8_t { Sequence, Timestamp };

/// "OFFSET", "WINDOW_NS", "SLOT_HEADER", ...; "UNKNOWN" for anything else.
[[nodiscard]] std::string_view to_string(MergeRuleType type) noexcept;
[[nodiscard]] std::string_view to_string(MergeTimeRuleType type) noexcept;
[[nodiscard]] std::string_view to_string(TimestampSource source) noexcept;
[[nodiscard]] std::string_view to_string(MergeMapKind kind) noexcept;

/// What output `n` needs of one input. Use the two makers: exactly one parameter is set (JOIN-012).
struct SequenceRule {
    std::uint32_t input_stream_id = 0;
    MergeRuleType type = MergeRuleType::Offset;
    std::optional<std::int32_t> offset{};        ///< -2147483647 at least
    std::optional<std::uint32_t> window_size{};  ///< 1 to 4294967294

    /// Frame n + offset: 0 for lockstep, -1 for the frame before.
    [[nodiscard]] static SequenceRule at_offset(std::uint32_t input_stream_id, std::int32_t offset) noexcept {
        return {input_stream_id, MergeRuleType::Offset, offset, std::nullopt};
    }
    /// The frames n - size + 1 to n.
    [[nodiscard]] static SequenceRule window(std::uint32_t input_stream_id, std::uint32_t size) noexcept {
        return {input_stream_id, MergeRuleType::Window, std::nullopt, size};
    }

    friend bool operator==(const SequenceRule&, const SequenceRule&) = default;
};

/// Rules for one output stream and one epoch of it (JOIN-009). Several rules may name one input (JT-11).
struct SequenceMergeMap {
    std::uint32_t out_stream_id = 0;
    std::uint64_t epoch = 0;  ///< of the output stream
    /// An input without a frame for longer than this counts as absent, and the others go on without it.
    /// Empty: wait for it for ever (JOIN-035).
    std::optional<std::uint64_t> stale_timeout_ns{};
    std::vector<SequenceRule> rules{};

    friend bool operator==(const SequenceMergeMap&, const SequenceMergeMap&) = default;
};

/// What the output of time `t` needs of one input. Use the two makers: exactly one parameter is set
/// (JOIN-013).
struct TimestampRule {
    std::uint32_t input_stream_id = 0;
    MergeTimeRuleType type = MergeTimeRuleType::OffsetNs;
    TimestampSource source = TimestampSource::SlotHeader;
    std::optional<std::int64_t> offset_ns{};   ///< -9223372036854775807 at least
    std::optional<std::uint64_t> window_ns{};  ///< 1 to 18446744073709551614

    /// A frame of time t + offset_ns or later has been seen.
    [[nodiscard]] static TimestampRule at_offset(
        std::uint32_t input_stream_id, std::int64_t offset_ns,
        TimestampSource source = TimestampSource::SlotHeader) noexcept {
        return {input_stream_id, MergeTimeRuleType::OffsetNs, source, offset_ns, std::nullopt};
    }
    /// The frames of times t - window_ns to t.
    [[nodiscard]] static TimestampRule window(std::uint32_t input_stream_id, std::uint64_t window_ns,
                                              TimestampSource source = TimestampSource::SlotHeader) noexcept {
        return {input_stream_id, MergeTimeRuleType::WindowNs, source, std::nullopt, window_ns};
    }

    friend bool operator==(const TimestampRule&, const TimestampRule&) = default;
};

/// As SequenceMergeMap, in nanoseconds of one clock domain (JOIN-017).
struct TimestampMergeMap {
    std::uint32_t out_stream_id = 0;
    std::uint64_t epoch = 0;  ///< of the output stream
    std::optional<std::uint64_t> stale_timeout_ns{};
    ClockDomain clock_domain = ClockDomain::Monotonic;
    /// How far each input may lag behind what its rule asks for. Larger fires earlier, with older data: it is
    /// not a time to wait (JT-14). Empty: 0.
    std::optional<std::uint64_t> lateness_ns{};
    std::vector<TimestampRule> rules{};

    friend bool operator==(const TimestampMergeMap&, const TimestampMergeMap&) = default;
};

using MergeMap = std::variant<SequenceMergeMap, TimestampMergeMap>;

/// Most rules of one map (JT-12).
inline constexpr std::size_t kMaxMergeRules = 65534;

/// Why the map is invalid, naming rule, value and what would be valid; empty when it is not (JOIN-011 to
/// JOIN-018).
[[nodiscard]] std::optional<std::string> fault_of(const SequenceMergeMap& map);
[[nodiscard]] std::optional<std::string> fault_of(const TimestampMergeMap& map);

}  // namespace tensorpool
