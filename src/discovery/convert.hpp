// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/discovery.hpp>

#include "control/discovery_messages.hpp"

namespace tensorpool::discovery {

[[nodiscard]] DiscoveredStream to_public(const control::DiscoveryResult& result);
/// Empty tags ask for nothing (discovery.md section 8, step 3).
[[nodiscard]] DiscoveryFilter filter_of(const control::DiscoveryRequest& request);
[[nodiscard]] bool matches(const control::DiscoveryResult& result, const DiscoveryFilter& filter) noexcept;

}  // namespace tensorpool::discovery
