// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/protocol_enums.hpp>
#include <tensorpool/tensor_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tensorpool {

namespace consumer {
class ProgressReader;
}

/// How often a consumer wants to hear of a frame that is being filled (WIRE-074). The producer combines the
/// hints of all consumers and has the last word.
struct ProgressHints {
    std::uint32_t interval_us = 250;
    std::uint32_t bytes_delta = 65536;
    std::uint32_t major_delta_units = 0;  ///< rows or columns; 0 = go by bytes
};

/// What is there of one frame that its producer is still filling, read in place. Valid only inside the
/// handler it was passed to.
///
/// Provisional (trap T12): the frame may still be abandoned, and then no Frame of this seq() ever comes. What
/// was read before intact() returned true are bytes of this frame. The frame is there when its Frame is
/// delivered, and not before, whatever state() says (WIRE-113).
class PartialFrame {
public:
    [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
    /// Started: nothing but seq() and epoch() is known yet, the layout included.
    [[nodiscard]] FrameProgressState state() const noexcept { return state_; }
    /// Validated; strides are resolved.
    [[nodiscard]] const TensorLayout& tensor() const noexcept { return tensor_; }
    /// Bytes that the whole frame will have.
    [[nodiscard]] std::uint32_t values_len_bytes() const noexcept { return values_len_bytes_; }
    /// The bytes that are final, from the first on: the shared memory itself (WIRE-109).
    [[nodiscard]] std::span<const std::byte> filled() const noexcept { return filled_; }

    /// Bytes of a whole row or column in memory order, where filled() can be cut into such (WIRE-111): the
    /// producer named a progress stride, or the tensor is contiguous. Else 0: then filled() is a byte count
    /// and no more.
    [[nodiscard]] std::uint32_t line_bytes() const noexcept { return line_bytes_; }
    /// Whole lines that are there.
    [[nodiscard]] std::uint32_t lines_filled() const noexcept {
        return line_bytes_ == 0 ? 0 : static_cast<std::uint32_t>(filled_.size() / line_bytes_);
    }
    /// Precondition: index < lines_filled().
    [[nodiscard]] std::span<const std::byte> line(std::uint32_t index) const noexcept {
        return filled_.subspan(std::size_t{index} * line_bytes_, line_bytes_);
    }

    /// Whether everything read from filled() so far belongs to this frame.
    [[nodiscard]] bool intact() const noexcept;

private:
    friend class consumer::ProgressReader;
    std::uint64_t seq_ = 0;
    std::uint64_t epoch_ = 0;
    FrameProgressState state_ = FrameProgressState::Unknown;
    std::uint32_t values_len_bytes_ = 0;
    std::uint32_t line_bytes_ = 0;
    TensorLayout tensor_;
    std::span<const std::byte> filled_;
    const std::byte* header_slot_ = nullptr;
};

}  // namespace tensorpool
