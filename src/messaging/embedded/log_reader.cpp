// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/log_reader.hpp"

namespace tensorpool::messaging::embedded {

void LogReader::join_at_tail() noexcept {
    position_ = base::load_acquire(*tail_);  // pairs with LogWriter::commit_first
    // The writer may have stopped between committing a record and moving its tail. Bounded, because the log
    // may be garbage.
    for (std::uint64_t step = 0; step < cells_; ++step) {
        const std::byte* cell = cell_at(position_);
        if (base::load_acquire(stamp(cell)) != stamp_of(position_, kFirstBit | kCommittedBit)) return;
        FirstCell first;
        base::racy_copy_from_shared(&first, cell, sizeof(first));
        if (first.length > max_message_bytes(cells_)) return;
        position_ += cells_for(first.length);
    }
}

ReadStatus LogReader::read_long(std::uint32_t length, RecordBuffer& buffer,
                                std::span<const std::byte>& record, LossCounters& losses) noexcept {
    if (length > max_message_bytes(cells_)) return skip(stamp_of(position_, 0), losses);
    std::memcpy(buffer.large, buffer.cell + offsetof(FirstCell, data), kFirstCellData);
    std::size_t done = kFirstCellData;
    std::uint64_t number = position_;
    while (done < length) {
        ++number;
        const std::byte* cell = cell_at(number);
        const std::uint64_t want = stamp_of(number, kCommittedBit);
        // Pairs with the store_release of LogWriter::append_long.
        const std::uint64_t seen = base::load_acquire(stamp(cell));
        if (seen != want) return skip(seen, losses);
        const std::size_t n = std::min<std::size_t>(length - done, kNextCellData);
        base::racy_copy_from_shared(buffer.large + done, cell + sizeof(std::uint64_t), n);
        base::fence_acquire();  // pairs with the fence_release of LogWriter::append_long
        const std::uint64_t again = base::load_relaxed(stamp(cell));
        if (again != want) return skip(again, losses);
        done += n;
    }
    position_ += cells_for(length);
    record = {buffer.large, length};
    return ReadStatus::Record;
}

/// Called with a stamp that should not be there: the writer has come round (the honest case), a continuation
/// of a record whose start was lost, or garbage. Always moves forward.
ReadStatus LogReader::skip(std::uint64_t seen, LossCounters& losses) noexcept {
    std::uint64_t target = position_ + 1;
    if (cell_of(seen) >= position_ + cells_) {
        // Lapped. Leave an eighth of the log between us and the writer, else the next read is lapped again.
        // The target may lie inside a record: its continuation cells are skipped one by one, and counted.
        const std::uint64_t tail = base::load_acquire(*tail_);  // pairs with LogWriter::commit_first
        const std::uint64_t head = std::max(tail, cell_of(seen));
        target = std::max(target, head - cells_ + cells_ / 8);
        ++losses.overruns;
    }
    losses.lost_bytes += (target - position_) * kCellBytes;
    position_ = target;
    return ReadStatus::Skipped;
}

}  // namespace tensorpool::messaging::embedded
