// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace tensorpool::control {
namespace {

using testing::HasSubstr;
using testing::Optional;

PoolAnnounce announce() {
    PoolAnnounce announce;
    announce.stream_id = 10000;
    announce.epoch = 5;
    announce.header_nslots = 8;
    announce.header_region_uri = "shm:file?path=/dev/shm/x/header.ring";
    announce.pools = {{1, 8, 4096, "shm:file?path=/dev/shm/x/1.pool"},
                      {2, 8, 65536, "shm:file?path=/dev/shm/x/2.pool"}};
    return announce;
}

AttachResponse response() {
    const PoolAnnounce same = announce();
    AttachResponse response;
    response.lease_id = 7;
    response.stream_id = same.stream_id;
    response.epoch = same.epoch;
    response.layout_version = 1;
    response.header_nslots = same.header_nslots;
    response.header_slot_bytes = same.header_slot_bytes;
    response.header_region_uri = same.header_region_uri;
    response.pools = same.pools;
    return response;
}

template <typename Message>
std::optional<std::string> fault_after(Message message, const std::function<void(Message&)>& change) {
    change(message);
    return invalid_reason(message);
}

// spec: WIRE-066
TEST(AnnounceValidationTest, AcceptsAnAnnounceThatKeepsEveryRule) {
    EXPECT_EQ(invalid_reason(announce()), std::nullopt);
}

// spec: WIRE-066
TEST(AnnounceValidationTest, RefusesAHeaderSlotOfAnyOtherSizeThan256) {
    for (const int size : {0, 64, 255, 257, 512, 65535}) {
        EXPECT_THAT(fault_after<PoolAnnounce>(
                        announce(), [&](auto& a) { a.header_slot_bytes = static_cast<std::uint16_t>(size); }),
                    Optional(HasSubstr("WIRE-066")))
            << size;
    }
}

// spec: WIRE-057
TEST(AnnounceValidationTest, RefusesASlotCountThatIsNoPowerOfTwo) {
    for (const std::uint32_t nslots : {0U, 3U, 6U, 7U, 9U, 0xFFFFFFFFU}) {
        EXPECT_THAT(fault_after<PoolAnnounce>(announce(),
                                              [&](auto& a) {
                                                  a.header_nslots = nslots;
                                                  for (auto& pool : a.pools) pool.nslots = nslots;
                                              }),
                    Optional(HasSubstr("WIRE-057")))
            << nslots;
    }
    EXPECT_EQ(fault_after<PoolAnnounce>(announce(),
                                        [](auto& a) {
                                            a.header_nslots = 0x80000000;
                                            for (auto& pool : a.pools) pool.nslots = 0x80000000;
                                        }),
              std::nullopt);
}

// spec: WIRE-057
TEST(AnnounceValidationTest, RefusesAPoolOfAnotherSlotCountThanTheRing) {
    EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [](auto& a) { a.pools[1].nslots = 16; }),
                Optional(HasSubstr("pool 2 has 16 slots, the header ring 8 (WIRE-057")));
}

// spec: WIRE-061 WIRE-062
TEST(AnnounceValidationTest, RefusesAStrideThatIsNoPowerOfTwoOfAtLeast64) {
    for (const std::uint32_t stride : {0U, 1U, 32U, 63U, 65U, 96U, 4095U, 131200U, 0xFFFFFFFFU}) {
        EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [&](auto& a) { a.pools[0].stride_bytes = stride; }),
                    Optional(HasSubstr("WIRE-061")))
            << stride;
    }
    for (const std::uint32_t stride : {64U, 128U, 1U << 20, 1U << 31}) {
        EXPECT_EQ(fault_after<PoolAnnounce>(announce(), [&](auto& a) { a.pools[0].stride_bytes = stride; }),
                  std::nullopt)
            << stride << " need not be a multiple of the page size";
    }
}

// spec: WIRE-021
TEST(AnnounceValidationTest, RefusesAPoolIdOfZeroAndOneThatAppearsTwice) {
    EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [](auto& a) { a.pools[0].pool_id = 0; }),
                Optional(HasSubstr("pool id 0")));
    EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [](auto& a) { a.pools[1].pool_id = 1; }),
                Optional(HasSubstr("pool id 1")));
}

// spec: WIRE-146
TEST(AnnounceValidationTest, RefusesARegionWithoutAUri) {
    for (const std::string uri : {"", " ", " \t "}) {
        EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [&](auto& a) { a.header_region_uri = uri; }),
                    Optional(HasSubstr("header_region_uri")));
        EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [&](auto& a) { a.pools[1].region_uri = uri; }),
                    Optional(HasSubstr("pool 2 has no region_uri")));
    }
}

TEST(AnnounceValidationTest, RefusesAnAnnounceWithoutPoolsOrEpoch) {
    EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [](auto& a) { a.pools.clear(); }),
                Optional(HasSubstr("no payload pools")));
    EXPECT_THAT(fault_after<PoolAnnounce>(announce(), [](auto& a) { a.epoch = 0; }),
                Optional(HasSubstr("epoch")));
}

