// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "wire/cursor.hpp"

#include "support/golden.hpp"
#include "wire/control_blocks.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <string>
#include <vector>

namespace tensorpool::wire {
namespace {

using test::ExactBuffer;

/// A packed field by value: nothing may bind a reference to it.
template <typename T>
T copy(T value) noexcept {
    return value;
}

std::vector<std::byte> bytes_of(std::string_view hex) {
    return test::from_hex(hex);
}

/// Address space that is never touched: more text than any message may carry, at no cost in memory.
class Untouched {
public:
    explicit Untouched(std::size_t bytes)
        : bytes_(bytes),
          base_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0)) {}
    Untouched(const Untouched&) = delete;
    Untouched& operator=(const Untouched&) = delete;
    ~Untouched() {
        if (base_ != MAP_FAILED) ::munmap(base_, bytes_);
    }
    [[nodiscard]] bool mapped() const noexcept { return base_ != MAP_FAILED; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return {static_cast<std::byte*>(base_), bytes_};
    }

private:
    std::size_t bytes_;
    void* base_;
};

// spec: WIRE-001 WIRE-013
TEST(EncoderTest, WritesHeaderBlockGroupAndTextBackToBack) {
    std::array<std::byte, 64> out{};
    Encoder encoder(out);
    encoder.message(DataSourceMetaBlock{0x01020304, 7, 0x1122334455667788});
    encoder.group(10, 1);
    encoder.entry(PayloadPoolEntry{1, 8, 4096});
    encoder.var_data("ab");
    encoder.var_data("");
    ASSERT_TRUE(encoder.ok());
    EXPECT_EQ(test::to_hex(std::span(out).first(encoder.size())),
              "1000080084030100"  // block length 16, template 8, schema 900, version 1
              "04030201"
              "07000000"
              "8877665544332211"
              "0a000100"  // entry block 10, one entry
              "0100"
              "08000000"
              "00100000"
              "02000000"
              "6162"
              "00000000");
}

TEST(EncoderTest, WritesNothingMoreOnceSomethingDidNotFit) {
    std::array<std::byte, 6> out{};
    Encoder encoder(out);
    encoder.var_data("abc");
    EXPECT_FALSE(encoder.ok()) << "four bytes of length and three of text do not fit six";
    encoder.var_data("");
    encoder.group(0, 0);
    EXPECT_FALSE(encoder.ok()) << "a later piece that would fit does not heal it";
    EXPECT_EQ(encoder.size(), 4U);
    EXPECT_EQ(test::to_hex(out), "030000000000") << "nothing after the piece that did not fit";
}

TEST(EncoderTest, FillsABufferToItsLastByte) {
    std::array<std::byte, 7> out{};
    Encoder encoder(out);
    encoder.var_data("abc");
    EXPECT_TRUE(encoder.ok());
    EXPECT_EQ(encoder.size(), 7U);
    Encoder nothing(std::span<std::byte>{});
    EXPECT_TRUE(nothing.ok());
    nothing.group(0, 0);
    EXPECT_FALSE(nothing.ok());
}

TEST(EncoderTest, RefusesAGroupOfMoreEntriesThanItsHeaderCanSay) {
    std::array<std::byte, 16> out{};
    Encoder most(out);
    most.group(0, 65535);
    EXPECT_TRUE(most.ok());
    EXPECT_EQ(test::to_hex(std::span(out).first(4)), "0000ffff");
    Encoder more(out);
    more.group(0, 65536);
    EXPECT_FALSE(more.ok());
    EXPECT_EQ(more.size(), 0U);
}

TEST(EncoderTest, RefusesTextBeyondTheSchemasMaximum) {
    const Untouched text(std::size_t{kMaxVarDataBytes} + 1);
    const Untouched out(std::size_t{kMaxVarDataBytes} + 4096);
    ASSERT_TRUE(text.mapped() && out.mapped());
    Encoder encoder(out.bytes());
    encoder.var_data({reinterpret_cast<const char*>(text.bytes().data()), text.bytes().size()});
    EXPECT_FALSE(encoder.ok());
    EXPECT_EQ(encoder.size(), 0U);
}

// spec: WIRE-006 WIRE-013
TEST(DecoderTest, ReadsHeaderBlockGroupAndTextInPlace) {
    const auto in = bytes_of(
        "1000080084030100"
        "04030201"
        "07000000"
        "8877665544332211"
        "0a000100"
        "0100"
        "08000000"
        "00100000"
        "02000000"
        "6162"
        "00000000");
    Decoder decoder(in);
    DataSourceMetaBlock block{};
    GroupHeader group{};
    PayloadPoolEntry entry{};
    std::string_view text;
    std::string_view empty;
    ASSERT_TRUE(decoder.message(block) && decoder.group(group) && decoder.entry(entry, group.block_length) &&
                decoder.var_data(text) && decoder.var_data(empty));
    EXPECT_EQ(copy(block.stream_id), 0x01020304U);
    EXPECT_EQ(copy(block.timestamp_ns), 0x1122334455667788U);
    EXPECT_EQ(group.num_in_group, 1U);
    EXPECT_EQ(copy(entry.stride_bytes), 4096U);
    EXPECT_EQ(text, "ab");
    EXPECT_TRUE(empty.empty());
    EXPECT_EQ(reinterpret_cast<const std::byte*>(text.data()), in.data() + 42) << "a view into the message";
    EXPECT_EQ(decoder.remaining(), 0U);
    EXPECT_EQ(decoder.error(), DecodeError::None);
}

