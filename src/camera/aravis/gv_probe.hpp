// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <tensorpool/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tensorpool::camera {

inline constexpr std::uint16_t kGvcpPort = 3956;

/// Where a GigE Vision camera is and through which of our addresses it is reached. IPv4 in host byte order.
struct GvAddress {
    std::uint32_t device = 0;
    std::uint32_t interface = 0;
};

[[nodiscard]] constexpr bool is_loopback(std::uint32_t ipv4) noexcept {
    return (ipv4 >> 24) == 127;
}

/// The serial number in a GVCP discovery answer; empty optional when the datagram is none.
[[nodiscard]] std::optional<std::string> serial_of_discovery_ack(std::span<const std::byte> datagram);

/// Asks whether one GigE Vision camera is there, without ever waiting: opening it through Aravis would block
/// for seconds while it is not.
class GvProbe {
public:
    /// Looks for the camera with `serial`, at its last address and, off the loopback interface, by broadcast.
    GvProbe(GvAddress last_known, std::string serial);

    /// Sends a request when `ask` and returns where the camera answered from, if it did.
    [[nodiscard]] std::optional<GvAddress> poll(bool ask);

private:
    void send_to(std::uint32_t ipv4) noexcept;

    GvAddress last_known_;
    std::string serial_;
    base::UniqueFd socket_;
};

}  // namespace tensorpool::camera
