// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/timer.hpp"
#include "control/publisher.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace tensorpool::control {

/// Sends one fresh message per period. A refused send is skipped: the next tick has newer values (OBS-011).
class PeriodicPublisher {
public:
    PeriodicPublisher(std::unique_ptr<messaging::Publication> publication, Nanos period_ns, Nanos now_ns)
        : publisher_(std::move(publication)), timer_(period_ns, now_ns) {}

    /// `make()` composes the message when it is due. True when it was sent.
    template <typename Make>
    bool send_if_due(Nanos now_ns, Make&& make) noexcept {
        return timer_.due(now_ns) && publisher_.is_connected() && publisher_.send(make()).has_value();
    }

    /// Due at the next question.
    void trigger() noexcept { timer_.trigger(); }
    [[nodiscard]] std::int64_t session_id() noexcept { return publisher_.publication().session_id(); }

private:
    ControlPublisher publisher_;
    base::PeriodicTimer timer_;
};

}  // namespace tensorpool::control
