// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/codec.hpp"

#include "control/message_cases.hpp"
#include "control/message_fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tensorpool::test {
namespace {

using control::DecodeResult;

/// One golden vector per instance.
class GoldenMessageTest : public testing::TestWithParam<std::string> {
protected:
    [[nodiscard]] const Golden& golden() const {
        return *std::ranges::find(message_vectors(), GetParam(), &Golden::name);
    }
    [[nodiscard]] const MessageCodec& codec() const { return codec_of(golden().message); }
    /// Merge maps are read as version 1 has them and in no other shape (JT-09).
    [[nodiscard]] bool is_fixed() const { return golden().schema_id == 903; }
    /// What becomes of bytes that a later sender may add or an older one leave out.
    void expect_read_or_refused(const Decoded& decoded) const {
        ASSERT_EQ(decoded.result, is_fixed() ? DecodeResult::Malformed : DecodeResult::Ok);
        if (!is_fixed()) {
            EXPECT_EQ(decoded.fields, golden().fields);
        }
    }
};

std::vector<std::string> vector_names() {
    std::vector<std::string> names;
    for (const Golden& golden : message_vectors()) names.push_back(golden.name);
    return names;
}

std::string instance_name(const testing::TestParamInfo<std::string>& vector) {
    std::string name = vector.param.substr(vector.param.find('/') + 1);
    std::erase(name, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Vectors, GoldenMessageTest, testing::ValuesIn(vector_names()), instance_name);

// spec: WIRE-001 WIRE-002 WIRE-012 WIRE-013 WIRE-014 WIRE-079 DRV-057 DRV-058 DRV-059
TEST_P(GoldenMessageTest, DecodesToEveryFieldOfTheOfficialTool) {
    const ExactBuffer in(golden().bytes);
    const Decoded decoded = codec().decode(in.bytes());
    ASSERT_EQ(decoded.result, DecodeResult::Ok);
    EXPECT_EQ(decoded.fields, golden().fields);
}

// spec: WIRE-001 WIRE-002 WIRE-012 WIRE-013 WIRE-014 WIRE-079 DRV-055 DRV-057 DRV-058 DRV-059
TEST_P(GoldenMessageTest, EncodesToEveryByteOfTheOfficialTool) {
    std::vector<std::byte> out(golden().bytes.size() + 16, std::byte{0xEE});
    ASSERT_EQ(codec().encode(out, golden().fields), golden().bytes.size());
    EXPECT_EQ(to_hex(std::span(out).first(golden().bytes.size())), to_hex(golden().bytes));
    EXPECT_EQ(to_hex(std::span(out).last(16)), to_hex(std::vector<std::byte>(16, std::byte{0xEE})));
}

// spec: WIRE-006 DRV-081
TEST_P(GoldenMessageTest, IsRefusedWhenTruncatedAnywhere) {
    for (std::size_t length = 0; length < golden().bytes.size(); ++length) {
        const ExactBuffer cut(std::span(golden().bytes).first(length));
        ASSERT_EQ(codec().decode(cut.bytes()).result, DecodeResult::Malformed) << length << " bytes";
    }
}

TEST_P(GoldenMessageTest, IsNotWrittenIntoABufferOfAnySmallerSize) {
    for (std::size_t length = 0; length < golden().bytes.size(); ++length) {
        const auto out =
            std::make_unique<std::byte[]>(length);  // its own size: a sanitizer sees one byte more
        ASSERT_EQ(codec().encode({out.get(), length}, golden().fields), 0U) << length << " bytes";
    }
    const auto out = std::make_unique<std::byte[]>(golden().bytes.size());
    EXPECT_EQ(codec().encode({out.get(), golden().bytes.size()}, golden().fields), golden().bytes.size());
}

// spec: WIRE-003 WIRE-004 WIRE-007 DRV-015
TEST_P(GoldenMessageTest, IsReadByItsOwnCodecOnly) {
    for (const MessageCodec& other : message_codecs()) {
        const DecodeResult expected =
            other.message == golden().message ? DecodeResult::Ok : DecodeResult::NotOurs;
        EXPECT_EQ(other.decode(golden().bytes).result, expected) << other.message;
    }
}

// spec: WIRE-003 WIRE-004 DRV-015 DRV-016
TEST_P(GoldenMessageTest, IsRefusedByItsHeaderBeforeTheBodyIsTouched) {
    // Eight bytes and no body: whoever looked further would say Malformed.
    const auto refusal = [&](Header header) {
        const ExactBuffer bare(with_header(std::vector<std::byte>(8), header));
        return codec().decode(bare.bytes()).result;
    };
    Header header = header_of(golden());
    EXPECT_EQ(refusal(header), DecodeResult::Malformed);
    header.schema_id = header.schema_id == 900 ? 901 : 900;
    EXPECT_EQ(refusal(header), DecodeResult::NotOurs);
    for (const int schema : {0, 899, 902, 904, 905, 910, 65535}) {
        header.schema_id = static_cast<std::uint16_t>(schema);
        EXPECT_EQ(refusal(header), DecodeResult::NotOurs) << schema;
    }
    header = header_of(golden());
    for (const int template_id : {0, 14, 49, 50, 51, 52, 65535}) {
        header.template_id = static_cast<std::uint16_t>(template_id);
        EXPECT_EQ(refusal(header), DecodeResult::NotOurs) << template_id;
    }
    if (golden().message == "ShmAttachRequest") return;  // answered UNSUPPORTED, so read: a test of its own
    header = header_of(golden());
    for (const int version : {2, 255, 65535}) {
        header.version = static_cast<std::uint16_t>(version);
        EXPECT_EQ(refusal(header), DecodeResult::TooNew) << version;
        EXPECT_EQ(codec().decode(with_header(golden().bytes, header)).result, DecodeResult::TooNew)
            << version;
    }
}

// spec: WIRE-006
TEST_P(GoldenMessageTest, IsReadBehindALongerBlockOfALaterSender) {
    for (const std::size_t more : {std::size_t{1}, std::size_t{8}, std::size_t{200}}) {
        Header header = header_of(golden());
        auto bytes = golden().bytes;
        bytes.insert(bytes.begin() + 8 + header.block_length, more, std::byte{0xAB});
        header.block_length = static_cast<std::uint16_t>(header.block_length + more);
        const ExactBuffer longer(with_header(bytes, header));
        expect_read_or_refused(codec().decode(longer.bytes()));
    }
}

// spec: WIRE-006
TEST_P(GoldenMessageTest, IsReadWhenALaterSenderPutMoreBehindIt) {
    auto bytes = golden().bytes;
    bytes.insert(bytes.end(), 9, std::byte{0xAB});
    const Decoded decoded = codec().decode(bytes);
    ASSERT_EQ(decoded.result, DecodeResult::Ok);
    EXPECT_EQ(decoded.fields, golden().fields);
}

// spec: WIRE-006 DRV-081
TEST_P(GoldenMessageTest, IsRefusedWithABlockShorterThanOurs) {
    for (std::uint16_t length = 0; length < golden().block_length; ++length) {
        Header header = header_of(golden());
        header.block_length = length;
        EXPECT_EQ(codec().decode(with_header(golden().bytes, header)).result, DecodeResult::Malformed)
            << length;
    }
}

// spec: WIRE-007
TEST_P(GoldenMessageTest, IsReadFromASenderOfAnOlderVersion) {
    Header header = header_of(golden());
    header.version = 0;
    expect_read_or_refused(codec().decode(with_header(golden().bytes, header)));
}

TEST(GoldenVectorTest, CoverEveryMessageOfSchemas900And901And903) {
    std::set<std::string_view> covered;
    for (const Golden& golden : message_vectors()) covered.insert(golden.message);
    for (const MessageCodec& codec : message_codecs())
        EXPECT_TRUE(covered.contains(codec.message)) << codec.message;
    EXPECT_EQ(message_codecs().size(), 25U);
}

/// The golden frames of driver.md, written by hand there.
struct DriverFrame {
    std::string_view message;
    std::string_view hex;
    FieldMap fields;
};

std::vector<DriverFrame> driver_frames() {
    const std::string all_nulls(84, 'f');
    static const std::string rejected =
        "3600020085030100050000000000000003000000" + all_nulls + "0a00000000000000020000006e6f";
    return {{"ShmAttachRequest",
             "1b000100850301000807060504030201102700002a00000001010000000200ffffffff",
             {{"correlationId", std::to_string(0x0102030405060708)},
              {"streamId", "10000"},
              {"clientId", "42"},
              {"role", "PRODUCER(1)"},
              {"expectedLayoutVersion", "1"},
              {"publishMode", "EXISTING_OR_CREATE(2)"},
              {"requireHugepages", "UNSPECIFIED(0)"},
              {"desiredNodeId", "null"}}},
            {"ShmLeaseKeepalive",
             "19000500850301000700000000000000102700002a0000000200ca9a3b00000000",
             {{"leaseId", "7"},
              {"streamId", "10000"},
              {"clientId", "42"},
              {"role", "CONSUMER(2)"},
              {"clientTimestampNs", "1000000000"}}},
            {"ShmLeaseRevoked",
             "1a0007008503010000ca9a3b000000000700000000000000102700002a00000001020100000078",
             {{"timestampNs", "1000000000"},
              {"leaseId", "7"},
              {"streamId", "10000"},
              {"clientId", "42"},
              {"role", "PRODUCER(1)"},
              {"reason", "EXPIRED(2)"},
              {"errorMessage", "x"}}},
            {"ShmAttachResponse",
             rejected,
             {{"correlationId", "5"},
              {"code", "REJECTED(3)"},
              {"leaseId", "null"},
              {"leaseExpiryTimestampNs", "null"},
              {"streamId", "null"},
              {"epoch", "null"},
              {"layoutVersion", "null"},
              {"headerNslots", "null"},
              {"headerSlotBytes", "null"},
              {"nodeId", "null"},
              {"payloadPools.size", "0"},
              {"headerRegionUri", ""},
              {"errorMessage", "no"}}}};
}

// spec: DRV-054 DRV-055 DRV-057
TEST(DriverFrameTest, TheFramesOfTheDriverReferenceReadAndWriteAsTheyStandThere) {
    for (const DriverFrame& frame : driver_frames()) {
        SCOPED_TRACE(frame.message);
        const MessageCodec& codec = codec_of(frame.message);
        const Decoded decoded = codec.decode(from_hex(frame.hex));
        ASSERT_EQ(decoded.result, DecodeResult::Ok);
        EXPECT_EQ(decoded.fields, frame.fields);
        std::vector<std::byte> out(256);
        const std::size_t bytes = codec.encode(out, frame.fields);
        EXPECT_EQ(to_hex(std::span(out).first(bytes)), frame.hex);
    }
}

// spec: DRV-018
TEST(AttachRequestTest, OfALaterVersionIsReadSoThatItCanBeAnswered) {
    const Golden golden = load_golden("driver/ShmAttachRequest");
    Header header = header_of(golden);
    header.version = 7;
    header.block_length = static_cast<std::uint16_t>(header.block_length + 4);
    auto bytes = with_header(golden.bytes, header);
    bytes.insert(bytes.end(), 4, std::byte{0xAB});
    control::AttachRequest request;
    ASSERT_EQ(control::decode(bytes, request), DecodeResult::Ok);
    EXPECT_EQ(request.version, 7);
    EXPECT_EQ(fields_of(request), golden.fields);
}

// spec: DRV-081
TEST(AttachResponseTest, WithADamagedTailStillNamesItsRequest) {
    const Golden golden = load_golden("driver/ShmAttachResponse");
    const std::size_t fixed_part = 8 + golden.block_length;
    for (std::size_t length = fixed_part; length < golden.bytes.size(); ++length) {
        control::AttachResponse response;
        ASSERT_EQ(control::decode(std::span(golden.bytes).first(length), response), DecodeResult::Malformed);
        ASSERT_EQ(std::to_string(response.correlation_id), golden.fields.at("correlationId")) << length;
    }
    control::AttachResponse response;
    ASSERT_EQ(control::decode(std::span(golden.bytes).first(fixed_part - 1), response),
              DecodeResult::Malformed);
    EXPECT_EQ(response.correlation_id, 0);
}

}  // namespace
}  // namespace tensorpool::test
