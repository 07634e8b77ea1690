// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge/hosts/network.hpp"
#include "support/media_driver.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/context.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tensorpool::test {

/// One mapping of `tp bridge` as a host's own file has it.
struct HostMapping {
    std::uint32_t source = 0;
    std::uint32_t dest = 0;
    std::string role;     ///< sender or receiver
    std::string channel;  ///< of payload and control, whose stream ids differ
    std::int32_t stream_id = 3000;
};

/// A host with everything of its own: network namespace, media driver, messaging directory, shared memory,
/// and the programs `tp driver` and `tp bridge`.
class NetHost {
public:
    /// `messaging`: of the host's own streams. Its bridge crosses the network over Aeron in any case.
    NetHost(const Network& network, int number, const std::vector<std::uint32_t>& streams,
            MessagingKind messaging = MessagingKind::Embedded);

    [[nodiscard]] const NetworkPort& port() const noexcept { return *port_; }
    /// Of a process on this host.
    [[nodiscard]] ContextOptions context_options() const;
    [[nodiscard]] std::string shm_dir() const { return dir_.str() + "/shm"; }

    void start_driver();
    void kill_driver();
    void start_bridge(const std::vector<HostMapping>& mappings);
    /// The same again.
    void start_bridge();
    void kill_bridge();

    /// Ends `tp bridge` and `tp driver` in order; whether both did so without complaint.
    [[nodiscard]] bool stop();
    /// What `tp bridge` counted, one line a mapping; after stop().
    [[nodiscard]] std::string counters() const;
    /// What the programs printed, for a test that failed.
    [[nodiscard]] std::string log() const;

    /// `tp rate-limiter` from one stream of this host to another.
    [[nodiscard]] std::unique_ptr<Program> start_limiter(std::uint32_t source, std::uint32_t dest,
                                                         std::uint32_t max_rate_hz) const;
    /// `tp` with these words, as a user of this host starts it.
    [[nodiscard]] std::unique_ptr<Program> tp(std::vector<std::string> words) const;

    /// What the clients of this host are told, in step with its driver.
    static constexpr int kPeriodMs = 200;

private:
    [[nodiscard]] std::string write_driver_config(const std::vector<std::uint32_t>& streams) const;
    [[nodiscard]] std::string write_bridge_config(const std::vector<HostMapping>& mappings) const;

    MessagingKind messaging_;
    TempDir dir_;
    std::unique_ptr<NetworkPort> port_;
    AeronmdProcess media_driver_;
    std::string driver_config_;
    std::string bridge_config_;
    std::unique_ptr<Program> driver_;
    std::unique_ptr<Program> bridge_;
};

}  // namespace tensorpool::test
