// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/strides.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace tensorpool::shm {
namespace {

constexpr std::int64_t kMaxStride = std::numeric_limits<std::int32_t>::max();

/// Resolves strides from the innermost dimension outwards. `at(k)` maps the k-th innermost to its index.
template <typename At>
LayoutFault resolve_strides(TensorLayout& layout, std::int64_t element_bytes, At at) noexcept {
    std::int64_t least = element_bytes;
    for (std::uint8_t k = 0; k < layout.ndims; ++k) {
        std::int32_t& stride = layout.strides[at(k)];
        const std::int64_t dim = layout.dims[at(k)];
        if (stride == 0) {
            if (least > kMaxStride) return LayoutFault::TooLarge;
            stride = static_cast<std::int32_t>(least);
        } else if (stride < least) {
            return LayoutFault::Overlap;
        }
        // Both factors are below 2^31, so the product fits.
        least = static_cast<std::int64_t>(stride) * std::max<std::int64_t>(dim, 1);
    }
    return LayoutFault::None;
}

LayoutFault check_progress(const TensorLayout& layout) noexcept {
    switch (layout.progress_unit) {
        case ProgressUnit::None:
            return LayoutFault::None;
        case ProgressUnit::Rows:
            return static_cast<std::int64_t>(layout.progress_stride_bytes) == layout.strides[0]
                       ? LayoutFault::None
                       : LayoutFault::BadProgress;
        case ProgressUnit::Columns:
            return layout.ndims >= 2 &&
                           static_cast<std::int64_t>(layout.progress_stride_bytes) == layout.strides[1]
                       ? LayoutFault::None
                       : LayoutFault::BadProgress;
    }
    return LayoutFault::BadProgressUnit;
}

}  // namespace

std::string_view to_string(LayoutFault fault) noexcept {
    switch (fault) {
        case LayoutFault::None:
            return "no fault";
        case LayoutFault::BadDtype:
            return "unknown dtype (WIRE-048)";
        case LayoutFault::BadMajorOrder:
            return "unknown major order (WIRE-048)";
        case LayoutFault::BadNdims:
            return "ndims is not in 1..8 (WIRE-046)";
        case LayoutFault::NegativeDim:
            return "a dimension is negative (WIRE-050)";
        case LayoutFault::NegativeStride:
            return "a stride is negative (WIRE-050)";
        case LayoutFault::Overlap:
            return "strides overlap or contradict the major order (WIRE-051)";
        case LayoutFault::TooLarge:
            return "a stride does not fit 31 bits";
        case LayoutFault::BadProgressUnit:
            return "unknown progress unit (WIRE-048)";
        case LayoutFault::BadProgress:
            return "the progress stride is not the row or column stride (WIRE-053)";
        case LayoutFault::BeyondValues:
            return "the tensor addresses bytes beyond values_len_bytes (WIRE-054)";
    }
    return "unknown fault";
}

LayoutFault resolve_layout(TensorLayout& layout, std::uint64_t& extent_bytes) noexcept {
    const std::uint32_t element_bytes = element_size(layout.dtype);
    if (element_bytes == 0) return LayoutFault::BadDtype;
    if (layout.ndims == 0 || layout.ndims > kMaxDims) return LayoutFault::BadNdims;
    const std::uint8_t ndims = layout.ndims;
    bool empty = false;
    for (std::uint8_t k = 0; k < ndims; ++k) {
        if (layout.dims[k] < 0) return LayoutFault::NegativeDim;
        if (layout.strides[k] < 0) return LayoutFault::NegativeStride;
        empty = empty || layout.dims[k] == 0;
    }
    std::fill(layout.dims.begin() + ndims, layout.dims.end(), 0);
    std::fill(layout.strides.begin() + ndims, layout.strides.end(), 0);

    LayoutFault fault = LayoutFault::BadMajorOrder;
    if (layout.major_order == MajorOrder::Row) {
        fault = resolve_strides(layout, element_bytes,
                                [ndims](std::uint8_t k) -> std::size_t { return ndims - 1u - k; });
    } else if (layout.major_order == MajorOrder::Column) {
        fault = resolve_strides(layout, element_bytes, [](std::uint8_t k) -> std::size_t { return k; });
    }
    if (fault != LayoutFault::None) return fault;

    extent_bytes = 0;
    if (!empty) {
        // At most 8 products below 2^62 would overflow 64 bits, but strides grow: the sum stays below twice
        // the largest term, which is below 2^62.
        std::uint64_t last = 0;
        for (std::uint8_t k = 0; k < ndims; ++k) {
            last += static_cast<std::uint64_t>(layout.dims[k] - 1) *
                    static_cast<std::uint64_t>(layout.strides[k]);
        }
        extent_bytes = last + element_bytes;
    }
    return check_progress(layout);
}

bool read_tensor_header(const wire::HeaderSlot& slot, TensorLayout& layout,
                        std::uint64_t& extent_bytes) noexcept {
    const wire::MessageHeader header = slot.tensor_message;
    if (slot.header_bytes_length != wire::kHeaderBytesLength ||
        header.block_length != sizeof(wire::TensorHeader) ||
        header.template_id != wire::kTensorHeaderTemplateId || header.schema_id != wire::kControlSchemaId ||
        header.version != wire::kControlSchemaVersion) {
        return false;
    }
    layout = {};
    layout.dtype = slot.tensor.dtype;
    layout.major_order = slot.tensor.major_order;
    layout.ndims = slot.tensor.ndims;
    layout.progress_unit = slot.tensor.progress_unit;
    layout.progress_stride_bytes = slot.tensor.progress_stride_bytes;
    if (layout.ndims == 0 || layout.ndims > kMaxDims) return false;  // WIRE-046
    // Entries from ndims on are ignored (WIRE-047); a reader may not even have copied them.
    std::memcpy(layout.dims.data(), slot.tensor.dims, layout.ndims * sizeof(std::int32_t));
    std::memcpy(layout.strides.data(), slot.tensor.strides, layout.ndims * sizeof(std::int32_t));
    return resolve_layout(layout, extent_bytes) == LayoutFault::None;
}

}  // namespace tensorpool::shm
