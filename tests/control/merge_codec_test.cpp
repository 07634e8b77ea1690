// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Schema 903 beyond its golden vectors: exactly version 1, raw enumerations, full groups, and what makes a
// map invalid.

#include "control/codec.hpp"

#include "control/message_cases.hpp"
#include "wire/merge_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using control::DecodeResult;
using testing::HasSubstr;

constexpr std::size_t kHeader = 8;

const std::vector<std::string>& merge_vectors() {
    static const std::vector<std::string> names = golden_names("merge");
    return names;
}

template <typename Map>
Map decoded(std::span<const std::byte> bytes) {
    Map map;
    EXPECT_EQ(control::decode(bytes, map), DecodeResult::Ok);
    return map;
}

template <typename Map>
std::string fault(const Map& map) {
    return fault_of(map).value_or("");
}

// spec: JOIN-067 JOIN-079
TEST(MergeCodecTest, AnotherSchemaWithTheSameTemplateIsNotTakenForAMap) {
    for (const std::string& name : merge_vectors()) {
        const Golden golden = load_golden(name);
        Header header = header_of(golden);
        EXPECT_EQ(header.schema_id, 903);
        for (const int schema : {900, 901, 902, 904, 910}) {
            header.schema_id = static_cast<std::uint16_t>(schema);
            EXPECT_EQ(codec_of(golden.message).decode(with_header(golden.bytes, header)).result,
                      DecodeResult::NotOurs)
                << name << schema;
        }
    }
}

// JT-09.
TEST(MergeCodecTest, OnlyVersionOneWithItsOwnBlockLengthsIsRead) {
    for (const std::string& name : merge_vectors()) {
        const Golden golden = load_golden(name);
        const auto read = [&](Header header) {
            auto bytes = with_header(golden.bytes, header);
            bytes.insert(bytes.end(), 64, std::byte{0});
            return codec_of(golden.message).decode(bytes).result;
        };
        EXPECT_EQ(read(header_of(golden)), DecodeResult::Ok) << "more bytes behind the message are no fault";
        for (const int difference : {-1, 1, 8}) {
            Header header = header_of(golden);
            header.block_length = static_cast<std::uint16_t>(header.block_length + difference);
            EXPECT_EQ(read(header), DecodeResult::Malformed) << name << difference;
        }
        Header older = header_of(golden);
        older.version = 0;
        EXPECT_EQ(read(older), DecodeResult::Malformed) << name;
        Header newer = header_of(golden);
        newer.version = 2;
        EXPECT_EQ(read(newer), DecodeResult::TooNew) << name;
    }
}

// JT-09.
TEST(MergeCodecTest, RulesOfAnotherLengthAreRefused) {
    for (const std::string& name : merge_vectors()) {
        const Golden golden = load_golden(name);
        if (!golden.raw.contains("rules.size")) continue;
        const std::size_t group_at = kHeader + golden.block_length;
        for (const int length : {0, 1, 12, 14, 21, 23, 65535}) {
            auto bytes = golden.bytes;
            put_u16(bytes, group_at, static_cast<std::uint16_t>(length));
            bytes.insert(bytes.end(), 256, std::byte{0});
            EXPECT_EQ(codec_of(golden.message).decode(bytes).result, DecodeResult::Malformed)
                << name << length;
        }
    }
}

// JT-12.
TEST(MergeCodecTest, AGroupIsRefusedWhenItClaimsMoreThanFollows) {
    for (const std::string& name : merge_vectors()) {
        const Golden golden = load_golden(name);
        if (!golden.raw.contains("rules.size")) continue;
        for (const int count : {3, 4096, 65534, 65535}) {
            auto bytes = golden.bytes;
            put_u16(bytes, kHeader + golden.block_length + 2, static_cast<std::uint16_t>(count));
            const ExactBuffer in(bytes);
            EXPECT_EQ(codec_of(golden.message).decode(in.bytes()).result, DecodeResult::Malformed)
                << name << count;
        }
    }
}

