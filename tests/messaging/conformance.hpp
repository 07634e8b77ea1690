// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace tensorpool::test {

/// One place where clients meet, as the conformance suite needs it. Two backends made one after the other are
/// strangers to each other.
class MessagingBackend {
public:
    virtual ~MessagingBackend() = default;
    MessagingBackend() = default;
    MessagingBackend(const MessagingBackend&) = delete;
    MessagingBackend& operator=(const MessagingBackend&) = delete;

    /// A client in this process: the test's own, or a child that was forked from it.
    [[nodiscard]] virtual std::unique_ptr<messaging::Client> make_client() = 0;
    /// A channel with the smallest log the backend has.
    [[nodiscard]] virtual std::string small_channel() const = 0;
};

struct MessagingBackendFactory {
    std::string name;
    std::unique_ptr<MessagingBackend> (*make)();
};

/// Everything that the interface promises, for any backend. Instantiated by each backend's own tests.
class MessagingConformance : public testing::TestWithParam<MessagingBackendFactory> {
protected:
    using Bytes = std::vector<std::byte>;

    std::unique_ptr<MessagingBackend> backend_ = GetParam().make();
    std::string channel_ = backend_->small_channel();

    /// Polls until `count` messages came; false when they do not come.
    static bool receive(messaging::Subscription& subscription, std::size_t count,
                        std::vector<Bytes>& received);
    /// Offers until it is taken.
    static bool send(messaging::Publication& publication, std::span<const std::byte> message);
    /// Drives both ends until they know each other.
    static bool connected(messaging::Client& client, messaging::Publication& publication,
                          messaging::Subscription& subscription);
};

}  // namespace tensorpool::test
