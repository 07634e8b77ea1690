// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/protocol_enums.hpp>

#include <string>

namespace tensorpool::consumer {

/// How a producer or supervisor last told this consumer to read (WIRE-089).
struct RemoteConfig {
    bool use_shm = true;
    Mode mode = Mode::Stream;
    std::string fallback_uri;  ///< where payloads are instead; empty: nobody said
};

}  // namespace tensorpool::consumer
