// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorpool {

/// What became of a discovery request, with its wire value (discovery.md section 3).
enum class DiscoveryStatus : std::uint8_t {
    Ok = 1,        ///< processed, also when nothing matches (DISC-045)
    NotFound = 2,  ///< nothing visible matches (DISC-046)
    Error = 3,     ///< an internal failure, or a request that cannot be answered (DISC-047)
};

/// The protocol's own spelling; "UNKNOWN" for anything else.
[[nodiscard]] std::string_view to_string(DiscoveryStatus status) noexcept;

}  // namespace tensorpool
