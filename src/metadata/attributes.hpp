// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/metadata.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace tensorpool::metadata {

/// Throws Error(InvalidArgument) naming `what` unless `text` is ASCII (varAscii on the wire).
void require_ascii(std::string_view text, std::string_view what);

/// Throws Error(InvalidArgument) for a key or format that is empty or not ASCII.
void require_valid(const MetadataAttribute& attribute);

/// Bytes of keys, formats and values together.
[[nodiscard]] std::size_t content_bytes(const std::vector<MetadataAttribute>& attributes) noexcept;

}  // namespace tensorpool::metadata