// JT-10: a map with an unknown enumeration must still be able to invalidate the one before it.
TEST(MergeCodecTest, EveryEnumerationIsReadAsItCameAndJudgedAfterwards) {
    const Golden sequence = load_golden("merge/SequenceMergeMapAnnounce_typical");
    const Golden timestamp = load_golden("merge/TimestampMergeMapAnnounce_typical");
    const std::size_t clock_at = kHeader + 20;
    const std::size_t sequence_rule = kHeader + sequence.block_length + 4;
    const std::size_t timestamp_rule = kHeader + timestamp.block_length + 4;
    for (int value = 0; value < 256; ++value) {
        const auto byte = static_cast<std::byte>(value);
        auto bytes = sequence.bytes;
        bytes[sequence_rule + 4] = byte;
        EXPECT_EQ(fault(decoded<SequenceMergeMap>(bytes)) == "", value == 0) << "rule type " << value;
        bytes = timestamp.bytes;
        bytes[clock_at] = byte;
        EXPECT_EQ(fault(decoded<TimestampMergeMap>(bytes)) == "", value == 1 || value == 2) << value;
        bytes = timestamp.bytes;
        bytes[timestamp_rule + 4] = byte;
        EXPECT_EQ(fault(decoded<TimestampMergeMap>(bytes)) == "", value == 0) << "rule type " << value;
        bytes = timestamp.bytes;
        bytes[timestamp_rule + 5] = byte;
        EXPECT_EQ(fault(decoded<TimestampMergeMap>(bytes)) == "", value == 1 || value == 2) << value;
    }
}

// JT-12.
TEST(MergeCodecTest, AMapHoldsAsManyRulesAsItsCountCanSayAndNoMore) {
    SequenceMergeMap map{1, 2, std::nullopt, {}};
    map.rules.assign(kMaxMergeRules, SequenceRule::at_offset(3, -1));
    std::vector<std::byte> out(32 + 13 * (kMaxMergeRules + 1));
    const std::size_t bytes = control::encode(out, map);
    ASSERT_EQ(bytes, 32 + 13 * kMaxMergeRules);
    EXPECT_EQ(decoded<SequenceMergeMap>(std::span(out).first(bytes)), map);
    EXPECT_EQ(fault(map), "");
    map.rules.push_back(SequenceRule::at_offset(3, -1));
    EXPECT_EQ(control::encode(out, map), 0U);
    EXPECT_THAT(fault(map), HasSubstr("65535 rules"));

    TimestampMergeMap times{1, 2, std::nullopt, ClockDomain::Monotonic, std::nullopt, {}};
    times.rules.assign(3, TimestampRule::window(3, 9));
    out.resize(41 + 22 * 3);
    EXPECT_EQ(control::encode(out, times), 41U + 22 * 3);
}

// spec: JOIN-015 JOIN-010
TEST(MergeCodecTest, OffsetsAreSignedAndSequencesUseAllSixtyFourBits) {
    SequenceMergeMap map{0xFFFFFFFF, ~std::uint64_t{0}, 0, {}};
    map.rules = {SequenceRule::at_offset(1, -2147483647), SequenceRule::at_offset(2, 2147483647),
                 SequenceRule::window(3, 4294967294)};
    std::vector<std::byte> out(256);
    out.resize(control::encode(out, map));
    EXPECT_EQ(decoded<SequenceMergeMap>(out), map);
    EXPECT_EQ(fault(map), "");
    EXPECT_EQ(to_hex(std::span(out).subspan(32 + 5, 4)), "01000080") << "two's complement, little-endian";

    TimestampMergeMap times{1, 1, 5, ClockDomain::RealtimeSynced, 7, {}};
    times.rules = {TimestampRule::at_offset(1, -INT64_MAX), TimestampRule::at_offset(2, INT64_MAX),
                   TimestampRule::window(3, ~std::uint64_t{0} - 1)};
    out.assign(256, std::byte{0});
    out.resize(control::encode(out, times));
    EXPECT_EQ(decoded<TimestampMergeMap>(out), times);
    EXPECT_EQ(fault(times), "");
    EXPECT_EQ(to_hex(std::span(out).subspan(41 + 6, 8)), "0100000000000080");
}

