// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

// Tensors in files: numpy's .npy, PNG for images, raw bytes.
namespace tensorpool::apps {

struct TensorData {
    TensorLayout layout;
    std::vector<std::byte> bytes;
};

/// Checks before any frame arrives that a file name has an extension we write. Throws UsageError.
void check_tensor_file_name(const std::string& file);

/// Writes by extension: .png (UInt8 or UInt16, height x width or height x width x 1..4) or .npy (any numeric
/// dtype). Strides are honoured. Replaces an older file, but only by a tensor that the type can hold. Throws
/// Error that says what would be valid.
void write_tensor(const std::string& file, const TensorLayout& layout, std::span<const std::byte> payload);

/// Reads a .npy file (version 1 or 2, little-endian, C or Fortran order). Throws Error.
[[nodiscard]] TensorData read_npy(const std::string& file);

/// The whole of a regular file. Throws Error.
[[nodiscard]] std::vector<std::byte> read_bytes(const std::string& file);

}  // namespace tensorpool::apps
