// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorpool::control {

/// What a ConsumerHello says about one kind of stream of its own.
enum class StreamRequest : std::uint8_t { None, Half, Full };

/// Both or nothing: a channel without an id, or an id without a channel, is no request (WIRE-076, TRP-27).
[[nodiscard]] constexpr StreamRequest classify(std::string_view channel, std::uint32_t stream_id) noexcept {
    if (channel.empty() && stream_id == 0) return StreamRequest::None;
    return channel.empty() || stream_id == 0 ? StreamRequest::Half : StreamRequest::Full;
}

}  // namespace tensorpool::control
