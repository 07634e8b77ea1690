// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/progress_reader.hpp"

#include "base/racy_copy.hpp"
#include "shm/seqlock.hpp"
#include "shm/strides.hpp"

#include <algorithm>

namespace tensorpool {
namespace consumer {
namespace {

/// Bytes of the lines that a prefix of the payload can be cut into; 0: it cannot (WIRE-111).
std::uint32_t line_bytes_of(const TensorLayout& layout) noexcept {
    if (layout.progress_unit != ProgressUnit::None) return layout.progress_stride_bytes;
    TensorLayout contiguous = layout;
    contiguous.strides.fill(0);
    std::uint64_t extent = 0;
    if (shm::resolve_layout(contiguous, extent) != shm::LayoutFault::None ||
        contiguous.strides != layout.strides) {
        return 0;
    }
    const std::size_t slowest = layout.major_order == MajorOrder::Row ? 0 : layout.ndims - 1U;
    return static_cast<std::uint32_t>(layout.strides[slowest]);
}

}  // namespace

void ProgressReader::attach(const shm::StreamMapping* mapping) {
    mapping_ = mapping;
    frame_ = PartialFrame{};
    said_.reset();
    if (mapping == nullptr) return;
    header_base_ = mapping->header_slots();
    mask_ = mapping->header_nslots() - 1;
    said_ = std::make_unique<Said[]>(mapping->header_nslots());
}

bool ProgressReader::goes_back(const control::FrameProgress& progress, const Said& said) const noexcept {
    if (said.state == FrameProgressState::Unknown || progress.seq > said.seq) return false;
    if (progress.seq < said.seq || progress.payload_bytes_filled < said.bytes) return true;
    // One STARTED, nothing after COMPLETE; also when a message comes again on another stream (trap T9).
    return progress.state == FrameProgressState::Started || said.state == FrameProgressState::Complete;
}

ProgressReader::Result ProgressReader::read(const control::FrameProgress& progress) noexcept {
    Said& said = said_[progress.seq & mask_];
    if (goes_back(progress, said)) return Result::Regression;
    const std::byte* const slot = header_base_ + (progress.seq & mask_) * wire::kHeaderSlotBytes;
    const std::uint64_t word = shm::seqlock_load(slot);
    const bool complete = progress.state == FrameProgressState::Complete;
    if (shm::seq_of(word) != progress.seq) return Result::Late;
    if (complete && !shm::is_committed(word)) return Result::Late;  // WIRE-112

    frame_ = PartialFrame{};
    frame_.seq_ = progress.seq;
    frame_.epoch_ = progress.epoch;
    frame_.state_ = progress.state;
    frame_.header_slot_ = slot;
    // A STARTED may leave before the header is written (trap T12): what the slot holds may be the frame
    // before.
    if (progress.state == FrameProgressState::Started) {
        if (progress.payload_bytes_filled != 0) return Result::Inconsistent;
    } else if (const Result result = read_header(slot, word, progress.seq, progress.payload_bytes_filled);
               result != Result::Ok) {
        return result;
    }
    said = {progress.seq, progress.payload_bytes_filled, progress.state};
    return Result::Ok;
}

ProgressReader::Result ProgressReader::read_header(const std::byte* slot, std::uint64_t word,
                                                   std::uint64_t seq, std::uint64_t bytes) noexcept {
    wire::HeaderSlot copy;
    for (int tries = 0;; ++tries) {
        base::racy_copy_from_shared(reinterpret_cast<std::byte*>(&copy) + sizeof word, slot + sizeof word,
                                    sizeof copy - sizeof word);
        if (shm::seqlock_unchanged(slot, word)) break;
        // The commit writes the header again: once more from the committed one.
        word = shm::seqlock_load(slot);
        if (tries == 1 || word != shm::committed_word(seq)) return Result::Late;
    }
    std::uint64_t extent_bytes = 0;
    if (!shm::read_tensor_header(copy, frame_.tensor_, extent_bytes)) return Result::Inconsistent;
    const std::uint32_t length = copy.slot.values_len_bytes;
    const std::uint64_t index = seq & mask_;
    if (copy.slot.payload_slot != index || copy.slot.payload_offset != 0 || extent_bytes > length ||
        bytes > length) {
        return Result::Inconsistent;
    }
    const std::uint16_t pool_id = copy.slot.pool_id;
    const shm::PayloadPool* const pool = mapping_->find_pool(pool_id);
    if (length != 0 && (pool == nullptr || length > pool->stride_bytes())) return Result::Inconsistent;
    frame_.values_len_bytes_ = length;
    frame_.line_bytes_ = line_bytes_of(frame_.tensor_);
    if (bytes != 0) frame_.filled_ = {pool->slot(static_cast<std::uint32_t>(index)), bytes};
    return Result::Ok;
}

}  // namespace consumer

bool PartialFrame::intact() const noexcept {
    // In progress or committed: either way the slot is this frame's.
    return header_slot_ != nullptr && (shm::seqlock_unchanged(header_slot_, shm::in_progress_word(seq_)) ||
                                       shm::seqlock_unchanged(header_slot_, shm::committed_word(seq_)));
}

}  // namespace tensorpool
