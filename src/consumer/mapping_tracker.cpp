// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "consumer/mapping_tracker.hpp"

#include "base/log.hpp"
#include "client/attachment_layout.hpp"
#include "control/codec.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace tensorpool::consumer {
namespace {

constexpr std::string_view kModule = "Consumer";
constexpr Nanos kFreshnessPeriods = 3;  // WIRE-020, WIRE-068
constexpr Nanos kLivenessPeriods = 4;   // WIRE-139 says 3 to 5

/// How long ago `stamp` was; a stamp from the future counts as fresh (trap T20).
Nanos age_ns(Nanos now_ns, std::uint64_t stamp) noexcept {
    const auto now = static_cast<std::uint64_t>(now_ns);
    if (stamp >= now) return 0;
    return static_cast<Nanos>(std::min<std::uint64_t>(now - stamp, INT64_MAX));
}

shm::StreamLayout layout_of(const control::PoolAnnounce& announce) {
    shm::StreamLayout layout;
    layout.stream_id = announce.stream_id;
    layout.epoch = announce.epoch;
    layout.layout_version = announce.layout_version;
    layout.header_nslots = announce.header_nslots;
    layout.header_uri = announce.header_region_uri;
    for (const auto& pool : announce.pools) {
        layout.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
    }
    return layout;
}

std::uint64_t next_mapping_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only that they differ matters
}

}  // namespace

MappingTracker::MappingTracker(const ConsumerOptions& options, ConsumerCounters& counters)
    : options_(options), counters_(counters), policy_(options.allowed_base_dirs) {
}

void MappingTracker::on_announce(const control::PoolAnnounce& announce, Nanos joined_ns, Nanos now_ns) {
    if (announce.stream_id != options_.stream_id || !shm_allowed_) return;  // WIRE-073
    if (auto reason = control::invalid_reason(announce)) {
        ++counters_.announces_rejected;
        last_error_ = std::move(*reason);
        if (rejection_log_.pass(now_ns)) {
            base::log_with(LogLevel::Warn, kModule,
                           {{"stream_id", options_.stream_id},
                            {"epoch", announce.epoch},
                            {"reason", last_error_},
                            {"held_back", rejection_log_.take_held_back()}},
                           "stream {}: announce rejected: {}", options_.stream_id, last_error_);
        }
        return;
    }
    const bool monotonic = announce.clock_domain == ClockDomain::Monotonic;
    const Nanos domain_now = monotonic ? now_ns : realtime_now_ns();
    const bool replayed = monotonic && announce.announce_timestamp_ns < static_cast<std::uint64_t>(joined_ns);
    const bool old =
        age_ns(domain_now, announce.announce_timestamp_ns) > kFreshnessPeriods * options_.announce_period_ns;
    if (replayed || old || announce.epoch < highest_epoch_ || announce.epoch <= barrier_epoch_) {
        ++counters_.announces_stale;
        return;
    }
    if (mapping_ && announce.epoch != epoch_) unmap("a higher epoch was announced", false);
    if (mapping_) {
        check_liveness(now_ns);  // magic and epoch again on every announce (WIRE-019)
    } else if (!try_map(layout_of(announce), now_ns)) {
        return;
    }
    if (!mapping_) return;
    highest_epoch_ = announce.epoch;
    producer_id_ = announce.producer_id;
    announced_ns_ = announce.announce_timestamp_ns;
}

void MappingTracker::on_attached(const Attachment& attachment, Nanos now_ns) {
    if (!shm_allowed_ || (mapping_ && attachment.epoch == epoch_)) return;
    if (attachment.epoch < highest_epoch_) return;  // an announce overtook the response
    unmap("attached anew", false);
    if (try_map(client::layout_of(attachment), now_ns)) {
        highest_epoch_ = attachment.epoch;
        producer_id_.reset();  // the lease does not say who produces; the next announce does (TRP-21)
        announced_ns_ = static_cast<std::uint64_t>(now_ns);
    }
}

void MappingTracker::on_lease_lost() noexcept {
    unmap("the lease is gone", false);
}

