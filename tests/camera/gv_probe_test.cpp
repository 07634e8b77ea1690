// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "camera/aravis/gv_probe.hpp"

#include "support/eventually.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool {
namespace {

using camera::GvAddress;
using camera::GvProbe;
using camera::serial_of_discovery_ack;

constexpr std::uint32_t kLoopback = 0x7F000001;

std::vector<std::byte> discovery_ack(const std::string& serial) {
    std::vector<std::byte> datagram(8 + 248);
    datagram[3] = std::byte{3};
    std::memcpy(datagram.data() + 8 + 0xD8, serial.data(), serial.size());
    return datagram;
}

TEST(GvProbeTest, ReadsTheSerialNumberOfADiscoveryAnswer) {
    EXPECT_EQ(serial_of_discovery_ack(discovery_ack("ABC")), "ABC");
    EXPECT_EQ(serial_of_discovery_ack(discovery_ack("0123456789ABCDEF")), "0123456789ABCDEF")
        << "not terminated";
}

TEST(GvProbeTest, TakesNoOtherDatagramForAnAnswer) {
    const std::vector<std::byte> good = discovery_ack("ABC");
    for (std::size_t length = 0; length < 8 + 0xD8 + 16; ++length)
        EXPECT_FALSE(serial_of_discovery_ack({good.data(), length})) << length;
    for (std::size_t i = 0; i < 4; ++i) {
        std::vector<std::byte> wrong = good;
        wrong[i] ^= std::byte{1};
        EXPECT_FALSE(serial_of_discovery_ack(wrong)) << "header byte " << i;
    }
}

TEST(GvProbeTest, FindsTheCameraOnlyWhileItIsThere) {
    GvProbe probe(GvAddress{kLoopback, kLoopback}, "PROBED");
    EXPECT_FALSE(probe.poll(true));
    apps::FakeCameraProcess camera(TP_FAKE_CAMERA, "127.0.0.1", "PROBED");
    std::optional<GvAddress> found;
    EXPECT_TRUE(test::eventually([&] { return (found = probe.poll(true)).has_value(); }));
    EXPECT_EQ(found->device, kLoopback);
    EXPECT_EQ(found->interface, kLoopback);
}

TEST(GvProbeTest, IgnoresAnotherCameraAtTheSameAddress) {
    const apps::FakeCameraProcess camera(TP_FAKE_CAMERA, "127.0.0.1", "OTHER");
    GvProbe probe(GvAddress{kLoopback, kLoopback}, "MINE");
    GvProbe theirs(GvAddress{kLoopback, kLoopback}, "OTHER");
    EXPECT_TRUE(test::eventually([&] { return theirs.poll(true).has_value(); }));
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(probe.poll(true));
}

}  // namespace
}  // namespace tensorpool
