// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/hosts/network.hpp"

#include "support/forked_child.hpp"
#include "support/program.hpp"
#include "support/unshare.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace tensorpool::test {
namespace {

constexpr const char* kBridge = "br0";

/// The full path of a system administrator's tool; empty: it is not installed.
std::string tool(const std::string& name) {
    for (const char* dir : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
        if (std::filesystem::exists(dir + name)) return dir + name;
    }
    return "";
}

std::string run_tool(std::vector<std::string> words, int network = -1) {
    const std::string line = fmt::format("{}", fmt::join(words, " "));
    words.front() = tool(words.front());
    Program program(std::move(words), {}, network);
    if (program.wait() != 0) throw std::runtime_error(line + ": " + program.err());
    return program.out();
}

base::UniqueFd current_namespace() {
    base::UniqueFd fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd) throw std::runtime_error("no /proc/self/ns/net");
    return fd;
}

/// Leaves this process where it is.
base::UniqueFd new_namespace() {
    const base::UniqueFd ours = current_namespace();
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("no further network namespace");
    base::UniqueFd made = current_namespace();
    if (::setns(ours.get(), CLONE_NEWNET) != 0) throw std::runtime_error("no way back to the namespace");
    return made;
}

}  // namespace

NetworkPort::NetworkPort(int number, std::string address)
    : device_(fmt::format("port{}", number)), address_(std::move(address)), namespace_(new_namespace()) {
    const std::string there = fmt::format("/proc/{}/fd/{}", ::getpid(), namespace_.get());
    run_tool({"ip", "link", "add", device_, "type", "veth", "peer", "name", "eth0", "netns", there});
    run_tool({"ip", "link", "set", device_, "master", kBridge, "up"});
    run_here({"ip", "link", "set", "lo", "up"});
    run_here({"ip", "address", "add", address_ + "/24", "dev", "eth0"});
    run_here({"ip", "link", "set", "eth0", "up"});
}

std::string NetworkPort::run_here(std::vector<std::string> words) const {
    return run_tool(std::move(words), namespace_.get());
}

void NetworkPort::cut() const {
    run_tool({"ip", "link", "set", device_, "down"});
}

void NetworkPort::restore() const {
    run_tool({"ip", "link", "set", device_, "up"});
}

void NetworkPort::lose(int per_mille) const {
    run_here({"nft",
              "add table inet faults; add chain inet faults in { type filter hook input priority 0; }; "
              "flush chain inet faults in"});
    run_here({"nft",
              fmt::format("add rule inet faults in iifname eth0 meta l4proto udp numgen random mod 1000 < {} "
                          "counter drop",
                          per_mille)});
}

std::uint64_t NetworkPort::lost() const {
    const std::string rules = run_here({"nft", "list", "chain", "inet", "faults", "in"});
    const std::string label = "counter packets ";
    const std::size_t at = rules.find(label);
    return at == std::string::npos ? 0 : std::stoull(rules.substr(at + label.size()));
}

std::string Network::why_not() {
    for (const char* name : {"ip", "nft"}) {
        if (tool(name).empty())
            return fmt::format("this machine has no '{}' to lay out a network with", name);
    }
    // Tried where it does no harm: in a process that ends.
    ForkedChild trial([] {
        if (!unshare_here(CLONE_NEWNET)) return errno != 0 ? errno : 1;
        try {
            const Network network;
            network.add_port(1)->lose(1);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            return 255;
        }
        return 0;
    });
    const int result = trial.wait();
    if (result == 0) return "";
    if (result == 255) return "network namespaces of this machine have no veth, bridge or nftables";
    return fmt::format("this process may not make network namespaces: {}", std::strerror(result));
}

Network::Network() {
    if (!unshare_here(CLONE_NEWNET)) throw std::runtime_error("no network namespace");
    run_tool({"ip", "link", "set", "lo", "up"});
    // Without snooping: nobody here asks who wants a group.
    run_tool({"ip", "link", "add", kBridge, "type", "bridge", "mcast_snooping", "0"});
    run_tool({"ip", "address", "add", std::string(kHub) + "/24", "dev", kBridge});
    run_tool({"ip", "link", "set", kBridge, "up"});
}

std::unique_ptr<NetworkPort> Network::add_port(int number) const {
    return std::make_unique<NetworkPort>(number, fmt::format("10.77.0.{}", number));
}

}  // namespace tensorpool::test
