// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver.hpp>

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/gated_client.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tensorpool::test {

/// Everything a driver says, in the order it arrived.
using DriverMessage = std::variant<control::AttachResponse, control::DetachResponse, control::LeaseRevoked,
                                   control::PoolAnnounce, control::DriverShutdown, control::ConsumerConfig>;

/// A configuration of one stream (10000, eight slots, pools of 4 KiB and 64 KiB) below `dir`.
inline DriverConfig small_config(const TempDir& dir) {
    DriverConfig config;
    config.shm.base_dir = (dir.path() / "shm").string();
    config.shm.permissions_mode = 0600;
    config.profiles = {
        {.name = "raw",
         .header_nslots = 8,
         .payload_pools = {{.pool_id = 1, .stride_bytes = 4096}, {.pool_id = 2, .stride_bytes = 65536}}}};
    config.streams = {{.name = "cam1", .stream_id = 10000, .profile = "raw"}};
    return config;
}

/// A driver on embedded messaging and a peer that plays all of its clients, on one thread and a manual clock.
class DriverHarness : private control::ControlHandler {
public:
    static constexpr std::uint32_t kStream = 10000;

    explicit DriverHarness(const std::function<void(DriverConfig&)>& adjust = {})
        : dispatcher_(*this), config_(small_config(dir)) {
        if (adjust) adjust(config_);
        connect_peer();
        start_driver();
    }

    /// Starts a driver with the same configuration; the previous one must be gone.
    void start_driver() {
        driver_context_ = std::make_unique<Context>(
            std::make_unique<GatedClient>(make_client(), driver_sends), clock, histograms);
        driver_ = std::make_unique<Driver>(*driver_context_, config_);
        step();
        step();  // both sides have joined each other's logs now
        seen.clear();
    }
    void stop_driver() {
        driver_.reset();
        driver_context_.reset();
    }

    Driver& driver() { return *driver_; }
    Context& driver_context() { return *driver_context_; }
    DriverConfig& config() { return config_; }

    /// One cycle of the driver, then everything it said.
    void step() {
        if (driver_) driver_->do_work(clock.now_ns());
        peer_client_->do_work(clock.now_ns());
        while (dispatcher_.poll(*control_subscription_, 64) > 0) {
        }
        if (announce_subscription_) {
            while (dispatcher_.poll(*announce_subscription_, 64) > 0) {
            }
        }
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        step();
    }
    /// Moves on in steps, keeping all leases of `kept` alive.
    void live(Nanos duration_ns, const std::vector<control::AttachResponse>& kept,
              const std::vector<control::AttachRequest>& requests) {
        const Nanos end = clock.now_ns() + duration_ns;
        while (clock.now_ns() < end) {
            for (std::size_t i = 0; i < kept.size(); ++i) keepalive(kept[i], requests[i]);
            advance(std::min<Nanos>(250 * kNanosPerMilli, end - clock.now_ns()));
        }
    }

    template <typename Message>
    void send(const Message& message) {
        ASSERT_TRUE(publisher_->send(message).has_value());
    }
    void send_raw(const std::vector<std::byte>& bytes) {
        ASSERT_TRUE(publisher_->publication().offer(bytes).has_value());
    }

    [[nodiscard]] control::AttachRequest request(Role role, std::uint32_t client_id,
                                                 std::uint32_t stream_id = kStream) {
        control::AttachRequest request;
        request.correlation_id = next_correlation_id_++;
        request.stream_id = stream_id;
        request.client_id = client_id;
        request.role = static_cast<std::uint8_t>(role);
        return request;
    }
    /// Sends the request and returns the one answer to it.
    control::AttachResponse attach(const control::AttachRequest& request) {
        const std::size_t from = seen.size();
        send(request);
        step();
        std::vector<control::AttachResponse> answers;
        for (const auto& response : all<control::AttachResponse>(from)) {
            if (response.correlation_id == request.correlation_id) answers.push_back(response);
        }
        EXPECT_EQ(answers.size(), 1U) << "answers to attach request " << request.correlation_id;
        return answers.empty() ? control::AttachResponse{} : answers.front();
    }
    control::AttachResponse attach(Role role, std::uint32_t client_id, std::uint32_t stream_id = kStream) {
        return attach(request(role, client_id, stream_id));
    }
    /// Attaches and expects success.
    control::AttachResponse attached(Role role, std::uint32_t client_id, std::uint32_t stream_id = kStream) {
        auto response = attach(role, client_id, stream_id);
        EXPECT_EQ(response.code, ResponseCode::Ok) << response.error_message;
        return response;
    }

    static control::LeaseKeepalive keepalive_of(const control::AttachResponse& response, Role role,
                                                std::uint32_t client_id) {
        return {response.lease_id.value_or(0), response.stream_id.value_or(0), client_id, role, 1};
    }
    void keepalive(const control::AttachResponse& response, Role role, std::uint32_t client_id) {
        send(keepalive_of(response, role, client_id));
    }
    void keepalive(const control::AttachResponse& response, const control::AttachRequest& request) {
        keepalive(response, static_cast<Role>(request.role), request.client_id);
    }
    control::DetachResponse detach(const control::AttachResponse& response, Role role,
                                   std::uint32_t client_id) {
        control::DetachRequest request{next_correlation_id_++, response.lease_id.value_or(0),
                                       response.stream_id.value_or(0), client_id, role};
        send(request);
        step();
        const auto answers = all<control::DetachResponse>();
        EXPECT_FALSE(answers.empty());
        if (answers.empty()) return {};
        EXPECT_EQ(answers.back().correlation_id, request.correlation_id);
        return answers.back();
    }

    /// Every message of one kind seen since `from`.
    template <typename Message>
    [[nodiscard]] std::vector<Message> all(std::size_t from = 0) const {
        std::vector<Message> found;
        for (std::size_t i = from; i < seen.size(); ++i) {
            if (const auto* message = std::get_if<Message>(&seen[i])) found.push_back(*message);
        }
        return found;
    }
    /// Index of the first message of a kind in `seen`, or its size.
    template <typename Message>
    [[nodiscard]] std::size_t index_of(std::size_t from = 0) const {
        for (std::size_t i = from; i < seen.size(); ++i) {
            if (std::holds_alternative<Message>(seen[i])) return i;
        }
        return seen.size();
    }
    [[nodiscard]] DriverStreamInfo stream(std::uint32_t stream_id = kStream) {
        for (auto& info : driver_->streams()) {
            if (info.stream_id == stream_id) return info;
        }
        return {};
    }
    [[nodiscard]] std::vector<std::string> epoch_dirs(std::uint32_t stream_id = kStream) const {
        std::vector<std::string> names;
        std::error_code error;
        for (const auto& user : std::filesystem::directory_iterator(config_.shm.base_dir, error)) {
            const auto stream_dir = user.path() / config_.shm.namespace_name / std::to_string(stream_id);
            for (const auto& entry : std::filesystem::directory_iterator(stream_dir, error)) {
                names.push_back(entry.path().filename().string());
            }
        }
        std::ranges::sort(names);
        return names;
    }

    TempDir dir;
    std::shared_ptr<Gate> driver_sends = std::make_shared<Gate>();  ///< what the driver may send now
    ManualClock clock{1'000'000 * kNanosPerSecond};
    std::vector<DriverMessage> seen;
    LatencyHistograms histograms = LatencyHistograms::Off;  ///< of the next driver

private:
    std::unique_ptr<messaging::Client> make_client() {
        messaging::EmbeddedOptions options;
        options.dir = (dir.path() / "messaging").string();
        return messaging::make_embedded_client(options);
    }
    void connect_peer() {
        peer_client_ = make_client();
        control_subscription_ =
            peer_client_->add_subscription(config_.control.channel, config_.control.stream_id);
        publisher_ = std::make_unique<control::ControlPublisher>(
            peer_client_->add_publication(config_.control.channel, config_.control.stream_id));
        const Endpoint announce = config_.announce_endpoint();
        if (!(announce == config_.control)) {
            announce_subscription_ = peer_client_->add_subscription(announce.channel, announce.stream_id);
        }
    }

    void on_attach_response(const control::AttachResponse& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }
    void on_detach_response(const control::DetachResponse& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }
    void on_lease_revoked(const control::LeaseRevoked& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }
    void on_pool_announce(const control::PoolAnnounce& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }
    void on_driver_shutdown(const control::DriverShutdown& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }
    void on_consumer_config(const control::ConsumerConfig& m, const messaging::Message&) override {
        seen.emplace_back(m);
    }

    control::ControlDispatcher dispatcher_;
    DriverConfig config_;
    std::int64_t next_correlation_id_ = 7001;
    std::unique_ptr<messaging::Client> peer_client_;
    std::unique_ptr<messaging::Subscription> control_subscription_;
    std::unique_ptr<messaging::Subscription> announce_subscription_;
    std::unique_ptr<control::ControlPublisher> publisher_;
    std::unique_ptr<Context> driver_context_;
    std::unique_ptr<Driver> driver_;
};

}  // namespace tensorpool::test
