// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tensorpool::driver {

enum class LeaseState : std::uint8_t {
    Attached,  ///< granted, no keepalive yet
    Active,    ///< at least one valid keepalive (TRP-16)
};

/// Permission of one client for one stream and one role (DRV-020). Ended leases are not kept: their ids are
/// never used again (DRV-023), so an unknown id says the same.
struct Lease {
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
    LeaseState state = LeaseState::Attached;
    Nanos expiry_ns = 0;
    std::optional<std::uint32_t> node_id;
    std::uint64_t attach_epoch = 0;  ///< the oldest epoch its client may have mapped
    // What the attach request said, to know a repeated one (driver.md section 3, step 5).
    std::int64_t correlation_id = 0;
    std::uint32_t requested_stream_id = 0;
};

/// The four values that a keepalive or detach must repeat exactly.
struct LeaseKey {
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
};

/// The active leases of a driver (DRV-022).
class LeaseTable {
public:
    /// `first_lease_id` should be random: a stale client of an earlier driver must not hit a live id
    /// (TRP-23).
    LeaseTable(Nanos window_ns, std::uint64_t first_lease_id) noexcept;

    /// Issues a lease that expires one window after `now_ns`. The client must not hold one already.
    const Lease& grant(Lease lease, Nanos now_ns);
    /// Extends a lease when all four values match it; empty otherwise.
    [[nodiscard]] const Lease* keepalive(const LeaseKey& key, Nanos now_ns) noexcept;
    /// The lease that all four values match.
    [[nodiscard]] const Lease* match(const LeaseKey& key) const noexcept;
    [[nodiscard]] const Lease* find(std::uint64_t lease_id) const noexcept;
    [[nodiscard]] const Lease* find_client(std::uint32_t client_id) const noexcept;
    [[nodiscard]] const Lease* find_producer(std::uint32_t stream_id) const noexcept;
    /// Ends a lease and returns its last state. It must exist.
    Lease remove(std::uint64_t lease_id);

    /// Ids of the leases with expiry at or before `now_ns`, oldest expiry first (TRP-14).
    [[nodiscard]] std::vector<std::uint64_t> overdue(Nanos now_ns);
    /// Gives every lease more time: the driver itself did not listen for that long.
    void extend_all(Nanos by_ns) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return leases_.size(); }
    [[nodiscard]] std::uint64_t next_lease_id() const noexcept { return next_lease_id_; }
    /// Sorted by lease id.
    [[nodiscard]] const std::map<std::uint64_t, Lease>& all() const noexcept { return leases_; }

private:
    std::map<std::uint64_t, Lease> leases_;
    std::unordered_map<std::uint32_t, std::uint64_t> by_client_;
    std::unordered_map<std::uint32_t, std::uint64_t> producer_of_stream_;
    Nanos window_ns_;
    std::uint64_t next_lease_id_;
    Nanos earliest_expiry_ns_;  // never later than the true one, so that an idle sweep is one comparison
};

}  // namespace tensorpool::driver
