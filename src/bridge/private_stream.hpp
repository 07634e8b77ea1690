// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/consumer.hpp>

#include "bridge/assembler.hpp"
#include "consumer/frame_reader.hpp"
#include "producer/slot_writer.hpp"
#include "shm/stream_mapping.hpp"
#include "wire/frame_descriptor.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace tensorpool::bridge {

/// A stream re-created for this process alone: header ring and pools in memory without a file, written by an
/// Assembler and read by one reader on the same thread. The ring is as lossy as any: a frame that nobody
/// polled in time gives way to a later one.
class PrivateStream final : public FrameSink {
public:
    /// Frames of the announced stream from now on; those of the one before are gone. Throws Error when frames
    /// like these need more than `max_memory_bytes`. Precondition: control::invalid_reason() found none.
    void open(const control::PoolAnnounce& announce, std::uint64_t max_memory_bytes);
    void close() noexcept;

    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept override;
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                            std::uint32_t payload_bytes) noexcept override;
    bool publish(const Reservation& reservation, const FrameInfo& info) noexcept override;
    void abandon(const Reservation& reservation) noexcept override;

    /// Delivers up to `limit` frames in order.
    template <typename Handler>
    int poll(Handler&& handler, int limit) noexcept {
        int delivered = 0;
        while (waiting_ > 0 && delivered < limit) {
            const wire::FrameDescriptorBlock descriptor = queue_[first_];
            drop_first();
            if (reader_.read(descriptor) != FrameReader::Result::Ok) continue;
            handler(reader_.frame());
            ++delivered;
        }
        return delivered;
    }
    /// Frames that nobody polled in time.
    [[nodiscard]] std::uint64_t frames_overwritten() const noexcept { return frames_overwritten_; }

    /// Frames of one stream that may grow at a time: half of the smallest ring.
    static constexpr std::uint32_t kFramesInFlight = 4;

private:
    static constexpr std::uint32_t kMostSlots = 16;
    static constexpr std::uint32_t kFewestSlots = 2 * kFramesInFlight;

    [[nodiscard]] std::uint64_t slot_of(std::uint64_t seq) const noexcept {
        return seq & (mapping_->header_nslots() - 1);
    }
    void drop_first() noexcept {
        first_ = (first_ + 1) % kMostSlots;
        --waiting_;
    }

    std::optional<shm::StreamMapping> mapping_;
    producer::SlotWriter writer_;
    FrameReader reader_;
    std::uint64_t epoch_ = 0;
    std::uint64_t generation_ = 0;
    std::array<std::optional<std::uint64_t>, kFramesInFlight> growing_{};  // numbers
    std::array<wire::FrameDescriptorBlock, kMostSlots> queue_{};           // published, a ring
    std::size_t first_ = 0;
    std::size_t waiting_ = 0;
    std::uint64_t frames_overwritten_ = 0;
};

}  // namespace tensorpool::bridge
