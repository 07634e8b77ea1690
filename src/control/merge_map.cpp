// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/merge_map.hpp>

#include <fmt/format.h>

#include <limits>

namespace tensorpool {
namespace {

/// Every value that the wire uses as its null is none that a map may have (JT-21).
constexpr std::int32_t kNullOffset = std::numeric_limits<std::int32_t>::min();
constexpr std::uint32_t kNullWindow = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kNullOffsetNs = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kNullU64 = std::numeric_limits<std::uint64_t>::max();

template <typename Rule>
std::optional<std::string> count_fault(const std::vector<Rule>& rules) {
    if (rules.empty()) return "there are no rules; a map needs at least one (JOIN-011)";
    if (rules.size() > kMaxMergeRules)
        return fmt::format("there are {} rules; {} at most (JT-12)", rules.size(), kMaxMergeRules);
    return std::nullopt;
}

std::optional<std::string> optional_fault(std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value != kNullU64) return std::nullopt;
    return fmt::format("{} is 18446744073709551615, which stands for \"not set\"; leave it out", name);
}

/// Exactly the parameter of the rule's own type is set, and to a value that the wire can carry.
template <typename Offset, typename Window>
std::optional<std::string> pairing_fault(bool is_offset, bool is_window, const char* suffix,
                                         const std::optional<Offset>& offset, Offset null_offset,
                                         const std::optional<Window>& window, Window null_window,
                                         const char* rule) {
    if (!is_offset && !is_window)
        return fmt::format("has an unknown rule type; 0 (offset) and 1 (window) exist ({})", rule);
    if (is_offset && (!offset || window))
        return fmt::format("is an offset rule: give offset{} and no window ({})", suffix, rule);
    if (is_window && (offset || !window))
        return fmt::format("is a window rule: give the window and no offset{} ({})", suffix, rule);
    if (window == Window{0}) return "has a window of 0; give at least 1 (JOIN-016)";
    if (offset == null_offset || window == null_window)
        return "holds a number that stands for \"not set\" on the wire (JT-21)";
    return std::nullopt;
}

}  // namespace

std::optional<std::string> fault_of(const SequenceMergeMap& map) {
    if (auto fault = count_fault(map.rules)) return fault;
    if (auto fault = optional_fault("stale_timeout_ns", map.stale_timeout_ns)) return fault;
    for (std::size_t i = 0; i < map.rules.size(); ++i) {
        const SequenceRule& rule = map.rules[i];
        const auto fault =
            pairing_fault(rule.type == MergeRuleType::Offset, rule.type == MergeRuleType::Window, "",
                          rule.offset, kNullOffset, rule.window_size, kNullWindow, "JOIN-012");
        if (fault) return fmt::format("rule {} (input {}) {}", i, rule.input_stream_id, *fault);
    }
    return std::nullopt;
}

std::optional<std::string> fault_of(const TimestampMergeMap& map) {
    if (auto fault = count_fault(map.rules)) return fault;
    if (auto fault = optional_fault("stale_timeout_ns", map.stale_timeout_ns)) return fault;
    if (auto fault = optional_fault("lateness_ns", map.lateness_ns)) return fault;
    if (map.clock_domain != ClockDomain::Monotonic && map.clock_domain != ClockDomain::RealtimeSynced)
        return fmt::format(
            "clock domain {} is unknown; 1 (monotonic) and 2 (realtime synced) exist (JOIN-017)",
            static_cast<unsigned>(map.clock_domain));
    for (std::size_t i = 0; i < map.rules.size(); ++i) {
        const TimestampRule& rule = map.rules[i];
        auto fault =
            pairing_fault(rule.type == MergeTimeRuleType::OffsetNs, rule.type == MergeTimeRuleType::WindowNs,
                          "_ns", rule.offset_ns, kNullOffsetNs, rule.window_ns, kNullU64, "JOIN-013");
        if (!fault && rule.source != TimestampSource::FrameDescriptor &&
            rule.source != TimestampSource::SlotHeader) {
            fault = fmt::format(
                "has timestamp source {}; 1 (frame descriptor) and 2 (slot header) exist (JOIN-018)",
                static_cast<unsigned>(rule.source));
        }
        if (fault) return fmt::format("rule {} (input {}) {}", i, rule.input_stream_id, *fault);
    }
    return std::nullopt;
}

std::string_view to_string(MergeRuleType value) noexcept {
    switch (value) {
        case MergeRuleType::Offset:
            return "OFFSET";
        case MergeRuleType::Window:
            return "WINDOW";
    }
    return "UNKNOWN";
}

std::string_view to_string(MergeTimeRuleType value) noexcept {
    switch (value) {
        case MergeTimeRuleType::OffsetNs:
            return "OFFSET_NS";
        case MergeTimeRuleType::WindowNs:
            return "WINDOW_NS";
    }
    return "UNKNOWN";
}

std::string_view to_string(TimestampSource value) noexcept {
    switch (value) {
        case TimestampSource::FrameDescriptor:
            return "FRAME_DESCRIPTOR";
        case TimestampSource::SlotHeader:
            return "SLOT_HEADER";
    }
    return "UNKNOWN";
}

std::string_view to_string(MergeMapKind value) noexcept {
    switch (value) {
        case MergeMapKind::Sequence:
            return "SEQUENCE";
        case MergeMapKind::Timestamp:
            return "TIMESTAMP";
    }
    return "UNKNOWN";
}

}  // namespace tensorpool
