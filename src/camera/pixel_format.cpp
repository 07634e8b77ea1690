// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/pixel_format.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace tensorpool::camera {

namespace {

constexpr std::array kFormats{
    PixelFormat{0x01080001, "Mono8", Dtype::UInt8, 1},
    PixelFormat{0x01080002, "Mono8s", Dtype::Int8, 1},
    PixelFormat{0x01100003, "Mono10", Dtype::UInt16, 1},
    PixelFormat{0x01100005, "Mono12", Dtype::UInt16, 1},
    PixelFormat{0x01100025, "Mono14", Dtype::UInt16, 1},
    PixelFormat{0x01100007, "Mono16", Dtype::UInt16, 1},
    PixelFormat{0x01080008, "BayerGR8", Dtype::UInt8, 1},
    PixelFormat{0x01080009, "BayerRG8", Dtype::UInt8, 1},
    PixelFormat{0x0108000A, "BayerGB8", Dtype::UInt8, 1},
    PixelFormat{0x0108000B, "BayerBG8", Dtype::UInt8, 1},
    PixelFormat{0x0110000C, "BayerGR10", Dtype::UInt16, 1},
    PixelFormat{0x0110000D, "BayerRG10", Dtype::UInt16, 1},
    PixelFormat{0x0110000E, "BayerGB10", Dtype::UInt16, 1},
    PixelFormat{0x0110000F, "BayerBG10", Dtype::UInt16, 1},
    PixelFormat{0x01100010, "BayerGR12", Dtype::UInt16, 1},
    PixelFormat{0x01100011, "BayerRG12", Dtype::UInt16, 1},
    PixelFormat{0x01100012, "BayerGB12", Dtype::UInt16, 1},
    PixelFormat{0x01100013, "BayerBG12", Dtype::UInt16, 1},
    PixelFormat{0x0110002E, "BayerGR16", Dtype::UInt16, 1},
    PixelFormat{0x0110002F, "BayerRG16", Dtype::UInt16, 1},
    PixelFormat{0x01100030, "BayerGB16", Dtype::UInt16, 1},
    PixelFormat{0x01100031, "BayerBG16", Dtype::UInt16, 1},
    PixelFormat{0x02180014, "RGB8", Dtype::UInt8, 3},
    PixelFormat{0x02180015, "BGR8", Dtype::UInt8, 3},
    PixelFormat{0x02200016, "RGBa8", Dtype::UInt8, 4},
    PixelFormat{0x02200017, "BGRa8", Dtype::UInt8, 4},
    PixelFormat{0x02300033, "RGB16", Dtype::UInt16, 3},
};

}  // namespace

std::span<const PixelFormat> pixel_formats() noexcept {
    return kFormats;
}

const PixelFormat* find_pixel_format(std::uint32_t code) noexcept {
    const auto* const found = std::find_if(kFormats.begin(), kFormats.end(),
                                           [code](const PixelFormat& f) { return f.code == code; });
    return found == kFormats.end() ? nullptr : found;
}

std::string_view to_string(ImageError error) noexcept {
    switch (error) {
        case ImageError::UnknownFormat:
            return "pixel format without a tensor layout";
        case ImageError::BadGeometry:
            return "impossible width, height or padding";
        case ImageError::TooShort:
            return "fewer bytes than the image needs";
    }
    return "unknown";
}

expected<FrameInfo, ImageError> describe_image(const ImageGeometry& image,
                                               std::uint64_t capacity_bytes) noexcept {
    const PixelFormat* const format = find_pixel_format(image.pixel_format);
    if (format == nullptr) return unexpected(ImageError::UnknownFormat);
    if (image.width <= 0 || image.height <= 0 || image.row_padding_bytes < 0)
        return unexpected(ImageError::BadGeometry);

    // 64 bits hold the product of any three 31-bit numbers this small; the limits follow from the layout's
    // fields.
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    const std::uint64_t element = element_size(format->dtype);
    const std::uint64_t pixel = element * static_cast<std::uint64_t>(format->channels);
    const std::uint64_t row =
        pixel * static_cast<std::uint64_t>(image.width) + static_cast<std::uint64_t>(image.row_padding_bytes);
    if (row > kMost) return unexpected(ImageError::BadGeometry);
    const std::uint64_t bytes = row * static_cast<std::uint64_t>(image.height);
    if (bytes > std::numeric_limits<std::uint32_t>::max() || bytes > capacity_bytes)
        return unexpected(ImageError::BadGeometry);
    if (bytes > image.received_bytes) return unexpected(ImageError::TooShort);
    if (image.row_padding_bytes % static_cast<std::int32_t>(element) != 0)
        return unexpected(ImageError::BadGeometry);

    FrameInfo info;
    info.tensor = image_layout(format->dtype, image.height, image.width, format->channels);
    info.tensor.strides[0] = static_cast<std::int32_t>(row);
    info.tensor.strides[1] = static_cast<std::int32_t>(pixel);
    if (format->channels > 1) info.tensor.strides[2] = static_cast<std::int32_t>(element);
    info.values_len_bytes = static_cast<std::uint32_t>(bytes);
    return info;
}

}  // namespace tensorpool::camera
