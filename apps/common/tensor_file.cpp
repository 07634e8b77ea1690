// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/tensor_file.hpp"

#include "common/png_file.hpp"
#include "common/program.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace tensorpool::apps {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
/// numpy aligns the data to this; headers above a megabyte are not numpy's.
constexpr std::size_t kNpyAlignment = 64;
constexpr std::size_t kMaxNpyHeader = 1 << 20;

struct NpyType {
    Dtype dtype;
    std::string_view code;
};
constexpr std::array kNpyTypes{
    NpyType{Dtype::UInt8, "|u1"},   NpyType{Dtype::Int8, "|i1"},    NpyType{Dtype::UInt16, "<u2"},
    NpyType{Dtype::Int16, "<i2"},   NpyType{Dtype::UInt32, "<u4"},  NpyType{Dtype::Int32, "<i4"},
    NpyType{Dtype::UInt64, "<u8"},  NpyType{Dtype::Int64, "<i8"},   NpyType{Dtype::Float32, "<f4"},
    NpyType{Dtype::Float64, "<f8"}, NpyType{Dtype::Boolean, "|b1"},
};

std::string extension_of(const std::string& file) {
    return std::filesystem::path(file).extension().string();
}

/// The elements in index order without padding, last index fastest (row) or first index fastest (column).
std::vector<std::byte> packed(const TensorLayout& layout, std::span<const std::byte> payload) {
    const auto beyond = [] {
        return Error(ErrorCode::ProtocolError, "the frame's shape and strides reach past its payload");
    };
    const std::size_t element = element_size(layout.dtype);
    const auto dims = std::span(layout.dims).first(layout.ndims);
    if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return {};
    std::size_t count = 1;
    for (std::size_t d = 0; d < layout.ndims; ++d) {
        const auto extent = static_cast<std::size_t>(layout.dims[d]);
        if (layout.dims[d] < 0 || layout.strides[d] < 0 || extent > payload.size() / count) throw beyond();
        count *= extent;
    }
    if (element > payload.size() / count) throw beyond();
    std::vector<std::byte> out(count * element);
    std::array<std::int32_t, kMaxDims> index{};
    const bool row = layout.major_order == MajorOrder::Row;
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t offset = 0;
        for (std::size_t d = 0; d < layout.ndims; ++d)
            offset += static_cast<std::size_t>(index[d]) * static_cast<std::size_t>(layout.strides[d]);
        if (offset > payload.size() - element) throw beyond();
        std::memcpy(out.data() + i * element, payload.data() + offset, element);
        for (std::size_t step = 0; step < layout.ndims; ++step) {
            const std::size_t d = row ? layout.ndims - 1 - step : step;
            if (++index[d] < layout.dims[d]) break;
            index[d] = 0;
        }
    }
    return out;
}

std::vector<std::byte> encode_npy(const std::string& file, const TensorLayout& layout,
                                  std::span<const std::byte> data) {
    std::string_view code;
    for (const NpyType& type : kNpyTypes) {
        if (type.dtype == layout.dtype) code = type.code;
    }
    if (code.empty())
        throw Error(ErrorCode::Unsupported,
                    fmt::format("{}: numpy has no dtype for {}", file, to_string(layout.dtype)));
    std::string shape;
    for (std::size_t d = 0; d < layout.ndims; ++d) shape += fmt::format("{}, ", layout.dims[d]);
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}", code,
                                     layout.major_order == MajorOrder::Column ? "True" : "False", shape);
    const std::size_t fixed = kNpyMagic.size() + 4;  // magic, version, header length
    header.append(kNpyAlignment - 1 - (fixed + header.size()) % kNpyAlignment, ' ');
    header += '\n';

    std::string start(kNpyMagic);
    start += {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
    start += header;
    std::vector<std::byte> bytes(start.size() + data.size());
    std::memcpy(bytes.data(), start.data(), start.size());
    if (!data.empty()) std::memcpy(bytes.data() + start.size(), data.data(), data.size());
    return bytes;
}

/// Replaces `file`. What could be written only in part is removed.
void write_file(const std::string& file, std::span<const std::byte> bytes) {
    const auto fail = [&] {
        return Error(ErrorCode::SystemError, fmt::format("{}: {}", file, std::strerror(errno)));
    };
    std::FILE* const out = std::fopen(file.c_str(), "wbe");
    if (out == nullptr) throw fail();
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
    if (std::fclose(out) == 0 && written) return;
    const Error error = fail();
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) std::filesystem::remove(file, ignored);
    throw error;
}

/// What stands behind `'key':` in a .npy header.
std::string_view npy_value(std::string_view header, std::string_view key) {
    const std::size_t at = header.find(fmt::format("'{}'", key));
    if (at == std::string_view::npos) return {};
    const std::size_t colon = header.find(':', at);
    if (colon == std::string_view::npos) return {};
    const std::size_t begin = header.find_first_not_of(' ', colon + 1);
    return begin == std::string_view::npos ? std::string_view{} : header.substr(begin);
}

