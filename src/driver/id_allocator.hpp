// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_config.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace tensorpool::driver {

/// Hands out ids from configured ranges, each to one holder at a time (DRV-122, DRV-124).
class IdAllocator {
public:
    explicit IdAllocator(std::vector<IdRange> ranges);

    [[nodiscard]] bool is_configured() const noexcept { return !ranges_.empty(); }
    [[nodiscard]] bool contains(std::uint32_t id) const noexcept;
    [[nodiscard]] bool is_taken(std::uint32_t id) const noexcept { return taken_.contains(id); }

    /// The lowest free id at or after the last one handed out, around the end of the ranges if need be, so
    /// that a number just given back rests as long as possible. Empty when all are taken.
    [[nodiscard]] std::optional<std::uint32_t> take_next();
    /// False when `id` lies outside the ranges or is taken.
    [[nodiscard]] bool take(std::uint32_t id);
    void release(std::uint32_t id) noexcept { taken_.erase(id); }

    /// What take_next() would return.
    [[nodiscard]] std::optional<std::uint32_t> peek_next() const;

private:
    std::vector<IdRange> ranges_;
    std::set<std::uint32_t> taken_;
    std::uint32_t cursor_ = 0;
};

}  // namespace tensorpool::driver
