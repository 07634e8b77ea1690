// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The two messages of schema 910 against the official tool's bytes and the ones printed in discovery.md.

#include "discovery/discovery_fields.hpp"
#include "support/golden.hpp"
#include "wire/discovery_blocks.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace tensorpool::test {
namespace {

using control::DecodeResult;
using control::DiscoveryRequest;
using control::DiscoveryResponse;
using Numbers = std::vector<std::uint16_t>;

constexpr std::string_view kRequestOfTheReference =
    "200001008e030100"
    "0100000000000000"
    "02000000"
    "5c1b0000"
    "ffffffffffffffff"
    "ffffffffffffffff"
    "00000200"
    "0100000061"
    "020000006263"
    "090000006165726f6e3a697063"
    "0300000063616d";
constexpr std::string_view kErrorOfTheReference =
    "090002008e030100"
    "0100000000000000"
    "03"
    "27000000"
    "03000000626164";

template <typename Message>
std::vector<std::byte> encoded(const Message& message) {
    std::vector<std::byte> bytes(1 << 16);
    bytes.resize(control::encode(bytes, message));
    return bytes;
}

template <typename Message>
DecodeResult decoded(std::span<const std::byte> bytes, Message& message) {
    const ExactBuffer exact(bytes);  // a byte read past the end is seen by AddressSanitizer
    return control::decode(exact.bytes(), message);
}

template <typename Message>
DecodeResult decoded(std::span<const std::byte> bytes) {
    Message message;
    return decoded(bytes, message);
}

/// Runs `check.operator()<Message>(golden)` for every golden vector.
template <typename Check>
void for_each_vector(Check check) {
    int seen = 0;
    for (const std::string& name : golden_names("discovery")) {
        SCOPED_TRACE(name);
        const Golden golden = load_golden(name);
        if (golden.message == "DiscoveryRequest") {
            check.template operator()<DiscoveryRequest>(golden);
        } else {
            check.template operator()<DiscoveryResponse>(golden);
        }
        ++seen;
    }
    EXPECT_EQ(seen, 4);
}

std::vector<std::byte> with_version(std::vector<std::byte> bytes, std::uint16_t version) {
    std::memcpy(bytes.data() + 6, &version, sizeof version);
    return bytes;
}

// spec: DISC-012 DISC-019 DISC-020 DISC-021
TEST(DiscoveryCodecTest, ReadsAndWritesEveryByteOfTheOfficialTool) {
    for_each_vector([]<typename Message>(const Golden& golden) {
        Message message;
        ASSERT_EQ(decoded(golden.bytes, message), DecodeResult::Ok);
        EXPECT_EQ(fields_of(message), golden.fields);
        EXPECT_EQ(to_hex(encoded(message_of<Message>(golden.fields))), to_hex(golden.bytes));
    });
}

// spec: DISC-012 DISC-020
TEST(DiscoveryCodecTest, ReadsAndWritesTheBytesThatTheReferencePrints) {
    DiscoveryRequest request;
    ASSERT_EQ(decoded(from_hex(kRequestOfTheReference), request), DecodeResult::Ok);
    EXPECT_EQ(request.request_id, 1U);
    EXPECT_EQ(request.client_id, 2U);
    EXPECT_EQ(request.response_stream_id, 7004U);
    EXPECT_EQ(request.stream_id, std::nullopt);
    EXPECT_EQ(request.data_source_id, std::nullopt);
    EXPECT_EQ(request.tags, (std::vector<std::string>{"a", "bc"}));
    EXPECT_EQ(request.response_channel, "aeron:ipc");
    EXPECT_EQ(request.data_source_name, "cam");
    EXPECT_EQ(to_hex(encoded(request)), kRequestOfTheReference);

    const DiscoveryResponse error{1, DiscoveryStatus::Error, {}, "bad"};
    EXPECT_EQ(to_hex(encoded(error)), kErrorOfTheReference);
    DiscoveryResponse response;
    ASSERT_EQ(decoded(from_hex(kErrorOfTheReference), response), DecodeResult::Ok);
    EXPECT_EQ(response, error) << "the text stands behind an empty group (trap 6)";
}

TEST(DiscoveryCodecTest, RefusesAMessageThatEndsAnywhereBeforeItsEnd) {
    for_each_vector([]<typename Message>(const Golden& golden) {
        for (std::size_t length = 0; length < golden.bytes.size(); ++length) {
            const auto cut = std::span(golden.bytes).first(length);
            const DecodeResult result = decoded<Message>(cut);
            // The one exception: a request that leaves out the last length (trap 5).
            const bool allowed = std::is_same_v<Message, DiscoveryRequest> &&
                                 length + sizeof(std::uint32_t) + golden.fields.at("dataSourceName").size() ==
                                     golden.bytes.size();
            EXPECT_EQ(result, allowed ? DecodeResult::Ok : DecodeResult::Malformed) << length << " bytes";
        }
    });
}

TEST(DiscoveryCodecTest, WritesNothingIntoABufferOfAnySmallerSize) {
    for_each_vector([]<typename Message>(const Golden& golden) {
        const auto message = message_of<Message>(golden.fields);
        for (std::size_t length = 0; length < golden.bytes.size(); ++length) {
            const auto out = std::make_unique<std::byte[]>(length);
            EXPECT_EQ(control::encode({out.get(), length}, message), 0U) << length;
        }
    });
}

TEST(DiscoveryCodecTest, TakesARequestWithoutTheLengthOfAnAbsentNameAsOneWithoutAName) {
    auto bytes = from_hex(kRequestOfTheReference);
    bytes.resize(bytes.size() - 7);  // the length and "cam"
    DiscoveryRequest request;
    request.data_source_name = "left over";
    ASSERT_EQ(decoded(bytes, request), DecodeResult::Ok);
    EXPECT_EQ(request.data_source_name, "");
}

// spec: DISC-015 DISC-022 DISC-023 DISC-024 DISC-025 DISC-026 DISC-027
TEST(DiscoveryCodecTest, RefusesByTheHeaderWhateverIsNotExactlyItsOwn) {
    static_assert(wire::kDiscoverySchemaVersion == 1);
    for_each_vector([]<typename Message>(const Golden& golden) {
        EXPECT_EQ(decoded<Message>(with_version(golden.bytes, 0)), DecodeResult::Malformed) << "trap 17";
        EXPECT_EQ(decoded<Message>(with_version(golden.bytes, 2)), DecodeResult::TooNew);
        EXPECT_EQ(decoded<Message>(with_version(golden.bytes, 65535)), DecodeResult::TooNew);
        for (const std::uint16_t schema : Numbers{0, 900, 901, 909, 911, 65535}) {
            auto bytes = golden.bytes;
            std::memcpy(bytes.data() + 4, &schema, sizeof schema);
            EXPECT_EQ(decoded<Message>(bytes), DecodeResult::NotOurs) << schema;
            bytes.resize(8);
            EXPECT_EQ(decoded<Message>(bytes), DecodeResult::NotOurs) << "before the body is touched";
        }
        for (const std::uint16_t template_id : Numbers{0, 3, 50, 65535}) {
            auto bytes = golden.bytes;
            std::memcpy(bytes.data() + 2, &template_id, sizeof template_id);
            EXPECT_EQ(decoded<Message>(bytes), DecodeResult::NotOurs) << template_id;
        }
        EXPECT_EQ(decoded<DiscoveryRequest>(golden.bytes) == DecodeResult::Ok,
                  (std::is_same_v<Message, DiscoveryRequest>));
    });
}

TEST(DiscoveryCodecTest, StepsOverWhatALaterSenderAddedToABlock) {
    for_each_vector([]<typename Message>(const Golden& golden) {
        for (const std::uint16_t more : Numbers{1, 8, 200}) {
            auto bytes = golden.bytes;
            bytes.insert(bytes.begin() + 8 + golden.block_length, more, std::byte{0xab});
            const auto length = static_cast<std::uint16_t>(golden.block_length + more);
            std::memcpy(bytes.data(), &length, sizeof length);
            Message message;
            ASSERT_EQ(decoded(bytes, message), DecodeResult::Ok) << more;
            EXPECT_EQ(fields_of(message), golden.fields);
        }
        auto shorter = golden.bytes;
        const auto length = static_cast<std::uint16_t>(golden.block_length - 1);
        std::memcpy(shorter.data(), &length, sizeof length);
        EXPECT_EQ(decoded<Message>(shorter), DecodeResult::Malformed);
    });
}

TEST(DiscoveryCodecTest, RefusesATagGroupWithABlockOfItsOwn) {
    auto bytes = from_hex(kRequestOfTheReference);
    ASSERT_EQ(bytes[40], std::byte{0});
    bytes[40] = std::byte{1};
    EXPECT_EQ(decoded<DiscoveryRequest>(bytes), DecodeResult::Malformed);
}

TEST(DiscoveryCodecTest, RefusesCountsAndLengthsThatPointPastTheEnd) {
    auto many_tags = from_hex(kRequestOfTheReference);
    many_tags[42] = many_tags[43] = std::byte{0xff};  // numInGroup: its null
    EXPECT_EQ(decoded<DiscoveryRequest>(many_tags), DecodeResult::Malformed);
    many_tags[42] = std::byte{0xfe};  // the largest there may be
    EXPECT_EQ(decoded<DiscoveryRequest>(many_tags), DecodeResult::Malformed);
    auto long_tag = from_hex(kRequestOfTheReference);
    long_tag[47] = std::byte{0x7f};
    EXPECT_EQ(decoded<DiscoveryRequest>(long_tag), DecodeResult::Malformed);
    DiscoveryRequest too_many;
    too_many.tags.assign(65535, "x");
    std::vector<std::byte> room(1 << 20);
    EXPECT_EQ(control::encode(room, too_many), 0U);
    too_many.tags.pop_back();
    EXPECT_NE(control::encode(room, too_many), 0U);
}

TEST(DiscoveryCodecTest, RefusesAStatusThatDoesNotExist) {
    for (const int status : {0, 4, 255}) {
        auto bytes = from_hex(kErrorOfTheReference);
        bytes[16] = static_cast<std::byte>(status);
        EXPECT_EQ(decoded<DiscoveryResponse>(bytes), DecodeResult::BadEnum) << status;
    }
}

TEST(DiscoveryCodecTest, WritesAViewOfResultsAsTheResponseItStandsFor) {
    const Golden golden = load_golden("discovery/DiscoveryResponse");
    const auto response = message_of<DiscoveryResponse>(golden.fields);
    std::vector<const control::DiscoveryResult*> results;
    for (const auto& result : response.results) results.push_back(&result);
    EXPECT_EQ(encoded(control::DiscoveryAnswerView{response.request_id, response.status, results,
                                                   response.error_message}),
              golden.bytes);
}

// spec: DISC-053 DISC-054 DISC-055 DISC-063 DISC-064 DISC-065 DISC-066
TEST(DiscoveryCodecTest, KnowsResultsThatMustNotBeUsed) {
    control::DiscoveryResult good;
    good.stream_id = 1;
    good.header_nslots = 8;
    good.driver_control_channel = "aeron:ipc";
    good.driver_control_stream_id = 1000;
    good.pools = {{1, 8, 4096, "shm:file?path=/x"}};
    EXPECT_EQ(control::invalid_reason(good), std::nullopt);
    const auto reason = [&](auto change) {
        control::DiscoveryResult bad = good;
        change(bad);
        return control::invalid_reason(bad).value_or("");
    };
    EXPECT_NE(reason([](auto& r) { r.driver_control_channel.clear(); }), "");
    EXPECT_NE(reason([](auto& r) { r.driver_control_stream_id = 0; }), "");
    EXPECT_NE(reason([](auto& r) { r.driver_control_stream_id = 0x80000000U; }), "");
    EXPECT_NE(reason([](auto& r) { r.header_slot_bytes = 128; }), "");
    EXPECT_NE(reason([](auto& r) { r.max_dims = 4; }), "");
    EXPECT_NE(reason([](auto& r) { r.pools[0].nslots = 4; }), "");
    EXPECT_NE(reason([](auto& r) { r.stream_id = 0; }), "");
}

}  // namespace
}  // namespace tensorpool::test
