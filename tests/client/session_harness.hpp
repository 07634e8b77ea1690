// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>

#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "support/gated_client.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace tensorpool::test {

/// What clients send to a driver.
using ClientMessage = std::variant<control::AttachRequest, control::DetachRequest, control::LeaseKeepalive>;

/// One session with a messaging client of its own, as in a process of its own.
struct TestClient {
    std::shared_ptr<Gate> sends = std::make_shared<Gate>();
    std::unique_ptr<Context> context;
    std::unique_ptr<DriverSession> session;

    DriverSession* operator->() const { return session.get(); }
};

/// Sessions, a driver when wanted, and an eavesdropper that may also speak as a driver would; all on one
/// thread and a manual clock.
class SessionHarness : private control::ControlHandler {
public:
    static constexpr std::uint32_t kStream = 10000;

    SessionHarness() : dispatcher_(*this) {
        config_.shm.base_dir = (dir.path() / "shm").string();
        config_.shm.permissions_mode = 0600;
        config_.profiles = {
            {.name = "raw", .header_nslots = 8, .payload_pools = {{.pool_id = 1, .stride_bytes = 4096}}}};
        config_.streams = {{.name = "cam1", .stream_id = kStream, .profile = "raw"}};
        peer_client_ = make_client();
        subscription_ = peer_client_->add_subscription(config_.control.channel, config_.control.stream_id);
        speak_anew();
    }

    // ---- the driver

    /// Starts a driver with this configuration; an earlier one must be gone.
    void start_driver(const std::function<void(DriverConfig&)>& adjust = {}) {
        if (adjust) adjust(config_);
        driver_sends = std::make_shared<Gate>();
        driver_context_ =
            std::make_unique<Context>(std::make_unique<GatedClient>(make_client(), driver_sends), clock);
        driver_ = std::make_unique<Driver>(*driver_context_, config_);
        step();
    }
    /// An orderly end: with the notice.
    void stop_driver() {
        driver_.reset();
        driver_context_.reset();
    }
    /// The end of a driver that was killed: nothing is said, its publications just end.
    void crash_driver() {
        driver_sends->shut(messaging::SendError::Closed);
        stop_driver();
    }
    /// A driver that hangs: it is there, but does nothing until it goes on.
    void hang_driver(bool hangs = true) { hangs_ = hangs; }
    Driver& driver() { return *driver_; }

    // ---- clients

    DriverSessionOptions options(Role role, std::uint32_t client_id = 0) const {
        DriverSessionOptions options;
        options.stream_id = kStream;
        options.role = role;
        options.client_id = client_id;
        return options;
    }
    TestClient& add(const DriverSessionOptions& options) {
        auto client = std::make_unique<TestClient>();
        client->context =
            std::make_unique<Context>(std::make_unique<GatedClient>(make_client(), client->sends), clock);
        client->session = std::make_unique<DriverSession>(*client->context, options);
        clients_.push_back(std::move(client));
        return *clients_.back();
    }
    /// Adds a session and attaches it.
    TestClient& attached(const DriverSessionOptions& options) {
        TestClient& client = add(options);
        client->request_attach();
        EXPECT_TRUE(run_until([&] { return client->state() == SessionState::Attached; }))
            << client->last_error();
        return client;
    }
    TestClient& attached(Role role, std::uint32_t client_id = 0) {
        return attached(options(role, client_id));
    }

    // ---- time

    /// One cycle of everybody: the clients, the driver, the clients again with what it answered.
    void step() {
        run_clients();
        if (driver_ && !hangs_) driver_->do_work(clock.now_ns());
        peer_client_->do_work(clock.now_ns());
        while (dispatcher_.poll(*subscription_, 64) > 0) {
        }
        run_clients();
    }
    void advance(Nanos by_ns) {
        clock.advance(by_ns);
        step();
    }
    /// Lets time pass in steps of `by_ns`.
    void live(Nanos duration_ns, Nanos by_ns = 50 * kNanosPerMilli) {
        for (Nanos left = duration_ns; left > 0; left -= by_ns) advance(std::min(by_ns, left));
    }
    /// Lets time pass until `condition` holds; false when that took more than a minute of it.
    [[nodiscard]] bool run_until(const std::function<bool()>& condition, Nanos by_ns = 10 * kNanosPerMilli) {
        step();
        for (Nanos passed = 0; !condition() && passed < 60 * kNanosPerSecond; passed += by_ns) advance(by_ns);
        return condition();
    }

