// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

// Messages whose every byte follows from their sequence number and length, so that a torn one is recognised.
namespace tensorpool::test {

inline constexpr std::size_t kPatternHeader = 8;

[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

/// `out.size()` is at least kPatternHeader.
inline void fill_pattern(std::span<std::byte> out, std::uint64_t seq) noexcept {
    std::memcpy(out.data(), &seq, kPatternHeader);
    for (std::size_t at = kPatternHeader; at < out.size(); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = mixed(seq * 0x9E3779B97F4A7C15U + at + out.size());
        std::memcpy(out.data() + at, &word, std::min(sizeof(word), out.size() - at));
    }
}

[[nodiscard]] inline std::vector<std::byte> pattern(std::uint64_t seq, std::size_t length) {
    std::vector<std::byte> bytes(length);
    fill_pattern(bytes, seq);
    return bytes;
}

/// The sequence number of an intact message.
[[nodiscard]] inline std::optional<std::uint64_t> read_pattern(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kPatternHeader) return std::nullopt;
    std::uint64_t seq = 0;
    std::memcpy(&seq, bytes.data(), kPatternHeader);
    for (std::size_t at = kPatternHeader; at < bytes.size(); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = mixed(seq * 0x9E3779B97F4A7C15U + at + bytes.size());
        if (std::memcmp(bytes.data() + at, &word, std::min(sizeof(word), bytes.size() - at)) != 0)
            return std::nullopt;
    }
    return seq;
}

}  // namespace tensorpool::test
