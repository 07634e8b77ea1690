// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The bytes and field values that the official SBE tool made (tests/vectors/README.md).
namespace tensorpool::test {

/// Path of a field ("payloadPools[0].regionUri", "dims[2]", "attributes.size") to its value: an integer in
/// decimal, "NAME(number)" of an enumeration, the bytes of var data, or "null" where the field is absent.
using FieldMap = std::map<std::string, std::string>;

struct Golden {
    std::string name;     ///< "wire/ShmPoolAnnounce_nulls"
    std::string message;  ///< "ShmPoolAnnounce"
    std::uint16_t schema_id = 0;
    std::uint16_t template_id = 0;
    std::uint16_t version = 0;
    std::uint16_t block_length = 0;
    bool has_message_header = false;
    std::vector<std::byte> bytes;
    FieldMap fields;
    std::vector<std::string> order;            ///< the paths of `fields` as the schema orders them
    std::vector<std::string> null_fields;      ///< paths whose value is the schema's null
    std::map<std::string, std::uint64_t> raw;  ///< the integers of `fields`, two's complement, nulls included
};

/// `name` is a path below tests/vectors, without extension.
[[nodiscard]] Golden load_golden(const std::string& name);
/// The names of every vector in a folder of tests/vectors.
[[nodiscard]] std::vector<std::string> golden_names(std::string_view folder);

[[nodiscard]] std::vector<std::byte> from_hex(std::string_view hex);
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

/// A copy in a heap block of exactly its own size, so that AddressSanitizer sees one byte read past the end.
class ExactBuffer {
public:
    explicit ExactBuffer(std::span<const std::byte> bytes);

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }

private:
    std::unique_ptr<std::byte[]> data_;
    std::size_t size_;
};

}  // namespace tensorpool::test
