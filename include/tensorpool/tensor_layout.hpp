// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor.hpp>

#include <array>
#include <cstdint>

namespace tensorpool {

/// Shape and element type of one tensor. Plain data; a writer fills it, a reader gets the validated copy.
struct TensorLayout {
    Dtype dtype = Dtype::UInt8;
    MajorOrder major_order = MajorOrder::Row;
    std::uint8_t ndims = 1;  ///< 1..8
    ProgressUnit progress_unit = ProgressUnit::None;
    std::uint32_t progress_stride_bytes = 0;  ///< 0 unless progress_unit is set (WIRE-053)
    std::array<std::int32_t, kMaxDims> dims{};
    /// Bytes per step of each dimension. A writer may leave 0 for "contiguous, infer it"; a reader always
    /// gets the resolved value (WIRE-049).
    std::array<std::int32_t, kMaxDims> strides{};
};

/// What travels with a frame beside its bytes.
struct FrameInfo {
    TensorLayout tensor{};
    std::uint32_t values_len_bytes = 0;  ///< payload bytes in use; 0 is a valid empty frame (WIRE-030)
    std::uint64_t timestamp_ns = 0;      ///< capture time; 0 = unknown, the producer stamps the commit time
    std::uint32_t meta_version = 0;      ///< metadata version that describes the frame; 0 = none
    std::uint64_t trace_id = 0;          ///< 0 = not traced (WIRE-103)
};

/// A contiguous row-major image of `height` x `width` pixels; `channels` > 1 adds a last dimension.
[[nodiscard]] constexpr TensorLayout image_layout(Dtype dtype, std::int32_t height, std::int32_t width,
                                                  std::int32_t channels = 1) noexcept {
    TensorLayout layout;
    layout.dtype = dtype;
    layout.ndims = channels > 1 ? 3 : 2;
    layout.dims[0] = height;
    layout.dims[1] = width;
    if (channels > 1) layout.dims[2] = channels;
    return layout;
}

}  // namespace tensorpool
