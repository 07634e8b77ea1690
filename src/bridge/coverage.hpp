// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tensorpool::bridge {

/// Which bytes of a payload have arrived, as runs in ascending order that do not touch. Slices that come in
/// order, or in reverse, are one run; a new slice that meets what is there already is refused.
class Coverage {
public:
    /// For at most `max_slices` slices.
    explicit Coverage(std::size_t max_slices = 0)
        : runs_(std::make_unique_for_overwrite<Run[]>(max_slices)) {}

    void clear() noexcept { count_ = 0; }

    /// False: some byte is there already. Precondition: `length` > 0, and the sum fits 32 bits.
    [[nodiscard]] bool add(std::uint32_t offset, std::uint32_t length) noexcept {
        const Run fresh{offset, offset + length};
        Run* const end = runs_.get() + count_;
        // The last run is where slices in order go.
        Run* const after =
            count_ == 0 || end[-1].from < fresh.from
                ? end
                : std::upper_bound(runs_.get(), end, fresh.from,
                                   [](std::uint32_t at, const Run& run) { return at < run.from; });
        Run* const before = after == runs_.get() ? nullptr : after - 1;
        if (before != nullptr && before->to > fresh.from) return false;
        if (after != end && after->from < fresh.to) return false;
        const bool joins_before = before != nullptr && before->to == fresh.from;
        const bool joins_after = after != end && after->from == fresh.to;
        if (joins_before && joins_after) {
            before->to = after->to;
            std::move(after + 1, end, after);
            --count_;
        } else if (joins_before) {
            before->to = fresh.to;
        } else if (joins_after) {
            after->from = fresh.from;
        } else {
            std::move_backward(after, end, end + 1);
            *after = fresh;
            ++count_;
        }
        return true;
    }

    [[nodiscard]] std::size_t runs() const noexcept { return count_; }

private:
    struct Run {
        std::uint32_t from;
        std::uint32_t to;
    };

    std::unique_ptr<Run[]> runs_;
    std::size_t count_ = 0;
};

}  // namespace tensorpool::bridge
