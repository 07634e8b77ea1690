// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tensorpool::bridge {

/// Whether this build can compute CRC32C at all: it was configured with ISA-L.
[[nodiscard]] bool crc32c_available() noexcept;

/// CRC32C (Castagnoli) of `first` followed by `second` (BRG-058); 0 where it is not available.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> first,
                                   std::span<const std::byte> second = {}) noexcept;

}  // namespace tensorpool::bridge
