// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "producer/slot_writer.hpp"

#include "base/frame_path.hpp"
#include "base/prefetch.hpp"
#include "base/racy_copy.hpp"
#include "base/same_bytes.hpp"
#include "shm/seqlock.hpp"
#include "shm/strides.hpp"

#include <cstring>

namespace tensorpool::producer {
namespace {

// Everything from the length word on is the embedded header; its last 109 bytes are reserved and never
// written.
constexpr std::size_t kLine = 64;
constexpr std::size_t kImageFrom = offsetof(wire::HeaderSlot, header_bytes_length);
constexpr std::size_t kImageTo = offsetof(wire::HeaderSlot, tensor) + offsetof(wire::TensorHeader, pad);

}  // namespace

void SlotWriter::attach(shm::StreamMapping& mapping) noexcept {
    header_base_ = mapping.header_slots();
    mask_ = mapping.header_nslots() - 1;
    cached_ = false;
}

TP_FRAME_PATH void SlotWriter::begin(std::uint64_t seq) noexcept {
    shm::seqlock_begin(header_slot(seq), seq);
}

TP_FRAME_PATH bool SlotWriter::accepts(const FrameInfo& info, std::uint32_t capacity_bytes) noexcept {
    if (info.values_len_bytes > capacity_bytes) return false;
    // Padding that differs costs an encoding, no more.
    if (!cached_ || !base::same_bytes<sizeof cached_layout_>(&cached_layout_, &info.tensor)) {
        cached_ = encode_layout(info.tensor);
        if (!cached_) return false;
    }
    return cached_extent_bytes_ <= info.values_len_bytes;
}

bool SlotWriter::encode_layout(const TensorLayout& layout) noexcept {
    TensorLayout resolved = layout;
    if (shm::resolve_layout(resolved, cached_extent_bytes_) != shm::LayoutFault::None) return false;
    wire::HeaderSlot slot{};
    slot.header_bytes_length = wire::kHeaderBytesLength;
    slot.tensor_message = {sizeof(wire::TensorHeader), wire::kTensorHeaderTemplateId, wire::kControlSchemaId,
                           wire::kControlSchemaVersion};
    slot.tensor.dtype = resolved.dtype;
    slot.tensor.major_order = resolved.major_order;
    slot.tensor.ndims = resolved.ndims;
    slot.tensor.progress_unit = resolved.progress_unit;
    slot.tensor.progress_stride_bytes =
        resolved.progress_unit == ProgressUnit::None ? 0 : resolved.progress_stride_bytes;
    std::memcpy(slot.tensor.dims, resolved.dims.data(), sizeof slot.tensor.dims);
    std::memcpy(slot.tensor.strides, resolved.strides.data(), sizeof slot.tensor.strides);
    std::memcpy(image_, &slot, sizeof slot);
    std::memcpy(&cached_layout_, &layout, sizeof layout);
    return true;
}

TP_FRAME_PATH void SlotWriter::commit(std::uint64_t seq, std::uint16_t pool_id, const FrameInfo& info,
                                      std::uint64_t timestamp_ns) noexcept {
    write_header(seq, pool_id, info, timestamp_ns);
    shm::seqlock_commit(header_slot(seq), seq);
}

TP_FRAME_PATH void SlotWriter::write_header(std::uint64_t seq, std::uint16_t pool_id, const FrameInfo& info,
                                            std::uint64_t timestamp_ns) noexcept {
    std::byte* slot = header_slot(seq);
    // The block, composed in registers: offsets 8 to 33 of the slot (wire.md 3.2).
    const std::uint64_t lengths = info.values_len_bytes | static_cast<std::uint64_t>(slot_of(seq)) << 32;
    const std::uint64_t pool_and_stamp = pool_id | timestamp_ns << 48;  // payload_offset is 0
    const std::uint64_t stamp_and_meta = timestamp_ns >> 16 | static_cast<std::uint64_t>(info.meta_version)
                                                                  << 48;
    const auto meta_high = static_cast<std::uint16_t>(info.meta_version >> 16);
    base::racy_copy_to_shared(slot + 8, &lengths, sizeof lengths);
    base::racy_copy_to_shared(slot + 16, &pool_and_stamp, sizeof pool_and_stamp);
    base::racy_copy_to_shared(slot + 24, &stamp_and_meta, sizeof stamp_and_meta);
    base::racy_copy_to_shared(slot + 32, &meta_high, sizeof meta_high);
    // WIRE-028: whatever the slot held, every field is right afterwards.
    if (!base::same_bytes<kImageTo - kImageFrom>(slot + kImageFrom, image_ + kImageFrom))
        base::racy_copy_to_shared(slot + kImageFrom, image_ + kImageFrom, kImageTo - kImageFrom);
}

std::uint32_t SlotWriter::line_bytes() const noexcept {
    wire::HeaderSlot slot;
    std::memcpy(&slot, image_, sizeof slot);
    if (slot.tensor.progress_unit != ProgressUnit::None) return slot.tensor.progress_stride_bytes;
    const std::size_t slowest = slot.tensor.major_order == MajorOrder::Row ? 0 : slot.tensor.ndims - 1U;
    return static_cast<std::uint32_t>(slot.tensor.strides[slowest]);
}

std::uint64_t SlotWriter::timestamp_of(std::uint64_t seq) const noexcept {
    std::uint64_t timestamp_ns = 0;
    std::memcpy(&timestamp_ns, header_slot(seq) + offsetof(wire::SlotHeader, timestamp_ns),
                sizeof timestamp_ns);
    return timestamp_ns;
}

TP_FRAME_PATH void SlotWriter::prefetch(std::uint64_t seq) const noexcept {
    const std::byte* slot = header_slot(seq);
    base::prefetch_for_write(slot);
    __builtin_prefetch(slot + kLine);
    __builtin_prefetch(slot + 2 * kLine);
}

}  // namespace tensorpool::producer
