// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/png_file.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>
#ifdef TP_HAVE_PNG
#include <png.h>
#endif

#include <new>

namespace tensorpool::apps {

#ifdef TP_HAVE_PNG
namespace {

struct PngWriter {
    png_structp png = nullptr;
    png_infop info = nullptr;
    PngWriter() = default;
    PngWriter(const PngWriter&) = delete;
    PngWriter& operator=(const PngWriter&) = delete;
    ~PngWriter() { png_destroy_write_struct(&png, &info); }
};

[[noreturn]] void throw_png_error(png_structp, png_const_charp message) {
    throw Error(ErrorCode::SystemError, fmt::format("PNG: {}", message));
}

/// What libpng has to say beside errors is not for the user's terminal.
void ignore_png_warning(png_structp, png_const_charp) {
}

void append_png_bytes(png_structp png, png_bytep data, png_size_t length) {
    auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
    const auto* const bytes = reinterpret_cast<const std::byte*>(data);
    out.insert(out.end(), bytes, bytes + length);
}

int color_type_of(std::int32_t channels) {
    switch (channels) {
        case 1:
            return PNG_COLOR_TYPE_GRAY;
        case 2:
            return PNG_COLOR_TYPE_GRAY_ALPHA;
        case 3:
            return PNG_COLOR_TYPE_RGB;
        default:
            return PNG_COLOR_TYPE_RGB_ALPHA;
    }
}

}  // namespace

std::vector<std::byte> encode_png(const std::string& file, const TensorLayout& layout,
                                  std::span<const std::byte> packed) {
    const bool deep = layout.dtype == Dtype::UInt16;
    const std::int32_t channels = layout.ndims == 3 ? layout.dims[2] : 1;
    const bool image = (layout.dtype == Dtype::UInt8 || deep) && layout.major_order == MajorOrder::Row &&
                       (layout.ndims == 2 || layout.ndims == 3) && layout.dims[0] > 0 && layout.dims[1] > 0 &&
                       channels >= 1 && channels <= 4;
    if (!image) {
        throw Error(
            ErrorCode::Unsupported,
            fmt::format("{}: {} with {} dimensions is no image; PNG takes UINT8 or UINT16 in rows, height x "
                        "width or height x width x 1..4; .npy takes everything",
                        file, to_string(layout.dtype), layout.ndims));
    }
    std::vector<std::byte> out;
    PngWriter writer;
    writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, throw_png_error, ignore_png_warning);
    if (writer.png != nullptr) writer.info = png_create_info_struct(writer.png);
    if (writer.info == nullptr) throw std::bad_alloc();
    png_set_write_fn(writer.png, &out, append_png_bytes, nullptr);
    const auto height = static_cast<png_uint_32>(layout.dims[0]);
    const auto width = static_cast<png_uint_32>(layout.dims[1]);
    png_set_IHDR(writer.png, writer.info, width, height, deep ? 16 : 8, color_type_of(channels),
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer.png, writer.info);
    if (deep) png_set_swap(writer.png);  // PNG is big-endian
    const std::size_t row_bytes = std::size_t{width} * static_cast<std::size_t>(channels) * (deep ? 2 : 1);
    for (std::size_t row = 0; row < height; ++row)
        png_write_row(writer.png, reinterpret_cast<png_const_bytep>(packed.data() + row * row_bytes));
    png_write_end(writer.png, nullptr);
    return out;
}

#else

std::vector<std::byte> encode_png(const std::string& file, const TensorLayout&, std::span<const std::byte>) {
    throw Error(ErrorCode::Unsupported, file + ": this build has no PNG support; use .npy");
}

#endif

}  // namespace tensorpool::apps
