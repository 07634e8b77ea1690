// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <tensorpool/discovery.hpp>

#include <cstdint>

namespace tensorpool::apps {

/// How a program asks a discovery provider.
struct DiscoveryOptions {
    DiscoveryClientOptions client;
    std::uint32_t timeout_ms = 5000;

    /// `--request-*`, `--response-*` with their environment variables, and `--timeout-ms`. The default is the
    /// provider in a driver, which answers on the driver's control stream.
    void add_to(const cli::Command& command);
    /// Only where to ask, for programs with endpoints enough: `--discovery-channel`, `--discovery-stream-id`.
    void add_request_to(const cli::Command& command);
};

}  // namespace tensorpool::apps
