// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tensorpool::apps {

enum class Pattern : std::uint8_t {
    Gradient,  ///< a ramp that moves with the frame number
    Checker,   ///< squares that change places with every frame
    Seq,       ///< pseudo-random words derived from the frame number: a reader can prove a frame whole
};

/// Fills one frame. `layout` describes `payload`.
void fill_pattern(Pattern pattern, const TensorLayout& layout, std::uint64_t seq,
                  std::span<std::byte> payload);

/// Whether `payload` is what Pattern::Seq wrote for `seq`, every byte of it.
[[nodiscard]] bool matches_seq_pattern(std::uint64_t seq, std::span<const std::byte> payload) noexcept;

}  // namespace tensorpool::apps