// spec: DRV-060
TEST(AttachResponseValidationTest, RefusesOkWithoutOneOfItsRequiredFields) {
    EXPECT_EQ(invalid_reason(response()), std::nullopt);
    const auto without = [](const std::function<void(AttachResponse&)>& change) {
        return fault_after<AttachResponse>(response(), change);
    };
    EXPECT_THAT(without([](auto& r) { r.lease_id.reset(); }), Optional(HasSubstr("lease_id")));
    EXPECT_THAT(without([](auto& r) { r.stream_id.reset(); }), Optional(HasSubstr("stream_id")));
    EXPECT_THAT(without([](auto& r) { r.epoch.reset(); }), Optional(HasSubstr("epoch")));
    EXPECT_THAT(without([](auto& r) { r.layout_version.reset(); }), Optional(HasSubstr("layout_version")));
    EXPECT_THAT(without([](auto& r) { r.header_nslots.reset(); }), Optional(HasSubstr("header_nslots")));
    EXPECT_THAT(without([](auto& r) { r.header_slot_bytes.reset(); }),
                Optional(HasSubstr("header_slot_bytes")));
    EXPECT_THAT(without([](auto& r) { r.header_region_uri = " "; }),
                Optional(HasSubstr("header_region_uri")));
    EXPECT_THAT(without([](auto& r) { r.pools[0].region_uri.clear(); }), Optional(HasSubstr("region_uri")));
}

// spec: DRV-061 DRV-062
TEST(AttachResponseValidationTest, RefusesALayoutThatBreaksTheRules) {
    const auto with = [](const std::function<void(AttachResponse&)>& change) {
        return fault_after<AttachResponse>(response(), change);
    };
    EXPECT_THAT(with([](auto& r) { r.header_slot_bytes = 128; }), Optional(HasSubstr("DRV-061")));
    EXPECT_THAT(with([](auto& r) { r.pools.clear(); }), Optional(HasSubstr("DRV-061")));
    EXPECT_THAT(with([](auto& r) { r.pools[1].nslots = 4; }), Optional(HasSubstr("DRV-062")));
    EXPECT_THAT(with([](auto& r) { r.pools[1].stride_bytes = 100; }), Optional(HasSubstr("WIRE-061")));
}

// spec: DRV-052 DRV-065
TEST(AttachResponseValidationTest, NeedsNeitherAnExpiryNorANodeId) {
    EXPECT_EQ(fault_after<AttachResponse>(response(),
                                          [](auto& r) {
                                              r.lease_expiry_timestamp_ns.reset();
                                              r.node_id.reset();
                                          }),
              std::nullopt);
}

// spec: DRV-054
TEST(AttachResponseValidationTest, AsksNothingOfARefusal) {
    for (const ResponseCode code : {ResponseCode::Unsupported, ResponseCode::InvalidParams,
                                    ResponseCode::Rejected, ResponseCode::InternalError}) {
        AttachResponse refusal;
        refusal.code = code;
        EXPECT_EQ(invalid_reason(refusal), std::nullopt) << to_string(code);
    }
}

// spec: WIRE-076 WIRE-077 WIRE-078 WIRE-079
TEST(HelloValidationTest, ChannelAndStreamIdComeTogetherOrNotAtAll) {
    ConsumerHello hello;
    EXPECT_EQ(invalid_reason(hello), std::nullopt) << "nothing requested";
    hello.descriptor_channel = "aeron:ipc";
    EXPECT_THAT(invalid_reason(hello),
                Optional(HasSubstr("descriptor stream requested with a channel but stream id 0")));
    hello.descriptor_stream_id = 2001;
    EXPECT_EQ(invalid_reason(hello), std::nullopt);
    hello.descriptor_channel.clear();
    EXPECT_THAT(invalid_reason(hello),
                Optional(HasSubstr("descriptor stream requested with a stream id but no channel")));
    hello.descriptor_stream_id = 0;
    hello.control_stream_id = 2002;
    EXPECT_THAT(invalid_reason(hello),
                Optional(HasSubstr("control stream requested with a stream id but no channel")));
    hello.control_channel = "aeron:ipc";
    EXPECT_EQ(invalid_reason(hello), std::nullopt);
    hello.control_stream_id = 0;
    EXPECT_THAT(invalid_reason(hello),
                Optional(HasSubstr("control stream requested with a channel but stream id 0")));
}

// spec: DRV-056
TEST(ErrorTextTest, IsCutTo1024Bytes) {
    EXPECT_EQ(truncated_error(""), "");
    EXPECT_EQ(truncated_error("producer already attached"), "producer already attached");
    EXPECT_EQ(truncated_error(std::string(1024, 'a')), std::string(1024, 'a'));
    EXPECT_EQ(truncated_error(std::string(1023, 'a') + "bc"), std::string(1023, 'a') + "b");
}

}  // namespace
}  // namespace tensorpool::control
