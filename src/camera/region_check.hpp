// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tensorpool::camera {

/// What a camera allows along one axis, in pixels. Steps count from the smallest value.
struct AxisLimits {
    std::int64_t sensor = 0;  ///< 0: unknown, everything is left to the camera
    std::int64_t least_size = 1;
    std::int64_t size_step = 1;
    std::int64_t offset_step = 1;
};

/// Why a region of `size` pixels from `offset` on is impossible along an axis, with what would be possible;
/// empty when nothing speaks against it. `offset_name` and `size_name` are "x" and "width" or "y" and
/// "height".
[[nodiscard]] std::string axis_problem(const char* offset_name, const char* size_name, std::int64_t offset,
                                       std::int64_t size, const AxisLimits& limits);

}  // namespace tensorpool::camera
