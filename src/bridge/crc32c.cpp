// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/crc32c.hpp"

#ifdef TP_HAVE_ISAL
#include <isa-l/crc.h>
#endif

namespace tensorpool::bridge {

#ifdef TP_HAVE_ISAL

namespace {

// ISA-L's function neither inverts at the start nor at the end, and takes what it only reads as non-const.
unsigned int update(unsigned int crc, std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return crc;
    auto* from = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
    return crc32_iscsi(from, static_cast<int>(bytes.size()), crc);
}

}  // namespace

bool crc32c_available() noexcept {
    return true;
}

std::uint32_t crc32c(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
    return ~update(update(0xFFFFFFFFU, first), second);
}

#else

bool crc32c_available() noexcept {
    return false;
}

std::uint32_t crc32c(std::span<const std::byte>, std::span<const std::byte>) noexcept {
    return 0;
}

#endif

}  // namespace tensorpool::bridge
