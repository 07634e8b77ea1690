// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/consumer.hpp>

#include "shm/stream_mapping.hpp"
#include "wire/frame_descriptor.hpp"

#include <cstdint>
#include <memory>

namespace tensorpool {

/// Turns a descriptor into a validated Frame (wire.md 7.2, steps 3 to 7).
///
/// Reads only the cache lines it needs: two of a slot's four, three when more than three dimensions are used.
/// Consecutive frames of one layout are recognised by their bytes and neither copied nor parsed again.
class FrameReader {
public:
    enum class Result : std::uint8_t { Ok, Odd, Changed, IdMismatch, HeaderInvalid, PayloadInvalid };

    /// `mapping` may be nullptr; read() then must not be called. Its frames carry `mapping_id`.
    void attach(const shm::StreamMapping* mapping, std::uint64_t mapping_id);

    /// Reads the slot that `descriptor` names. Only after Ok is frame() meaningful.
    Result read(const wire::FrameDescriptorBlock& descriptor) noexcept;
    [[nodiscard]] const Frame& frame() const noexcept { return frame_; }

    /// Starts fetching what read() will look at. A hint.
    void prefetch(std::uint64_t seq) const noexcept;
    /// While nothing comes: keeps at hand what read() will need beside the frame. The lines of the frame
    /// after `last` stay with its writer, which is about to use them; those of `last` are most likely on
    /// their pages.
    void stay_ready(std::uint64_t last) const noexcept;

private:
    /// Reads the slot's layout anew; `word` is the commit it has to belong to.
    [[nodiscard]] Result parse_layout(const std::byte* shared_slot, std::uint64_t word) noexcept;

    const shm::StreamMapping* mapping_ = nullptr;
    const std::byte* header_base_ = nullptr;
    std::uint64_t mask_ = 0;
    std::unique_ptr<std::uint64_t[]> highest_seen_;  // per slot: seq_commit never goes back (WIRE-044)
    const shm::PayloadPool* last_pool_ = nullptr;  // most streams use one pool: its payload is prefetched too
    Frame frame_;
    wire::HeaderSlot parsed_{};       // the bytes frame_.tensor_ came from
    std::uint64_t extent_bytes_ = 0;  // what that layout addresses
    bool parsed_valid_ = false;
};

}  // namespace tensorpool