// spec: WIRE-003 WIRE-004 DRV-016
TEST(DecoderTest, LooksAtNothingBehindTheHeaderOfAMessageItDoesNotKnow) {
    const auto refuse = [](std::string_view header) {
        const ExactBuffer only_a_header(bytes_of(header));
        Decoder decoder(only_a_header.bytes());
        ControlResponseBlock block{77, ResponseCode::Rejected};
        EXPECT_FALSE(decoder.message(block));
        EXPECT_EQ(copy(block.correlation_id), 77);
        return decoder.error();
    };
    EXPECT_EQ(refuse("0c00090085030100"), DecodeError::NotOurs) << "schema 901";
    EXPECT_EQ(refuse("0c000a0084030100"), DecodeError::NotOurs) << "template 10";
    EXPECT_EQ(refuse("0c00090084030200"), DecodeError::TooNew);
    EXPECT_EQ(refuse("0c000900840300ff"), DecodeError::TooNew);
    EXPECT_EQ(refuse("0c00090085030200"), DecodeError::NotOurs) << "foreign goes before newer: skip silently";
    EXPECT_EQ(refuse("0b00090084030100"), DecodeError::ShortBlock);
    EXPECT_EQ(refuse("0c00090084030100"), DecodeError::Truncated);
}

// spec: DRV-018
TEST(DecoderTest, ReadsTheKnownPartOfAnyVersionWhenAsked) {
    const auto in = bytes_of(
        "0d00090084030900"
        "0500000000000000"
        "03000000"
        "ee");
    Decoder decoder(in);
    ControlResponseBlock block{};
    std::uint16_t version = 0;
    ASSERT_TRUE(decoder.message_of_any_version(block, version));
    EXPECT_EQ(version, 9);
    EXPECT_EQ(copy(block.correlation_id), 5);
    EXPECT_EQ(decoder.remaining(), 0U);

    const auto other = bytes_of("0c00090085030900");
    Decoder foreign(other);
    EXPECT_FALSE(foreign.message_of_any_version(block, version));
    EXPECT_EQ(foreign.error(), DecodeError::NotOurs);
}

// spec: WIRE-006
TEST(DecoderTest, SkipsByTheSendersBlockLengthsAndNotByItsOwn) {
    const auto in = bytes_of(
        "0e00090084030100"
        "0500000000000000"
        "03000000"
        "aabb"  // two bytes more than we know
        "0d000100"
        "0100"
        "08000000"
        "00100000"
        "ccddee"  // three bytes more per entry
        "01000000"
        "7a");
    Decoder decoder(in);
    ControlResponseBlock block{};
    GroupHeader group{};
    PayloadPoolEntry entry{};
    std::string_view text;
    ASSERT_TRUE(decoder.message(block) && decoder.group(group) && decoder.entry(entry, group.block_length) &&
                decoder.var_data(text));
    EXPECT_EQ(copy(block.code), ResponseCode::Rejected);
    EXPECT_EQ(copy(entry.stride_bytes), 4096U);
    EXPECT_EQ(text, "z");
}

// spec: WIRE-006
TEST(DecoderTest, RefusesAnEntryBlockShorterThanOurs) {
    const auto in = bytes_of("01000800000000100000");
    Decoder decoder(in);
    PayloadPoolEntry entry{};
    EXPECT_FALSE(decoder.entry(entry, 9));
    EXPECT_EQ(decoder.error(), DecodeError::ShortBlock);
}

// spec: WIRE-006
TEST(DecoderTest, RefusesALengthThatPointsPastTheEnd) {
    for (const std::string_view hex : {"03000000"
                                       "6162",
                                       "00000040"
                                       "6162",
                                       "020000"}) {
        const ExactBuffer in(bytes_of(hex));
        Decoder decoder(in.bytes());
        std::string_view text = "before";
        EXPECT_FALSE(decoder.var_data(text)) << hex;
        EXPECT_EQ(decoder.error(), DecodeError::Truncated) << hex;
        EXPECT_EQ(text, "before");
    }
    const ExactBuffer three(bytes_of("000000"));
    Decoder decoder(three.bytes());
    EXPECT_FALSE(decoder.skip(4));
    EXPECT_TRUE(decoder.skip(3)) << "a failed skip moves nothing";
    GroupHeader group{};
    EXPECT_FALSE(decoder.group(group));
}

TEST(DecoderTest, RefusesTextBeyondTheSchemasMaximumEvenWhenItIsThere) {
    const Untouched in(std::size_t{kMaxVarDataBytes} + 4096);
    ASSERT_TRUE(in.mapped());
    const auto read_text_of = [&](std::uint32_t length) {
        std::memcpy(in.bytes().data(), &length, sizeof length);
        Decoder decoder(in.bytes());
        std::string_view text;
        const bool read = decoder.var_data(text);
        EXPECT_EQ(read, decoder.error() == DecodeError::None);
        return decoder.error();
    };
    EXPECT_EQ(read_text_of(kMaxVarDataBytes), DecodeError::None);
    EXPECT_EQ(read_text_of(kMaxVarDataBytes + 1), DecodeError::TooLong);
    EXPECT_EQ(read_text_of(0xFFFFFFFF), DecodeError::TooLong);
}

TEST(DecoderTest, PeeksAtAHeaderOnlyWhenItIsWhole) {
    MessageHeader header{};
    EXPECT_FALSE(peek_header(ExactBuffer(bytes_of("0c000900840301")).bytes(), header));
    EXPECT_FALSE(peek_header({}, header));
    ASSERT_TRUE(peek_header(ExactBuffer(bytes_of("0c00090084030100")).bytes(), header));
    EXPECT_EQ(copy(header.block_length), 12);
    EXPECT_EQ(copy(header.template_id), 9);
    EXPECT_EQ(copy(header.schema_id), 900);
    EXPECT_EQ(copy(header.version), 1);
}

}  // namespace
}  // namespace tensorpool::wire
