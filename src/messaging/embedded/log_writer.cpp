// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/log_writer.hpp"

namespace tensorpool::messaging::embedded {

void LogWriter::append_long(std::span<const std::byte> message) noexcept {
    std::byte* first = cell_at(next_);
    const auto length = static_cast<std::uint32_t>(message.size());
    base::racy_copy_to_shared(begin_short(), message.data(), kFirstCellData);
    put_record_header(first, length);
    message = message.subspan(kFirstCellData);

    std::uint64_t number = next_;
    while (!message.empty()) {
        ++number;
        std::byte* cell = cell_at(number);
        const std::size_t n = std::min(message.size(), kNextCellData);
        base::store_relaxed(stamp(cell), stamp_of(number, 0));
        base::fence_release();  // pairs with the fence_acquire of LogReader, as in begin_short
        base::racy_copy_to_shared(cell + sizeof(std::uint64_t), message.data(), n);
        base::store_release(stamp(cell), stamp_of(number, kCommittedBit));  // pairs with LogReader::read_long
        message = message.subspan(n);
    }
    commit_first(first, cells_for(length));
}

}  // namespace tensorpool::messaging::embedded
