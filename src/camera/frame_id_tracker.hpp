// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tensorpool::camera {

/// Counts frames a camera sent that never arrived, from the gaps in its frame ids. Ids are 16 bits wide (1 to
/// 65535, then 1 again) on most cameras and 64 bits on newer ones; 0 is not an id.
class FrameIdTracker {
public:
    /// Forgets the last id: the camera was restarted and begins anew.
    void reset() noexcept { last_ = 0; }

    /// How many ids lie between the previous frame and this one. 0 for the first, for a late frame and for a
    /// jump too large to be loss.
    [[nodiscard]] std::uint64_t missed_before(std::uint64_t id) noexcept {
        if (id == 0) return 0;
        const std::uint64_t last = last_;
        last_ = id;
        if (last == 0 || id == last) return 0;
        if (id > last) return plausible(id - last - 1);
        if (last > kLast16 || last - id < kLast16 / 2) {  // late, not wrapped: do not count the way back
            last_ = last;
            return 0;
        }
        return plausible(kLast16 - last + id - 1);
    }

private:
    static constexpr std::uint64_t kLast16 = 0xFFFF;
    static constexpr std::uint64_t kMostPlausible = 10'000;

    static std::uint64_t plausible(std::uint64_t missed) noexcept {
        return missed <= kMostPlausible ? missed : 0;
    }

    std::uint64_t last_ = 0;
};

}  // namespace tensorpool::camera