// spec: JOIN-012 JOIN-013 JOIN-016 JOIN-017 JOIN-018
TEST(MergeMapFaultTest, NamesTheRuleTheInputAndWhatWouldBeValid) {
    SequenceMergeMap map{1, 1, std::nullopt, {SequenceRule::at_offset(10, 0), SequenceRule::window(11, 0)}};
    EXPECT_EQ(fault(map), "rule 1 (input 11) has a window of 0; give at least 1 (JOIN-016)");
    map.rules[1] = {11, MergeRuleType::Offset, 1, 2};
    EXPECT_THAT(fault(map), HasSubstr("give offset and no window (JOIN-012)"));
    map.rules[1] = {11, MergeRuleType::Offset, INT32_MIN, std::nullopt};
    EXPECT_THAT(fault(map), HasSubstr("stands for \"not set\" on the wire (JT-21)"));
    map.rules[1] = {11, MergeRuleType::Window, std::nullopt, UINT32_MAX};
    EXPECT_THAT(fault(map), HasSubstr("JT-21"));
    map.rules.pop_back();
    map.stale_timeout_ns = ~std::uint64_t{0};
    EXPECT_THAT(fault(map), HasSubstr("stale_timeout_ns"));

    TimestampMergeMap times{1, 1, std::nullopt, ClockDomain::Monotonic, std::nullopt, {}};
    EXPECT_THAT(fault(times), HasSubstr("no rules"));
    times.rules = {TimestampRule::window(11, 0)};
    EXPECT_THAT(fault(times), HasSubstr("JOIN-016"));
    times.rules = {{11, MergeTimeRuleType::WindowNs, TimestampSource::SlotHeader, 5, 5}};
    EXPECT_THAT(fault(times), HasSubstr("no offset_ns (JOIN-013)"));
    times.rules = {{11, MergeTimeRuleType::OffsetNs, TimestampSource::SlotHeader, INT64_MIN, std::nullopt}};
    EXPECT_THAT(fault(times), HasSubstr("JT-21"));
    times.rules = {TimestampRule::at_offset(11, 0, static_cast<TimestampSource>(0))};
    EXPECT_THAT(fault(times), HasSubstr("JOIN-018"));
    times.rules = {TimestampRule::at_offset(11, 0)};
    times.clock_domain = static_cast<ClockDomain>(3);
    EXPECT_THAT(fault(times), HasSubstr("JOIN-017"));
    times.clock_domain = ClockDomain::RealtimeSynced;
    EXPECT_EQ(fault(times), "");
    times.lateness_ns = ~std::uint64_t{0};
    EXPECT_THAT(fault(times), HasSubstr("lateness_ns"));
}

// spec: JOIN-069 JOIN-070 JOIN-075 JOIN-076
TEST(MergeCodecTest, CarriesEveryFieldThatTheProtocolLists) {
    const auto has = [](const std::string& name, const std::vector<std::string>& fields) {
        const Golden golden = load_golden(name);
        EXPECT_EQ(codec_of(golden.message).decode(golden.bytes).fields.size(), golden.fields.size());
        for (const std::string& field : fields) EXPECT_TRUE(golden.fields.contains(field)) << name << field;
    };
    has("merge/SequenceMergeMapAnnounce", {"outStreamId", "epoch", "staleTimeoutNs", "rules[0].inputStreamId",
                                           "rules[0].ruleType", "rules[0].offset", "rules[0].windowSize"});
    has("merge/TimestampMergeMapAnnounce",
        {"outStreamId", "epoch", "staleTimeoutNs", "clockDomain", "latenessNs", "rules[0].inputStreamId",
         "rules[0].ruleType", "rules[0].timestampSource", "rules[0].offsetNs", "rules[0].windowNs"});
    for (const std::string name : {"merge/SequenceMergeMapRequest", "merge/TimestampMergeMapRequest"}) {
        has(name, {"outStreamId", "epoch"});
        EXPECT_EQ(load_golden(name).bytes.size(), 20U) << "the two-field form";
    }
}

}  // namespace
}  // namespace tensorpool::test
