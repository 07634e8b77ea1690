// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/expected.hpp>
#include <tensorpool/tensor_layout.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace tensorpool::camera {

/// A pixel format of the GenICam Pixel Format Naming Convention that is a tensor as it stands.
struct PixelFormat {
    std::uint32_t code = 0;  ///< PFNC value, as cameras send it
    std::string_view name;   ///< PFNC name
    Dtype dtype = Dtype::Unknown;
    std::int32_t channels = 1;
};

/// Every format with a tensor layout. Formats narrower than their element (Mono10, Mono12) keep their values
/// unscaled in the low bits of a UINT16. Packed formats share bytes between pixels and have none.
[[nodiscard]] std::span<const PixelFormat> pixel_formats() noexcept;
/// nullptr when `code` has no tensor layout.
[[nodiscard]] const PixelFormat* find_pixel_format(std::uint32_t code) noexcept;

/// What a camera says about one image. Every value is foreign.
struct ImageGeometry {
    std::uint32_t pixel_format = 0;
    std::int32_t width = 0;
    std::int32_t height = 0;
    std::int32_t row_padding_bytes = 0;
    std::uint64_t received_bytes = 0;
};

enum class ImageError : std::uint8_t {
    UnknownFormat,  ///< no tensor layout
    BadGeometry,    ///< an empty or impossibly large image
    TooShort,       ///< fewer bytes than the geometry asks for
};

[[nodiscard]] std::string_view to_string(ImageError error) noexcept;

/// Tensor layout and length of an image of at most `capacity_bytes`: {height, width} or {height, width,
/// channels}, row-major; padded rows show in the strides. Timestamps are the caller's.
[[nodiscard]] expected<FrameInfo, ImageError> describe_image(const ImageGeometry& image,
                                                             std::uint64_t capacity_bytes) noexcept;

}  // namespace tensorpool::camera
