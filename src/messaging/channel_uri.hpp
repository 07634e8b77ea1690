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

}  // namespace tensorpool::messaging
