// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/udp_relay.hpp"

#include "support/eventually.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tensorpool::test {
namespace {

/// Numbers that arrived at `socket` so far.
void receive(const base::UniqueFd& socket, std::vector<std::uint32_t>& numbers) {
    std::uint32_t number = 0;
    while (::recv(socket.get(), &number, sizeof number, 0) == sizeof number) numbers.push_back(number);
}

TEST(UdpRelayTest, PassesBothWaysUnharmedWithoutFaults) {
    std::uint16_t target_port = 0;
    std::uint16_t client_port = 0;
    const base::UniqueFd target = loopback_socket(target_port);
    const base::UniqueFd client = loopback_socket(client_port);
    const UdpRelay relay(target_port, {}, 1);
    std::vector<std::uint32_t> there;
    for (std::uint32_t i = 0; i < 50; ++i) send_to(client, relay.port(), &i, sizeof i);
    ASSERT_TRUE(eventually([&] {
        receive(target, there);
        return there.size() == 50;
    }));
    EXPECT_TRUE(std::ranges::is_sorted(there));
    // The target answers whoever the relay seems to be.
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    std::uint32_t number = 7;
    send_to(client, relay.port(), &number, sizeof number);
    ASSERT_TRUE(eventually([&] {
        return ::recvfrom(target.get(), &number, sizeof number, 0, reinterpret_cast<sockaddr*>(&from),
                          &length) > 0;
    }));
    number = 8;
    ASSERT_EQ(::sendto(target.get(), &number, sizeof number, 0, reinterpret_cast<sockaddr*>(&from), length),
              4);
    std::vector<std::uint32_t> back;
    ASSERT_TRUE(eventually([&] {
        receive(client, back);
        return back.size() == 1;
    }));
    EXPECT_EQ(back[0], 8U);
}

TEST(UdpRelayTest, LosesRepeatsAndReorders) {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::uint16_t target_port = 0;
    std::uint16_t client_port = 0;
    const base::UniqueFd target = loopback_socket(target_port);
    const base::UniqueFd client = loopback_socket(client_port);
    const UdpRelay relay(target_port, {.drop = 100, .duplicate = 100, .delay = 200}, seed);
    std::vector<std::uint32_t> there;
    std::uint32_t next = 0;
    ASSERT_TRUE(eventually([&] {
        for (int i = 0; i < 20; ++i, ++next) send_to(client, relay.port(), &next, sizeof next);
        receive(target, there);
        return relay.dropped() > 5 && relay.duplicated() > 5 && relay.delayed() > 5 &&
               !std::ranges::is_sorted(there);
    }));
    EXPECT_LE(relay.received(), next);
}

}  // namespace
}  // namespace tensorpool::test
