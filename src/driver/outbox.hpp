// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include "control/messages.hpp"
#include "control/publisher.hpp"
#include "messaging/messaging.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

namespace tensorpool::driver {

/// The driver's messages, in the order they were posted: a revocation goes out before the announce that
/// follows from it (DRV-087).
///
/// A message the messaging layer cannot take now waits and is tried again every cycle for a second, so that a
/// moment of back pressure or a subscriber that is just connecting costs no lease. Not thread-safe.
class Outbox {
public:
    using Message = std::variant<control::AttachResponse, control::DetachResponse, control::LeaseRevoked,
                                 control::PoolAnnounce, control::DriverShutdown, control::ConsumerConfig>;
    enum class Fate : std::uint8_t {
        Sent,
        NobodyListens,  ///< there was no subscriber
        Failed,
    };
    /// Told the fate of each message once.
    using Report = std::function<void(const Message&, Fate)>;

    /// Announces go to `announces`, or to `control` like all others when that is empty.
    Outbox(std::unique_ptr<messaging::Publication> control, std::unique_ptr<messaging::Publication> announces,
           Report report);

    void post(Message message, Nanos now_ns);
    /// Tries what is waiting; returns how many messages were settled.
    int do_work(Nanos now_ns);
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

private:
    struct Waiting {
        Message message;
        Nanos give_up_ns;
    };
    /// Empty: worth another try.
    [[nodiscard]] std::optional<Fate> try_send(const Message& message, bool last_try);

    control::ControlPublisher control_;
    std::optional<control::ControlPublisher> announces_;
    Report report_;
    std::deque<Waiting> waiting_;
};

}  // namespace tensorpool::driver
