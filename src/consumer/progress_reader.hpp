// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/partial_frame.hpp>

#include "control/messages.hpp"
#include "shm/stream_mapping.hpp"

#include <cstdint>
#include <memory>

namespace tensorpool::consumer {

/// Turns a FrameProgress into a view of what is there of its frame (WIRE-105 to WIRE-112, trap T12).
///
/// Everything before the commit is provisional: the slot's word must name this frame before and after the
/// header was copied, and only the copy is validated and used.
class ProgressReader {
public:
    enum class Result : std::uint8_t {
        Ok,
        Late,          ///< the slot does not hold this frame, or not yet as COMPLETE claims
        Regression,    ///< fewer bytes than were said before, or an older frame of the slot (WIRE-107)
        Inconsistent,  ///< header, layout or byte count contradict each other (WIRE-106, WIRE-110)
    };

    /// `mapping` may be nullptr; read() then must not be called. Forgets what was said.
    void attach(const shm::StreamMapping* mapping);

    /// Precondition: `progress` is of the mapped stream and epoch. Only after Ok is frame() meaningful.
    [[nodiscard]] Result read(const control::FrameProgress& progress) noexcept;
    [[nodiscard]] const PartialFrame& frame() const noexcept { return frame_; }

private:
    struct Said {
        std::uint64_t seq = 0;
        std::uint64_t bytes = 0;
        FrameProgressState state = FrameProgressState::Unknown;
    };
    [[nodiscard]] bool goes_back(const control::FrameProgress& progress, const Said& said) const noexcept;
    [[nodiscard]] Result read_header(const std::byte* slot, std::uint64_t word, std::uint64_t seq,
                                     std::uint64_t bytes) noexcept;

    const shm::StreamMapping* mapping_ = nullptr;
    const std::byte* header_base_ = nullptr;
    std::uint64_t mask_ = 0;
    std::unique_ptr<Said[]> said_;  // per slot
    PartialFrame frame_;
};

}  // namespace tensorpool::consumer
