// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "harness.hpp"

#include <tensorpool/context.hpp>

#include <vector>

namespace tensorpool::bench {

struct FrameRun {
    std::vector<Nanos> half_trips;
    double allocations_per_frame = 0;
};

/// Halves of a frame ping-pong between two processes, from claim to poll. `messaging`: nullptr for the
/// embedded messaging.
[[nodiscard]] FrameRun frame_half_trips(int trips, Nanos pause_ns, bool blocking,
                                        const ContextOptions* messaging = nullptr);

}  // namespace tensorpool::bench
