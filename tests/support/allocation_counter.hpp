// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tensorpool::test {

/// Calls of operator new by the calling thread since it began.
[[nodiscard]] std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace tensorpool::test
