// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include <algorithm>
#include <random>

namespace tensorpool::client {

/// Exponential back-off with jitter, so that clients of a restarted driver do not come all at once.
class Backoff {
public:
    Backoff(Nanos initial_ns, Nanos max_ns) noexcept
        : initial_ns_(std::max<Nanos>(initial_ns, 1)),
          max_ns_(std::max(max_ns, initial_ns_)),
          next_ns_(initial_ns_) {}

    /// The next pause: between half the current step and the whole of it. Doubles the step.
    template <typename Random>
    [[nodiscard]] Nanos next(Random& random) {
        const Nanos step = next_ns_;
        next_ns_ = step > max_ns_ / 2 ? max_ns_ : step * 2;
        return std::uniform_int_distribution<Nanos>(step / 2, step)(random);
    }

    void reset() noexcept { next_ns_ = initial_ns_; }

private:
    Nanos initial_ns_;
    Nanos max_ns_;
    Nanos next_ns_;
};

}  // namespace tensorpool::client