    // ---- on the wire

    /// Says something on the control stream as a driver, or anybody, might.
    template <typename Message>
    void say(const Message& message) {
        ASSERT_TRUE(publisher_->send(message).has_value());
    }
    void say_raw(const std::vector<std::byte>& bytes) {
        ASSERT_TRUE(publisher_->publication().offer(bytes).has_value());
    }
    /// Ends the publication that say() used; what follows comes from a new one.
    void speak_anew() {
        publisher_.reset();
        publisher_ = std::make_unique<control::ControlPublisher>(
            peer_client_->add_publication(config_.control.channel, config_.control.stream_id));
    }
    /// A good answer to a request, about regions that need not exist.
    [[nodiscard]] control::AttachResponse granting(const control::AttachRequest& request) const {
        control::AttachResponse response;
        response.correlation_id = request.correlation_id;
        response.lease_id = 77;
        response.lease_expiry_timestamp_ns = static_cast<std::uint64_t>(clock.now_ns() + 3 * kNanosPerSecond);
        response.stream_id = request.stream_id;
        response.epoch = 5;
        response.layout_version = 1;
        response.header_nslots = 8;
        response.header_slot_bytes = 256;
        response.header_region_uri = "shm:file?path=/dev/shm/x/header.ring";
        response.pools = {{1, 8, 4096, "shm:file?path=/dev/shm/x/1.pool"}};
        return response;
    }
    /// An announce of the epoch that granting() grants.
    [[nodiscard]] control::PoolAnnounce announcing(std::uint64_t epoch = 5) const {
        control::PoolAnnounce announce;
        announce.stream_id = kStream;
        announce.epoch = epoch;
        announce.announce_timestamp_ns = static_cast<std::uint64_t>(clock.now_ns());
        announce.header_nslots = 8;
        announce.header_region_uri = "shm:file?path=/dev/shm/x/header.ring";
        announce.pools = {{1, 8, 4096, "shm:file?path=/dev/shm/x/1.pool"}};
        return announce;
    }
    /// Attaches a session by answering its request by hand.
    TestClient& granted(const DriverSessionOptions& options) {
        TestClient& client = add(options);
        client->request_attach();
        step();
        EXPECT_FALSE(all<control::AttachRequest>().empty());
        say(granting(all<control::AttachRequest>().back()));
        step();
        EXPECT_EQ(client->state(), SessionState::Attached) << client->last_error();
        return client;
    }

    /// Everything of one kind that clients sent.
    template <typename Message>
    [[nodiscard]] std::vector<Message> all() const {
        std::vector<Message> found;
        for (const auto& message : sent) {
            if (const auto* typed = std::get_if<Message>(&message)) found.push_back(*typed);
        }
        return found;
    }

    TempDir dir;
    ManualClock clock{1'000'000 * kNanosPerSecond};
    std::vector<ClientMessage> sent;
    std::vector<Nanos> sent_at;  ///< when, one for each of `sent`
    std::shared_ptr<Gate> driver_sends = std::make_shared<Gate>();

private:
    std::unique_ptr<messaging::Client> make_client() {
        messaging::EmbeddedOptions options;
        options.dir = (dir.path() / "messaging").string();
        options.clock = &clock;
        return messaging::make_embedded_client(options);
    }
    void run_clients() {
        for (const auto& client : clients_) client->session->do_work(clock.now_ns());
    }
    template <typename Message>
    void record(const Message& message) {
        sent.emplace_back(message);
        sent_at.push_back(clock.now_ns());
    }
    void on_attach_request(const control::AttachRequest& m, const messaging::Message&) override { record(m); }
    void on_detach_request(const control::DetachRequest& m, const messaging::Message&) override { record(m); }
    void on_lease_keepalive(const control::LeaseKeepalive& m, const messaging::Message&) override {
        record(m);
    }

    control::ControlDispatcher dispatcher_;
    DriverConfig config_;
    std::unique_ptr<messaging::Client> peer_client_;
    std::unique_ptr<messaging::Subscription> subscription_;
    std::unique_ptr<control::ControlPublisher> publisher_;
    std::unique_ptr<Context> driver_context_;
    std::unique_ptr<Driver> driver_;
    bool hangs_ = false;
    std::vector<std::unique_ptr<TestClient>> clients_;
};

}  // namespace tensorpool::test
