// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "wire/layouts.hpp"

#include "support/golden.hpp"
#include "wire/control_blocks.hpp"
#include "wire/driver_blocks.hpp"
#include "wire/merge_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <type_traits>

namespace tensorpool::test {
namespace {

std::vector<std::string> all_names() {
    std::vector<std::string> names = golden_names("wire");
    for (const char* folder : {"driver", "merge"}) {
        for (std::string& name : golden_names(folder)) names.push_back(std::move(name));
    }
    return names;
}

const std::vector<Golden>& message_vectors() {
    static const std::vector<Golden> vectors = [] {
        std::vector<Golden> found;
        for (const std::string& name : all_names()) {
            Golden golden = load_golden(name);
            if (golden.has_message_header && golden.message != "TensorHeader")
                found.push_back(std::move(golden));
        }
        return found;
    }();
    return vectors;
}

const BlockLayout& layout_of(const Golden& golden) {
    const auto& layouts = message_layouts();
    const auto found =
        std::ranges::find_if(layouts, [&](const BlockLayout& l) { return l.message == golden.message; });
    if (found == layouts.end()) throw std::runtime_error("no struct for " + golden.message);
    return *found;
}

/// `size` bytes at `at`, little-endian.
std::uint64_t read_number(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
    return value;
}

void write_number(std::span<std::byte> bytes, std::size_t at, std::size_t size, std::uint64_t value) {
    for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

std::uint64_t low_bytes(std::uint64_t value, std::size_t size) {
    return size == 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

/// Holds a struct's fields to the official tool's bytes of one record.
void expect_fields_at_their_places(const std::vector<FieldLayout>& fields, const Golden& golden,
                                   std::size_t block_at, const std::string& prefix = "") {
    std::size_t next = 0;
    for (const FieldLayout& field : fields) {
        SCOPED_TRACE(field.name);
        EXPECT_EQ(field.offset, next) << "fields follow each other without padding";
        next = field.offset + field.size * field.count;
        for (std::size_t i = 0; i < field.count; ++i) {
            std::string path = prefix + std::string(field.name);
            if (field.name == "pad") {
                if (i > 0) break;  // the official codec sees only the first byte of a pad
            } else if (field.count > 1) {
                path += "[" + std::to_string(i) + "]";
            }
            ASSERT_TRUE(golden.raw.contains(path)) << path;
            EXPECT_EQ(read_number(golden.bytes, block_at + field.offset + i * field.size, field.size),
                      low_bytes(golden.raw.at(path), field.size))
                << path;
        }
    }
}

// spec: WIRE-001 WIRE-002 DRV-011
TEST(MessageLayoutTest, EveryFieldLiesWhereTheOfficialToolPutIt) {
    for (const Golden& golden : message_vectors()) {
        SCOPED_TRACE(golden.name);
        const BlockLayout& layout = layout_of(golden);
        EXPECT_EQ(layout.schema_id, golden.schema_id);
        EXPECT_EQ(layout.template_id, golden.template_id);
        EXPECT_EQ(layout.block_length, golden.block_length);
        EXPECT_EQ(layout.struct_size, golden.block_length);
        const FieldLayout& last = layout.fields.back();
        EXPECT_EQ(last.offset + last.size, layout.struct_size) << "the table names every field";
        for (std::size_t i = 0; i < layout.fields.size(); ++i)
            EXPECT_EQ(layout.fields[i].name, golden.order[i]);
        expect_fields_at_their_places(layout.fields, golden, sizeof(wire::MessageHeader));
    }
}

// spec: WIRE-002
TEST(MessageLayoutTest, HeaderAndBlockAreWrittenAsTheOfficialToolWritesThem) {
    for (const Golden& golden : message_vectors()) {
        SCOPED_TRACE(golden.name);
        const BlockLayout& layout = layout_of(golden);
        std::vector<std::byte> block(layout.struct_size);
        for (const FieldLayout& field : layout.fields) {
            write_number(block, field.offset, field.size, golden.raw.at(std::string(field.name)));
        }
        std::vector<std::byte> out(sizeof(wire::MessageHeader) + layout.struct_size);
        ASSERT_EQ(layout.encode(out, block.data()), out.size());
        EXPECT_EQ(to_hex(out), to_hex(std::span(golden.bytes).first(out.size())));
        EXPECT_EQ(layout.encode(std::span(out).first(out.size() - 1), block.data()), 0U) << "one byte short";
    }
}

// spec: WIRE-006 DRV-081
TEST(MessageLayoutTest, ABlockTruncatedAnywhereIsRefusedWithoutReadingPastItsEnd) {
    for (const Golden& golden : message_vectors()) {
        SCOPED_TRACE(golden.name);
        const BlockLayout& layout = layout_of(golden);
        const std::size_t needed = sizeof(wire::MessageHeader) + layout.struct_size;
        std::vector<std::byte> block(layout.struct_size);
        for (std::size_t length = 0; length < needed; ++length) {
            const ExactBuffer cut(std::span(golden.bytes).first(length));
            ASSERT_EQ(layout.decode(cut.bytes(), block.data()), wire::DecodeError::Truncated) << length;
        }
        const ExactBuffer whole(std::span(golden.bytes).first(needed));
        ASSERT_EQ(layout.decode(whole.bytes(), block.data()), wire::DecodeError::None);
        EXPECT_EQ(to_hex(block),
                  to_hex(std::span(golden.bytes).subspan(sizeof(wire::MessageHeader), block.size())));
    }
}

// spec: WIRE-003 WIRE-004 DRV-015
TEST(MessageLayoutTest, NoBlockIsTakenForAnother) {
    for (const Golden& golden : message_vectors()) {
        for (const BlockLayout& layout : message_layouts()) {
            std::vector<std::byte> block(layout.struct_size);
            const auto expected =
                layout.message == golden.message ? wire::DecodeError::None : wire::DecodeError::NotOurs;
            EXPECT_EQ(layout.decode(golden.bytes, block.data()), expected)
                << golden.name << " read as " << layout.message;
        }
    }
}

// spec: WIRE-007
TEST(MessageLayoutTest, NoTwoMessagesShareSchemaAndTemplate) {
    std::set<std::pair<int, int>> seen;
    for (const BlockLayout& layout : message_layouts()) {
        EXPECT_TRUE(seen.emplace(layout.schema_id, layout.template_id).second) << layout.message;
    }
    EXPECT_EQ(seen.size(), 25U);
    EXPECT_EQ(wire::kControlSchemaId, 900);
    EXPECT_EQ(wire::kControlSchemaVersion, 1);
    EXPECT_EQ(wire::kLayoutVersion, 1U);
}

TEST(MessageLayoutTest, EveryMessageHasAVector) {
    std::set<std::string_view> covered;
    for (const Golden& golden : message_vectors()) covered.insert(layout_of(golden).message);
    EXPECT_EQ(covered.size(), message_layouts().size());
}

TEST(MessageLayoutTest, PoolEntriesLieWhereTheOfficialToolPutThem) {
    for (const std::string name : {"wire/ShmPoolAnnounce", "driver/ShmAttachResponse"}) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        std::size_t at = sizeof(wire::MessageHeader) + golden.block_length;
        EXPECT_EQ(read_number(golden.bytes, at, 2), wire::PayloadPoolEntry::kBlockLength);
        EXPECT_EQ(read_number(golden.bytes, at + 2, 2), golden.raw.at("payloadPools.size"));
        at += sizeof(wire::GroupHeader);
        expect_fields_at_their_places(pool_entry_fields(), golden, at, "payloadPools[0].");
        at += sizeof(wire::PayloadPoolEntry);
        EXPECT_EQ(read_number(golden.bytes, at, 4), golden.fields.at("payloadPools[0].regionUri").size());
    }
}

// spec: JOIN-067 JOIN-068 JOIN-071 JOIN-078
TEST(MessageLayoutTest, MergeRulesLieWhereTheOfficialToolPutThem) {
    const auto check = [](const std::string& name, std::uint16_t entry_length,
                          const std::vector<FieldLayout>& fields) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        EXPECT_EQ(golden.schema_id, 903);
        std::size_t at = sizeof(wire::MessageHeader) + golden.block_length;
        EXPECT_EQ(read_number(golden.bytes, at, 2), entry_length);
        const std::uint64_t rules = read_number(golden.bytes, at + 2, 2);
        EXPECT_EQ(rules, golden.raw.at("rules.size"));
        at += sizeof(wire::GroupHeader);
        for (std::uint64_t i = 0; i < rules; ++i, at += entry_length)
            expect_fields_at_their_places(fields, golden, at, "rules[" + std::to_string(i) + "].");
        EXPECT_EQ(at, golden.bytes.size());
    };
    for (const std::string suffix : {"", "_nulls", "_typical"}) {
        check("merge/SequenceMergeMapAnnounce" + suffix, wire::SequenceMergeRuleEntry::kBlockLength,
              sequence_rule_fields());
        check("merge/TimestampMergeMapAnnounce" + suffix, wire::TimestampMergeRuleEntry::kBlockLength,
              timestamp_rule_fields());
    }
}

// spec: WIRE-015 WIRE-024 WIRE-026
TEST(ShmRecordLayoutTest, EveryFieldLiesWhereTheOfficialToolPutIt) {
    const auto check = [](const std::vector<FieldLayout>& fields, const std::string& name, std::size_t at,
                          const std::string& prefix) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        expect_fields_at_their_places(fields, golden, at, prefix);
    };
    check(superblock_fields(), "wire/ShmRegionSuperblock", 0, "");
    check(superblock_fields(), "wire/ShmRegionSuperblock_header", 0, "");
    check(slot_header_fields(), "wire/SlotHeader", 0, "");
    check(tensor_header_fields(), "wire/TensorHeader", 0, "");
    check(tensor_header_fields(), "wire/TensorHeader_full", 0, "");
    check(tensor_header_fields(), "wire/TensorHeader_msg", 8, "");
    check(slot_header_fields(), "wire/HeaderSlot256", 0, "");
    check(tensor_header_fields(), "wire/HeaderSlot256", 72, "headerBytes.TensorHeader.");
}

// spec: WIRE-011
TEST(ShmRecordLayoutTest, RecordsArePlainData) {
    EXPECT_TRUE(std::is_trivial_v<wire::Superblock>);
    EXPECT_TRUE(std::is_trivial_v<wire::HeaderSlot>);
    EXPECT_TRUE(std::is_trivial_v<wire::TensorHeader>);
    EXPECT_TRUE(std::is_standard_layout_v<wire::Superblock>);
    EXPECT_TRUE(std::is_standard_layout_v<wire::HeaderSlot>);
}

}  // namespace
}  // namespace tensorpool::test
