// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// A simulated GigE Vision camera: Aravis' own, behind real GVCP and GVSP packets. It runs until SIGINT or
// SIGTERM.

#include "base/unique_fd.hpp"
#include "camera/aravis/glib_ptr.hpp"
#include "camera/aravis/gv_probe.hpp"
#include "common/program.hpp"

#include <tensorpool/version.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

namespace tensorpool {
namespace {

/// The simulator does not tell when the port is taken; ask the kernel first.
void check_port_is_free(const std::string& address) {
    sockaddr_in wanted{};
    wanted.sin_family = AF_INET;
    wanted.sin_port = htons(camera::kGvcpPort);
    if (::inet_pton(AF_INET, address.c_str(), &wanted.sin_addr) != 1)
        throw Error(ErrorCode::InvalidArgument,
                    fmt::format("--address: '{}' is not an IPv4 address", address));
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) throw Error(ErrorCode::SystemError, fmt::format("socket: {}", std::strerror(errno)));
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof(wanted)) == 0) return;
    const char* const hint = errno == EADDRINUSE ? "is another camera simulator running?"
                                                 : "it must be the address of one of this host's interfaces";
    throw Error(ErrorCode::DeviceError, fmt::format("UDP {}:{} is not available ({}): {}", address,
                                                    camera::kGvcpPort, std::strerror(errno), hint));
}

void serve(const std::string& address, const std::string& serial, double lost_packets) {
    sigset_t stop_signals;
    ::sigemptyset(&stop_signals);
    ::sigaddset(&stop_signals, SIGINT);
    ::sigaddset(&stop_signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);  // before the simulator's thread inherits the mask

    check_port_is_free(address);
    const camera::ObjectPtr<ArvGvFakeCamera> simulator(
        arv_gv_fake_camera_new(address.c_str(), serial.c_str()));
    if (!simulator || !arv_gv_fake_camera_is_running(simulator.get()))
        throw Error(
            ErrorCode::DeviceError,
            fmt::format("no camera can be simulated at {}: it must be the address of an interface", address));
    if (lost_packets > 0) g_object_set(simulator.get(), "gvsp-lost-ratio", lost_packets, nullptr);
    std::printf("serving Aravis-Fake-%s at %s\n", serial.c_str(), address.c_str());
    std::fflush(stdout);
    int received = 0;
    ::sigwait(&stop_signals, &received);
}

}  // namespace
}  // namespace tensorpool

int main(int argc, char** argv) {
    using namespace tensorpool::apps;
    const cli::Program program(
        "Simulates a GigE Vision camera.\nExample: tp-fake-camera --serial DEMO --address 127.0.0.1",
        "tp-fake-camera", "tp-fake-camera " TENSORPOOL_VERSION);
    std::string address = "127.0.0.1";
    std::string serial = "GV01";
    double lost_packets = 0;
    program.add_option("--address", address, "IPv4 address of the interface to serve on")
        .capture_default_str();
    program.add_option("--serial", serial, "serial number; the camera's id is Aravis-Fake-SERIAL")
        .capture_default_str()
        .check([](const std::string& text) {
            return text.empty() || text.size() > 15 ? "a serial number has 1 to 15 characters" : "";
        });
    program
        .add_option("--lost-packets", lost_packets, "part of all stream packets to drop, to try out losses")
        .check(cli::range(0.0, 1.0));
    Selection selection{[&] {
        tensorpool::serve(address, serial, lost_packets);
        return ExitCode::Ok;
    }};
    return run_program(program, selection, argc, argv);
}
