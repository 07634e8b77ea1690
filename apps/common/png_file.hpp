// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tensorpool::apps {

#ifdef TP_HAVE_PNG
inline constexpr bool kHavePng = true;
#else
inline constexpr bool kHavePng = false;
#endif

/// A packed image as the content of a PNG file; `file` is for messages. Throws Error(Unsupported) for what is
/// no image, or for everything in a build without libpng.
[[nodiscard]] std::vector<std::byte> encode_png(const std::string& file, const TensorLayout& layout,
                                                std::span<const std::byte> packed);

}  // namespace tensorpool::apps