TensorLayout parse_npy_header(const std::string& file, std::string_view header) {
    const auto fail = [&](std::string_view why) -> Error {
        return {ErrorCode::InvalidConfig, fmt::format("{}: {}", file, why)};
    };
    TensorLayout layout;
    const std::string_view descr = npy_value(header, "descr");
    std::optional<Dtype> dtype;
    for (const NpyType& type : kNpyTypes) {
        if (descr.substr(0, 5) == fmt::format("'{}'", type.code)) dtype = type.dtype;
    }
    if (!dtype) throw fail("its dtype is none of u1 i1 u2 i2 u4 i4 u8 i8 f4 f8 b1 in little-endian");
    layout.dtype = *dtype;
    const std::string_view fortran = npy_value(header, "fortran_order");
    if (!fortran.starts_with("True") && !fortran.starts_with("False"))
        throw fail("its fortran_order is neither True nor False");
    layout.major_order = fortran.starts_with("True") ? MajorOrder::Column : MajorOrder::Row;

    std::string_view shape = npy_value(header, "shape");
    const std::size_t close = shape.find(')');
    if (shape.empty() || shape.front() != '(' || close == std::string_view::npos)
        throw fail("its shape is malformed");
    shape = shape.substr(1, close - 1);
    layout.ndims = 0;
    while (!shape.empty()) {
        const std::size_t comma = std::min(shape.find(','), shape.size());
        std::string_view number = shape.substr(0, comma);
        while (!number.empty() && number.front() == ' ') number.remove_prefix(1);
        shape.remove_prefix(std::min(comma + 1, shape.size()));
        if (number.empty()) continue;
        std::int32_t extent = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), extent);
        if (error != std::errc{} || end != number.data() + number.size() || extent < 1)
            throw fail("its shape is malformed or an extent is not in 1..2147483647");
        if (layout.ndims == kMaxDims) throw fail("it has more than 8 dimensions");
        layout.dims[layout.ndims++] = extent;
    }
    if (layout.ndims == 0) throw fail("it is a scalar; a tensor has 1 to 8 dimensions");
    return layout;
}

}  // namespace

void check_tensor_file_name(const std::string& file) {
    const std::string extension = extension_of(file);
    if (extension == ".png" && !kHavePng)
        throw UsageError(fmt::format("{}: this build has no PNG support; use .npy", file));
    if (extension != ".png" && extension != ".npy")
        throw UsageError(fmt::format("{}: unknown file type '{}'; valid are .png and .npy", file, extension));
}

void write_tensor(const std::string& file, const TensorLayout& layout, std::span<const std::byte> payload) {
    const std::vector<std::byte> data = packed(layout, payload);
    // Encoded before the file is touched: a tensor that does not fit the type leaves an older file alone.
    write_file(
        file, extension_of(file) == ".png" ? encode_png(file, layout, data) : encode_npy(file, layout, data));
}

std::vector<std::byte> read_bytes(const std::string& file) {
    std::error_code error;
    const auto type = std::filesystem::status(file, error).type();
    if (type == std::filesystem::file_type::not_found)
        throw Error(ErrorCode::NotFound, fmt::format("{}: no such file", file));
    if (type != std::filesystem::file_type::regular)  // opening a FIFO would wait for its other end
        throw Error(ErrorCode::AccessDenied, fmt::format("{}: not a regular file", file));
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    const std::streamoff length = in ? std::streamoff{in.tellg()} : -1;
    if (length < 0) throw Error(ErrorCode::AccessDenied, fmt::format("{}: {}", file, std::strerror(errno)));
    std::vector<std::byte> bytes(static_cast<std::size_t>(length));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!in) throw Error(ErrorCode::SystemError, fmt::format("{}: cannot be read", file));
    return bytes;
}

TensorData read_npy(const std::string& file) {
    std::vector<std::byte> bytes = read_bytes(file);
    const auto fail = [&](std::string_view why) -> Error {
        return {ErrorCode::InvalidConfig, fmt::format("{}: {}", file, why)};
    };
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto byte_at = [&](std::size_t at) { return static_cast<std::size_t>(bytes[at]); };
    if (text.size() < 12 || !text.starts_with(kNpyMagic)) throw fail("not a .npy file");
    const std::size_t version = byte_at(kNpyMagic.size());
    if (version != 1 && version != 2)
        throw fail(fmt::format(".npy version {}; versions 1 and 2 can be read", version));
    std::size_t header_at = 10;
    std::size_t header_bytes = byte_at(8) | byte_at(9) << 8U;
    if (version == 2) {
        header_at = 12;
        header_bytes |= byte_at(10) << 16U | byte_at(11) << 24U;
    }
    if (header_bytes > kMaxNpyHeader || header_at + header_bytes > text.size())
        throw fail("its header is cut short");
    TensorData tensor;
    tensor.layout = parse_npy_header(file, text.substr(header_at, header_bytes));
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header_at + header_bytes));
    std::uint64_t expected = element_size(tensor.layout.dtype);
    for (std::size_t d = 0; d < tensor.layout.ndims; ++d) {
        const auto extent = static_cast<std::uint64_t>(tensor.layout.dims[d]);
        if (expected > UINT64_MAX / extent) throw fail("its shape is too large");
        expected *= extent;
    }
    if (bytes.size() != expected)
        throw fail(fmt::format("{} bytes of data, its shape needs {}", bytes.size(), expected));
    tensor.bytes = std::move(bytes);
    return tensor;
}

}  // namespace tensorpool::apps
