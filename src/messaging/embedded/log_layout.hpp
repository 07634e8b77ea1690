// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

// The file of one publication: a header page, then a ring of cells of one cache line each.
//
// A record fills one or more consecutive cells (the ring wraps between any two). Every cell is a seqlock of
// its own: its stamp names the absolute cell number, whether a record starts here, and whether the cell is
// committed. The first cell of a record is committed last, so whoever sees it committed sees the whole
// record. A record of up to 48 bytes is exactly one cache line, and a reader polls that line itself: no
// separate tail.
namespace tensorpool::messaging::embedded {

inline constexpr std::uint64_t kLogMagic = 0x31474F4C4D505400;  // "\0TPMLOG1" in memory
inline constexpr std::uint32_t kLogVersion = 1;
inline constexpr std::size_t kLogHeaderBytes = 4096;

inline constexpr std::size_t kCellBytes = 64;
inline constexpr std::size_t kFirstCellData = 48;  ///< after stamp, length and type
inline constexpr std::size_t kNextCellData = 56;   ///< after the stamp

inline constexpr std::uint64_t kMinTermBytes = 64U << 10;
inline constexpr std::uint64_t kDefaultTermBytes = 4U << 20;
inline constexpr std::uint64_t kSparseTermBytes = 256U << 10;  ///< most of a publication that says little
inline constexpr std::uint64_t kMaxTermBytes = 1U << 30;
inline constexpr std::uint64_t kMaxMessageBytes = 16U << 20;
inline constexpr std::size_t kMaxClaimBytes = 64U << 10;

/// Byte image at offset 0 of a log file.
struct LogHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::int32_t stream_id;
    std::int64_t session_id;
    std::uint32_t relaxed_writer;  ///< 1: the writer has no fence before it looks for waiters (waiter.hpp)
    std::uint32_t reserved0[9];
    std::uint64_t tail;  ///< next absolute cell number; its own cache line, never polled by readers
    std::uint64_t reserved1[7];
};
static_assert(sizeof(LogHeader) == 128 && std::is_trivially_copyable_v<LogHeader>);
static_assert(offsetof(LogHeader, session_id) == 16 && offsetof(LogHeader, relaxed_writer) == 24);
static_assert(offsetof(LogHeader, tail) == 64);

/// Byte image of the first cell of a record. Later cells are a stamp and 56 bytes of data.
struct FirstCell {
    std::uint64_t stamp;
    std::uint32_t length;
    std::uint32_t type;
    std::byte data[kFirstCellData];
};
static_assert(sizeof(FirstCell) == kCellBytes && offsetof(FirstCell, data) == 16);

inline constexpr std::uint32_t kDataRecord = 1;

// Stamps grow with the cell number, and for one cell: continuation in progress < continuation committed <
// first in progress < first committed. A freshly made log (all zero) reads as "cell 0 in progress".
inline constexpr std::uint64_t kCommittedBit = 1;
inline constexpr std::uint64_t kFirstBit = 2;

[[nodiscard]] constexpr std::uint64_t stamp_of(std::uint64_t cell, std::uint64_t bits) noexcept {
    return cell << 2 | bits;
}
[[nodiscard]] constexpr std::uint64_t cell_of(std::uint64_t stamp) noexcept {
    return stamp >> 2;
}

[[nodiscard]] constexpr std::uint64_t cells_for(std::uint64_t length) noexcept {
    return length <= kFirstCellData ? 1 : 1 + (length - kFirstCellData + kNextCellData - 1) / kNextCellData;
}

/// An eighth of the log, so that a reader that fell behind still finds whole records.
[[nodiscard]] constexpr std::uint64_t max_message_bytes(std::uint64_t cells) noexcept {
    return std::min<std::uint64_t>(cells * kCellBytes / 8, kMaxMessageBytes);
}

[[nodiscard]] constexpr std::uint64_t log_file_bytes(std::uint64_t cells) noexcept {
    return kLogHeaderBytes + cells * kCellBytes;
}

/// Cells of a log file of this size; 0 when no log has this size.
[[nodiscard]] constexpr std::uint64_t cells_of_file(std::uint64_t file_bytes) noexcept {
    if (file_bytes < log_file_bytes(kMinTermBytes / kCellBytes)) return 0;
    const std::uint64_t ring = file_bytes - kLogHeaderBytes;
    return std::has_single_bit(ring) && ring <= kMaxTermBytes ? ring / kCellBytes : 0;
}

}  // namespace tensorpool::messaging::embedded
