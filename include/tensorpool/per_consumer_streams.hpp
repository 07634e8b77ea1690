// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tensorpool {

/// Where streams of single consumers of one kind come from (SUP-014).
struct ConsumerStreamRange {
    std::string channel;      ///< empty: the one that the consumer named
    std::uint32_t base = 0;   ///< 0: the stream id that the consumer named
    std::uint32_t range = 0;  ///< with a base: ids base ... base + range - 1
};

/// How whoever issues ConsumerConfig answers consumers that ask for streams of their own (SUP-010).
struct PerConsumerStreams {
    bool enabled = false;  ///< false: every request is declined, and the consumer stays on the shared streams
    ConsumerStreamRange descriptor{};
    ConsumerStreamRange control{};  ///< these carry FrameProgress and nothing else (WIRE-085)
};

}  // namespace tensorpool
