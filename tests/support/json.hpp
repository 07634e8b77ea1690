// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::test {

/// One JSON value. Numbers stay text: test data holds integers of up to 64 bits.
struct Json {
    enum class Kind { Scalar, Array, Object };

    Kind kind = Kind::Scalar;
    std::string text;         ///< of a scalar: the string's content, or the literal ("42", "true", "null")
    std::vector<Json> items;  ///< of an array, or an object's values in file order
    std::vector<std::string> names;  ///< of an object: names[i] is the name of items[i]

    /// The member of that name, or nullptr.
    [[nodiscard]] const Json* find(std::string_view name) const noexcept;
    /// Throws std::runtime_error when there is no such member.
    [[nodiscard]] const Json& at(std::string_view name) const;
};

/// Throws std::runtime_error that names the offset.
[[nodiscard]] Json parse_json(std::string_view text);

/// The content of a file; throws std::runtime_error when it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace tensorpool::test
