// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "harness.hpp"

// What the machine itself costs: every target is a multiple of one of these, measured in the same run.
namespace tensorpool::bench {

/// Half trips of one cache line between two pinned, spinning processes. `pause_ns` between two trips.
[[nodiscard]] std::vector<Nanos> cache_line_half_trips(int trips, Nanos pause_ns);

/// Half trips of a bare futex wake between two processes that sleep.
[[nodiscard]] std::vector<Nanos> futex_half_trips(int trips, Nanos pause_ns);

/// Spins until `until_ns`.
void spin_until(Nanos until_ns) noexcept;

}  // namespace tensorpool::bench
