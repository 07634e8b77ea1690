// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/driver_impl.hpp"

#include "base/log.hpp"

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Driver";

}  // namespace

void Driver::Impl::on_lease_keepalive(const control::LeaseKeepalive& keepalive, const messaging::Message&) {
    const driver::LeaseKey key{keepalive.lease_id, keepalive.stream_id, keepalive.client_id, keepalive.role};
    if (latencies_.keepalive) {
        // A window before its expiry the lease was granted or kept alive last.
        if (const driver::Lease* lease = leases_.match(key))
            latencies_.keepalive->record(now_ns_ - (lease->expiry_ns - config.lease_window_ns()));
    }
    if (leases_.keepalive(key, now_ns_) != nullptr) {
        ++counters.keepalives;
    } else {
        ++counters.lease_hsm_unhandled;
    }
}

void Driver::Impl::on_detach_request(const control::DetachRequest& request, const messaging::Message&) {
    const telemetry::LatencyScope timed(latencies_.detach.get(), context.clock());
    const driver::LeaseKey key{request.lease_id, request.stream_id, request.client_id, request.role};
    control::DetachResponse response;
    response.correlation_id = request.correlation_id;
    if (leases_.match(key) != nullptr) {
        end_lease(request.lease_id, LeaseRevokeReason::Detached, "");
        response.code = ResponseCode::Ok;
    } else {
        ++counters.lease_hsm_unhandled;
        response.code = ResponseCode::Rejected;
        response.error_message = "no such lease; it may have ended already";
    }
    outbox_.post(std::move(response), now_ns_);
}

void Driver::Impl::on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) {
    if (config.supervised) return;                    // one issuer of ConsumerConfig (SUP-010)
    if (!streams_.contains(hello.stream_id)) return;  // somebody else's stream (WIRE-073)
    const driver::Lease* lease = leases_.find_client(hello.consumer_id);
    if (lease != nullptr && (lease->stream_id != hello.stream_id || lease->role != Role::Consumer))
        lease = nullptr;
    auto answer = consumer_streams.answer(hello, lease, counters.consumer_configs_declined);
    if (answer) outbox_.post(std::move(*answer), now_ns_);
}

int Driver::Impl::expire_leases() {
    const auto overdue = leases_.overdue(now_ns_);
    for (const std::uint64_t lease_id : overdue) {
        if (latencies_.expire) latencies_.expire->record(now_ns_ - leases_.find(lease_id)->expiry_ns);
        end_lease(lease_id, LeaseRevokeReason::Expired, "no keepalive");
    }
    return static_cast<int>(overdue.size());
}

bool Driver::Impl::revoke(std::uint64_t lease_id, std::string_view why) {
    if (lifecycle == DriverLifecycle::Stopped || leases_.find(lease_id) == nullptr) return false;
    refresh_now();
    end_lease(lease_id, LeaseRevokeReason::Revoked, why);
    return true;
}

void Driver::Impl::end_lease(std::uint64_t lease_id, LeaseRevokeReason reason, std::string_view why) {
    const driver::Lease lease = leases_.remove(lease_id);
    if (lease.node_id) node_ids_.release(*lease.node_id, now_ns_);
    consumer_streams.release(lease_id);
    switch (reason) {
        case LeaseRevokeReason::Detached:
            ++counters.leases_detached;
            break;
        case LeaseRevokeReason::Expired:
            ++counters.leases_expired;
            break;
        case LeaseRevokeReason::Revoked:
            ++counters.leases_revoked_by_operator;
            break;
    }
    base::log_with(reason == LeaseRevokeReason::Detached ? LogLevel::Info : LogLevel::Warn, kModule,
                   {{"lease_id", lease_id},
                    {"stream_id", lease.stream_id},
                    {"client_id", lease.client_id},
                    {"role", to_string(lease.role)},
                    {"reason", to_string(reason)}},
                   "lease {} of client {} on stream {} ({}) ended: {}", lease_id, lease.client_id,
                   lease.stream_id, to_string(lease.role), to_string(reason));

    control::LeaseRevoked notice;
    notice.timestamp_ns = static_cast<std::uint64_t>(now_ns_);
    notice.lease_id = lease_id;
    notice.stream_id = lease.stream_id;
    notice.client_id = lease.client_id;
    notice.role = lease.role;
    notice.reason = reason;
    notice.error_message = control::truncated_error(std::string(why));
    outbox_.post(std::move(notice), now_ns_);  // before the announce that follows from it (DRV-087)

    driver::Stream& stream = streams_.at(lease.stream_id);
    if (lease.role == Role::Producer) {
        bump(stream);
        collect(stream);
    }
}

}  // namespace tensorpool
