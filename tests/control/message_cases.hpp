// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/codec.hpp"
#include "support/golden.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::test {

struct Decoded {
    control::DecodeResult result = control::DecodeResult::Ok;
    FieldMap fields;  ///< after Ok
};

/// decode() and encode() of one message type, with the message as a FieldMap.
struct MessageCodec {
    std::string_view message;  ///< its name in the schema
    Decoded (*decode)(std::span<const std::byte> in);
    std::size_t (*encode)(std::span<std::byte> out, const FieldMap& fields);
};

/// Every message type.
[[nodiscard]] const std::vector<MessageCodec>& message_codecs();
[[nodiscard]] const MessageCodec& codec_of(std::string_view message);

/// Every golden vector of schemas 900 and 901.
[[nodiscard]] const std::vector<Golden>& message_vectors();

/// A copy of a vector's bytes with another message header.
struct Header {
    std::uint16_t block_length;
    std::uint16_t template_id;
    std::uint16_t schema_id;
    std::uint16_t version;
};
[[nodiscard]] Header header_of(const Golden& golden);
[[nodiscard]] std::vector<std::byte> with_header(std::vector<std::byte> bytes, const Header& header);

void put_u16(std::vector<std::byte>& bytes, std::size_t at, std::uint16_t value);
void put_u32(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value);

}  // namespace tensorpool::test