void MappingTracker::on_lease_revoked(const control::LeaseRevoked& revoked) noexcept {
    if (!mapping_ || revoked.stream_id != options_.stream_id || revoked.role != Role::Producer) return;
    // Until an announce said who produces, the notice is about the stream's one producer all the same.
    if (producer_id_ && revoked.client_id != *producer_id_) return;
    if (announced_ns_ >= revoked.timestamp_ns)
        return;  // the mapped epoch is younger than this notice (TRP-20)
    unmap("the producer's lease was revoked", true);
}

void MappingTracker::allow_shm(bool allowed) noexcept {
    shm_allowed_ = allowed;
    if (!allowed) unmap("told to read elsewhere", false);
}

void MappingTracker::on_sequence_regression() noexcept {
    unmap("seq went back", false);
}

void MappingTracker::check_liveness(Nanos now_ns) noexcept {
    if (!mapping_) return;
    if (!mapping_->superblocks_unchanged()) {
        unmap("a mapped superblock changed", true);  // also its pid: another writer (WIRE-137)
        return;
    }
    const std::uint64_t activity_ns = mapping_->read_header_superblock().activity_timestamp_ns;
    if (activity_ns != last_activity_ns_) {
        last_activity_ns_ = activity_ns;
        activity_changed_ns_ = now_ns;
    } else if (now_ns - activity_changed_ns_ > kLivenessPeriods * options_.announce_period_ns) {
        unmap("the owner's activity stamp is stale", true);  // WIRE-139
    }
}

bool MappingTracker::try_map(const shm::StreamLayout& layout, Nanos now_ns) {
    try {
        auto fresh = std::make_unique<shm::StreamMapping>(
            shm::StreamMapping::open(layout, policy_, shm::Access::ReadOnly, options_.lock_memory));
        const std::uint64_t activity_ns = fresh->read_header_superblock().activity_timestamp_ns;
        if (age_ns(now_ns, activity_ns) > kFreshnessPeriods * options_.announce_period_ns) {
            throw Error(
                ErrorCode::ProtocolError,
                fmt::format(
                    "epoch {}: the superblock's activity stamp is {} ms old: its owner is dead (WIRE-020)",
                    layout.epoch, age_ns(now_ns, activity_ns) / kNanosPerMilli));
        }
        last_activity_ns_ = activity_ns;
        activity_changed_ns_ = now_ns;
        mapping_ = std::move(fresh);
        mapping_id_ = next_mapping_id();
        epoch_ = layout.epoch;
        ++counters_.remaps;
        last_error_.clear();
        base::log_with(LogLevel::Info, kModule, {{"stream_id", options_.stream_id}, {"epoch", epoch_}},
                       "stream {}: mapped epoch {}", options_.stream_id, epoch_);
        return true;
    } catch (const std::exception& error) {
        ++counters_.announces_rejected;
        last_error_ = error.what();
        base::log_with(LogLevel::Warn, kModule,
                       {{"stream_id", options_.stream_id},
                        {"epoch", layout.epoch},
                        {"reason", std::string_view(error.what())}},
                       "stream {}: cannot map epoch {}: {}", options_.stream_id, layout.epoch, error.what());
        return false;
    }
}

void MappingTracker::unmap(std::string_view why, bool barrier) noexcept {
    if (!mapping_) return;
    // With a barrier the peer is gone or was replaced; else the stream just moves on.
    base::log_with(barrier ? LogLevel::Warn : LogLevel::Info, kModule,
                   {{"stream_id", options_.stream_id}, {"epoch", epoch_}, {"reason", why}},
                   "stream {}: unmapped epoch {}: {}", options_.stream_id, epoch_, why);
    if (barrier) barrier_epoch_ = std::max(barrier_epoch_, epoch_);
    mapping_.reset();
    ++counters_.unmaps;
    producer_id_.reset();
    try {
        last_error_ = why;
    } catch (...) {
        last_error_.clear();
    }
}

}  // namespace tensorpool::consumer
