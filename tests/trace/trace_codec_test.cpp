// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/codec.hpp"
#include "control/dispatcher.hpp"
#include "support/golden.hpp"
#include "wire/trace_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace tensorpool::test {
namespace {

using control::decode;
using control::DecodeResult;
using control::encode;
using control::TraceLinkSet;
using ::testing::ElementsAre;

constexpr std::size_t kHeader = sizeof(wire::MessageHeader);

Golden golden() {
    return load_golden("tracelink/TraceLinkSet");
}

template <typename T>
std::vector<std::byte> with(std::vector<std::byte> bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return bytes;
}

DecodeResult result_of(std::span<const std::byte> bytes) {
    const ExactBuffer exact(bytes);  // a sanitizer sees one byte more
    TraceLinkSet set;
    return decode(exact.bytes(), set);
}

TraceLinkSet set_with(std::vector<std::uint64_t> parents, std::uint64_t trace_id = 7) {
    return {1, 2, 3, trace_id, std::move(parents)};
}

// spec: TRACE-020 TRACE-021 TRACE-022 TRACE-024 TRACE-031
TEST(TraceLinkSetTest, DecodesToEveryFieldOfTheOfficialTool) {
    const Golden vector = golden();
    TraceLinkSet set;
    ASSERT_EQ(decode(vector.bytes, set), DecodeResult::Ok);
    EXPECT_EQ(set.stream_id, vector.raw.at("streamId"));
    EXPECT_EQ(set.epoch, vector.raw.at("epoch"));
    EXPECT_EQ(set.seq, vector.raw.at("seq"));
    EXPECT_EQ(set.trace_id, vector.raw.at("traceId"));
    EXPECT_THAT(set.parents,
                ElementsAre(vector.raw.at("parents[0].traceId"), vector.raw.at("parents[1].traceId"),
                            vector.raw.at("parents[2].traceId")));
    EXPECT_EQ(vector.schema_id, wire::TraceLinkSetBlock::kSchemaId);
    EXPECT_EQ(vector.template_id, wire::TraceLinkSetBlock::kTemplateId);
}

// spec: TRACE-020 TRACE-024 TRACE-026 TRACE-031
TEST(TraceLinkSetTest, EncodesToEveryByteOfTheOfficialTool) {
    const Golden vector = golden();
    TraceLinkSet set;
    ASSERT_EQ(decode(vector.bytes, set), DecodeResult::Ok);
    std::vector<std::byte> out(vector.bytes.size() + 8, std::byte{0xEE});
    ASSERT_EQ(encode(out, set), vector.bytes.size());
    EXPECT_EQ(vector.bytes.size(), wire::trace_link_set_length(3));
    EXPECT_EQ(to_hex(std::span(out).first(vector.bytes.size())), to_hex(vector.bytes));
    for (std::size_t length = 0; length < vector.bytes.size(); ++length) {
        const auto small = std::make_unique<std::byte[]>(length);
        ASSERT_EQ(encode({small.get(), length}, set), 0U) << length;
    }
}

TEST(TraceLinkSetTest, IsRefusedWhenTruncatedAnywhere) {
    const Golden vector = golden();
    for (std::size_t length = 0; length < vector.bytes.size(); ++length)
        ASSERT_EQ(result_of(std::span(vector.bytes).first(length)), DecodeResult::Malformed) << length;
}

// spec: TRACE-024
TEST(TraceLinkSetTest, WithoutParentsIsRefusedInBothDirections) {
    const Golden empty = load_golden("tracelink/TraceLinkSet_nulls");
    EXPECT_EQ(result_of(empty.bytes), DecodeResult::Malformed);
    std::vector<std::byte> out(64);
    EXPECT_EQ(encode(out, set_with({})), 0U);
}

// spec: TRACE-004 TRACE-016 TRACE-022 TRACE-023
TEST(TraceLinkSetTest, WithAZeroIdAnywhereIsRefusedInBothDirections) {
    const Golden vector = golden();
    EXPECT_EQ(result_of(with(vector.bytes, kHeader + 20, std::uint64_t{0})), DecodeResult::Malformed);
    for (const std::size_t entry : {0U, 1U, 2U})
        EXPECT_EQ(result_of(with(vector.bytes, 40 + 8 * entry, std::uint64_t{0})), DecodeResult::Malformed);
    std::vector<std::byte> out(64);
    EXPECT_EQ(encode(out, set_with({5}, 0)), 0U);
    EXPECT_EQ(encode(out, set_with({5, 0})), 0U);
    EXPECT_GT(encode(out, set_with({5, 6})), 0U);
}

// spec: TRACE-025
TEST(TraceLinkSetTest, WithARepeatedParentIsRefusedInBothDirections) {
    const Golden vector = golden();
    const auto first = vector.raw.at("parents[0].traceId");
    EXPECT_EQ(result_of(with(vector.bytes, 40 + 16, first)), DecodeResult::Malformed);
    std::vector<std::byte> out(1 << 13);
    EXPECT_EQ(encode(out, set_with({5, 5})), 0U);
    std::vector<std::uint64_t> many(500);
    std::iota(many.begin(), many.end(), 1);
    EXPECT_EQ(encode(out, set_with(many)), wire::trace_link_set_length(500));
    many.back() = many.front();
    EXPECT_EQ(encode(out, set_with(many)), 0U) << "also in a long set";
    many.back() = 0;
    EXPECT_EQ(encode(out, set_with(many)), 0U);
}

// spec: TRACE-030
TEST(TraceLinkSetTest, OfAnotherSchemaOrTemplateIsNotOurs) {
    const Golden vector = golden();
    for (const int schema : {0, 900, 901, 902, 903, 905, 910})
        EXPECT_EQ(result_of(with(vector.bytes, 4, static_cast<std::uint16_t>(schema))), DecodeResult::NotOurs)
            << schema;
    EXPECT_EQ(result_of(with(vector.bytes, 2, std::uint16_t{2})), DecodeResult::NotOurs);
    EXPECT_EQ(result_of(with(vector.bytes, 6, std::uint16_t{2})), DecodeResult::TooNew);
}

TEST(TraceLinkSetTest, WithAnotherBlockLengthIsRefused) {
    const Golden vector = golden();
    for (const int length : {0, 27, 29, 36, 65535})
        EXPECT_EQ(result_of(with(vector.bytes, 0, static_cast<std::uint16_t>(length))),
                  DecodeResult::Malformed)
            << length;
    for (const int length : {0, 7, 9, 16, 65535})
        EXPECT_EQ(result_of(with(vector.bytes, 36, static_cast<std::uint16_t>(length))),
                  DecodeResult::Malformed)
            << length;
    EXPECT_EQ(result_of(with(vector.bytes, 38, std::uint16_t{4})), DecodeResult::Malformed)
        << "more parents than bytes";
    EXPECT_EQ(result_of(with(vector.bytes, 38, std::uint16_t{65535})), DecodeResult::Malformed);
}

class LinkListener final : public control::ControlHandler {
public:
    explicit LinkListener(bool wants) : wants_(wants) {}
    [[nodiscard]] bool wants_trace_links() const noexcept override { return wants_; }
    void on_trace_link_set(const TraceLinkSet& set, const messaging::Message&) override {
        sets.push_back(set.trace_id);
    }
    std::vector<std::uint64_t> sets;

private:
    bool wants_;
};

// spec: TRACE-001 TRACE-030
TEST(TraceDispatchTest, CallsWhoAsksForLinksAndSkipsThemForEverybodyElse) {
    const Golden vector = golden();
    LinkListener wants(true);
    LinkListener does_not(false);
    control::ControlDispatcher to_wants(wants);
    control::ControlDispatcher to_other(does_not);
    for (control::ControlDispatcher* dispatcher : {&to_wants, &to_other}) {
        dispatcher->dispatch({vector.bytes, nullptr});
        dispatcher->dispatch({with(vector.bytes, 2, std::uint16_t{9}), nullptr});
        dispatcher->dispatch({load_golden("tracelink/TraceLinkSet_nulls").bytes, nullptr});
        dispatcher->dispatch({with(vector.bytes, 6, std::uint16_t{2}), nullptr});
    }
    EXPECT_THAT(wants.sets, ElementsAre(vector.raw.at("traceId")));
    EXPECT_EQ(to_wants.counters().dispatched, 1U);
    EXPECT_EQ(to_wants.counters().foreign, 1U);
    EXPECT_EQ(to_wants.counters().malformed, 1U);
    EXPECT_EQ(to_wants.counters().too_new, 1U);
    EXPECT_TRUE(does_not.sets.empty());
    EXPECT_EQ(to_other.counters().foreign, 4U) << "not even decoded";
}

}  // namespace
}  // namespace tensorpool::test
