// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/lease_table.hpp"

#include "base/timer.hpp"

#include <algorithm>
#include <limits>

namespace tensorpool::driver {
namespace {

constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
constexpr std::uint64_t kNullLeaseId = std::numeric_limits<std::uint64_t>::max();

}  // namespace

LeaseTable::LeaseTable(Nanos window_ns, std::uint64_t first_lease_id) noexcept
    : window_ns_(window_ns), next_lease_id_(first_lease_id), earliest_expiry_ns_(kNever) {
}

const Lease& LeaseTable::grant(Lease lease, Nanos now_ns) {
    while (next_lease_id_ == 0 || next_lease_id_ == kNullLeaseId) ++next_lease_id_;
    lease.lease_id = next_lease_id_++;
    lease.state = LeaseState::Attached;
    lease.expiry_ns = base::saturating_add(now_ns, window_ns_);
    earliest_expiry_ns_ = std::min(earliest_expiry_ns_, lease.expiry_ns);
    by_client_[lease.client_id] = lease.lease_id;
    if (lease.role == Role::Producer) producer_of_stream_[lease.stream_id] = lease.lease_id;
    return leases_[lease.lease_id] = lease;
}

const Lease* LeaseTable::match(const LeaseKey& key) const noexcept {
    const Lease* const lease = find(key.lease_id);
    if (lease == nullptr) return nullptr;
    const bool same =
        lease->stream_id == key.stream_id && lease->client_id == key.client_id && lease->role == key.role;
    return same ? lease : nullptr;
}

const Lease* LeaseTable::keepalive(const LeaseKey& key, Nanos now_ns) noexcept {
    if (match(key) == nullptr) return nullptr;
    Lease& lease = leases_.find(key.lease_id)->second;
    lease.state = LeaseState::Active;
    lease.expiry_ns = base::saturating_add(now_ns, window_ns_);
    return &lease;
}

const Lease* LeaseTable::find(std::uint64_t lease_id) const noexcept {
    const auto found = leases_.find(lease_id);
    return found == leases_.end() ? nullptr : &found->second;
}

const Lease* LeaseTable::find_client(std::uint32_t client_id) const noexcept {
    const auto found = by_client_.find(client_id);
    return found == by_client_.end() ? nullptr : find(found->second);
}

const Lease* LeaseTable::find_producer(std::uint32_t stream_id) const noexcept {
    const auto found = producer_of_stream_.find(stream_id);
    return found == producer_of_stream_.end() ? nullptr : find(found->second);
}

Lease LeaseTable::remove(std::uint64_t lease_id) {
    const auto found = leases_.find(lease_id);
    Lease lease = found->second;
    leases_.erase(found);
    by_client_.erase(lease.client_id);
    if (lease.role == Role::Producer) producer_of_stream_.erase(lease.stream_id);
    return lease;
}

std::vector<std::uint64_t> LeaseTable::overdue(Nanos now_ns) {
    std::vector<std::uint64_t> ids;
    if (now_ns < earliest_expiry_ns_) return ids;
    earliest_expiry_ns_ = kNever;
    for (const auto& [id, lease] : leases_) {
        if (now_ns >= lease.expiry_ns) ids.push_back(id);
        earliest_expiry_ns_ = std::min(earliest_expiry_ns_, lease.expiry_ns);
    }
    std::ranges::stable_sort(ids, {},
                             [this](std::uint64_t id) { return leases_.find(id)->second.expiry_ns; });
    return ids;
}

void LeaseTable::extend_all(Nanos by_ns) noexcept {
    for (auto& [id, lease] : leases_) lease.expiry_ns = base::saturating_add(lease.expiry_ns, by_ns);
}

}  // namespace tensorpool::driver
