// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/codec.hpp"

#include "control/message_cases.hpp"
#include "control/message_fields.hpp"
#include "support/rounds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <random>

namespace tensorpool::test {
namespace {

using control::DecodeResult;

constexpr std::size_t kHeader = 8;

/// An enumeration field of a message: where it lies and what it may hold.
struct EnumField {
    std::string_view vector;
    std::size_t offset;
    int first;
    int last;
};

// spec: WIRE-009 WIRE-065 DRV-058 DRV-081
TEST(EnumFieldTest, EveryUnknownByteIsRefusedAndEveryKnownOneIsRead) {
    const std::vector<EnumField> fields{
        {"wire/ShmPoolAnnounce", 24, 1, 2},    {"wire/ConsumerHello", 8, 0, 1},
        {"wire/ConsumerHello", 9, 0, 1},       {"wire/ConsumerHello", 10, 1, 2},
        {"wire/ConsumerConfig", 8, 0, 1},      {"wire/ConsumerConfig", 9, 1, 2},
        {"wire/FrameProgress", 28, 0, 3},      {"wire/QosConsumer", 40, 1, 2},
        {"driver/ShmDetachRequest", 24, 1, 2}, {"driver/ShmLeaseKeepalive", 16, 1, 2},
        {"driver/ShmDriverShutdown", 8, 0, 2}, {"driver/ShmDriverShutdownRequest", 8, 0, 2}};
    for (const EnumField& field : fields) {
        Golden golden = load_golden(std::string(field.vector));
        for (int value = 0; value < 256; ++value) {
            golden.bytes[kHeader + field.offset] = static_cast<std::byte>(value);
            const bool known = value >= field.first && value <= field.last;
            ASSERT_EQ(codec_of(golden.message).decode(golden.bytes).result,
                      known ? DecodeResult::Ok : DecodeResult::BadEnum)
                << field.vector << " offset " << field.offset << " value " << value;
        }
    }
}

// spec: WIRE-009 DRV-058 DRV-081
TEST(EnumFieldTest, AnUnknownResponseCodeIsRefused) {
    for (const std::string name :
         {"wire/ControlResponse", "driver/ShmAttachResponse", "driver/ShmDetachResponse"}) {
        Golden golden = load_golden(name);
        const auto read = [&](std::uint32_t code) {
            put_u32(golden.bytes, kHeader + 8, code);
            return codec_of(golden.message).decode(golden.bytes).result;
        };
        for (std::uint32_t code = 0; code <= 4; ++code)
            EXPECT_EQ(read(code), DecodeResult::Ok) << name << code;
        for (const std::uint32_t code : {5U, 255U, 256U, 0x01000000U, 0xFFFFFFFFU, 0x80000000U}) {
            EXPECT_EQ(read(code), DecodeResult::BadEnum) << name << code;
        }
    }
}

// spec: DRV-094
TEST(EnumFieldTest, ARevocationWithAnUnknownRoleOrReasonIsReadWithoutIt) {
    const Golden golden = load_golden("driver/ShmLeaseRevoked");
    for (int value = 0; value < 256; ++value) {
        control::LeaseRevoked revoked;
        auto bytes = golden.bytes;
        bytes[kHeader + 24] = static_cast<std::byte>(value);
        ASSERT_EQ(control::decode(bytes, revoked), DecodeResult::Ok);
        EXPECT_EQ(revoked.role.has_value(), value == 1 || value == 2) << value;
        EXPECT_TRUE(revoked.reason.has_value());
        bytes = golden.bytes;
        bytes[kHeader + 25] = static_cast<std::byte>(value);
        ASSERT_EQ(control::decode(bytes, revoked), DecodeResult::Ok);
        EXPECT_EQ(revoked.reason.has_value(), value >= 1 && value <= 3) << value;
        EXPECT_EQ(std::to_string(revoked.lease_id), golden.fields.at("leaseId"))
            << "the owner must see it is his";
    }
}

// spec: DRV-058
TEST(EnumFieldTest, AnAttachRequestIsReadWithItsEnumerationsAsTheyCame) {
    auto bytes = load_golden("driver/ShmAttachRequest").bytes;
    bytes[kHeader + 16] = std::byte{77};
    bytes[kHeader + 21] = std::byte{78};
    bytes[kHeader + 22] = std::byte{79};
    control::AttachRequest request;
    ASSERT_EQ(control::decode(bytes, request), DecodeResult::Ok);
    EXPECT_EQ(request.role, 77);
    EXPECT_EQ(request.publish_mode, std::optional<std::uint8_t>(78));
    EXPECT_EQ(request.require_hugepages, 79);
    bytes[kHeader + 21] = std::byte{255};
    ASSERT_EQ(control::decode(bytes, request), DecodeResult::Ok);
    EXPECT_EQ(request.publish_mode, std::nullopt);
}

// spec: WIRE-012 DRV-057
TEST(NullTest, AnAbsentOptionalIsAllOnesAndAPresentZeroStaysZero) {
    std::vector<std::byte> out(64);
    control::FrameDescriptor absent;
    ASSERT_EQ(control::encode(out, absent), 48U);
    EXPECT_EQ(to_hex(std::span(out).subspan(28, 12)), std::string(24, 'f')) << "timestampNs and metaVersion";
    EXPECT_EQ(to_hex(std::span(out).subspan(40, 8)), std::string(16, '0')) << "traceId";

    control::FrameDescriptor zero;
    zero.timestamp_ns = 0;
    zero.meta_version = 0;
    ASSERT_EQ(control::encode(out, zero), 48U);
    EXPECT_EQ(to_hex(std::span(out).subspan(28, 20)), std::string(40, '0'));
    control::FrameDescriptor read;
    ASSERT_EQ(control::decode(out, read), DecodeResult::Ok);
    EXPECT_EQ(read.timestamp_ns, std::optional<std::uint64_t>(0));
    EXPECT_EQ(read.meta_version, std::optional<std::uint32_t>(0));
}

// spec: WIRE-103
TEST(NullTest, ATraceIdOfAllOnesIsATraceIdAndZeroIsNone) {
    std::vector<std::byte> out(48);
    control::FrameDescriptor traced;
    traced.trace_id = std::numeric_limits<std::uint64_t>::max();
    ASSERT_EQ(control::encode(out, traced), 48U);
    control::FrameDescriptor read;
    ASSERT_EQ(control::decode(out, read), DecodeResult::Ok);
    EXPECT_EQ(read.trace_id, traced.trace_id);
}

/// A message with one group: where the group starts and how long an entry's fixed part is.
struct Group {
    std::string_view vector;
    std::string_view path;
    std::uint16_t entry_block;
};
constexpr Group kGroups[] = {{"wire/ShmPoolAnnounce", "payloadPools", 10},
                             {"driver/ShmAttachResponse", "payloadPools", 10},
                             {"wire/DataSourceMeta", "attributes", 0}};

/// The message's bytes with `more` bytes added to each entry's fixed part.
std::vector<std::byte> with_longer_entries(const Golden& golden, const Group& group, std::uint16_t more) {
    const std::size_t at = kHeader + golden.block_length;
    std::vector<std::byte> bytes(golden.bytes.begin(),
                                 golden.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    const auto copy = [&](std::size_t from, std::size_t count) {
        bytes.insert(bytes.end(), golden.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                     golden.bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
    };
    std::size_t from = at;
    copy(from, 4);
    put_u16(bytes, at, static_cast<std::uint16_t>(group.entry_block + more));
    from += 4;
    const std::size_t texts_per_entry = group.path == "attributes" ? 3 : 1;
    for (std::uint64_t i = 0; i < golden.raw.at(std::string(group.path) + ".size"); ++i) {
        copy(from, group.entry_block);
        from += group.entry_block;
        bytes.insert(bytes.end(), more, std::byte{0xAB});
        for (std::size_t text = 0; text < texts_per_entry; ++text) {
            std::uint32_t length = 0;
            std::memcpy(&length, golden.bytes.data() + from, sizeof length);
            copy(from, 4 + length);
            from += 4 + length;
        }
    }
    copy(from, golden.bytes.size() - from);
    return bytes;
}

// spec: WIRE-006
TEST(GroupTest, IsReadBehindLongerEntriesOfALaterSender) {
    for (const Group& group : kGroups) {
        const Golden golden = load_golden(std::string(group.vector));
        ASSERT_EQ(with_longer_entries(golden, group, 0), golden.bytes) << "the helper itself";
        for (const std::uint16_t more : {std::uint16_t{1}, std::uint16_t{6}, std::uint16_t{500}}) {
            const ExactBuffer in(with_longer_entries(golden, group, more));
            const Decoded decoded = codec_of(golden.message).decode(in.bytes());
            ASSERT_EQ(decoded.result, DecodeResult::Ok) << group.vector << " +" << more;
            EXPECT_EQ(decoded.fields, golden.fields) << group.vector;
        }
    }
}

// spec: WIRE-006 DRV-081
TEST(GroupTest, IsRefusedWhenItClaimsMoreEntriesThanFollow) {
    for (const Group& group : kGroups) {
        const Golden golden = load_golden(std::string(group.vector));
        const std::size_t count_at = kHeader + golden.block_length + 2;
        const auto count = static_cast<std::uint16_t>(golden.raw.at(std::string(group.path) + ".size"));
        for (const int claimed : {65535, 4096, count + 3}) {
            auto bytes = golden.bytes;
            put_u16(bytes, count_at, static_cast<std::uint16_t>(claimed));
            const ExactBuffer in(bytes);
            EXPECT_EQ(codec_of(golden.message).decode(in.bytes()).result, DecodeResult::Malformed)
                << group.vector << " " << claimed;
        }
    }
}

// spec: WIRE-006 DRV-081
TEST(GroupTest, IsRefusedWhenItsEntriesAreShorterThanOurs) {
    for (const std::string name : {"wire/ShmPoolAnnounce", "driver/ShmAttachResponse"}) {
        const Golden golden = load_golden(name);
        for (std::uint16_t length = 0; length < 10; ++length) {
            auto bytes = golden.bytes;
            put_u16(bytes, kHeader + golden.block_length, length);
            EXPECT_EQ(codec_of(golden.message).decode(bytes).result, DecodeResult::Malformed)
                << name << length;
        }
    }
}

TEST(GroupTest, HoldsAsManyEntriesAsItsCountCanSayAndNoMore) {
    control::DataSourceMeta meta;
    meta.attributes.resize(65535);
    std::vector<std::byte> out(28 + 12 * (meta.attributes.size() + 1));
    const std::size_t bytes = control::encode(out, meta);
    ASSERT_EQ(bytes, 8 + 16 + 4 + 12 * meta.attributes.size());
    control::DataSourceMeta read;
    ASSERT_EQ(control::decode(std::span(out).first(bytes), read), DecodeResult::Ok);
    EXPECT_EQ(read.attributes.size(), 65535U);
    meta.attributes.emplace_back();
    EXPECT_EQ(control::encode(out, meta), 0U);
}

// spec: WIRE-006 DRV-081
TEST(VarDataTest, ALengthBeyondTheMessageIsRefused) {
    // The last four bytes of each vector are the length word of an empty last text.
    for (const std::string name :
         {"wire/ShmPoolAnnounce_nulls", "wire/ConsumerHello_nulls", "wire/ConsumerConfig_nulls",
          "wire/DataSourceAnnounce_nulls", "wire/ControlResponse_nulls", "wire/MetaBlobChunk_nulls",
          "driver/ShmDetachResponse_nulls", "driver/ShmDriverShutdown_nulls",
          "driver/ShmDriverShutdownRequest_nulls", "driver/ShmLeaseRevoked_nulls"}) {
        Golden golden = load_golden(name);
        const std::size_t last = golden.bytes.size() - 4;
        ASSERT_EQ(to_hex(std::span(golden.bytes).subspan(last)), "00000000") << name;
        for (const std::uint32_t length :
             {1U, 4U, 1'073'741'824U, 1'073'741'825U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
            put_u32(golden.bytes, last, length);
            const ExactBuffer in(golden.bytes);
            EXPECT_EQ(codec_of(golden.message).decode(in.bytes()).result, DecodeResult::Malformed)
                << name << " " << length;
        }
    }
}

// spec: WIRE-013
TEST(VarDataTest, CarriesAnyBytes) {
    control::MetaBlobChunk chunk;
    for (int value = 255; value >= 0; --value) chunk.bytes += static_cast<char>(value);
    std::vector<std::byte> out(512);
    const std::size_t bytes = control::encode(out, chunk);
    ASSERT_EQ(bytes, 8 + 16 + 4 + chunk.bytes.size());
    control::MetaBlobChunk read;
    ASSERT_EQ(control::decode(std::span(out).first(bytes), read), DecodeResult::Ok);
    EXPECT_EQ(read.bytes, chunk.bytes) << "zeros included";
}

// spec: WIRE-013 WIRE-079
TEST(VarDataTest, ATextOfAnEarlierMessageDoesNotOutliveTheNextOne) {
    control::ConsumerConfig config;
    ASSERT_EQ(control::decode(load_golden("wire/ConsumerConfig").bytes, config), DecodeResult::Ok);
    ASSERT_FALSE(config.descriptor_channel.empty());
    ASSERT_EQ(control::decode(load_golden("wire/ConsumerConfig_nulls").bytes, config), DecodeResult::Ok);
    EXPECT_EQ(fields_of(config), load_golden("wire/ConsumerConfig_nulls").fields);
    control::AttachResponse response;
    ASSERT_EQ(control::decode(load_golden("driver/ShmAttachResponse").bytes, response), DecodeResult::Ok);
    ASSERT_EQ(control::decode(load_golden("driver/ShmAttachResponse_nulls").bytes, response),
              DecodeResult::Ok);
    EXPECT_EQ(fields_of(response), load_golden("driver/ShmAttachResponse_nulls").fields);
}

// spec: WIRE-006 WIRE-009 DRV-081
TEST(HostileMessageTest, DamagedBytesAreRefusedOrReadAsAMessageThatCanBeWrittenAgain) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    int accepted = 0;
    for (int round = 0; round < rounds(20'000); ++round) {
        const auto& vectors = message_vectors();
        const Golden& golden = vectors[random() % vectors.size()];
        const MessageCodec& codec = codec_of(golden.message);
        auto bytes = golden.bytes;
        if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 32), std::byte{0});
        for (unsigned flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        }
        const ExactBuffer in(bytes);
        const Decoded decoded = codec.decode(in.bytes());
        if (decoded.result != DecodeResult::Ok) continue;
        ++accepted;
        std::vector<std::byte> out(bytes.size() + 64);
        const std::size_t written = codec.encode(out, decoded.fields);
        // An unknown role or reason of a revocation has no bytes to be written back as.
        if (golden.message == "ShmLeaseRevoked") continue;
        ASSERT_NE(written, 0U) << golden.name << " " << to_hex(bytes);
        const Decoded again = codec.decode(std::span(out).first(written));
        ASSERT_EQ(again.result, DecodeResult::Ok) << golden.name << " " << to_hex(bytes);
        ASSERT_EQ(again.fields, decoded.fields) << golden.name << " " << to_hex(bytes);
    }
    EXPECT_GT(accepted, 0);
}

TEST(DecodeResultTest, HasAText) {
    EXPECT_EQ(control::to_string(DecodeResult::Ok), "ok");
    EXPECT_EQ(control::to_string(DecodeResult::NotOurs), "another schema or template");
    EXPECT_EQ(control::to_string(DecodeResult::TooNew), "a newer schema version");
    EXPECT_EQ(control::to_string(DecodeResult::Malformed), "malformed");
    EXPECT_EQ(control::to_string(DecodeResult::BadEnum), "an unknown enum value");
    EXPECT_EQ(control::to_string(static_cast<DecodeResult>(99)), "unknown");
}

}  // namespace
}  // namespace tensorpool::test
