// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/driver_impl.hpp"

#include "base/log.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

// The evaluation order of driver.md section 3: everything is checked before anything changes, so that a
// refused request leaves epochs, files and leases untouched (TRP-13).
namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Driver";
constexpr std::uint32_t kNullU32 = 0xFFFFFFFF;
constexpr std::uint16_t kSchemaVersion = 1;  // of schema 901

template <typename Enum>
constexpr std::uint8_t raw(Enum value) noexcept {
    return static_cast<std::uint8_t>(value);
}

}  // namespace

void Driver::Impl::on_attach_request(const control::AttachRequest& request, const messaging::Message&) {
    const telemetry::LatencyScope timed(latencies_.attach.get(), context.clock());
    try {
        handle_attach(request);
    } catch (const std::exception& error) {
        ++counters.internal_errors;
        base::log(LogLevel::Error, kModule, "attach of client {} failed: {}", request.client_id,
                  error.what());
        answer(request.correlation_id, {ResponseCode::InternalError, error.what()});
    }
}

void Driver::Impl::handle_attach(const control::AttachRequest& request) {
    if (auto refusal = check_request(request)) return answer(request.correlation_id, *refusal);
    if (const driver::Lease* lease = find_repeated(request)) return answer_again(request, *lease);
    AttachPlan plan;
    if (auto refusal = check_client(request)) return answer(request.correlation_id, *refusal);
    if (auto refusal = plan_stream(request, plan)) return answer(request.correlation_id, *refusal);
    if (auto refusal = check_policy(request, plan)) return answer(request.correlation_id, *refusal);
    grant(request, plan);
}

/// Steps 1 to 4: the driver's state and the request by itself.
std::optional<Driver::Impl::Refusal> Driver::Impl::check_request(
    const control::AttachRequest& request) const {
    if (request.version > kSchemaVersion) {
        return Refusal{ResponseCode::Unsupported,
                       fmt::format("schema version {} is newer than {}", request.version, kSchemaVersion)};
    }
    if (lifecycle != DriverLifecycle::Running) return Refusal{ResponseCode::Rejected, "driver draining"};
    if (request.role != raw(Role::Producer) && request.role != raw(Role::Consumer)) {
        return Refusal{ResponseCode::InvalidParams, fmt::format("role {} is unknown", request.role)};
    }
    if (request.require_hugepages > raw(HugepagesPolicy::Hugepages)) {
        return Refusal{ResponseCode::InvalidParams,
                       fmt::format("requireHugepages {} is unknown", request.require_hugepages)};
    }
    if (request.client_id == 0) {
        return Refusal{ResponseCode::InvalidParams, "client_id 0 is not allowed; choose a non-zero one"};
    }
    const std::uint8_t mode = request.publish_mode.value_or(raw(PublishMode::RequireExisting));  // TRP-06
    if (mode != raw(PublishMode::RequireExisting) && mode != raw(PublishMode::ExistingOrCreate)) {
        return Refusal{ResponseCode::Unsupported, fmt::format("publishMode {} is unknown", mode)};
    }
    return std::nullopt;
}

/// Step 5: the same request again, because its first answer was lost or given up (TRP-05).
const driver::Lease* Driver::Impl::find_repeated(const control::AttachRequest& request) const noexcept {
    const driver::Lease* const lease = leases_.find_client(request.client_id);
    if (lease == nullptr) return nullptr;
    const bool same = lease->correlation_id == request.correlation_id && raw(lease->role) == request.role &&
                      lease->requested_stream_id == request.stream_id;
    // An overdue lease is not live: granting it again would promise what the next sweep takes back.
    return same && now_ns_ < lease->expiry_ns ? lease : nullptr;
}

void Driver::Impl::answer_again(const control::AttachRequest& request, const driver::Lease& lease) {
    ++counters.attach_repeated;
    driver::Stream& stream = streams_.at(lease.stream_id);
    if (stream.bump_pending) bump(stream);  // the epoch before it must not be mapped again
    if (stream.bump_pending) {
        return answer(request.correlation_id, {ResponseCode::InternalError, "no new epoch could be made"});
    }
    answer_ok(request.correlation_id, lease);
}

