// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/private_stream.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tensorpool::bridge {

void PrivateStream::open(const control::PoolAnnounce& announce, std::uint64_t max_memory_bytes) {
    close();
    std::uint64_t bytes_a_slot = wire::kHeaderSlotBytes;
    for (const control::PoolInfo& pool : announce.pools) bytes_a_slot += pool.stride_bytes;
    std::uint32_t nslots = kMostSlots;
    while (nslots > kFewestSlots && bytes_a_slot * nslots > max_memory_bytes) nslots /= 2;
    if (bytes_a_slot * nslots > max_memory_bytes) {
        throw Error(ErrorCode::NoSpace,
                    fmt::format("stream {}: {} frames of up to {} bytes are more than max_memory_bytes {}",
                                announce.stream_id, nslots, bytes_a_slot, max_memory_bytes));
    }
    shm::StreamLayout layout;
    layout.stream_id = announce.stream_id;
    layout.epoch = announce.epoch;
    layout.header_nslots = nslots;
    std::vector<shm::Region> pools;
    for (const control::PoolInfo& pool : announce.pools) {
        layout.pools.push_back({pool.pool_id, nslots, pool.stride_bytes, ""});
        pools.push_back(
            shm::Region::anonymous(wire::kSuperblockBytes + std::uint64_t{nslots} * pool.stride_bytes));
    }
    shm::Region header =
        shm::Region::anonymous(wire::kSuperblockBytes + std::uint64_t{nslots} * wire::kHeaderSlotBytes);
    mapping_ = shm::StreamMapping::adopt(layout, std::move(header), std::move(pools));
    writer_.attach(*mapping_);
    reader_.attach(&*mapping_, 0);  // Consumer::still_mapped() knows none of these
    epoch_ = announce.epoch;
    ++generation_;
}

void PrivateStream::close() noexcept {
    reader_.attach(nullptr, 0);
    mapping_.reset();
    growing_.fill(std::nullopt);
    first_ = waiting_ = 0;
}

std::uint32_t PrivateStream::max_payload_bytes() const noexcept {
    return mapping_ ? mapping_->pools().back().stride_bytes() : 0;
}

expected<Reservation, ClaimError> PrivateStream::reserve(std::uint64_t seq,
                                                         std::uint32_t payload_bytes) noexcept {
    if (!mapping_) return unexpected(ClaimError::NotAttached);
    const shm::PayloadPool* pool = mapping_->smallest_pool_for(payload_bytes);
    if (pool == nullptr) return unexpected(ClaimError::NoPoolFits);
    const auto same_slot = [&](const std::optional<std::uint64_t>& other) {
        return other && slot_of(*other) == slot_of(seq);
    };
    const auto free = std::ranges::find_if(growing_, [](const auto& other) { return !other; });
    if (free == growing_.end() || std::ranges::any_of(growing_, same_slot))
        return unexpected(ClaimError::WouldOverrun);
    // What waits is in order: everything up to the frame in this slot is older than what comes.
    std::size_t older = 0;
    for (std::size_t i = 0; i < waiting_; ++i) {
        if (slot_of(queue_[(first_ + i) % kMostSlots].seq) == slot_of(seq)) older = i + 1;
    }
    for (; older > 0; --older, ++frames_overwritten_) drop_first();
    *free = seq;
    writer_.begin(seq);
    const std::uint32_t slot = writer_.slot_of(seq);
    return Reservation{seq, generation_, slot, pool->pool_id(), pool->stride_bytes(), pool->slot(slot)};
}

bool PrivateStream::publish(const Reservation& reservation, const FrameInfo& info) noexcept {
    abandon(reservation);
    if (!mapping_ || reservation.generation != generation_ ||
        !writer_.accepts(info, reservation.capacity_bytes))
        return false;
    writer_.commit(reservation.seq, reservation.pool_id, info, info.timestamp_ns);
    if (waiting_ == kMostSlots) {
        drop_first();
        ++frames_overwritten_;
    }
    wire::FrameDescriptorBlock& descriptor = queue_[(first_ + waiting_) % kMostSlots];
    descriptor = {};
    descriptor.epoch = epoch_;
    descriptor.seq = reservation.seq;
    descriptor.trace_id = info.trace_id;
    ++waiting_;
    return true;
}

void PrivateStream::abandon(const Reservation& reservation) noexcept {
    if (reservation.generation != generation_) return;
    for (std::optional<std::uint64_t>& seq : growing_) {
        if (seq == reservation.seq) seq.reset();
    }
}

}  // namespace tensorpool::bridge
