// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/publisher.hpp"

#include "control/message_fields.hpp"
#include "support/allocation_counter.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace tensorpool::test {
namespace {

using messaging::SendError;

/// A publication that keeps the last message, or refuses with a given error.
class KeepingPublication final : public messaging::Publication {
public:
    explicit KeepingPublication(std::size_t most) : most_(most) { last.reserve(most); }

    expected<void, SendError> offer(std::span<const std::byte> message) noexcept override {
        if (refusal) return unexpected(*refusal);
        if (message.size() > most_) return unexpected(SendError::TooLong);
        last.assign(message.begin(), message.end());
        return {};
    }
    expected<messaging::Claim, SendError> try_claim(std::size_t) noexcept override {
        return unexpected(SendError::Failed);
    }
    bool is_connected() const noexcept override { return !refusal; }
    std::size_t max_message_length() const noexcept override { return most_; }
    std::size_t max_claim_length() const noexcept override { return 0; }
    const std::string& channel() const noexcept override { return channel_; }
    std::int32_t stream_id() const noexcept override { return 1; }
    std::int64_t session_id() const noexcept override { return 2; }

    std::optional<SendError> refusal;
    std::vector<std::byte> last;

private:
    void commit_claim(std::uint64_t) noexcept override {}
    void abort_claim(std::uint64_t) noexcept override {}

    std::size_t most_;
    std::string channel_ = "aeron:ipc";
};

struct Sender {
    explicit Sender(std::size_t most) : Sender(std::make_unique<KeepingPublication>(most)) {}
    explicit Sender(std::unique_ptr<KeepingPublication> kept) : wire(*kept), publisher(std::move(kept)) {}

    KeepingPublication& wire;
    control::ControlPublisher publisher;
};

/// A response of exactly `bytes` bytes on the wire.
control::ControlResponse response_of(std::size_t bytes) {
    return {1, ResponseCode::Ok, std::string(bytes - 24, 'e')};
}

// spec: WIRE-002
TEST(ControlPublisherTest, SendsTheMessageAsItIsEncoded) {
    Sender sender(1 << 20);
    const Golden golden = load_golden("wire/QosConsumer");
    ASSERT_TRUE(sender.publisher.send(message_of<control::QosConsumer>(golden.fields)).has_value());
    EXPECT_EQ(to_hex(sender.wire.last), to_hex(golden.bytes));
    EXPECT_EQ(&sender.publisher.publication(), &sender.wire);
}

TEST(ControlPublisherTest, GrowsForMessagesUpToTheLongestThePublicationTakes) {
    Sender sender(100'000);
    for (const std::size_t bytes : {24U, 4095U, 4096U, 4097U, 8193U, 65'537U, 100'000U}) {
        ASSERT_TRUE(sender.publisher.send(response_of(bytes)).has_value()) << bytes;
        ASSERT_EQ(sender.wire.last.size(), bytes);
        control::ControlResponse read;
        ASSERT_EQ(control::decode(sender.wire.last, read), control::DecodeResult::Ok);
        EXPECT_EQ(read.error_message.size(), bytes - 24);
    }
    const auto sent = sender.publisher.send(response_of(100'001));
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error(), SendError::TooLong);
    EXPECT_EQ(sender.wire.last.size(), 100'000U) << "nothing of it left";
}

TEST(ControlPublisherTest, AMessageTooLongForASmallPublicationIsRefusedByThePublication) {
    Sender sender(100);
    EXPECT_TRUE(sender.publisher.send(response_of(100)).has_value());
    const auto sent = sender.publisher.send(response_of(101));
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error(), SendError::TooLong);
}

TEST(ControlPublisherTest, PassesOnWhyThePublicationRefused) {
    Sender sender(4096);
    EXPECT_TRUE(sender.publisher.is_connected());
    for (const SendError error : {SendError::NotConnected, SendError::BackPressured, SendError::AdminAction,
                                  SendError::Closed, SendError::MaxPositionExceeded, SendError::Failed}) {
        sender.wire.refusal = error;
        const auto sent = sender.publisher.send(response_of(64));
        ASSERT_FALSE(sent.has_value());
        EXPECT_EQ(sent.error(), error);
    }
    EXPECT_FALSE(sender.publisher.is_connected());
}

TEST(ControlPublisherTest, SteadyTrafficDoesNotAllocate) {
    Sender sender(1 << 20);
    const control::ControlResponse large = response_of(20'000);
    const control::QosProducer small{1, 2, 3, 4, std::nullopt};
    ASSERT_TRUE(sender.publisher.send(large).has_value());
    const std::uint64_t before = allocations_of_this_thread();
    bool all_sent = true;
    for (int i = 0; i < 100; ++i) {
        all_sent =
            sender.publisher.send(large).has_value() && sender.publisher.send(small).has_value() && all_sent;
    }
    EXPECT_EQ(allocations_of_this_thread(), before);
    EXPECT_TRUE(all_sent);
}

}  // namespace
}  // namespace tensorpool::test
