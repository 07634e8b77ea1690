// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tensorpool::messaging {

/// A channel in Aeron's syntax: `aeron:<media>?key=value|key=value`.
struct ChannelUri {
    std::string media;  ///< "ipc" or "udp"
    std::map<std::string, std::string> params;

    /// Throws Error(InvalidConfig) that quotes the text and says what is wrong with it.
    [[nodiscard]] static ChannelUri parse(std::string_view text);

    /// `term-length` in bytes, with Aeron's suffixes k, m, g; empty when the channel does not say.
    [[nodiscard]] std::optional<std::uint64_t> term_length_bytes() const { return size_bytes("term-length"); }
    /// Any parameter that is a size, for example "mtu".
    [[nodiscard]] std::optional<std::uint64_t> size_bytes(const std::string& param) const;
};

/// Whether payloads that are not in shared memory could be at `uri`: an Aeron channel, or a bridge by its
/// published name, `bridge://<id>` (WIRE-090).
[[nodiscard]] bool is_payload_fallback(std::string_view uri) noexcept;

/// Longest log that a stranger may make this host allocate for a stream of its own.
inline constexpr std::uint64_t kMaxConsumerTermBytes = std::uint64_t{16} << 20;

/// Whether `channel` can be served to a single consumer: well formed, of a medium that the messaging carries
/// (`ipc_only`: the embedded one), and its log no longer than kMaxConsumerTermBytes (WIRE-080).
[[nodiscard]] bool is_consumer_channel(std::string_view channel, bool ipc_only);

}  // namespace tensorpool::messaging
