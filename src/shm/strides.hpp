// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor_layout.hpp>

#include "wire/shm_records.hpp"

#include <cstdint>
#include <string_view>

namespace tensorpool::shm {

/// Why a tensor layout is not usable. The text names the rule.
enum class LayoutFault : std::uint8_t {
    None,
    BadDtype,         ///< WIRE-048
    BadMajorOrder,    ///< WIRE-048
    BadNdims,         ///< WIRE-046
    NegativeDim,      ///< WIRE-050
    NegativeStride,   ///< WIRE-050
    Overlap,          ///< WIRE-051: strides overlap or contradict the major order
    TooLarge,         ///< a stride or extent does not fit the format's 32 bits
    BadProgressUnit,  ///< WIRE-048
    BadProgress,      ///< WIRE-053, WIRE-110
    BeyondValues,     ///< WIRE-054: addresses more than values_len_bytes
};

[[nodiscard]] std::string_view to_string(LayoutFault fault) noexcept;

/// Checks `layout` and replaces every 0 stride by the inferred one (wire.md 5.6). Entries from ndims on
/// become 0. `extent_bytes` receives one past the highest addressed byte; 0 when a dimension is 0 (trap T15).
/// All arithmetic is 64-bit and checked: the values may come from a hostile peer.
[[nodiscard]] LayoutFault resolve_layout(TensorLayout& layout, std::uint64_t& extent_bytes) noexcept;

/// The layout that a copied header slot holds, checked and resolved. False when its embedded message is not
/// the TensorHeader we know (WIRE-027) or describes no usable layout. Of dims and strides only the first
/// ndims are looked at.
[[nodiscard]] bool read_tensor_header(const wire::HeaderSlot& slot, TensorLayout& layout,
                                      std::uint64_t& extent_bytes) noexcept;

}  // namespace tensorpool::shm
