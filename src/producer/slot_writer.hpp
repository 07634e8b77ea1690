// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/tensor_layout.hpp>

#include "shm/stream_mapping.hpp"
#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>

namespace tensorpool::producer {

/// Moves the slots of one mapping through in progress -> committed (WIRE-035 to WIRE-039).
///
/// Consecutive frames of a stream nearly always share one layout. Its TensorHeader is therefore encoded and
/// validated once, and stored only where the slot holds something else: a store of equal bytes would take the
/// slot's second and third cache line away from every reader for nothing.
class SlotWriter {
public:
    /// `mapping` must be writable and outlive the writer's use of it.
    void attach(shm::StreamMapping& mapping) noexcept;

    [[nodiscard]] std::uint32_t slot_of(std::uint64_t seq) const noexcept {
        return static_cast<std::uint32_t>(seq & mask_);
    }

    /// Marks the slot as in progress: from here on readers drop it.
    void begin(std::uint64_t seq) noexcept;

    /// Whether `info` is consistent with itself and fits a slot of `capacity_bytes`; remembers its layout.
    [[nodiscard]] bool accepts(const FrameInfo& info, std::uint32_t capacity_bytes) noexcept;

    /// Writes the header and commits. Precondition: begin(seq), and accepts(info) just returned true.
    void commit(std::uint64_t seq, std::uint16_t pool_id, const FrameInfo& info,
                std::uint64_t timestamp_ns) noexcept;

    /// The header alone, while the slot stays in progress. Preconditions as for commit().
    void write_header(std::uint64_t seq, std::uint16_t pool_id, const FrameInfo& info,
                      std::uint64_t timestamp_ns) noexcept;

    /// Bytes of one row or column, as the layout that accepts() saw last says (WIRE-111); 0 = does not say.
    [[nodiscard]] std::uint32_t line_bytes() const noexcept;
    /// What commit() wrote into the slot of `seq`.
    [[nodiscard]] std::uint64_t timestamp_of(std::uint64_t seq) const noexcept;

    /// Fetches the lines that begin() and commit() of `seq` will write. A hint.
    void prefetch(std::uint64_t seq) const noexcept;

private:
    [[nodiscard]] std::byte* header_slot(std::uint64_t seq) const noexcept {
        return header_base_ + (seq & mask_) * wire::kHeaderSlotBytes;
    }
    [[nodiscard]] bool encode_layout(const TensorLayout& layout) noexcept;

    std::byte* header_base_ = nullptr;  // slot 0, past the superblock
    std::uint64_t mask_ = 0;
    TensorLayout cached_layout_;
    std::uint64_t cached_extent_bytes_ = 0;  // bytes the cached layout addresses
    bool cached_ = false;
    alignas(64) std::byte image_[wire::kHeaderSlotBytes]{};  // a slot with everything but the block filled in
};

}  // namespace tensorpool::producer
