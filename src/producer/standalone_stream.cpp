// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "producer/standalone_stream.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <bit>
#include <filesystem>
#include <set>
#include <system_error>

namespace tensorpool::producer {
namespace {

constexpr std::uint32_t kMinStrideBytes = 64;

[[noreturn]] void refuse(const std::string& what) {
    throw Error(ErrorCode::InvalidConfig, "producer: " + what);
}

void validate(const StandaloneLayout& layout) {
    if (!shm::is_safe_component(layout.namespace_name)) {
        refuse(fmt::format(
            "namespace_name '{}' is not one path component of letters, digits, '.', '_' or '-' (WIRE-145)",
            layout.namespace_name));
    }
    if (!std::has_single_bit(layout.header_nslots)) {
        refuse(fmt::format("header_nslots {} is not a power of two (WIRE-057); the next that fits is {}",
                           layout.header_nslots, std::bit_ceil(layout.header_nslots)));
    }
    if (layout.pools.empty()) refuse("a standalone layout needs at least one pool");
    std::set<std::uint16_t> ids;
    for (const PoolSpec& pool : layout.pools) {
        if (pool.pool_id == 0 || !ids.insert(pool.pool_id).second) {
            refuse(fmt::format("pool_id {} is 0 or appears twice", pool.pool_id));
        }
        if (!std::has_single_bit(pool.stride_bytes) || pool.stride_bytes < kMinStrideBytes) {
            refuse(fmt::format("stride_bytes {} is not a power of two of at least 64 (WIRE-061)",
                               pool.stride_bytes));
        }
    }
}

shm::StreamPaths paths_for(const StandaloneLayout& layout) {
    validate(layout);
    std::error_code error;
    const std::string base = std::filesystem::canonical(layout.base_dir, error).string();
    if (error || !layout.base_dir.starts_with('/')) {
        refuse(
            fmt::format("base_dir '{}' is not an absolute path of an existing directory", layout.base_dir));
    }
    return {base, shm::sanitised_user(), layout.namespace_name};
}

std::shared_ptr<shm::StreamMapping> create(const shm::StreamPaths& paths, const ProducerOptions& options,
                                           Nanos now_ns) {
    const StandaloneLayout& layout = *options.standalone;
    shm::StreamCreation what;
    what.stream_id = options.stream_id;
    what.epoch = shm::next_epoch(paths, options.stream_id, 0);
    shm::remove_dead_epochs(paths, options.stream_id);  // of a producer that crashed; after they were counted
    what.header_nslots = layout.header_nslots;
    for (const PoolSpec& pool : layout.pools) {
        what.pools.push_back({pool.pool_id, layout.header_nslots, pool.stride_bytes, {}});
    }
    what.regions.file_mode = layout.group_access ? 0660 : 0600;
    what.regions.prefault = layout.prefault;
    what.regions.mlock = layout.mlock;
    what.regions.require_hugepages = layout.require_hugepages;
    const std::uint64_t needed = shm::stream_bytes(paths.base_dir, what);
    const std::uint64_t free = shm::free_bytes(paths.base_dir);
    if (needed > free) {
        throw Error(ErrorCode::NoSpace,
                    fmt::format("producer: stream {} needs {} bytes, {} has {} free; use fewer or "
                                "smaller slots",
                                options.stream_id, needed, paths.base_dir, free));
    }
    return std::make_shared<shm::StreamMapping>(
        shm::create_stream(paths, what, static_cast<std::uint64_t>(now_ns)));
}

control::PoolAnnounce announce_of(const shm::StreamLayout& layout, std::uint32_t producer_id) {
    control::PoolAnnounce announce;
    announce.stream_id = layout.stream_id;
    announce.producer_id = producer_id;
    announce.epoch = layout.epoch;
    announce.layout_version = layout.layout_version;
    announce.header_nslots = layout.header_nslots;
    announce.header_region_uri = layout.header_uri;
    for (const shm::PoolLayout& pool : layout.pools) {
        announce.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.uri});
    }
    return announce;
}

/// A small log, unless a great many pools make the announce a large message.
std::unique_ptr<messaging::Publication> open_announces(Context& context, const Endpoint& endpoint,
                                                       const control::PoolAnnounce& announce) {
    constexpr std::size_t kFewPools = 32;
    return announce.pools.size() <= kFewPools
               ? context.messaging().add_sparse_publication(endpoint.channel, endpoint.stream_id)
               : context.messaging().add_publication(endpoint.channel, endpoint.stream_id);
}

}  // namespace

StandaloneStream::StandaloneStream(Context& context, const ProducerOptions& options, Nanos now_ns)
    : paths_(paths_for(*options.standalone)),
      unlink_on_close_(options.standalone->unlink_on_close),
      mapping_(create(paths_, options, now_ns)),
      announce_(announce_of(mapping_->layout(), options.producer_id)),
      publisher_(open_announces(context, options.endpoints.announce, announce_)),
      timer_(options.announce_period_ns, now_ns) {
}

StandaloneStream::~StandaloneStream() {
    if (!unlink_on_close_) return;
    const shm::StreamLayout& layout = mapping_->layout();
    shm::remove_epoch(paths_, layout.stream_id, layout.epoch);
    shm::remove_empty_parents(paths_, layout.stream_id);
}

int StandaloneStream::do_work(Nanos now_ns, std::uint64_t& announced) noexcept {
    // A first subscriber need not wait for the timer.
    const bool connected = publisher_.is_connected();
    if (connected && !was_connected_) timer_.trigger();
    was_connected_ = connected;
    if (!timer_.due(now_ns)) return 0;
    timer_.restart(now_ns);
    mapping_->touch_activity(static_cast<std::uint64_t>(now_ns));
    announce_.announce_timestamp_ns = static_cast<std::uint64_t>(now_ns);
    if (publisher_.send(announce_)) ++announced;
    return 1;
}

}  // namespace tensorpool::producer
