// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tensorpool::base {

/// Asks for the cache line at `address` in a state that a store can use at once, so that the store does not
/// wait until every reader's copy is invalid. A hint: any address is allowed.
inline void prefetch_for_write(const void* address) noexcept {
#if defined(__x86_64__)
    // Not __builtin_prefetch: without -mprfchw it asks for a shared line only.
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
    __builtin_prefetch(address, 1, 3);
#endif
}

}  // namespace tensorpool::base