/// Step 6. A lease that is overdue does not block a live client until the next sweep (DRV-105).
std::optional<Driver::Impl::Refusal> Driver::Impl::check_client(const control::AttachRequest& request) {
    const driver::Lease* const held = leases_.find_client(request.client_id);
    if (held == nullptr) return std::nullopt;
    if (now_ns_ >= held->expiry_ns) {
        end_lease(held->lease_id, LeaseRevokeReason::Expired, "no keepalive");
        return std::nullopt;
    }
    // Clients match this text literally (TRP-03).
    return Refusal{ResponseCode::Rejected, "client_id already attached"};
}

/// Steps 7 to 9: the stream exists or may be made.
std::optional<Driver::Impl::Refusal> Driver::Impl::plan_stream(const control::AttachRequest& request,
                                                               AttachPlan& plan) const {
    // The map is only read here; the plan carries the stream on to grant().
    auto& streams = const_cast<driver::StreamMap&>(streams_);
    if (const auto found = streams.find(request.stream_id); found != streams.end()) {
        plan.stream = &found->second;
        plan.profile = found->second.profile;
    } else {
        const bool creatable = config.policies.allow_dynamic_streams &&
                               request.publish_mode == raw(PublishMode::ExistingOrCreate);
        if (!creatable) return Refusal{ResponseCode::Rejected, "stream not provisioned"};
        if (!stream_ids_.is_configured()) {
            return Refusal{ResponseCode::InvalidParams,
                           "no stream_id_range is configured for dynamic streams"};
        }
        plan.new_stream_id = request.stream_id;
        if (request.stream_id == 0) {
            const auto next = stream_ids_.peek_next();
            if (!next) return Refusal{ResponseCode::InvalidParams, "stream_id_range is exhausted"};
            plan.new_stream_id = *next;
        } else if (!stream_ids_.contains(request.stream_id)) {
            return Refusal{ResponseCode::InvalidParams,
                           fmt::format("stream_id {} lies outside stream_id_range", request.stream_id)};
        }
        plan.profile = config.default_profile();
        if (plan.profile == nullptr) return Refusal{ResponseCode::InvalidParams, "no default profile"};
    }
    if (plan.profile->payload_pools.empty()) {
        return Refusal{ResponseCode::InvalidParams, "the stream's profile has no payload pools"};
    }
    return std::nullopt;
}

std::optional<Driver::Impl::Refusal> Driver::Impl::check_hugepages(HugepagesPolicy wish) const {
    // All regions live below one base directory, so its file system decides for new and existing streams
    // alike.
    if (wish == HugepagesPolicy::Hugepages && !store_.on_hugepages()) {
        return Refusal{ResponseCode::Rejected,
                       "hugepages are not available: shm.base_dir is not on hugetlbfs"};
    }
    if (wish == HugepagesPolicy::Standard && store_.on_hugepages()) {
        return Refusal{ResponseCode::Rejected,
                       "standard pages are not available: shm.base_dir is on hugetlbfs"};
    }
    return std::nullopt;  // UNSPECIFIED: shm.require_hugepages was enforced at start (DRV-042)
}

/// Step 10: well-formed, but is it allowed now?
std::optional<Driver::Impl::Refusal> Driver::Impl::check_policy(const control::AttachRequest& request,
                                                                const AttachPlan& plan) {
    const std::uint32_t layout = request.expected_layout_version;
    if (layout != 0 && layout != kNullU32 && layout != wire::kLayoutVersion) {
        return Refusal{ResponseCode::Rejected,
                       fmt::format("layout_version is {}, not {}", wire::kLayoutVersion, layout)};
    }
    if (auto refusal = check_hugepages(static_cast<HugepagesPolicy>(request.require_hugepages)))
        return refusal;
    if (request.role == raw(Role::Producer) && plan.stream != nullptr) {
        if (const driver::Lease* other = leases_.find_producer(plan.stream->stream_id)) {
            if (now_ns_ < other->expiry_ns) {
                return Refusal{ResponseCode::Rejected, "the stream already has a producer"};
            }
            end_lease(other->lease_id, LeaseRevokeReason::Expired, "no keepalive");
        }
    }
    if (request.desired_node_id &&
        !node_ids_.is_available(*request.desired_node_id, request.client_id, now_ns_)) {
        return Refusal{ResponseCode::Rejected,
                       fmt::format("node_id {} is not available", *request.desired_node_id)};
    }
    return std::nullopt;
}

