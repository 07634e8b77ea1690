// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/channel_uri.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::messaging {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
    try {
        (void)ChannelUri::parse(text).term_length_bytes();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::InvalidConfig);
        return error.what();
    }
    return {};
}

// spec: CFG-013
TEST(ChannelUriTest, ReadsMediaAndParameters) {
    EXPECT_EQ(ChannelUri::parse("aeron:ipc").media, "ipc");
    EXPECT_TRUE(ChannelUri::parse("aeron:ipc").params.empty());
    const ChannelUri udp =
        ChannelUri::parse("aeron:udp?endpoint=224.0.1.1:40456|interface=localhost|alias=a=b");
    EXPECT_EQ(udp.media, "udp");
    EXPECT_EQ(udp.params.at("endpoint"), "224.0.1.1:40456");
    EXPECT_EQ(udp.params.at("interface"), "localhost");
    EXPECT_EQ(udp.params.at("alias"), "a=b");
}

// spec: CFG-013
TEST(ChannelUriTest, ReadsTermLengthsWithSuffixes) {
    EXPECT_EQ(ChannelUri::parse("aeron:ipc").term_length_bytes(), std::nullopt);
    EXPECT_EQ(ChannelUri::parse("aeron:ipc?term-length=65536").term_length_bytes(), 65536U);
    EXPECT_EQ(ChannelUri::parse("aeron:ipc?term-length=64k").term_length_bytes(), 65536U);
    EXPECT_EQ(ChannelUri::parse("aeron:ipc?term-length=4m").term_length_bytes(), 4U << 20);
    EXPECT_EQ(ChannelUri::parse("aeron:ipc?term-length=1G").term_length_bytes(), 1U << 30);
}

// spec: CFG-013
TEST(ChannelUriTest, RefusesWhatIsMalformedAndQuotesIt) {
    for (const std::string text :
         {"", "ipc", "aeron:", "aeron:tcp", "aeron:ipc?", "aeron:ipc?term-length", "aeron:ipc?=4m",
          "aeron:ipc?term-length=", "aeron:ipc?a=1|", "aeron:ipc?a=1|a=2", "aeron:ipc?a=1 2", "aeron:ipc\n",
          "Aeron:ipc", "aeron-spy:aeron:ipc"}) {
        EXPECT_THAT(refusal(text), HasSubstr("\"" + text + "\"")) << text;
    }
    for (const std::string value :
         {"x", "-1", "4q", "4mm", "m", "0x10", "99999999999999999999", "99999999999g"}) {
        EXPECT_THAT(refusal("aeron:ipc?term-length=" + value), HasSubstr("\"" + value + "\"")) << value;
    }
}

}  // namespace
}  // namespace tensorpool::messaging
