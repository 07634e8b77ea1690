// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/frame_reader.hpp"

#include "base/frame_path.hpp"
#include "base/racy_copy.hpp"
#include "base/same_bytes.hpp"
#include "shm/seqlock.hpp"
#include "shm/strides.hpp"

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

void FrameReader::attach(const shm::StreamMapping* mapping, std::uint64_t mapping_id) {
    mapping_ = mapping;
    last_pool_ = nullptr;
    parsed_valid_ = false;
    frame_ = Frame{};
    if (mapping == nullptr) return;
    frame_.mapping_id_ = mapping_id;
    header_base_ = mapping->header_slots();
    mask_ = mapping->header_nslots() - 1;
    highest_seen_ = std::make_unique<std::uint64_t[]>(mapping->header_nslots());
}

TP_FRAME_PATH void FrameReader::prefetch(std::uint64_t seq) const noexcept {
    const std::uint64_t index = seq & mask_;
    const std::byte* slot = header_base_ + index * wire::kHeaderSlotBytes;
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + kLine);
    if (last_pool_ != nullptr) __builtin_prefetch(last_pool_->slot(static_cast<std::uint32_t>(index)));
}

void FrameReader::stay_ready(std::uint64_t last) const noexcept {
    if (mapping_ == nullptr) return;
    prefetch(last);
    __builtin_prefetch(&highest_seen_[(last + 1) & mask_]);
    base::fetch_lines(this, sizeof *this);
}

TP_FRAME_PATH FrameReader::Result FrameReader::read(const wire::FrameDescriptorBlock& descriptor) noexcept {
    const std::uint64_t seq = descriptor.seq;
    const std::uint64_t index = seq & mask_;
    const std::byte* slot = header_base_ + index * wire::kHeaderSlotBytes;
    const std::uint64_t word = shm::seqlock_load(slot);
    std::uint64_t& highest = highest_seen_[index];
    if (word < highest) return Result::Changed;  // went back (WIRE-044)
    highest = word;
    if (!shm::is_committed(word)) return Result::Odd;
    if (shm::seq_of(word) != seq) return Result::IdMismatch;

    // The block in registers (offsets 8 to 33 of the slot, wire.md 3.2), and whether the layout is the one of
    // the frame before. Every byte is read once.
    std::uint64_t block[3];
    std::uint16_t meta_high;
    base::racy_copy_from_shared(block, slot + sizeof word, sizeof block);
    base::racy_copy_from_shared(&meta_high, slot + sizeof word + sizeof block, sizeof meta_high);
    const auto* parsed = reinterpret_cast<const std::byte*>(&parsed_);
    bool known = parsed_valid_ &&
                 base::racy_same_bytes<kTwoLines - kTensorFrom>(slot + kTensorFrom, parsed + kTensorFrom);
    if (known && parsed_.tensor.ndims > kDimsInTwoLines)
        known = base::racy_same_bytes<kTensorTo - kTwoLines>(slot + kTwoLines, parsed + kTwoLines);
    if (!shm::seqlock_unchanged(slot, word)) return Result::Changed;
    if (!known) {
        if (const Result parsed_now = parse_layout(slot, word); parsed_now != Result::Ok) return parsed_now;
    }

    const auto length = static_cast<std::uint32_t>(block[0]);
    const auto payload_slot = static_cast<std::uint32_t>(block[0] >> 32);
    const auto pool_id = static_cast<std::uint16_t>(block[1]);
    const auto payload_offset = static_cast<std::uint32_t>(block[1] >> 16);
    const std::uint64_t timestamp_ns = block[1] >> 48 | block[2] << 16;
    const auto meta_version =
        static_cast<std::uint32_t>(block[2] >> 48 | static_cast<std::uint64_t>(meta_high) << 16);
    if (payload_slot != index || payload_offset != 0) return Result::HeaderInvalid;
    if (extent_bytes_ > length) return Result::HeaderInvalid;  // WIRE-054

    frame_.payload_ = {};
    if (length != 0) {  // placement means nothing for an empty frame (WIRE-030)
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
    frame_.timestamp_ns_ = timestamp_ns == wire::kNullU64 ? 0 : timestamp_ns;  // trap T21
    frame_.publish_timestamp_ns_ = descriptor.timestamp_ns == wire::kNullU64 ? 0 : descriptor.timestamp_ns;
    frame_.trace_id_ = descriptor.trace_id;
    frame_.meta_version_ = meta_version == wire::kNullU32 ? 0 : meta_version;
    frame_.slot_ = static_cast<std::uint32_t>(index);
    frame_.pool_id_ = pool_id;
    frame_.header_slot_ = slot;
    return Result::Ok;
}

FrameReader::Result FrameReader::parse_layout(const std::byte* shared_slot, std::uint64_t word) noexcept {
    parsed_valid_ = false;
    wire::HeaderSlot slot{};
    base::racy_copy_from_shared(reinterpret_cast<std::byte*>(&slot) + kTensorFrom, shared_slot + kTensorFrom,
                                kTensorTo - kTensorFrom);
    if (!shm::seqlock_unchanged(shared_slot, word)) return Result::Changed;
    TensorLayout layout;
    if (!shm::read_tensor_header(slot, layout, extent_bytes_)) return Result::HeaderInvalid;
    frame_.tensor_ = layout;
    parsed_ = slot;
    parsed_valid_ = true;
    return Result::Ok;
}

TP_FRAME_PATH bool Frame::intact() const noexcept {
    return header_slot_ != nullptr && shm::seqlock_unchanged(header_slot_, shm::committed_word(seq_));
}

bool Frame::copy_to(std::span<std::byte> destination) const noexcept {
    if (destination.size() < payload_.size()) return false;
    if (!payload_.empty()) base::racy_copy_from_shared(destination.data(), payload_.data(), payload_.size());
    return intact();
}

bool Frame::copy_header_to(std::span<std::byte, kHeaderSlotBytes> destination) const noexcept {
    static_assert(kHeaderSlotBytes == wire::kHeaderSlotBytes);
    if (header_slot_ == nullptr) return false;
    base::racy_copy_from_shared(destination.data(), header_slot_, kHeaderSlotBytes);
    return intact();
}

}  // namespace tensorpool
