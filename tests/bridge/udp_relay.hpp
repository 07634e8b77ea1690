// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <tensorpool/clock.hpp>

#include <netinet/in.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

namespace tensorpool::test {

/// What happens to datagrams on their way to the target. Chances are out of 1000, for each datagram.
struct UdpFaults {
    unsigned drop = 0;
    unsigned duplicate = 0;
    unsigned delay = 0;  ///< by 1 to 5 ms, so that later ones overtake it
};

/// "127.0.0.1" and a port, as the kernel wants them.
[[nodiscard]] sockaddr_in udp_address(const char* host, std::uint16_t port);

/// Passes UDP datagrams on between one client and one target: the client sends to port() of `host` and gets
/// the target's answers from there. Answers pass unharmed. Runs on a thread of its own until it is destroyed,
/// and never for longer than five minutes.
class UdpRelay {
public:
    /// With both ends on loopback.
    UdpRelay(std::uint16_t target_port, const UdpFaults& faults, std::uint64_t seed);
    UdpRelay(const char* host, const sockaddr_in& target, const UdpFaults& faults, std::uint64_t seed);
    ~UdpRelay();
    UdpRelay(const UdpRelay&) = delete;
    UdpRelay& operator=(const UdpRelay&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_.load(); }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(); }
    [[nodiscard]] std::uint64_t delayed() const noexcept { return delayed_.load(); }
    [[nodiscard]] std::uint64_t duplicated() const noexcept { return duplicated_.load(); }

private:
    struct Held {
        Nanos due_ns;
        std::vector<std::byte> bytes;
    };

    void run();
    void from_client();
    void from_target();
    void send_due(Nanos now_ns);
    [[nodiscard]] bool chance(unsigned per_mille) { return per_mille > 0 && random_() % 1000 < per_mille; }

    base::UniqueFd client_side_;
    base::UniqueFd target_side_;
    std::uint16_t port_ = 0;
    sockaddr_in client_{};  // the last one heard; all 0: none yet
    UdpFaults faults_;
    std::mt19937_64 random_;
    std::vector<Held> held_;
    std::vector<std::byte> buffer_;
    std::atomic<std::uint64_t> received_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::uint64_t> delayed_{0};
    std::atomic<std::uint64_t> duplicated_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// A UDP socket on a free port of `host`; `port` receives it.
[[nodiscard]] base::UniqueFd udp_socket(const char* host, std::uint16_t& port);
[[nodiscard]] inline base::UniqueFd loopback_socket(std::uint16_t& port) {
    return udp_socket("127.0.0.1", port);
}
/// Sends one datagram to a port of 127.0.0.1.
void send_to(const base::UniqueFd& socket, std::uint16_t port, const void* bytes, std::size_t size);

}  // namespace tensorpool::test
