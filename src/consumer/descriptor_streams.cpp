// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/descriptor_streams.hpp"

#include "base/log.hpp"

#include <exception>
#include <utility>

namespace tensorpool::consumer {

DescriptorStreams::DescriptorStreams(messaging::Client& client, Endpoint shared)
    : client_(client), shared_at_(std::move(shared)) {
    open_shared();
    current_ = shared_.get();
}

void DescriptorStreams::open_shared() {
    if (shared_ == nullptr) shared_ = client_.add_subscription(shared_at_.channel, shared_at_.stream_id);
}

void DescriptorStreams::retire(std::unique_ptr<messaging::Subscription>& subscription) noexcept {
    if (subscription == nullptr) return;
    lost_before_ += subscription->lost_bytes();
    subscription.reset();
}

bool DescriptorStreams::assign(const Endpoint& own) {
    if (own == own_at_) return false;
    auto fresh = own.channel.empty() ? nullptr : client_.add_subscription(own.channel, own.stream_id);
    open_shared();
    current_ = shared_.get();
    retire(own_);
    own_ = std::move(fresh);
    own_at_ = own;
    joining_ = own_ != nullptr;
    return true;
}

void DescriptorStreams::settle() noexcept {
    current_ = own_.get();
    silent_ = false;
    joining_ = false;  // follow() closes the shared one: that takes system calls
}

bool DescriptorStreams::follow(bool idle) noexcept {
    if (current_ == shared_.get()) return false;
    if (shared_ != nullptr) {
        retire(shared_);
        return true;
    }
    if (own_->is_connected()) {
        silent_ = false;
        return false;
    }
    // Its last records may still be unread: wait for a poll after this was noticed to find nothing.
    if (!std::exchange(silent_, true) || !idle) return false;
    try {
        open_shared();
    } catch (const std::exception& error) {
        base::log(LogLevel::Warn, "Consumer", "cannot return to the shared stream: {}", error.what());
        return false;
    }
    current_ = shared_.get();
    joining_ = true;
    return true;
}

}  // namespace tensorpool::consumer
