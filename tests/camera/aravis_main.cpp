// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace {

/// GigE Vision has one fixed UDP port, so two simulators cannot share an address. Where this process may, it
/// moves into a network namespace of its own, with nothing but a loopback interface; elsewhere ctest's
/// RESOURCE_LOCK keeps these tests apart.
void use_private_loopback() {
    if (::unshare(CLONE_NEWNET) != 0) return;
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    ::ioctl(fd, SIOCSIFFLAGS, &request);
    ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (!GTEST_FLAG_GET(list_tests)) use_private_loopback();
    return RUN_ALL_TESTS();
}
