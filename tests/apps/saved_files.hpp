// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#ifdef TP_HAVE_PNG
#include <png.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#endif

// Readers of what the programs save that share no code with the writers.
namespace tensorpool::test {

/// The content of a file; empty when there is none.
std::string content_of(const std::string& file);
void write_content(const std::string& file, const std::string& content);

/// A .npy file of version 1, taken apart.
struct NpyFile {
    std::size_t header_end = 0;
    std::string header;  ///< the Python literal, without padding
    std::string data;
};
/// Throws std::runtime_error.
NpyFile take_npy_apart(const std::string& file);

/// A .npy file of version 1 made by hand.
std::string npy_content(const std::string& header, const std::string& data);

#ifdef TP_HAVE_PNG
struct PngImage {
    std::uint32_t width = 0, height = 0;
    int channels = 0, bit_depth = 0;
    std::string pixels;  ///< rows without padding, 16-bit samples in little-endian
};

inline PngImage read_png(const std::string& file) {
    struct Close {
        void operator()(std::FILE* f) const noexcept { std::fclose(f); }
    };
    const std::unique_ptr<std::FILE, Close> in(std::fopen(file.c_str(), "rbe"));
    if (!in) throw std::runtime_error(file + ": cannot be opened");
    png_structp png = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, nullptr,
        [](png_structp, png_const_charp message) { throw std::runtime_error(message); }, nullptr);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, in.get());
    png_read_png(png, info, PNG_TRANSFORM_SWAP_ENDIAN, nullptr);
    PngImage image;
    image.width = png_get_image_width(png, info);
    image.height = png_get_image_height(png, info);
    image.channels = png_get_channels(png, info);
    image.bit_depth = png_get_bit_depth(png, info);
    png_bytepp rows = png_get_rows(png, info);
    for (std::uint32_t row = 0; row < image.height; ++row)
        image.pixels.append(reinterpret_cast<const char*>(rows[row]), png_get_rowbytes(png, info));
    png_destroy_read_struct(&png, &info, nullptr);
    return image;
}
#endif

}  // namespace tensorpool::test
