// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/discovery.hpp>

#include "control/discovery_messages.hpp"
#include "messaging/messaging.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace tensorpool::discovery {

/// Publishes answers on the endpoints that requests name.
///
/// Everything a stranger can make grow is bounded: endpoints open at a time, answers that wait for their
/// client to listen, the log a channel asks for.
class Responder {
public:
    Responder(messaging::Client& messaging, const DiscoveryProviderOptions& options,
              DiscoveryProviderCounters& counters);

    /// Sends now, or as soon as somebody listens. An answer the channel cannot carry becomes an ERROR that
    /// says so (discovery.md section 8, step 6). True unless it was dropped at once.
    bool send(const Endpoint& to, control::DiscoveryAnswerView answer, Nanos now_ns);
    /// Tries what waits, closes what is idle; returns how many answers left.
    int do_work(Nanos now_ns) noexcept;

private:
    struct Target {
        Endpoint endpoint;
        std::unique_ptr<messaging::Publication> publication;
        Nanos used_ns = 0;
        std::size_t waiting = 0;
    };
    struct Waiting {
        Target* target;
        std::vector<std::byte> bytes;
        Nanos give_up_ns;
    };

    [[nodiscard]] Target* target_of(const Endpoint& to, Nanos now_ns);
    [[nodiscard]] bool may_open(const Endpoint& to) const;
    [[nodiscard]] bool make_room() noexcept;
    /// Into buffer_; 0 when it does not fit a message of `most` bytes.
    [[nodiscard]] std::size_t encode_within(const control::DiscoveryAnswerView& answer, std::size_t most);
    [[nodiscard]] bool enqueue(Target& target, std::span<const std::byte> bytes, Nanos now_ns);

    messaging::Client& messaging_;
    const DiscoveryProviderOptions& options_;
    DiscoveryProviderCounters& counters_;
    std::vector<std::byte> buffer_;
    std::vector<std::unique_ptr<Target>> targets_;
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
};

}  // namespace tensorpool::discovery
