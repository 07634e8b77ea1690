// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace tensorpool::driver {

/// Compares a token with the configured one in a time that depends on the given length only (TRP-24). An
/// empty configured token matches nothing.
[[nodiscard]] inline bool token_matches(std::string_view given, std::string_view configured) noexcept {
    if (configured.empty()) return false;
    std::size_t difference = given.size() ^ configured.size();
    for (std::size_t i = 0; i < given.size(); ++i) {
        const auto wanted = static_cast<unsigned char>(configured[i % configured.size()]);
        difference |= static_cast<std::size_t>(static_cast<unsigned char>(given[i]) ^ wanted);
    }
    return difference == 0;
}

}  // namespace tensorpool::driver
