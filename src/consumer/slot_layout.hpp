// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shm/strides.hpp"
#include "wire/shm_records.hpp"

#include <cstring>

namespace tensorpool::consumer {

/// The tensor layout in a private copy of a header slot, validated and with its strides resolved (WIRE-027,
/// WIRE-046 to WIRE-053). False: not usable. `extent_bytes` receives what the layout addresses.
[[nodiscard]] inline bool decode_slot_layout(const wire::HeaderSlot& slot, TensorLayout& layout,
                                             std::uint64_t& extent_bytes) noexcept {
    const wire::MessageHeader header = slot.tensor_message;
    if (slot.header_bytes_length != wire::kHeaderBytesLength ||
        header.block_length != sizeof(wire::TensorHeader) ||
        header.template_id != wire::kTensorHeaderTemplateId || header.schema_id != wire::kControlSchemaId ||
        header.version != wire::kControlSchemaVersion) {
        return false;  // WIRE-027
    }
    layout = TensorLayout{};
    layout.dtype = slot.tensor.dtype;
    layout.major_order = slot.tensor.major_order;
    layout.ndims = slot.tensor.ndims;
    layout.progress_unit = slot.tensor.progress_unit;
    layout.progress_stride_bytes = slot.tensor.progress_stride_bytes;
    if (layout.ndims == 0 || layout.ndims > kMaxDims) return false;  // WIRE-046
    // Entries from ndims on are ignored (WIRE-047); a reader may not even have copied them.
    std::memcpy(layout.dims.data(), slot.tensor.dims, layout.ndims * sizeof(std::int32_t));
    std::memcpy(layout.strides.data(), slot.tensor.strides, layout.ndims * sizeof(std::int32_t));
    return shm::resolve_layout(layout, extent_bytes) == shm::LayoutFault::None;
}

}  // namespace tensorpool::consumer
