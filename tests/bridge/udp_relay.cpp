// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/udp_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace tensorpool::test {
namespace {

constexpr Nanos kLifetime = 300 * kNanosPerSecond;
constexpr std::size_t kMaxDatagram = 65536;

}  // namespace

sockaddr_in udp_address(const char* host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host, &address.sin_addr) != 1)
        throw std::runtime_error(std::string("no IPv4 address: ") + host);
    return address;
}

base::UniqueFd udp_socket(const char* host, std::uint16_t& port) {
    base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address = udp_address(host, 0);
    socklen_t length = sizeof address;
    if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        throw std::runtime_error(std::string("no UDP socket on ") + host);
    }
    const int bytes = 4 << 20;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    port = ntohs(address.sin_port);
    return socket;
}

void send_to(const base::UniqueFd& socket, std::uint16_t port, const void* bytes, std::size_t size) {
    const sockaddr_in to = udp_address("127.0.0.1", port);
    // Whatever does not fit into the kernel's buffers is lost, as on any network.
    std::ignore = ::sendto(socket.get(), bytes, size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

UdpRelay::UdpRelay(std::uint16_t target_port, const UdpFaults& faults, std::uint64_t seed)
    : UdpRelay("127.0.0.1", udp_address("127.0.0.1", target_port), faults, seed) {
}

UdpRelay::UdpRelay(const char* host, const sockaddr_in& target, const UdpFaults& faults, std::uint64_t seed)
    : faults_(faults), random_(seed), buffer_(kMaxDatagram) {
    client_side_ = udp_socket(host, port_);
    std::uint16_t ignored = 0;
    target_side_ = udp_socket(host, ignored);
    if (::connect(target_side_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0)
        throw std::runtime_error("cannot connect to the target");
    thread_ = std::thread([this] { run(); });
}

UdpRelay::~UdpRelay() {
    stop_ = true;
    thread_.join();
}

void UdpRelay::run() {
    const Nanos end = monotonic_now_ns() + kLifetime;
    std::array<pollfd, 2> ready{{{client_side_.get(), POLLIN, 0}, {target_side_.get(), POLLIN, 0}}};
    while (!stop_.load() && monotonic_now_ns() < end) {
        ::poll(ready.data(), ready.size(), 1);
        from_client();
        from_target();
        send_due(monotonic_now_ns());
    }
}

void UdpRelay::from_client() {
    for (int i = 0; i < 256; ++i) {
        sockaddr_in from{};
        socklen_t length = sizeof from;
        const ssize_t got = ::recvfrom(client_side_.get(), buffer_.data(), buffer_.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &length);
        if (got < 0) return;
        client_ = from;
        ++received_;
        if (chance(faults_.drop)) {
            ++dropped_;
            continue;
        }
        const auto size = static_cast<std::size_t>(got);
        if (chance(faults_.duplicate)) {
            ++duplicated_;
            std::ignore = ::send(target_side_.get(), buffer_.data(), size, 0);
        }
        if (chance(faults_.delay)) {
            ++delayed_;
            const auto by = static_cast<Nanos>(1 + random_() % 5) * kNanosPerMilli;
            held_.push_back({monotonic_now_ns() + by, {buffer_.begin(), buffer_.begin() + got}});
            continue;
        }
        std::ignore = ::send(target_side_.get(), buffer_.data(), size, 0);
    }
}

void UdpRelay::from_target() {
    for (int i = 0; i < 256; ++i) {
        const ssize_t got = ::recv(target_side_.get(), buffer_.data(), buffer_.size(), 0);
        if (got < 0) return;
        if (client_.sin_port == 0) continue;
        std::ignore = ::sendto(client_side_.get(), buffer_.data(), static_cast<std::size_t>(got), 0,
                               reinterpret_cast<const sockaddr*>(&client_), sizeof client_);
    }
}

void UdpRelay::send_due(Nanos now_ns) {
    std::erase_if(held_, [&](const Held& held) {
        if (held.due_ns > now_ns) return false;
        std::ignore = ::send(target_side_.get(), held.bytes.data(), held.bytes.size(), 0);
        return true;
    });
}

}  // namespace tensorpool::test
