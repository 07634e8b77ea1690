// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/chunk.hpp"

#include "bridge/crc32c.hpp"
#include "bridge/test_frame.hpp"
#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>

namespace tensorpool::test {
namespace {

using bridge::Chunk;
using bridge::ChunkDecode;
using bridge::ChunkLimits;
using bridge::ChunkPlan;
using bridge::decode_chunk;

std::vector<std::byte> encoded(const Chunk& chunk) {
    std::vector<std::byte> bytes(bridge::chunk_message_bytes(chunk.header.size(), chunk.payload.size()));
    const auto place = bridge::begin_chunk(bytes, chunk.block, chunk.header);
    std::copy(chunk.payload.begin(), chunk.payload.end(), place.begin());
    return bytes;
}

// spec: BRG-001 BRG-029
TEST(ChunkCodecTest, ReadsAndWritesTheOfficialVectors) {
    for (const std::string& name : golden_names("bridge")) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        const ExactBuffer exact(golden.bytes);
        Chunk chunk;
        ASSERT_EQ(decode_chunk(exact.bytes(), chunk), ChunkDecode::Ok);
        EXPECT_EQ(+chunk.block.stream_id, golden.raw.at("streamId"));
        EXPECT_EQ(+chunk.block.epoch, golden.raw.at("epoch"));
        EXPECT_EQ(+chunk.block.seq, golden.raw.at("seq"));
        EXPECT_EQ(+chunk.block.trace_id, golden.raw.at("traceId"));
        EXPECT_EQ(+chunk.block.chunk_index, golden.raw.at("chunkIndex"));
        EXPECT_EQ(+chunk.block.chunk_count, golden.raw.at("chunkCount"));
        EXPECT_EQ(+chunk.block.chunk_offset, golden.raw.at("chunkOffset"));
        EXPECT_EQ(+chunk.block.chunk_length, golden.raw.at("chunkLength"));
        EXPECT_EQ(+chunk.block.payload_length, golden.raw.at("payloadLength"));
        EXPECT_EQ(+chunk.block.payload_crc32c, golden.raw.at("payloadCrc32c"));
        EXPECT_EQ(+chunk.block.header_included, golden.raw.at("headerIncluded"));
        EXPECT_EQ(to_hex(chunk.header), to_hex(std::as_bytes(std::span(golden.fields.at("headerBytes")))));
        EXPECT_EQ(to_hex(chunk.payload), to_hex(std::as_bytes(std::span(golden.fields.at("payloadBytes")))));
        EXPECT_EQ(to_hex(encoded(chunk)), to_hex(golden.bytes));
    }
}

TEST(ChunkCodecTest, WritesTheVectorOfTheProtocolDocument) {
    const auto expected = from_hex(
        "3500010086030100d1070000070000000000000029000000000000000000000000000000010000000200000004000000"
        "040000000800000097b3aa1d00000000000400000045464748");
    wire::BridgeFrameChunkBlock block{};
    block.stream_id = 2001;
    block.epoch = 7;
    block.seq = 41;
    block.chunk_index = 1;
    block.chunk_count = 2;
    block.chunk_offset = 4;
    block.chunk_length = 4;
    block.payload_length = 8;
    std::vector<std::byte> bytes(bridge::chunk_message_bytes(0, 4));
    std::memcpy(bridge::begin_chunk(bytes, block, {}).data(), "EFGH", 4);
    if (bridge::crc32c_available()) {
        bridge::seal_chunk(bytes, 0);
        EXPECT_EQ(to_hex(bytes), to_hex(expected));
    }
    EXPECT_EQ(bytes.size(), 73U);
}

// spec: BRG-035
TEST(ChunkCodecTest, RefusesAMessageThatIsTruncatedAnywhere) {
    for (const std::string& name : golden_names("bridge")) {
        const Golden golden = load_golden(name);
        for (std::size_t length = 0; length < golden.bytes.size(); ++length) {
            const ExactBuffer exact(std::span(golden.bytes).first(length));
            Chunk chunk;
            EXPECT_EQ(decode_chunk(exact.bytes(), chunk), ChunkDecode::Malformed) << name << " at " << length;
        }
    }
}

// spec: BRG-013 BRG-081 BRG-082
TEST(ChunkCodecTest, LooksAtSchemaTemplateAndVersionBeforeAnythingElse) {
    const TestFrame frame(1, {8, 8});
    const auto with = [&](std::size_t at, std::uint16_t value) {
        auto bytes = frame.message(0);
        std::memcpy(bytes.data() + at, &value, sizeof value);
        Chunk chunk;
        return decode_chunk(bytes, chunk);
    };
    EXPECT_EQ(with(4, 902), ChunkDecode::Ok);
    EXPECT_EQ(with(4, 900), ChunkDecode::NotOurs);
    EXPECT_EQ(with(2, 2), ChunkDecode::NotOurs);
    EXPECT_EQ(with(6, 2), ChunkDecode::Malformed);
    EXPECT_EQ(with(6, 0), ChunkDecode::Malformed);
    EXPECT_EQ(with(0, 41), ChunkDecode::Malformed) << "the layout of v1.0";
    EXPECT_EQ(with(0, 52), ChunkDecode::Malformed);
}

// spec: BRG-035
TEST(ChunkCodecTest, SkipsWhatALaterSenderPutBehindTheBlock) {
    const TestFrame frame(1, {16});
    auto bytes = frame.message(0);
    const std::uint16_t block_length = 53 + 5;
    std::memcpy(bytes.data(), &block_length, sizeof block_length);
    bytes.insert(bytes.begin() + 8 + 53, 5, std::byte{0xee});
    Chunk chunk;
    ASSERT_EQ(decode_chunk(bytes, chunk), ChunkDecode::Ok);
    EXPECT_EQ(chunk.header.size(), 256U);
    EXPECT_EQ(chunk.payload.size(), 16U);
}

// spec: BRG-034 BRG-035
TEST(ChunkCodecTest, RefusesFieldsLongerThanTheSchemaAllows) {
    wire::BridgeFrameChunkBlock block{};
    const std::vector<std::byte> header(257);
    std::vector<std::byte> long_header(bridge::chunk_message_bytes(257, 0));
    std::ignore = bridge::begin_chunk(long_header, block, header);
    Chunk chunk;
    EXPECT_EQ(decode_chunk(long_header, chunk), ChunkDecode::Malformed);

    for (const std::uint32_t length : {65535U, 65536U}) {
        block.chunk_length = length;
        std::vector<std::byte> bytes(bridge::chunk_message_bytes(0, length));
        std::ignore = bridge::begin_chunk(bytes, block, {});
        EXPECT_EQ(decode_chunk(bytes, chunk), length == 65535 ? ChunkDecode::Ok : ChunkDecode::Malformed);
    }
}

// spec: BRG-058
TEST(ChunkCrcTest, IsCastagnolisAndCoversHeaderThenPayloadWithoutTheirLengths) {
    if (!bridge::crc32c_available()) GTEST_SKIP() << "this build has no ISA-L";
    const auto bytes = std::as_bytes(std::span(std::string_view("123456789")));
    EXPECT_EQ(bridge::crc32c(bytes), 0xE3069283U);
    EXPECT_EQ(bridge::crc32c(bytes.first(4), bytes.subspan(4)), 0xE3069283U);
    EXPECT_EQ(bridge::crc32c({}), 0U);

    TestFrame frame(3, {40, 24});
    frame.crc = true;
    for (const std::uint32_t index : {0U, 1U}) {
        const auto message = frame.message(index);
        Chunk chunk;
        ASSERT_EQ(decode_chunk(message, chunk), ChunkDecode::Ok);
        std::vector<std::byte> covered(chunk.header.begin(), chunk.header.end());
        covered.insert(covered.end(), chunk.payload.begin(), chunk.payload.end());
        EXPECT_EQ(+chunk.block.payload_crc32c, bridge::crc32c(covered));
    }
}

// spec: BRG-038
TEST(ChunkLimitsTest, TheSmallestOfAllLimitsCounts) {
    EXPECT_EQ((ChunkLimits{1408, 0, 65535}).most(), 1280U);
    EXPECT_EQ((ChunkLimits{8192, 0, 65535}).most(), 8064U);
    EXPECT_EQ((ChunkLimits{1408, 1000, 65535}).most(), 1000U);
    EXPECT_EQ((ChunkLimits{1408, 5000, 65535}).most(), 1280U) << "not above the MTU bound";
    EXPECT_EQ((ChunkLimits{1408, 0, 512}).most(), 512U);
    EXPECT_EQ((ChunkLimits{129, 0, 65535}).most(), 1U);
    EXPECT_EQ((ChunkLimits{1000000, 0, 65535}).most(), 65535U);
}

// spec: BRG-022 BRG-023 BRG-027 BRG-028 BRG-036
TEST(ChunkPlanTest, SlicesAddUpToThePayloadWithoutOverlapAndFitTheMtu) {
    for (const std::uint32_t mtu : {129U, 358U, 1408U, 8192U, 65507U}) {
        const ChunkPlan plan(ChunkLimits{mtu, 0, 65535});
        for (const std::uint32_t payload : {0U, 1U, 51U, 1051U, 1052U, 1280U, 2331U, 2332U, 655360U}) {
            const std::uint64_t chunks = plan.chunks(payload);
            if (payload > plan.largest_payload()) {
                EXPECT_GT(chunks, 65535U);
                continue;
            }
            ASSERT_GE(chunks, 1U);
            ASSERT_LE(chunks, 65535U);
            std::uint64_t at = 0;
            for (std::uint32_t i = 0; i < chunks; ++i) {
                EXPECT_EQ(plan.offset(i), at);
                const std::uint32_t length = plan.length(i, payload);
                EXPECT_TRUE(length > 0 || payload == 0);
                at += length;
                const std::size_t bytes = bridge::chunk_message_bytes(i == 0 ? 256 : 0, length);
                // Aeron lends MTU - 32 bytes in one piece.
                if (mtu > 357) {
                    EXPECT_LE(bytes, mtu - 32) << "chunk " << i;
                }
            }
            EXPECT_EQ(at, payload) << "mtu " << mtu;
        }
    }
}

TEST(ChunkPlanTest, KnowsTheLargestPayloadThat65535ChunksCarry) {
    const ChunkPlan plan(ChunkLimits{1408, 0, 65535});
    EXPECT_EQ(plan.largest_payload(), 1051U + 65534U * 1280U);
    EXPECT_EQ(plan.chunks(static_cast<std::uint32_t>(plan.largest_payload())), 65535U);
    EXPECT_EQ(plan.chunks(static_cast<std::uint32_t>(plan.largest_payload() + 1)), 65536U);
}

}  // namespace
}  // namespace tensorpool::test
