// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>

#include "messaging/messaging.hpp"

#include <cstdint>
#include <memory>

namespace tensorpool::consumer {

/// Which stream a consumer takes its descriptors from: the shared one, or one of its own (WIRE-082).
///
/// The shared one is left only when the own one has spoken and everything before that was read, so that no
/// frame is lost on the way; and it is taken up again when nobody publishes on the own one any more.
class DescriptorStreams {
public:
    /// Throws Error when messaging refuses the shared stream.
    DescriptorStreams(messaging::Client& client, Endpoint shared);

    [[nodiscard]] messaging::Subscription& current() const noexcept { return *current_; }
    [[nodiscard]] bool on_own() const noexcept { return current_ == own_.get(); }
    /// Assigned, but still read from the shared stream: poll current(), and see whether own() speaks.
    [[nodiscard]] bool is_joining() const noexcept { return joining_; }
    /// Precondition: is_joining().
    [[nodiscard]] messaging::Subscription& own() const noexcept { return *own_; }
    /// From here on the own stream is the current one. Precondition: is_joining().
    void settle() noexcept;

    /// Changes the assignment; an empty channel: back to the shared stream. Throws Error when messaging
    /// refuses it; then nothing changed. True: something did.
    bool assign(const Endpoint& own);
    /// Housekeeping, once per duty cycle. `idle`: a poll of current() since the last time found nothing.
    /// True: the set of open subscriptions changed.
    bool follow(bool idle) noexcept;

    [[nodiscard]] std::uint64_t lost_bytes() const noexcept { return lost_before_ + current_->lost_bytes(); }

private:
    void open_shared();
    void retire(std::unique_ptr<messaging::Subscription>& subscription) noexcept;

    messaging::Client& client_;
    Endpoint shared_at_;
    Endpoint own_at_{"", 0};
    std::unique_ptr<messaging::Subscription> shared_;
    std::unique_ptr<messaging::Subscription> own_;
    messaging::Subscription* current_ = nullptr;
    bool joining_ = false;
    bool silent_ = false;            // nobody publishes on the own stream any more
    std::uint64_t lost_before_ = 0;  // by subscriptions that are gone
};

}  // namespace tensorpool::consumer
