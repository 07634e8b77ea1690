// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/frame_reader.hpp"

#include "base/racy_copy.hpp"
#include "consumer/slot_layout.hpp"
#include "shm/seqlock.hpp"

#include <cstring>

namespace tensorpool {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kTwoLines = 2 * kLine;
constexpr std::size_t kThreeLines = 3 * kLine;
// dims[0..7] and strides[0..2] end within the second line; more strides need the third.
constexpr std::uint8_t kDimsInTwoLines = 3;
constexpr std::size_t kTensorFrom = offsetof(wire::HeaderSlot, header_bytes_length);
constexpr std::size_t kTensorTo = offsetof(wire::HeaderSlot, tensor) + offsetof(wire::TensorHeader, pad);
static_assert(offsetof(wire::HeaderSlot, tensor) + offsetof(wire::TensorHeader, strides) +
                  kDimsInTwoLines * sizeof(std::int32_t) <=
              kTwoLines);
static_assert(kTensorTo <= kThreeLines);

}  // namespace

void FrameReader::attach(const shm::StreamMapping* mapping) {
    mapping_ = mapping;
    last_pool_ = nullptr;
    parsed_valid_ = false;
    frame_ = Frame{};
    if (mapping == nullptr) return;
    header_base_ = mapping->header_slots();
    mask_ = mapping->header_nslots() - 1;
    highest_seen_ = std::make_unique<std::uint64_t[]>(mapping->header_nslots());
}

void FrameReader::prefetch(std::uint64_t seq) const noexcept {
    const std::uint64_t index = seq & mask_;
    const std::byte* slot = header_base_ + index * wire::kHeaderSlotBytes;
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + kLine);
    if (last_pool_ != nullptr) __builtin_prefetch(last_pool_->slot(static_cast<std::uint32_t>(index)));
}

FrameReader::Result FrameReader::read(const wire::FrameDescriptorBlock& descriptor) noexcept {
    const std::uint64_t seq = descriptor.seq;
    const std::uint64_t index = seq & mask_;
    const std::byte* slot = header_base_ + index * wire::kHeaderSlotBytes;
    const std::uint64_t word = shm::seqlock_load(slot);
    std::uint64_t& highest = highest_seen_[index];
    if (word < highest) return Result::Changed;  // went back (WIRE-044)
    highest = word;
    if (!shm::is_committed(word)) return Result::Odd;
    if (shm::seq_of(word) != seq) return Result::IdMismatch;

    alignas(kLine) wire::HeaderSlot copy;
    auto* bytes = reinterpret_cast<std::byte*>(&copy);
    base::racy_copy_from_shared(bytes + sizeof word, slot + sizeof word, kTwoLines - sizeof word);
    const bool wide = copy.tensor.ndims > kDimsInTwoLines;
    if (wide) base::racy_copy_from_shared(bytes + kTwoLines, slot + kTwoLines, kThreeLines - kTwoLines);
    if (!shm::seqlock_unchanged(slot, word)) return Result::Changed;

    const std::size_t compared = (wide ? kTensorTo : kTwoLines) - kTensorFrom;
    if (!parsed_valid_ ||
        std::memcmp(bytes + kTensorFrom, reinterpret_cast<const std::byte*>(&parsed_) + kTensorFrom,
                    compared) != 0) {
        const Result parsed = parse_layout(copy);
        if (parsed != Result::Ok) return parsed;
    }
    if (copy.slot.payload_slot != index || copy.slot.payload_offset != 0) return Result::HeaderInvalid;
    const std::uint32_t length = copy.slot.values_len_bytes;
    if (extent_bytes_ > length) return Result::HeaderInvalid;  // WIRE-054

    frame_.payload_ = {};
    if (length != 0) {  // placement means nothing for an empty frame (WIRE-030)
        const std::uint16_t pool_id = copy.slot.pool_id;
        if (last_pool_ == nullptr || last_pool_->pool_id() != pool_id) {
            const shm::PayloadPool* pool = mapping_->find_pool(pool_id);
            if (pool == nullptr) return Result::PayloadInvalid;
            last_pool_ = pool;
        }
        if (length > last_pool_->stride_bytes()) return Result::PayloadInvalid;  // WIRE-060
        frame_.payload_ = {last_pool_->slot(static_cast<std::uint32_t>(index)), length};
    }
    frame_.seq_ = seq;
    frame_.epoch_ = descriptor.epoch;
    frame_.timestamp_ns_ = copy.slot.timestamp_ns == wire::kNullU64 ? 0 : copy.slot.timestamp_ns;  // trap T21
    frame_.publish_timestamp_ns_ = descriptor.timestamp_ns == wire::kNullU64 ? 0 : descriptor.timestamp_ns;
    frame_.trace_id_ = descriptor.trace_id;
    frame_.meta_version_ = copy.slot.meta_version == wire::kNullU32 ? 0 : copy.slot.meta_version;
    frame_.slot_ = static_cast<std::uint32_t>(index);
    frame_.pool_id_ = copy.slot.pool_id;
    frame_.header_slot_ = slot;
    return Result::Ok;
}

FrameReader::Result FrameReader::parse_layout(const wire::HeaderSlot& slot) noexcept {
    parsed_valid_ = false;
    TensorLayout layout;
    if (!consumer::decode_slot_layout(slot, layout, extent_bytes_)) return Result::HeaderInvalid;
    frame_.tensor_ = layout;
    parsed_ = slot;
    parsed_valid_ = true;
    return Result::Ok;
}

bool Frame::intact() const noexcept {
    return header_slot_ != nullptr && shm::seqlock_unchanged(header_slot_, shm::committed_word(seq_));
}

bool Frame::copy_to(std::span<std::byte> destination) const noexcept {
    if (destination.size() < payload_.size()) return false;
    if (!payload_.empty()) base::racy_copy_from_shared(destination.data(), payload_.data(), payload_.size());
    return intact();
}

}  // namespace tensorpool
