// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_session.hpp>

#include "base/log.hpp"
#include "client/backoff.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "messaging/messaging.hpp"

#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// The driver client of driver.md section 4: Unattached, Attaching, Attached, Detaching, Backoff.
struct DriverSession::Impl final : private control::ControlHandler {
    Impl(Context& context, DriverSessionOptions options);

    void request_attach() noexcept;
    void detach() noexcept;
    int do_work(Nanos now_ns) noexcept;
    void wait(Nanos timeout_ns) noexcept;

    Context& context;
    DriverSessionOptions options;
    SessionState state = SessionState::Unattached;
    Attachment attachment;
    std::uint64_t generation = 0;
    std::uint32_t client_id;
    std::string last_error;
    DriverSessionCounters counters;
    bool refused_for_good = false;
    bool detach_confirmed = false;

private:
    using SendResult = expected<void, messaging::SendError>;

    void on_attach_response(const control::AttachResponse& response,
                            const messaging::Message& message) override;
    void on_detach_response(const control::DetachResponse& response,
                            const messaging::Message& message) override;
    void on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message& message) override;
    void on_driver_shutdown(const control::DriverShutdown& shutdown,
                            const messaging::Message& message) override;
    void on_pool_announce(const control::PoolAnnounce& announce, const messaging::Message& message) override;
    void on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t correlation_id,
                        control::DecodeResult why, const messaging::Message& message) override;

    int poll_backlog(messaging::Subscription& subscription) noexcept;
    int step(Nanos now_ns) noexcept;
    int send_attach(Nanos now_ns) noexcept;
    int stay_attached(Nanos now_ns) noexcept;
    int send_detach(Nanos now_ns) noexcept;
    void accept(const control::AttachResponse& response, const messaging::Message& message);
    void refuse(const control::AttachResponse& response);
    void on_late_grant(const control::AttachResponse& response, const messaging::Message& message);
    void abandon_request() noexcept;
    void give_back(const control::AttachResponse& response) noexcept;
    void lose_lease(std::string_view why) noexcept;
    void confirm_detach() noexcept;
    void complain(std::string_view why, std::string_view what = "cannot attach") noexcept;
    void back_off(std::string_view why, Nanos now_ns) noexcept;
    void set_error(std::string_view why) noexcept;
    /// Whether the publication that granted the lease still exists. Looks only every now and then.
    [[nodiscard]] bool driver_is_there(Nanos now_ns) noexcept;
    [[nodiscard]] bool is_abandoned(std::int64_t correlation_id) const noexcept;
    [[nodiscard]] std::int64_t next_correlation_id() noexcept;

    std::mt19937_64 random_;
    client::Backoff backoff_;
    Nanos patience_ns_;  // how long the next attach request may stay unanswered
    control::ControlPublisher requests_;
    std::unique_ptr<messaging::Subscription> control_;
    std::unique_ptr<messaging::Subscription> announces_;  // empty when announces share the control stream
    std::vector<messaging::Subscription*> wait_set_;
    control::ControlDispatcher dispatcher_;

    std::optional<std::uint32_t> granted_node_id_;  // with the last lease

    bool wanted_ = false;  // a lease, or another attempt to get one
    Nanos now_ns_ = 0;
    std::int64_t correlation_id_ = 0;           // of the outstanding attach or detach request
    std::array<std::int64_t, 64> abandoned_{};  // attach requests given up: their OK may still come (TRP-05)
    std::size_t abandoned_count_ = 0;           // ever; the array keeps the last ones
    Nanos request_deadline_ns_ = 0;
    bool request_sent_ = false;
    Nanos retry_at_ns_ = 0;
    Nanos lease_window_ns_ = 0;  // how long one keepalive keeps the lease (TRP-15)
    Nanos lease_deadline_ns_ = 0;
    Nanos keepalive_period_ns_ = 0;
    Nanos next_keepalive_ns_ = 0;
    Nanos driver_heard_ns_ = 0;        // last sign of life on the announce stream
    std::int64_t driver_session_ = 0;  // the publication that granted the lease
    Nanos next_image_check_ns_ = 0;
    base::LogLimit trouble_log_;
};

}  // namespace tensorpool
