// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/telemetry.hpp>

namespace tensorpool::telemetry {

/// The host's sink while it is installed and turned on; nullptr otherwise.
[[nodiscard]] TelemetrySink* telemetry_sink() noexcept;

}  // namespace tensorpool::telemetry
