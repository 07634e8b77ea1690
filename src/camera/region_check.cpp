// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/region_check.hpp"

#include <fmt/format.h>

namespace tensorpool::camera {

std::string axis_problem(const char* offset_name, const char* size_name, std::int64_t offset,
                         std::int64_t size, const AxisLimits& limits) {
    if (limits.sensor <= 0) return {};
    const auto& [sensor, least, size_step, offset_step] = limits;
    if (size < least)
        return fmt::format("{} {} is below the camera's least; valid {} is {}..{}", size_name, size,
                           size_name, least, sensor);
    if (size > sensor)
        return fmt::format("{} {} exceeds the sensor's {} pixels; valid {} is {}..{}", size_name, size,
                           sensor, size_name, least, sensor);
    if (size_step > 1 && (size - least) % size_step != 0)
        return fmt::format("{} {} is not a step of the camera's; the next below is {}, in steps of {}",
                           size_name, size, size - (size - least) % size_step, size_step);
    if (offset < 0)
        return fmt::format("{} is negative; valid {} is 0..{}", offset_name, offset_name, sensor - size);
    if (offset > sensor - size)
        return fmt::format("{} + {} exceeds the sensor's {} pixels; valid {} is 0..{}", offset_name,
                           size_name, sensor, offset_name, sensor - size);
    if (offset_step > 1 && offset % offset_step != 0)
        return fmt::format("{} {} is not a step of the camera's; the next below is {}, in steps of {}",
                           offset_name, offset, offset - offset % offset_step, offset_step);
    return {};
}

}  // namespace tensorpool::camera
