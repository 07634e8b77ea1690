// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tensorpool::consumer {

/// Follows the sequence numbers of one mapped epoch (WIRE-128, WIRE-129, WIRE-135, traps T9 and T24).
class SequenceTracker {
public:
    enum class Verdict : std::uint8_t {
        InOrder,     ///< take the frame; `gap` frames before it never came
        Resync,      ///< take the frame, but the gap exceeds the limit: jump to the newest
        Duplicate,   ///< seen already, on another image: skip silently
        Regression,  ///< seq went back on one image: remap
    };
    struct Outcome {
        Verdict verdict;
        std::uint64_t gap;
    };

    explicit SequenceTracker(std::uint64_t max_gap) noexcept : max_gap_(max_gap) {}

    /// A new mapping: the next descriptor is no gap, whatever its number.
    void restart() noexcept { seen_ = false; }

    /// `thinned`: this image is meant to have gaps (WIRE-088), so that a large one is no reason to jump.
    Outcome on_descriptor(std::uint64_t seq, std::int64_t image, bool thinned = false) noexcept {
        if (!seen_) {
            seen_ = true;
            last_ = seq;
            image_ = image;
            return {Verdict::InOrder, 0};
        }
        if (seq <= last_) return {image == image_ ? Verdict::Regression : Verdict::Duplicate, 0};
        const std::uint64_t gap = seq - last_ - 1;
        last_ = seq;
        image_ = image;
        return {gap > max_gap_ && !thinned ? Verdict::Resync : Verdict::InOrder, gap};
    }

    [[nodiscard]] bool seen() const noexcept { return seen_; }
    [[nodiscard]] std::uint64_t last() const noexcept { return last_; }

private:
    std::uint64_t max_gap_;
    std::uint64_t last_ = 0;
    std::int64_t image_ = 0;
    bool seen_ = false;
};

}  // namespace tensorpool::consumer