/// Steps 11 and 12.
void Driver::Impl::grant(const control::AttachRequest& request, AttachPlan plan) {
    const bool is_new = plan.stream == nullptr;
    driver::Stream& stream = is_new ? create_stream(plan.new_stream_id, *plan.profile) : *plan.stream;
    const std::uint64_t epoch_before = stream.epoch();
    const auto role = static_cast<Role>(request.role);
    try {
        // A producer starts a new epoch; a consumer only gets the first one made (TRP-10).
        if (role == Role::Producer || stream.current == nullptr || stream.bump_pending) provision(stream);
    } catch (const std::exception& error) {
        base::log_with(LogLevel::Warn, kModule,
                       {{"stream_id", stream.stream_id},
                        {"client_id", request.client_id},
                        {"reason", std::string_view(error.what())}},
                       "attach of client {} to stream {} failed: {}", request.client_id, stream.stream_id,
                       error.what());
        if (is_new) drop_stream(plan.new_stream_id);
        return answer(request.correlation_id, {ResponseCode::InternalError, error.what()});
    }
    driver::Lease lease;
    lease.stream_id = stream.stream_id;
    lease.client_id = request.client_id;
    lease.role = role;
    lease.node_id = assign_node_id(request);
    lease.attach_epoch = stream.epoch();
    lease.correlation_id = request.correlation_id;
    lease.requested_stream_id = request.stream_id;
    const driver::Lease& granted = leases_.grant(lease, now_ns_);
    ++counters.attach_accepted;
    base::log_with(LogLevel::Info, kModule,
                   {{"stream_id", lease.stream_id},
                    {"client_id", lease.client_id},
                    {"role", to_string(lease.role)},
                    {"lease_id", granted.lease_id},
                    {"epoch", lease.attach_epoch}},
                   "client {} attached to stream {} as {}: lease {}, epoch {}", lease.client_id,
                   lease.stream_id, to_string(lease.role), granted.lease_id, lease.attach_epoch);
    answer_ok(request.correlation_id, granted);
    if (stream.epoch() != epoch_before) announce(stream);
    if (role == Role::Producer) collect(stream);
}

driver::Stream& Driver::Impl::create_stream(std::uint32_t stream_id, const DriverProfileConfig& profile) {
    if (stream_ids_.peek_next() == stream_id) {
        (void)stream_ids_.take_next();  // moves the cursor on, so that the next one differs
    } else {
        (void)stream_ids_.take(stream_id);
    }
    return streams_.try_emplace(stream_id, stream_id, profile, true, config.epoch_gc_min_age_ns())
        .first->second;
}

void Driver::Impl::drop_stream(std::uint32_t stream_id) {
    streams_.erase(stream_id);
    stream_ids_.release(stream_id);
}

/// Producers stamp trace ids, so each gets a node id; consumers get one when they ask (DRV-044).
std::optional<std::uint32_t> Driver::Impl::assign_node_id(const control::AttachRequest& request) {
    if (request.desired_node_id) {
        (void)node_ids_.assign_exactly(*request.desired_node_id, request.client_id,
                                       now_ns_);  // checked before
        return request.desired_node_id;
    }
    return request.role == raw(Role::Producer) ? node_ids_.assign(request.client_id, now_ns_) : std::nullopt;
}

void Driver::Impl::answer_ok(std::int64_t correlation_id, const driver::Lease& lease) {
    const driver::Stream& stream = streams_.at(lease.stream_id);
    const shm::StreamLayout& layout = stream.current->layout();
    control::AttachResponse response;
    response.correlation_id = correlation_id;
    response.code = ResponseCode::Ok;
    response.lease_id = lease.lease_id;
    response.lease_expiry_timestamp_ns = static_cast<std::uint64_t>(lease.expiry_ns);
    response.stream_id = lease.stream_id;
    response.epoch = layout.epoch;
    response.layout_version = layout.layout_version;
    response.header_nslots = layout.header_nslots;
    response.header_slot_bytes = static_cast<std::uint16_t>(wire::kHeaderSlotBytes);
    response.node_id = lease.node_id;
    response.header_region_uri = layout.header_uri;
    for (const shm::PoolLayout& pool : layout.pools) {
        response.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.uri});
    }
    outbox_.post(std::move(response), now_ns_);
}

void Driver::Impl::answer(std::int64_t correlation_id, const Refusal& refusal) {
    ++counters.attach_refused;
    control::AttachResponse response;
    response.correlation_id = correlation_id;
    response.code = refusal.code;
    response.error_message = control::truncated_error(refusal.text);
    outbox_.post(std::move(response), now_ns_);
}

}  // namespace tensorpool
