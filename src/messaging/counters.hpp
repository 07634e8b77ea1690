// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/function_ref.hpp"
#include "base/racy_copy.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// Numbers that any process on the same messaging can read while their owner lives (OBS 1). Aeron's counters
// where Aeron is underneath; a counters file per process with the embedded messaging.
namespace tensorpool::messaging {

/// Longest key and label of a counter. A longer label is cut, a longer key refused.
inline constexpr std::size_t kMaxCounterKey = 112;
inline constexpr std::size_t kMaxCounterLabel = 368;

/// One number of this process. Destroying it gives it back: readers no longer see it. One thread at a time.
class Counter {
public:
    virtual ~Counter() = default;
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;

    /// One plain store: others see the number some time later, never half of it.
    void set(std::int64_t value) noexcept { base::store_relaxed(*value_, value); }
    [[nodiscard]] std::int64_t get() const noexcept { return base::load_relaxed(*value_); }

protected:
    /// `value` is the backend's, and outlives this object.
    explicit Counter(std::int64_t& value) noexcept : value_(&value) {}

private:
    std::int64_t* value_;
};

/// A counter as a reader sees it: private copies, valid until the handler returns.
struct CounterInfo {
    std::int32_t id = 0;  ///< tells it from every other one at this moment
    std::int32_t type_id = 0;
    std::int64_t value = 0;
    std::span<const std::byte> key;  ///< Aeron fills it up to the longest with zeros
    std::string_view label;  ///< whatever its owner wrote: make it printable() before it reaches a terminal
    bool own = false;        ///< made by the client that is asked
};

using CounterHandler = base::FunctionRef<void(const CounterInfo&)>;

}  // namespace tensorpool::messaging
