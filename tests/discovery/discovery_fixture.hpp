// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/discovery_messages.hpp"
#include "control/publisher.hpp"
#include "support/raw_stream.hpp"

#include <tensorpool/discovery.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tensorpool::test {

/// A provider on a manual clock; drivers and clients are made by hand.
class DiscoveryTest : public testing::Test {
protected:
    static inline const std::string kChannel = "aeron:ipc?term-length=4m";
    static constexpr std::uint32_t kResponseStream = 7004;

    DiscoveryTest() {
        options.request = {kChannel, 7000};
        options.authorities = {authority("driver-01", 1000)};
    }
    /// Control at `base`, announces and metadata behind it.
    static DiscoveryAuthority authority(const std::string& id, std::int32_t base) {
        return {id, {kChannel, base}, {kChannel, base + 1}, Endpoint{kChannel, base + 2}};
    }
    void start() {
        provider.reset();
        provider = std::make_unique<DiscoveryProvider>(*context, options);
    }
    template <typename Message>
    void send(const Endpoint& to, const Message& message) {
        auto& publisher = publishers_[to.stream_id];
        if (!publisher) {
            publisher = std::make_unique<control::ControlPublisher>(
                context->messaging().add_publication(to.channel, to.stream_id));
        }
        ASSERT_TRUE(publisher->send(message));
    }
    void send_raw(std::span<const std::byte> bytes) {
        if (!raw_)
            raw_ = context->messaging().add_publication(options.request.channel, options.request.stream_id);
        ASSERT_TRUE(raw_->offer(bytes));
    }
    static control::PoolAnnounce announce_of(std::uint32_t stream_id, std::uint64_t epoch = 5) {
        control::PoolAnnounce announce;
        announce.stream_id = stream_id;
        announce.producer_id = 77;
        announce.epoch = epoch;
        announce.header_nslots = 64;
        announce.header_region_uri =
            "shm:file?path=/dev/shm/tp/" + std::to_string(stream_id) + "/header.ring";
        announce.pools = {{1, 64, 4096, "shm:file?path=/dev/shm/tp/1.pool"},
                          {2, 64, 8192, "shm:file?path=/dev/shm/tp/2.pool"}};
        return announce;
    }
    void announce(const control::PoolAnnounce& message, std::size_t authority = 0) {
        send(options.authorities[authority].announce, message);
        provider->do_work(clock.now_ns());
    }
    void announce(std::uint32_t stream_id, std::uint64_t epoch = 5) {
        announce(announce_of(stream_id, epoch));
    }
    void name(std::uint32_t stream_id, const std::string& name, std::size_t authority = 0) {
        control::DataSourceAnnounce message;
        message.stream_id = stream_id;
        message.epoch = 999;  // means nothing here
        message.name = name;
        send(*options.authorities[authority].metadata, message);
        provider->do_work(clock.now_ns());
    }
    [[nodiscard]] control::DiscoveryRequest request() const {
        control::DiscoveryRequest message;
        message.request_id = 1;
        message.client_id = 2;
        message.response_stream_id = kResponseStream;
        message.response_channel = kChannel;
        return message;
    }
    void listen() {
        if (!responses_) responses_ = context->messaging().add_subscription(kChannel, kResponseStream);
    }
    /// The next answer that is there.
    std::optional<control::DiscoveryResponse> receive() {
        listen();
        std::optional<control::DiscoveryResponse> received;
        responses_->poll(
            [&](const messaging::Message& message) {
                received.emplace();
                EXPECT_EQ(control::decode(message.bytes, *received), control::DecodeResult::Ok);
                received_bytes = message.bytes.size();
            },
            1);
        return received;
    }
    std::optional<control::DiscoveryResponse> ask(const control::DiscoveryRequest& message) {
        listen();
        send(options.request, message);
        provider->do_work(clock.now_ns());
        return receive();
    }
    std::vector<std::uint32_t> streams_of(const std::optional<control::DiscoveryResponse>& response) const {
        std::vector<std::uint32_t> ids;
        if (!response) return ids;
        for (const auto& result : response->results) ids.push_back(result.stream_id);
        return ids;
    }

    TempDir dir;
    ManualClock clock{100 * kNanosPerSecond};
    std::unique_ptr<Context> context = context_in(dir, clock);
    DiscoveryProviderOptions options;
    std::unique_ptr<DiscoveryProvider> provider;
    std::size_t received_bytes = 0;

private:
    std::map<std::int32_t, std::unique_ptr<control::ControlPublisher>> publishers_;
    std::unique_ptr<messaging::Publication> raw_;
    std::unique_ptr<messaging::Subscription> responses_;
};

}  // namespace tensorpool::test
