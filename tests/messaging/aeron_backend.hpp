// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/aeron_client.hpp"
#include "messaging/conformance.hpp"
#include "support/media_driver.hpp"

namespace tensorpool::test {

/// Aeron clients that meet in a media driver of their own.
class AeronBackend final : public MessagingBackend {
public:
    explicit AeronBackend(std::vector<std::string> environment = {}) : driver_(std::move(environment)) {}

    [[nodiscard]] std::unique_ptr<messaging::Client> make_client() override {
        return messaging::make_aeron_client(options());
    }
    /// Aeron has half a term for what is not read yet, and what fits into the smallest log of the embedded
    /// messaging must fit into it.
    [[nodiscard]] std::string small_channel() const override { return "aeron:ipc?term-length=128k"; }

    [[nodiscard]] messaging::AeronOptions options() const {
        messaging::AeronOptions options;
        options.dir = driver_.dir();
        options.connect_timeout_ns = 30 * kNanosPerSecond;
        return options;
    }
    [[nodiscard]] AeronmdProcess& driver() noexcept { return driver_; }

private:
    AeronmdProcess driver_;
};

}  // namespace tensorpool::test
