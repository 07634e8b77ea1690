// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"
#include "support/forwarding_client.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool::test {

/// What a bad network does to the messages of one stream. Chances are out of 1000, for each message.
class BadNetwork {
public:
    BadNetwork(std::int32_t stream_id, std::uint64_t seed) : stream_id_(stream_id), random_(seed) {}

    using Deliver = std::function<void(std::span<const std::byte>)>;

    [[nodiscard]] bool concerns(std::int32_t stream_id) const noexcept { return stream_id == stream_id_; }

    void pass(std::span<const std::byte> message, const Deliver& deliver) {
        ++sent;
        if (on_message) on_message();
        std::vector<std::byte> bytes(message.begin(), message.end());
        if (chance(drop)) {
            ++dropped;
            return;
        }
        if (chance(truncate)) bytes.resize(random_() % bytes.size());
        if (chance(corrupt) && !bytes.empty())
            bytes[random_() % bytes.size()] ^= std::byte{1} << (random_() % 8);
        if (chance(duplicate)) deliver(bytes);
        if (chance(reorder)) {
            held_.push_back({std::move(bytes), 1 + random_() % 12});
        } else {
            deliver(bytes);
        }
        release(deliver);
    }

    unsigned drop = 0;
    unsigned duplicate = 0;
    unsigned reorder = 0;
    unsigned truncate = 0;
    unsigned corrupt = 0;
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;
    std::function<void()> on_message;

private:
    struct Held {
        std::vector<std::byte> bytes;
        std::uint64_t messages_left;
    };

    [[nodiscard]] bool chance(unsigned per_mille) { return per_mille > 0 && random_() % 1000 < per_mille; }
    void release(const Deliver& deliver) {
        for (std::size_t i = 0; i < held_.size();) {
            if (--held_[i].messages_left > 0) {
                ++i;
                continue;
            }
            deliver(held_[i].bytes);
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }

    std::int32_t stream_id_;
    std::mt19937_64 random_;
    std::vector<Held> held_;
};

/// A messaging client whose publications of one stream go through a BadNetwork.
class FaultyClient final : public ForwardingClient {
public:
    FaultyClient(std::unique_ptr<messaging::Client> inner, std::shared_ptr<BadNetwork> network)
        : ForwardingClient(std::move(inner)), network_(std::move(network)) {}

    [[nodiscard]] std::unique_ptr<messaging::Publication> add_publication(const std::string& channel,
                                                                          std::int32_t stream_id) override {
        auto publication = ForwardingClient::add_publication(channel, stream_id);
        if (!network_->concerns(stream_id)) return publication;
        return std::make_unique<FaultyPublication>(std::move(publication), network_);
    }

private:
    class FaultyPublication final : public messaging::Publication {
    public:
        FaultyPublication(std::unique_ptr<messaging::Publication> inner, std::shared_ptr<BadNetwork> network)
            : inner_(std::move(inner)), network_(std::move(network)) {}

        [[nodiscard]] expected<void, messaging::SendError> offer(
            std::span<const std::byte> message) noexcept override {
            if (!inner_->is_connected()) return unexpected(messaging::SendError::NotConnected);
            network_->pass(message,
                           [this](std::span<const std::byte> bytes) { std::ignore = inner_->offer(bytes); });
            return {};
        }
        [[nodiscard]] expected<messaging::Claim, messaging::SendError> try_claim(
            std::size_t length) noexcept override {
            if (!inner_->is_connected()) return unexpected(messaging::SendError::NotConnected);
            claimed_.resize(length);
            return messaging::Claim(*this, claimed_, 1);
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
        void commit_claim(std::uint64_t) noexcept override { std::ignore = offer(claimed_); }
        void abort_claim(std::uint64_t) noexcept override {}

        std::unique_ptr<messaging::Publication> inner_;
        std::shared_ptr<BadNetwork> network_;
        std::vector<std::byte> claimed_;
    };

    std::shared_ptr<BadNetwork> network_;
};

}  // namespace tensorpool::test
