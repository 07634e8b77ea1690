// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/test_pattern.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tensorpool::apps {
namespace {

/// A word of frame `seq`: neighbouring words and neighbouring frames differ in about half their bits.
constexpr std::uint64_t seq_word(std::uint64_t seq, std::uint64_t index) noexcept {
    std::uint64_t x = seq * 0x9E3779B97F4A7C15U + index * 0xD1B54A32D192ED03U;
    x ^= x >> 29U;
    x *= 0xBF58476D1CE4E5B9U;
    return x ^ (x >> 32U);
}

void fill_seq(std::uint64_t seq, std::span<std::byte> payload) noexcept {
    std::size_t at = 0;
    for (std::uint64_t index = 0; at < payload.size(); ++index, at += sizeof(std::uint64_t)) {
        const std::uint64_t word = seq_word(seq, index);
        std::memcpy(payload.data() + at, &word, std::min(sizeof(word), payload.size() - at));
    }
}

/// Elements of the last two dimensions that lie beside each other in memory.
struct Plane {
    std::size_t width;
    std::size_t rows;
};

Plane plane_of(const TensorLayout& layout, std::size_t elements) {
    const bool row = layout.major_order == MajorOrder::Row;
    const std::size_t fastest = row ? layout.ndims - 1U : 0U;
    std::size_t width = static_cast<std::size_t>(layout.dims[fastest]);
    // Colour images: one pixel of all channels counts as a step.
    if (row && layout.ndims == 3 && layout.dims[2] <= 4) width *= static_cast<std::size_t>(layout.dims[1]);
    return {std::max<std::size_t>(width, 1), elements / std::max<std::size_t>(width, 1)};
}

template <typename T>
T scaled(double part) {
    if constexpr (std::is_floating_point_v<T>) {
        return static_cast<T>(part);
    } else {
        return static_cast<T>(part * static_cast<double>(std::numeric_limits<T>::max()));
    }
}

template <typename T, typename Value>
void fill_plane(const TensorLayout& layout, std::span<std::byte> payload, Value value) {
    const std::size_t elements = payload.size() / sizeof(T);
    const Plane plane = plane_of(layout, elements);
    for (std::size_t i = 0; i < elements; ++i) {
        const T element = scaled<T>(value(i % plane.width, i / plane.width, plane));
        std::memcpy(payload.data() + i * sizeof(T), &element, sizeof(T));
    }
}

template <typename Value>
void fill_elements(const TensorLayout& layout, std::span<std::byte> payload, Value value) {
    switch (layout.dtype) {
        case Dtype::UInt16:
            return fill_plane<std::uint16_t>(layout, payload, value);
        case Dtype::Int16:
            return fill_plane<std::int16_t>(layout, payload, value);
        case Dtype::UInt32:
            return fill_plane<std::uint32_t>(layout, payload, value);
        case Dtype::Int32:
            return fill_plane<std::int32_t>(layout, payload, value);
        case Dtype::UInt64:
            return fill_plane<std::uint64_t>(layout, payload, value);
        case Dtype::Int64:
            return fill_plane<std::int64_t>(layout, payload, value);
        case Dtype::Float32:
            return fill_plane<float>(layout, payload, value);
        case Dtype::Float64:
            return fill_plane<double>(layout, payload, value);
        case Dtype::Int8:
            return fill_plane<std::int8_t>(layout, payload, value);
        default:
            return fill_plane<std::uint8_t>(layout, payload, value);
    }
}

}  // namespace

void fill_pattern(Pattern pattern, const TensorLayout& layout, std::uint64_t seq,
                  std::span<std::byte> payload) {
    switch (pattern) {
        case Pattern::Seq:
            return fill_seq(seq, payload);
        case Pattern::Gradient:
            return fill_elements(layout, payload, [seq](std::size_t x, std::size_t y, const Plane& plane) {
                const std::size_t period = plane.width + plane.rows;
                return static_cast<double>((x + y + seq) % period) / static_cast<double>(period);
            });
        case Pattern::Checker:
            return fill_elements(layout, payload, [seq](std::size_t x, std::size_t y, const Plane& plane) {
                const std::size_t square = std::max<std::size_t>(plane.width / 8, 1);
                return (x / square + y / square + seq) % 2 == 0 ? 0.9 : 0.1;
            });
    }
}

bool matches_seq_pattern(std::uint64_t seq, std::span<const std::byte> payload) noexcept {
    std::size_t at = 0;
    for (std::uint64_t index = 0; at < payload.size(); ++index, at += sizeof(std::uint64_t)) {
        const std::uint64_t word = seq_word(seq, index);
        if (std::memcmp(payload.data() + at, &word, std::min(sizeof(word), payload.size() - at)) != 0)
            return false;
    }
    return true;
}

}  // namespace tensorpool::apps
