// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver.hpp>

#include "base/log.hpp"
#include "base/timer.hpp"
#include "control/dispatcher.hpp"
#include "driver/consumer_streams.hpp"
#include "driver/epoch_store.hpp"
#include "driver/id_allocator.hpp"
#include "driver/lease_table.hpp"
#include "driver/node_id_allocator.hpp"
#include "driver/outbox.hpp"
#include "driver/stream.hpp"
#include "messaging/messaging.hpp"
#include "telemetry/counter_set.hpp"
#include "telemetry/latency.hpp"
#include "telemetry/tables.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tensorpool {

/// The state of a driver and its reactions. Split over files by what it reacts to: driver_impl.cpp (duty
/// cycle and shutdown), attach.cpp, leases.cpp (keepalive, detach, expiry, revocation), epochs.cpp
/// (provision, announce, collect).
class Driver::Impl final : private control::ControlHandler {
public:
    Impl(Context& context, DriverConfig config);
    ~Impl() override;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    int do_work(Nanos now_ns) noexcept;
    void close() noexcept;
    void wait(Nanos timeout_ns) noexcept;
    bool revoke(std::uint64_t lease_id, std::string_view why);
    void request_shutdown(ShutdownReason reason) noexcept;

    [[nodiscard]] DriverStatus status() const;
    [[nodiscard]] std::vector<DriverLeaseInfo> leases() const;
    [[nodiscard]] std::vector<DriverStreamInfo> streams() const;

    Context& context;
    const DriverConfig config;
    DriverCounters counters;
    driver::ConsumerStreams consumer_streams;
    std::atomic<DriverLifecycle> lifecycle{DriverLifecycle::Starting};

private:
    /// Why an attach request is not granted.
    struct Refusal {
        ResponseCode code;
        std::string text;
    };
    /// What a granted attach request will do; nothing has happened yet.
    struct AttachPlan {
        driver::Stream* stream = nullptr;  ///< empty: to be created
        std::uint32_t new_stream_id = 0;   ///< of the stream to be created
        const DriverProfileConfig* profile = nullptr;
    };

    /// Each empty when it is not measured.
    struct DriverLatencies {
        std::shared_ptr<telemetry::LatencyRecorder> poll;
        std::shared_ptr<telemetry::LatencyRecorder> attach;
        std::shared_ptr<telemetry::LatencyRecorder> detach;
        std::shared_ptr<telemetry::LatencyRecorder> keepalive;
        std::shared_ptr<telemetry::LatencyRecorder> expire;
        std::shared_ptr<telemetry::LatencyRecorder> announce;
    };

    // control::ControlHandler
    void on_attach_request(const control::AttachRequest& request, const messaging::Message& message) override;
    void on_detach_request(const control::DetachRequest& request, const messaging::Message& message) override;
    void on_lease_keepalive(const control::LeaseKeepalive& keepalive,
                            const messaging::Message& message) override;
    void on_driver_shutdown_request(const control::DriverShutdownRequest& request,
                                    const messaging::Message& message) override;
    void on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t correlation_id,
                        control::DecodeResult why, const messaging::Message& message) override;
    void on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message& message) override;

    // attach.cpp
    void handle_attach(const control::AttachRequest& request);
    [[nodiscard]] std::optional<Refusal> check_request(const control::AttachRequest& request) const;
    [[nodiscard]] const driver::Lease* find_repeated(const control::AttachRequest& request) const noexcept;
    void answer_again(const control::AttachRequest& request, const driver::Lease& lease);
    [[nodiscard]] std::optional<Refusal> check_client(const control::AttachRequest& request);
    [[nodiscard]] std::optional<Refusal> plan_stream(const control::AttachRequest& request,
                                                     AttachPlan& plan) const;
    [[nodiscard]] std::optional<Refusal> check_policy(const control::AttachRequest& request,
                                                      const AttachPlan& plan);
    [[nodiscard]] std::optional<Refusal> check_hugepages(HugepagesPolicy wish) const;
    void grant(const control::AttachRequest& request, AttachPlan plan);
    driver::Stream& create_stream(std::uint32_t stream_id, const DriverProfileConfig& profile);
    void drop_stream(std::uint32_t stream_id);
    [[nodiscard]] std::optional<std::uint32_t> assign_node_id(const control::AttachRequest& request);
    void answer_ok(std::int64_t correlation_id, const driver::Lease& lease);
    void answer(std::int64_t correlation_id, const Refusal& refusal);

    // leases.cpp
    int expire_leases();
    void end_lease(std::uint64_t lease_id, LeaseRevokeReason reason, std::string_view why);

    // epochs.cpp
    /// Makes a new current epoch; on failure the old one stays. Collects and tries once more when space is
    /// short.
    void provision(driver::Stream& stream);
    /// A producer lease ended: a new epoch, announced at once (DRV-080, DRV-101).
    void bump(driver::Stream& stream);
    void announce(driver::Stream& stream);
    int announce_all();
    int collect(driver::Stream& stream);
    int collect_all();

    // driver_impl.cpp
    int start();
    int poll_control();
    int drain();
    void begin_drain(ShutdownReason reason, std::string message);
    void post_shutdown_notice();
    void stop();
    void settle(const driver::Outbox::Message& message, driver::Outbox::Fate fate);
    /// The time after work that may have taken long: stamps must not lie in the past (WIRE-069).
    void refresh_now() noexcept;
    void start_telemetry();
    int serve() noexcept;
    template <typename Action>
    int guarded(std::string_view what, Action&& action) noexcept;

    driver::EpochStore store_;
    driver::StreamMap streams_;
    driver::LeaseTable leases_;
    driver::NodeIdAllocator node_ids_;
    driver::IdAllocator stream_ids_;

    std::unique_ptr<messaging::Subscription> control_subscription_;
    control::ControlDispatcher dispatcher_;
    driver::Outbox outbox_;

    base::PeriodicTimer announce_timer_;
    base::PeriodicTimer collect_timer_;
    Nanos now_ns_ = 0;
    int busy_polls_ = 0;  // cycles in a row that ended with control messages left to read
    SingleThreadCheck thread_check_;
    telemetry::CounterSet published_;
    telemetry::DriverGauges gauges_;
    DriverLatencies latencies_;

    std::atomic<int> requested_shutdown_{-1};  // a ShutdownReason, or -1
    std::optional<ShutdownReason> shutdown_reason_;
    std::string shutdown_message_;
    Nanos drain_end_ns_ = 0;
    bool notice_posted_ = false;
    bool notice_settled_ = false;  // sent, or given up
};

}  // namespace tensorpool
