// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tensorpool::test {

/// One computer's place in the test's network: a network namespace with a loopback interface and "eth0".
class NetworkPort {
public:
    /// Plugs it into the bridge device of the namespace this process is in.
    NetworkPort(int number, std::string address);

    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] int descriptor() const noexcept { return namespace_.get(); }

    void cut() const;
    void restore() const;
    /// Loses this many of 1,000 datagrams that arrive here, at random.
    void lose(int per_mille) const;
    /// Datagrams lost so.
    [[nodiscard]] std::uint64_t lost() const;

private:
    std::string run_here(std::vector<std::string> words) const;

    std::string device_;  // the other end of its cable
    std::string address_;
    base::UniqueFd namespace_;
};

/// A network of the test's own: this process moves into a new network namespace, in which a bridge device
/// joins the cables of all ports. The kernel removes all of it when nobody uses it any more, however the test
/// ends.
class Network {
public:
    static constexpr const char* kHub = "10.77.0.254";  ///< this process
    static constexpr const char* kRange = "10.77.0.0/24";

    /// Why there can be none here; empty when there can.
    [[nodiscard]] static std::string why_not();

    /// Precondition: why_not() found nothing.
    Network();
    /// A port 10.77.0.`number`.
    [[nodiscard]] std::unique_ptr<NetworkPort> add_port(int number) const;
};

}  // namespace tensorpool::test
