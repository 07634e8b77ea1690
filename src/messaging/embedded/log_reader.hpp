// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/racy_copy.hpp"
#include "messaging/embedded/log_layout.hpp"

#include <span>

namespace tensorpool::messaging::embedded {

/// Where a reader puts the private copy of a record.
struct RecordBuffer {
    alignas(kCellBytes) std::byte cell[kCellBytes];  ///< image of a first cell
    std::byte* large = nullptr;                      ///< max_message_bytes() of the largest log that is read
};

struct LossCounters {
    std::uint64_t lost_bytes = 0;
    std::uint64_t overruns = 0;
};

enum class ReadStatus : std::uint8_t {
    Empty,    ///< nothing committed at this position
    Record,   ///< a whole record was copied out
    Skipped,  ///< cells were lost (LossCounters); look again
};

/// Follows one log, which may be written at any moment, or hold garbage: a hostile log can make a reader lose
/// messages or deliver wrong bytes, never read outside the mapping, hang or crash. One thread.
class LogReader {
public:
    LogReader() noexcept = default;
    LogReader(const std::byte* file, std::uint64_t cells) noexcept
        : ring_(file + kLogHeaderBytes),
          tail_(&reinterpret_cast<const LogHeader*>(static_cast<const void*>(file))->tail),
          cells_(cells) {}

    /// Moves behind the last committed record: what is there already is never delivered.
    void join_at_tail() noexcept;

    /// Copies the next record, if there is one, and moves behind it. `record` points into `buffer`.
    [[nodiscard]] ReadStatus read(RecordBuffer& buffer, std::span<const std::byte>& record,
                                  LossCounters& losses) noexcept {
        const std::byte* cell = cell_at(position_);
        const std::uint64_t want = stamp_of(position_, kFirstBit | kCommittedBit);
        // Pairs with the store_release of LogWriter::commit_first: the whole record is there.
        const std::uint64_t seen = base::load_acquire(stamp(cell));
        if (seen != want) return seen < want - 2 || seen == want - 1 ? ReadStatus::Empty : skip(seen, losses);
        base::racy_copy_from_shared(buffer.cell, cell, kCellBytes);
        base::fence_acquire();  // pairs with the fence_release of LogWriter::begin_short
        const std::uint64_t again = base::load_relaxed(stamp(cell));
        if (again != want) return skip(again, losses);
        FirstCell first;
        std::memcpy(&first, buffer.cell, offsetof(FirstCell, data));
        if (first.length > kFirstCellData) return read_long(first.length, buffer, record, losses);
        ++position_;
        record = {buffer.cell + offsetof(FirstCell, data), first.length};
        return first.type == kDataRecord ? ReadStatus::Record : ReadStatus::Skipped;
    }

    /// Whether read() would return something else than Empty. One load.
    [[nodiscard]] bool pending() const noexcept {
        const std::uint64_t want = stamp_of(position_, kFirstBit | kCommittedBit);
        const std::uint64_t seen = base::load_acquire(stamp(cell_at(position_)));  // pairs as in read()
        return seen >= want - 2 && seen != want - 1;
    }

    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    static const std::uint64_t& stamp(const std::byte* cell) noexcept {
        return *reinterpret_cast<const std::uint64_t*>(static_cast<const void*>(cell));
    }
    [[nodiscard]] const std::byte* cell_at(std::uint64_t cell) const noexcept {
        return ring_ + (cell & (cells_ - 1)) * kCellBytes;
    }

    [[nodiscard]] ReadStatus read_long(std::uint32_t length, RecordBuffer& buffer,
                                       std::span<const std::byte>& record, LossCounters& losses) noexcept;
    [[nodiscard]] ReadStatus skip(std::uint64_t seen, LossCounters& losses) noexcept;

    const std::byte* ring_ = nullptr;
    const std::uint64_t* tail_ = nullptr;
    std::uint64_t cells_ = 0;
    std::uint64_t position_ = 0;
};

}  // namespace tensorpool::messaging::embedded
