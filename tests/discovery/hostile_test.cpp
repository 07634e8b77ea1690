// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Requests that nobody should send: no crash, no answer, and the next good one is served.

#include "discovery/discovery_fixture.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <random>

namespace tensorpool::test {
namespace {

using HostileRequestTest = DiscoveryTest;

std::vector<std::byte> bytes_of(const control::DiscoveryRequest& request) {
    std::vector<std::byte> bytes(4096);
    bytes.resize(control::encode(bytes, request));
    return bytes;
}

TEST_F(HostileRequestTest, CutAnywhereGetsNoAnswer) {
    start();
    announce(10);
    listen();
    auto question = request();
    question.tags = {"a", "bc"};
    question.data_source_name = "cam";
    const auto whole = bytes_of(question);
    const std::size_t without_name = whole.size() - 7;  // what a peer leaves out is accepted (trap 5)
    for (std::size_t length = 1; length < whole.size(); ++length) {
        if (length == without_name) continue;
        send_raw(std::span(whole).first(length));
        provider->do_work(clock.now_ns());
        ASSERT_FALSE(receive()) << length << " bytes";
    }
    EXPECT_EQ(provider->counters().requests, 0U);
    EXPECT_TRUE(ask(request()));
}

TEST_F(HostileRequestTest, OfAnotherVersionGetsNoAnswer) {
    start();
    listen();
    for (const int version : {0, 2, 255}) {
        auto bytes = bytes_of(request());
        bytes[6] = static_cast<std::byte>(version);
        send_raw(bytes);
        provider->do_work(clock.now_ns());
        EXPECT_FALSE(receive()) << version;
    }
    EXPECT_EQ(provider->counters().messages_invalid, 3U);
}

TEST_F(HostileRequestTest, WithAnyBytesChangedNeverEndsTheProvider) {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    options.max_response_term_bytes = 4 << 20;  // changed numbers must not fill the memory of this machine
    options.max_response_endpoints = 8;
    start();
    for (std::uint32_t stream = 1; stream <= 20; ++stream) announce(stream);
    listen();
    auto question = request();
    question.tags = {"a", "bc"};
    const auto whole = bytes_of(question);
    for (int i = 0; i < 3000; ++i) {
        auto bytes = whole;
        const auto changes = 1 + random() % 4;
        for (std::uint64_t change = 0; change < changes; ++change)
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        send_raw(bytes);
        provider->do_work(clock.now_ns());
        clock.advance(100 * kNanosPerMilli);
        while (receive()) {
        }
        if (i % 20 == 0) announce(1 + static_cast<std::uint32_t>(random() % 20));
    }
    clock.advance(60 * kNanosPerSecond);
    provider->do_work(clock.now_ns());
    EXPECT_TRUE(ask(request()));
    EXPECT_EQ(provider->counters().internal_errors, 0U);
}

TEST_F(HostileRequestTest, InAFloodLeavesRoomForAnnounces) {
    start();
    listen();
    for (int i = 0; i < 1000; ++i) send(options.request, request());
    announce(10);
    EXPECT_EQ(provider->streams().size(), 1U) << "seen in the cycle it came, whatever else waits";
}

}  // namespace
}  // namespace tensorpool::test
