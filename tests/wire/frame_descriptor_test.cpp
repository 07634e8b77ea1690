// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "wire/frame_descriptor.hpp"

#include "support/golden.hpp"
#include "support/rounds.hpp"
#include "wire/cursor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <random>

namespace tensorpool::wire {
namespace {

using test::ExactBuffer;
using test::Golden;
using test::load_golden;

FrameDescriptorBlock block_of(const Golden& golden) {
    return {static_cast<std::uint32_t>(golden.raw.at("streamId")),
            golden.raw.at("epoch"),
            golden.raw.at("seq"),
            golden.raw.at("timestampNs"),
            static_cast<std::uint32_t>(golden.raw.at("metaVersion")),
            golden.raw.at("traceId")};
}

/// A block no message in these tests holds.
FrameDescriptorBlock untouched() {
    return {1, 2, 3, 4, 5, 6};
}

std::string hex_of(const FrameDescriptorBlock& block) {
    return test::to_hex(std::as_bytes(std::span(&block, 1)));
}

// spec: WIRE-012 WIRE-103
TEST(FrameDescriptorFastPathTest, WritesAndReadsTheOfficialBytes) {
    for (const std::string name : {"wire/FrameDescriptor", "wire/FrameDescriptor_nulls"}) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        std::array<std::byte, kFrameDescriptorLength> out{};
        encode_frame_descriptor(out, block_of(golden));
        EXPECT_EQ(test::to_hex(out), test::to_hex(golden.bytes));
        FrameDescriptorBlock read = untouched();
        ASSERT_TRUE(decode_frame_descriptor(golden.bytes, read));
        EXPECT_EQ(hex_of(read), hex_of(block_of(golden)));
    }
    const Golden nulls = load_golden("wire/FrameDescriptor_nulls");
    EXPECT_EQ(nulls.raw.at("timestampNs"), kNullU64);
    EXPECT_EQ(nulls.raw.at("metaVersion"), kNullU32);
    EXPECT_EQ(nulls.raw.at("traceId"), 0U) << "the one null that is not all ones";
}

// spec: WIRE-006
TEST(FrameDescriptorFastPathTest, RefusesEveryTruncationWithoutReadingPastItsEnd) {
    const Golden golden = load_golden("wire/FrameDescriptor");
    for (std::size_t length = 0; length < golden.bytes.size(); ++length) {
        const ExactBuffer cut(std::span(golden.bytes).first(length));
        FrameDescriptorBlock read = untouched();
        ASSERT_FALSE(decode_frame_descriptor(cut.bytes(), read)) << length;
        ASSERT_EQ(hex_of(read), hex_of(untouched())) << length;
    }
}

// spec: WIRE-003 WIRE-004 DRV-016
TEST(FrameDescriptorFastPathTest, LeavesForeignAndNewerMessagesAlone) {
    const Golden golden = load_golden("wire/FrameDescriptor");
    const auto refused = [&](MessageHeader header) {
        std::vector<std::byte> bytes = golden.bytes;
        std::memcpy(bytes.data(), &header, sizeof header);
        FrameDescriptorBlock read = untouched();
        return !decode_frame_descriptor(bytes, read) && hex_of(read) == hex_of(untouched());
    };
    EXPECT_FALSE(refused({40, 4, 900, 1})) << "the message itself";
    EXPECT_FALSE(refused({40, 4, 900, 0})) << "an older version";
    EXPECT_TRUE(refused({40, 4, 901, 1})) << "a lease message of the driver";
    EXPECT_TRUE(refused({40, 5, 900, 1}));
    EXPECT_TRUE(refused({40, 4, 900, 2}));
    EXPECT_TRUE(refused({39, 4, 900, 1})) << "a block shorter than ours";
    EXPECT_TRUE(refused({41, 4, 900, 1})) << "a block longer than the message";
    EXPECT_TRUE(refused({65535, 4, 900, 1}));
}

// spec: WIRE-006
TEST(FrameDescriptorFastPathTest, SkipsWhatALaterSenderPutBehindTheBlock) {
    Golden golden = load_golden("wire/FrameDescriptor");
    golden.bytes.resize(golden.bytes.size() + 5, std::byte{0xAB});
    const MessageHeader header{45, 4, 900, 1};
    std::memcpy(golden.bytes.data(), &header, sizeof header);
    FrameDescriptorBlock read = untouched();
    ASSERT_TRUE(decode_frame_descriptor(golden.bytes, read));
    EXPECT_EQ(hex_of(read), hex_of(block_of(golden)));
}

// spec: WIRE-006
TEST(FrameDescriptorFastPathTest, AgreesWithTheGeneralDecoderOnArbitraryBytes) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    const Golden golden = load_golden("wire/FrameDescriptor");
    int accepted = 0;
    for (int round = 0; round < test::rounds(200'000); ++round) {
        std::vector<std::byte> bytes = golden.bytes;
        bytes.resize(random() % 64, std::byte{0});
        const int flips = static_cast<int>(random() % 3);
        for (int i = 0; i < flips && !bytes.empty(); ++i) {
            const std::size_t at = random() % std::min<std::size_t>(bytes.size(), 10);
            bytes[at] = static_cast<std::byte>(random() % 2 == 0 ? random() % 6 : random());
        }
        const ExactBuffer exact(bytes);
        FrameDescriptorBlock fast = untouched();
        FrameDescriptorBlock general = untouched();
        const bool fast_ok = decode_frame_descriptor(exact.bytes(), fast);
        Decoder decoder(exact.bytes());
        ASSERT_EQ(fast_ok, decoder.message(general)) << test::to_hex(bytes);
        if (!fast_ok) continue;
        ++accepted;
        ASSERT_EQ(hex_of(fast), hex_of(general));
    }
    EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace tensorpool::wire
