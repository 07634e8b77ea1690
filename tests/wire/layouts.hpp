// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/cursor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tensorpool::test {

/// One fixed field of a wire struct, under its name in the schema.
struct FieldLayout {
    std::string_view name;
    std::size_t offset;
    std::size_t size;       ///< of one element
    std::size_t count = 1;  ///< elements; more than 1 for arrays
};

/// The fixed block of a message, with the two cursor calls that move it.
struct BlockLayout {
    std::string_view message;
    std::uint16_t schema_id;
    std::uint16_t template_id;
    std::uint16_t block_length;
    std::size_t struct_size;
    std::vector<FieldLayout> fields;
    /// Message header and block as Encoder::message() writes them; how many bytes, 0 when they do not fit.
    std::size_t (*encode)(std::span<std::byte> out, const std::byte* block);
    /// What Decoder::message() says; `block` receives `block_length` bytes.
    wire::DecodeError (*decode)(std::span<const std::byte> in, std::byte* block);
};

/// Every message of schemas 900, 901 and 903.
[[nodiscard]] const std::vector<BlockLayout>& message_layouts();
/// The entry of both payloadPools groups.
[[nodiscard]] const std::vector<FieldLayout>& pool_entry_fields();
/// The entries of the rules groups of schema 903.
[[nodiscard]] const std::vector<FieldLayout>& sequence_rule_fields();
[[nodiscard]] const std::vector<FieldLayout>& timestamp_rule_fields();
/// The three records in shared memory (templates 50 to 52).
[[nodiscard]] const std::vector<FieldLayout>& superblock_fields();
[[nodiscard]] const std::vector<FieldLayout>& slot_header_fields();
[[nodiscard]] const std::vector<FieldLayout>& tensor_header_fields();

}  // namespace tensorpool::test
