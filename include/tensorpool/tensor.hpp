// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorpool {

/// Most dimensions a tensor may have; fixed by the wire format (WIRE-008).
inline constexpr std::uint8_t kMaxDims = 8;

/// Element type, with its wire value (wire.md section 2). 12 is unassigned.
enum class Dtype : std::int16_t {
    Unknown = 0,
    UInt8 = 1,
    Int8 = 2,
    UInt16 = 3,
    Int16 = 4,
    UInt32 = 5,
    Int32 = 6,
    UInt64 = 7,
    Int64 = 8,
    Float32 = 9,
    Float64 = 10,
    Boolean = 11,
    Bytes = 13,
    Bit = 14,
};

/// Which dimension varies fastest: Row = the last, Column = the first.
enum class MajorOrder : std::int16_t { Unknown = 0, Row = 1, Column = 2 };

/// What one step of progress inside a frame is.
enum class ProgressUnit : std::uint8_t { None = 0, Rows = 1, Columns = 2 };

/// Bytes of one element; 1 for Boolean, Bytes and Bit (trap T15), 0 for anything that is not a known type.
[[nodiscard]] constexpr std::uint32_t element_size(Dtype dtype) noexcept {
    switch (dtype) {
        case Dtype::UInt8:
        case Dtype::Int8:
        case Dtype::Boolean:
        case Dtype::Bytes:
        case Dtype::Bit:
            return 1;
        case Dtype::UInt16:
        case Dtype::Int16:
            return 2;
        case Dtype::UInt32:
        case Dtype::Int32:
        case Dtype::Float32:
            return 4;
        case Dtype::UInt64:
        case Dtype::Int64:
        case Dtype::Float64:
            return 8;
        case Dtype::Unknown:
            break;
    }
    return 0;
}

/// "UINT8", "ROW", "ROWS", ... as the protocol spells them; "UNKNOWN" for anything else.
[[nodiscard]] std::string_view to_string(Dtype dtype) noexcept;
[[nodiscard]] std::string_view to_string(MajorOrder order) noexcept;
[[nodiscard]] std::string_view to_string(ProgressUnit unit) noexcept;

}  // namespace tensorpool
