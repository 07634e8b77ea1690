// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"

#include <tensorpool/producer.hpp>

#include <cstdint>

namespace tensorpool::apps {

/// `--standalone` and the shape of the memory a program creates itself when it works without a driver.
struct StandaloneOptions {
    bool enabled = false;
    StandaloneLayout layout;

    void add_to(const cli::Command& command);
    /// The layout with one pool whose slots hold `payload_bytes`. Throws UsageError when none can.
    [[nodiscard]] StandaloneLayout layout_for(std::uint64_t payload_bytes) const;
};

}  // namespace tensorpool::apps
