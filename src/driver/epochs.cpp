// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/driver_impl.hpp"

#include "base/log.hpp"

#include <tensorpool/error.hpp>

namespace tensorpool {
namespace {

constexpr std::string_view kModule = "Driver";

}  // namespace

void Driver::Impl::provision(driver::Stream& stream) {
    const Nanos began_ns = context.clock().now_ns();
    const auto make = [&]() -> std::unique_ptr<shm::StreamMapping> {
        if (config.policies.reuse_existing_shm && stream.current == nullptr) {
            if (auto adopted = store_.adopt(stream.stream_id, *stream.profile, now_ns_)) return adopted;
        }
        return store_.create(stream.stream_id, *stream.profile, stream.epoch(), now_ns_);
    };
    try {
        std::unique_ptr<shm::StreamMapping> fresh;
        try {
            fresh = make();
        } catch (const Error& error) {
            // Short of space: collect once, under all the usual conditions, and try once more (DRV-149).
            if (error.code() != ErrorCode::NoSpace) throw;
            collect_all();
            fresh = make();
        }
        stream.current = std::move(fresh);
    } catch (...) {
        ++counters.epoch_failures;
        throw;
    }
    stream.bump_pending = false;
    ++counters.epochs_created;
    refresh_now();
    stream.current->touch_activity(static_cast<std::uint64_t>(now_ns_));
    // Touching every page of a large pool takes seconds in which no keepalive was read: no lease pays for
    // that.
    leases_.extend_all(context.clock().now_ns() - began_ns);
}

void Driver::Impl::bump(driver::Stream& stream) {
    stream.bump_pending = true;  // from here on the old epoch is not announced any more
    try {
        provision(stream);
    } catch (const std::exception& error) {
        base::log_with(LogLevel::Error, kModule,
                       {{"stream_id", stream.stream_id}, {"reason", std::string_view(error.what())}},
                       "stream {}: no new epoch, nobody can map it until there is one: {}", stream.stream_id,
                       error.what());
        return;
    }
    announce(stream);
}

void Driver::Impl::announce(driver::Stream& stream) {
    if (stream.current == nullptr || stream.bump_pending) return;
    const shm::StreamLayout& layout = stream.current->layout();
    const driver::Lease* const producer = leases_.find_producer(stream.stream_id);
    control::PoolAnnounce message;
    message.stream_id = stream.stream_id;
    message.producer_id = producer == nullptr ? 0 : producer->client_id;
    message.epoch = layout.epoch;
    message.announce_timestamp_ns = static_cast<std::uint64_t>(now_ns_);
    message.clock_domain = ClockDomain::Monotonic;
    message.layout_version = layout.layout_version;
    message.header_nslots = layout.header_nslots;
    message.header_slot_bytes = static_cast<std::uint16_t>(wire::kHeaderSlotBytes);
    message.header_region_uri = layout.header_uri;
    for (const shm::PoolLayout& pool : layout.pools) {
        message.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.uri});
    }
    outbox_.post(std::move(message), now_ns_);
    if (latencies_.announce && stream.announced_ns != 0)
        latencies_.announce->record(now_ns_ - stream.announced_ns);
    stream.announced_ns = now_ns_;
    // Without a subscriber nobody is left behind on the old epoch, so the time counts from here as well.
    stream.timeline.announced(layout.epoch, now_ns_);
}

int Driver::Impl::announce_all() {
    int work = 0;
    for (auto& [id, stream] : streams_) {
        if (stream.bump_pending) {
            bump(stream);
        } else if (stream.current != nullptr) {
            stream.current->touch_activity(static_cast<std::uint64_t>(now_ns_));
            announce(stream);
        } else {
            continue;
        }
        ++work;
    }
    return work;
}

int Driver::Impl::collect(driver::Stream& stream) {
    if (!config.policies.epoch_gc_enabled) return 0;
    driver::CollectionRules rules;
    rules.keep = config.policies.epoch_gc_keep;
    rules.min_age_ns = config.epoch_gc_min_age_ns();
    rules.current_epoch = stream.epoch();
    rules.oldest_pinned_epoch = driver::oldest_pinned_epoch(stream, leases_, now_ns_);
    const int removed = store_.collect(stream.stream_id, rules, now_ns_);
    counters.epochs_collected += static_cast<std::uint64_t>(removed);
    return removed;
}

int Driver::Impl::collect_all() {
    int removed = 0;
    for (auto& [id, stream] : streams_) removed += collect(stream);
    return removed;
}

}  // namespace tensorpool
