// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"

#include <memory>
#include <string>
#include <utility>

namespace tensorpool::test {

/// A messaging client that hands everything on to another one. Derive to change what a test is about.
class ForwardingClient : public messaging::Client {
public:
    explicit ForwardingClient(std::unique_ptr<messaging::Client> inner) : inner_(std::move(inner)) {}

    [[nodiscard]] std::unique_ptr<messaging::Publication> add_publication(const std::string& channel,
                                                                          std::int32_t stream_id) override {
        return inner_->add_publication(channel, stream_id);
    }
    [[nodiscard]] std::unique_ptr<messaging::Subscription> add_subscription(const std::string& channel,
                                                                            std::int32_t stream_id) override {
        return inner_->add_subscription(channel, stream_id);
    }
    [[nodiscard]] std::unique_ptr<messaging::Counter> add_counter(std::int32_t type_id,
                                                                  std::span<const std::byte> key,
                                                                  std::string_view label) override {
        return inner_->add_counter(type_id, key, label);
    }
    void for_each_counter(messaging::CounterHandler handler) override { inner_->for_each_counter(handler); }
    int do_work(Nanos now_ns) noexcept override { return inner_->do_work(now_ns); }
    bool wait(std::span<messaging::Subscription* const> all, Nanos timeout_ns) noexcept override {
        return inner_->wait(all, timeout_ns);
    }
    void wake() noexcept override { inner_->wake(); }
    [[nodiscard]] std::string_view backend() const noexcept override { return inner_->backend(); }

private:
    std::unique_ptr<messaging::Client> inner_;
};

}  // namespace tensorpool::test
