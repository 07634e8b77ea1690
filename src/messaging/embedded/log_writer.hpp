// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefetch.hpp"
#include "base/racy_copy.hpp"
#include "messaging/embedded/log_layout.hpp"

#include <span>

namespace tensorpool::messaging::embedded {

/// Appends records to a mapped log. It never waits for readers. One thread.
class LogWriter {
public:
    LogWriter() noexcept = default;
    LogWriter(std::byte* file, std::uint64_t cells) noexcept
        : ring_(file + kLogHeaderBytes), tail_(&header(file)->tail), mask_(cells - 1) {}

    /// Precondition: message.size() <= max_message_bytes(cells).
    void append(std::span<const std::byte> message) noexcept {
        if (message.size() > kFirstCellData) return append_long(message);
        std::byte* data = begin_short();
        copy_short(data, message.data(), message.size());
        commit_short(static_cast<std::uint32_t>(message.size()));
    }

    /// Marks the next cell as in progress and lends its 48 data bytes. Nothing is used up until
    /// commit_short(): without it the next record starts in the same cell.
    [[nodiscard]] std::byte* begin_short() noexcept {
        std::byte* cell = cell_at(next_);
        base::store_relaxed(stamp(cell), stamp_of(next_, kFirstBit));
        base::fence_release();  // pairs with the fence_acquire of LogReader: new data implies a changed stamp
        return cell + offsetof(FirstCell, data);
    }

    void commit_short(std::uint32_t length) noexcept {
        std::byte* cell = cell_at(next_);
        put_record_header(cell, length);
        commit_first(cell, 1);
    }

    /// Takes ownership of the cache line that the next record starts in.
    void prefetch_next() const noexcept { base::prefetch_for_write(cell_at(next_)); }

    [[nodiscard]] std::uint64_t next_cell() const noexcept { return next_; }

private:
    static LogHeader* header(std::byte* file) noexcept {
        return reinterpret_cast<LogHeader*>(static_cast<void*>(file));
    }
    static std::uint64_t& stamp(std::byte* cell) noexcept {
        return *reinterpret_cast<std::uint64_t*>(static_cast<void*>(cell));
    }
    [[nodiscard]] std::byte* cell_at(std::uint64_t cell) const noexcept {
        return ring_ + (cell & mask_) * kCellBytes;
    }

    static void put_record_header(std::byte* cell, std::uint32_t length) noexcept {
        // Length and type as one word.
        const std::uint64_t word = std::uint64_t{kDataRecord} << 32 | length;
        static_assert(std::endian::native == std::endian::little);
        base::racy_copy_to_shared(cell + offsetof(FirstCell, length), &word, sizeof(word));
    }

    void commit_first(std::byte* first, std::uint64_t cells) noexcept {
        base::store_release(stamp(first),
                            stamp_of(next_, kFirstBit | kCommittedBit));  // pairs with LogReader
        next_ += cells;
        base::store_release(*tail_, next_);  // pairs with the load_acquire of joining and lapped readers
    }

    // Overlapping moves instead of a call to memcpy for a length the compiler does not know.
    static void copy_short(std::byte* to, const std::byte* from, std::size_t n) noexcept {
        if (n >= 32) {
            base::racy_copy_to_shared(to, from, 32);
            base::racy_copy_to_shared(to + n - 16, from + n - 16, 16);
        } else if (n >= 16) {
            base::racy_copy_to_shared(to, from, 16);
            base::racy_copy_to_shared(to + n - 16, from + n - 16, 16);
        } else if (n >= 8) {
            base::racy_copy_to_shared(to, from, 8);
            base::racy_copy_to_shared(to + n - 8, from + n - 8, 8);
        } else if (n > 0) {
            base::racy_copy_to_shared(to, from, n);
        }
    }

    void append_long(std::span<const std::byte> message) noexcept;

    std::byte* ring_ = nullptr;
    std::uint64_t* tail_ = nullptr;
    std::uint64_t mask_ = 0;
    std::uint64_t next_ = 0;
};

}  // namespace tensorpool::messaging::embedded
