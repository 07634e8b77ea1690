// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/messages.hpp"
#include "wire/cursor.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

// Plain structs <-> bytes, for every message of schemas 900, 901, 903 and 904.
namespace tensorpool::control {

enum class DecodeResult : std::uint8_t {
    Ok,
    NotOurs,    ///< another schema or template
    TooNew,     ///< a schema version above ours (DRV-016)
    Malformed,  ///< too short, or a length points past the end
    BadEnum,    ///< an enum field holds a value that does not exist
};

[[nodiscard]] std::string_view to_string(DecodeResult result) noexcept;

// encode() returns the bytes written, or 0 when `out` is too small or a text too long. decode() reads hostile
// bytes; `message` is meaningful only after Ok. Neither throws except for lack of memory.
// NOLINTBEGIN(bugprone-macro-parentheses): the argument is a type
#define TP_CONTROL_CODEC(Message)                                                                \
    [[nodiscard]] std::size_t encode(std::span<std::byte> out, const Message& message) noexcept; \
    [[nodiscard]] DecodeResult decode(std::span<const std::byte> in, Message& message)
// NOLINTEND(bugprone-macro-parentheses)

TP_CONTROL_CODEC(PoolAnnounce);
TP_CONTROL_CODEC(ConsumerHello);
TP_CONTROL_CODEC(ConsumerConfig);
TP_CONTROL_CODEC(FrameDescriptor);
TP_CONTROL_CODEC(FrameProgress);
TP_CONTROL_CODEC(QosConsumer);
TP_CONTROL_CODEC(QosProducer);
TP_CONTROL_CODEC(DataSourceAnnounce);
TP_CONTROL_CODEC(DataSourceMeta);
TP_CONTROL_CODEC(ControlResponse);
TP_CONTROL_CODEC(MetaBlobAnnounce);
TP_CONTROL_CODEC(MetaBlobChunk);
TP_CONTROL_CODEC(MetaBlobComplete);
TP_CONTROL_CODEC(AttachRequest);
TP_CONTROL_CODEC(AttachResponse);
TP_CONTROL_CODEC(DetachRequest);
TP_CONTROL_CODEC(DetachResponse);
TP_CONTROL_CODEC(LeaseKeepalive);
TP_CONTROL_CODEC(DriverShutdown);
TP_CONTROL_CODEC(LeaseRevoked);
TP_CONTROL_CODEC(DriverShutdownRequest);
TP_CONTROL_CODEC(SequenceMergeMapAnnounce);
TP_CONTROL_CODEC(SequenceMergeMapRequest);
TP_CONTROL_CODEC(TimestampMergeMapAnnounce);
TP_CONTROL_CODEC(TimestampMergeMapRequest);
TP_CONTROL_CODEC(TraceLinkSet);
#undef TP_CONTROL_CODEC

// Semantic checks: why a decoded message breaks the protocol, or nothing.

/// WIRE-057, WIRE-061, WIRE-065, WIRE-066 and non-empty, distinct regions.
[[nodiscard]] std::optional<std::string> invalid_reason(const PoolAnnounce& announce);
/// DRV-049 to DRV-053 as the client must check them (DRV-060 to DRV-062); nothing for codes other than OK.
[[nodiscard]] std::optional<std::string> invalid_reason(const AttachResponse& response);
/// WIRE-077, WIRE-078: a channel without an id or an id without a channel.
[[nodiscard]] std::optional<std::string> invalid_reason(const ConsumerHello& hello);

/// An error text cut to the 1024 bytes a response may carry (DRV-056).
[[nodiscard]] std::string truncated_error(std::string text);

}  // namespace tensorpool::control
