// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "config/common_keys.hpp"

#include <tensorpool/merge_map_config.hpp>

#include <fmt/format.h>

#include <utility>

namespace tensorpool {
namespace {

using config::Findings;
using config::TomlSource;
using Table = TomlSource::Table;

/// One of two words; the first when the key is left out.
bool read_choice(Table& table, const char* key, const char* first, const char* second, Findings& findings) {
    std::string word;
    if (!table.read(key, word) || word == first) return false;
    if (word != second) {
        findings.problem(table.full_key(key),
                         fmt::format("'{}' is unknown; write \"{}\" or \"{}\"", word, first, second));
    }
    return word == second;
}

template <typename Number>
std::optional<Number> read_optional(Table& table, const char* key) {
    Number value{};
    return table.read(key, value) ? std::optional(value) : std::nullopt;
}

/// The parameter that is set says which rule it is; both or neither is a fault (JOIN-012, JOIN-013).
void check_pairing(Table& rule, bool has_offset, bool has_window, const char* offset, const char* window,
                   Findings& findings) {
    if (has_offset != has_window) return;
    findings.problem(rule.full_key(has_offset ? window : offset),
                     has_offset ? fmt::format("stands beside {}; a rule has one of them", offset)
                                : fmt::format("is missing; give {} or {}", offset, window));
}

/// A window of 0, or a number that the wire uses for "not set".
template <typename Number>
void check_range(Table& rule, const char* key, const std::optional<Number>& value, Number least, Number most,
                 Findings& findings) {
    if (value && (*value < least || *value > most)) {
        findings.problem(rule.full_key(key),
                         fmt::format("{} is outside {} ... {} (JOIN-016, JT-21)", *value, least, most));
    }
}

std::uint32_t read_input(Table& rule) {
    std::uint32_t stream_id = 0;
    rule.require("input_stream_id", "name the stream that this rule is about");
    rule.read("input_stream_id", stream_id);
    return stream_id;
}

SequenceRule read_sequence_rule(Table& table, Findings& findings) {
    SequenceRule rule;
    rule.input_stream_id = read_input(table);
    rule.offset = read_optional<std::int32_t>(table, "offset");
    rule.window_size = read_optional<std::uint32_t>(table, "window_size");
    rule.type = rule.window_size ? MergeRuleType::Window : MergeRuleType::Offset;
    check_pairing(table, rule.offset.has_value(), rule.window_size.has_value(), "offset", "window_size",
                  findings);
    check_range(table, "offset", rule.offset, -2147483647, 2147483647, findings);
    check_range(table, "window_size", rule.window_size, 1U, 4294967294U, findings);
    table.warn_unknown();
    return rule;
}

TimestampRule read_timestamp_rule(Table& table, Findings& findings) {
    TimestampRule rule;
    rule.input_stream_id = read_input(table);
    rule.source = read_choice(table, "source", "slot_header", "frame_descriptor", findings)
                      ? TimestampSource::FrameDescriptor
                      : TimestampSource::SlotHeader;
    rule.offset_ns = read_optional<std::int64_t>(table, "offset_ns");
    rule.window_ns = read_optional<std::uint64_t>(table, "window_ns");
    rule.type = rule.window_ns ? MergeTimeRuleType::WindowNs : MergeTimeRuleType::OffsetNs;
    check_pairing(table, rule.offset_ns.has_value(), rule.window_ns.has_value(), "offset_ns", "window_ns",
                  findings);
    check_range(table, "offset_ns", rule.offset_ns, -INT64_MAX, INT64_MAX, findings);
    check_range<std::uint64_t>(table, "window_ns", rule.window_ns, 1, UINT64_MAX - 1, findings);
    table.warn_unknown();
    return rule;
}

template <typename Map, typename ReadRule>
void read_common(Table& table, Map& map, Findings& findings, ReadRule read_rule) {
    table.require("out_stream_id", "name the stream that the joined frames go to");
    table.read("out_stream_id", map.out_stream_id);
    map.epoch = 1;
    table.read("epoch", map.epoch);
    map.stale_timeout_ns = read_optional<std::uint64_t>(table, "stale_timeout_ns");
    bool found = false;
    for (Table& rule : table.table_array("rules", found)) map.rules.push_back(read_rule(rule, findings));
    if (map.rules.empty() || map.rules.size() > kMaxMergeRules) {
        findings.problem(
            table.full_key("rules"),
            map.rules.empty()
                ? "is missing or empty; add rules = [{ input_stream_id = 10000, ... }] (JOIN-011)"
                : fmt::format("has {} rules; {} at most (JT-12)", map.rules.size(), kMaxMergeRules));
    }
}

MergeMap read_map(Table table, Findings& findings) {
    if (!read_choice(table, "kind", "sequence", "timestamp", findings)) {
        SequenceMergeMap map;
        read_common(table, map, findings, read_sequence_rule);
        table.warn_unknown();
        return map;
    }
    TimestampMergeMap map;
    read_common(table, map, findings, read_timestamp_rule);
    if (read_choice(table, "clock_domain", "monotonic", "realtime_synced", findings))
        map.clock_domain = ClockDomain::RealtimeSynced;
    map.lateness_ns = read_optional<std::uint64_t>(table, "lateness_ns");
    table.warn_unknown();
    return map;
}

}  // namespace

LoadedMergeMap parse_merge_map(std::string_view toml, const std::string& source_name,
                               const Environment& environment) {
    Findings findings(source_name);
    TomlSource source(toml, source_name, findings, environment);
    Table root = source.root();
    LoadedMergeMap loaded;
    loaded.map = read_map(root.fixed_table("merge_map"), findings);
    root.warn_unknown();
    if (auto problems = findings.take_problems(); !problems.empty()) throw ConfigError(std::move(problems));
    loaded.warnings = findings.take_warnings();
    return loaded;
}

LoadedMergeMap load_merge_map(const std::filesystem::path& file, const Environment& environment) {
    return parse_merge_map(config::read_config_file(file), file.string(), environment);
}

}  // namespace tensorpool
