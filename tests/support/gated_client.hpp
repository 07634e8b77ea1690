// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"
#include "support/forwarding_client.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tensorpool::test {

/// What the publications of a GatedClient answer instead of sending. Not thread-safe.
class Gate {
public:
    /// Every send fails like this until open().
    void shut(messaging::SendError error) { error_ = error; }
    void open() { error_.reset(); }
    [[nodiscard]] std::optional<messaging::SendError> error() const noexcept { return error_; }
    /// Sends that were refused.
    [[nodiscard]] int refused() const noexcept { return refused_; }
    void count_refused() noexcept { ++refused_; }

private:
    std::optional<messaging::SendError> error_;
    int refused_ = 0;
};

/// A messaging client whose sends can be made to fail as those of a media driver do.
class GatedClient final : public ForwardingClient {
public:
    GatedClient(std::unique_ptr<messaging::Client> inner, std::shared_ptr<Gate> gate)
        : ForwardingClient(std::move(inner)), gate_(std::move(gate)) {}

    [[nodiscard]] std::unique_ptr<messaging::Publication> add_publication(const std::string& channel,
                                                                          std::int32_t stream_id) override {
        return std::make_unique<GatedPublication>(ForwardingClient::add_publication(channel, stream_id),
                                                  gate_);
    }

private:
    class GatedPublication final : public messaging::Publication {
    public:
        GatedPublication(std::unique_ptr<messaging::Publication> inner, std::shared_ptr<Gate> gate)
            : inner_(std::move(inner)), gate_(std::move(gate)) {}

        [[nodiscard]] expected<void, messaging::SendError> offer(
            std::span<const std::byte> message) noexcept override {
            if (const auto error = gate_->error()) {
                gate_->count_refused();
                return unexpected(*error);
            }
            return inner_->offer(message);
        }
        [[nodiscard]] expected<messaging::Claim, messaging::SendError> try_claim(
            std::size_t length) noexcept override {
            if (const auto error = gate_->error()) {
                gate_->count_refused();
                return unexpected(*error);
            }
            return inner_->try_claim(length);
        }
        [[nodiscard]] bool is_connected() const noexcept override { return inner_->is_connected(); }
        [[nodiscard]] std::size_t max_message_length() const noexcept override {
            return inner_->max_message_length();
        }
        [[nodiscard]] std::size_t max_claim_length() const noexcept override {
            return inner_->max_claim_length();
        }
        [[nodiscard]] const std::string& channel() const noexcept override { return inner_->channel(); }
        [[nodiscard]] std::int32_t stream_id() const noexcept override { return inner_->stream_id(); }
        [[nodiscard]] std::int64_t session_id() const noexcept override { return inner_->session_id(); }

    private:
        // A claim belongs to the inner publication and goes back to it.
        void commit_claim(std::uint64_t) noexcept override {}
        void abort_claim(std::uint64_t) noexcept override {}

        std::unique_ptr<messaging::Publication> inner_;
        std::shared_ptr<Gate> gate_;
    };

    std::shared_ptr<Gate> gate_;
};

}  // namespace tensorpool::test
