// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <atomic>

namespace tensorpool::test {

/// A clock that moves only when told to.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Nanos start_ns = kNanosPerSecond) : now_(start_ns) {}

    [[nodiscard]] Nanos now_ns() const noexcept override { return now_.load(std::memory_order_relaxed); }
    void advance(Nanos by_ns) noexcept { now_.fetch_add(by_ns, std::memory_order_relaxed); }

private:
    std::atomic<Nanos> now_;
};

}  // namespace tensorpool::test
