// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/messages.hpp"

#include <tensorpool/protocol_enums.hpp>

#include <string>
#include <string_view>

namespace tensorpool::consumer {

/// How a producer or supervisor last told this consumer to read (WIRE-089).
struct RemoteConfig {
    bool use_shm = true;
    Mode mode = Mode::Stream;
    std::string fallback_uri;  ///< where payloads are instead; empty: nobody said
};

/// Whether payloads could be found at `uri`: an Aeron channel, or a bridge by its published name (WIRE-090).
[[nodiscard]] inline bool is_defined_fallback(std::string_view uri) noexcept {
    constexpr std::string_view kBridge = "bridge://";
    const bool named = uri.starts_with("aeron:") || (uri.starts_with(kBridge) && uri.size() > kBridge.size());
    return uri.empty() || named;
}

}  // namespace tensorpool::consumer
