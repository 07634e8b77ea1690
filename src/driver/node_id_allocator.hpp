// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <cstdint>
#include <map>
#include <optional>

namespace tensorpool::driver {

/// TraceLink node ids 1 ... 1023, the 10-bit field of a trace id (TRP-26, TRACE-006). A released id rests for
/// the cooldown, except for the client that had it.
class NodeIdAllocator {
public:
    static constexpr std::uint32_t kFirst = 1;
    static constexpr std::uint32_t kLast = 1023;

    explicit NodeIdAllocator(Nanos cooldown_ns) noexcept : cooldown_ns_(cooldown_ns) {}

    /// Whether `client` could have `node_id` now.
    [[nodiscard]] bool is_available(std::uint32_t node_id, std::uint32_t client, Nanos now_ns) const noexcept;
    /// The id `client` had last if it is still free, else the next free one; empty when none is.
    [[nodiscard]] std::optional<std::uint32_t> assign(std::uint32_t client, Nanos now_ns);
    /// False when it is not available.
    [[nodiscard]] bool assign_exactly(std::uint32_t node_id, std::uint32_t client, Nanos now_ns);
    void release(std::uint32_t node_id, Nanos now_ns) noexcept;

private:
    struct Entry {
        std::uint32_t client = 0;
        bool held = false;
        Nanos released_ns = 0;
    };

    std::map<std::uint32_t, Entry> entries_;  // at most 1023
    Nanos cooldown_ns_;
    std::uint32_t next_ = kFirst;
};

}  // namespace tensorpool::driver
