// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// Replaces the global allocator so that "no allocation per frame" is measured, not promised.
namespace {
std::atomic<std::uint64_t> calls{0};

void* counted_or_null(std::size_t bytes) noexcept {
    calls.fetch_add(1, std::memory_order_relaxed);
    return std::malloc(bytes == 0 ? 1 : bytes);
}

void* counted(std::size_t bytes) {
    void* p = counted_or_null(bytes);
    if (p == nullptr) throw std::bad_alloc();
    return p;
}

void* counted_aligned(std::size_t bytes, std::align_val_t alignment) {
    calls.fetch_add(1, std::memory_order_relaxed);
    void* p = nullptr;
    if (::posix_memalign(&p, static_cast<std::size_t>(alignment), bytes) != 0) throw std::bad_alloc();
    return p;
}
}  // namespace

void* operator new(std::size_t bytes) {
    return counted(bytes);
}
void* operator new[](std::size_t bytes) {
    return counted(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return counted_or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return counted_or_null(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return counted_aligned(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return counted_aligned(bytes, alignment);
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete[](void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
    std::free(p);
}

namespace tensorpool::bench {
std::uint64_t allocation_count() noexcept {
    return calls.load(std::memory_order_relaxed);
}
}  // namespace tensorpool::bench
