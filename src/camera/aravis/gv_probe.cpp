// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/aravis/gv_probe.hpp"

#include <tensorpool/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tensorpool::camera {

namespace {

// GVCP: a discovery command that wants an answer, with request id 1.
constexpr std::array<std::uint8_t, 8> kDiscoveryCommand{0x42, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01};
constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint8_t kDiscoveryAck = 0x03;
// The answer carries the first bytes of the bootstrap registers.
constexpr std::size_t kSerialOffset = 0xD8;
constexpr std::size_t kSerialBytes = 16;

sockaddr_in ipv4_address(std::uint32_t ipv4, std::uint16_t port) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(ipv4);
    return address;
}

base::UniqueFd udp_socket() {
    base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) throw Error(ErrorCode::SystemError, std::string("socket: ") + std::strerror(errno));
    return fd;
}

/// Our own address on the way to `device`.
std::uint32_t interface_towards(std::uint32_t device) {
    const base::UniqueFd fd = udp_socket();
    sockaddr_in address = ipv4_address(device, kGvcpPort);
    socklen_t length = sizeof(address);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw Error(ErrorCode::SystemError, std::string("no route to the camera: ") + std::strerror(errno));
    return ntohl(address.sin_addr.s_addr);
}

}  // namespace

std::optional<std::string> serial_of_discovery_ack(std::span<const std::byte> datagram) {
    if (datagram.size() < kHeaderBytes + kSerialOffset + kSerialBytes) return std::nullopt;
    const auto byte = [&](std::size_t i) { return std::to_integer<std::uint8_t>(datagram[i]); };
    const bool is_ok = byte(0) == 0 && byte(1) == 0;
    if (!is_ok || byte(2) != 0 || byte(3) != kDiscoveryAck) return std::nullopt;
    std::array<char, kSerialBytes> serial{};
    std::memcpy(serial.data(), datagram.data() + kHeaderBytes + kSerialOffset, serial.size());
    return std::string(serial.begin(), std::find(serial.begin(), serial.end(), '\0'));
}

GvProbe::GvProbe(GvAddress last_known, std::string serial)
    : last_known_(last_known), serial_(std::move(serial)), socket_(udp_socket()) {
    const int on = 1;
    // Without permission to broadcast the last address still works.
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
}

void GvProbe::send_to(std::uint32_t ipv4) noexcept {
    const sockaddr_in address = ipv4_address(ipv4, kGvcpPort);
    // A failed send (network down, nobody listening) means not there yet; the next attempt follows.
    ::sendto(socket_.get(), kDiscoveryCommand.data(), kDiscoveryCommand.size(), 0,
             reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

std::optional<GvAddress> GvProbe::poll(bool ask) {
    if (ask) {
        send_to(last_known_.device);
        if (!is_loopback(last_known_.device)) send_to(INADDR_BROADCAST);
    }
    std::array<std::byte, 1024> datagram;
    for (int i = 0; i < 32; ++i) {  // whoever floods the socket cannot hold the duty cycle
        sockaddr_in from{};
        socklen_t from_length = sizeof(from);
        const ssize_t received = ::recvfrom(socket_.get(), datagram.data(), datagram.size(), 0,
                                            reinterpret_cast<sockaddr*>(&from), &from_length);
        if (received < 0) return std::nullopt;
        const auto serial = serial_of_discovery_ack({datagram.data(), static_cast<std::size_t>(received)});
        if (!serial || *serial != serial_) continue;
        last_known_.device = ntohl(from.sin_addr.s_addr);
        last_known_.interface = interface_towards(last_known_.device);
        return last_known_;
    }
    return std::nullopt;
}

}  // namespace tensorpool::camera
