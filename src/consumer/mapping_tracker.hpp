// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/consumer.hpp>
#include <tensorpool/driver_session.hpp>

#include "base/log.hpp"
#include "control/messages.hpp"
#include "shm/path_policy.hpp"
#include "shm/stream_mapping.hpp"

#include <memory>
#include <optional>
#include <string>

namespace tensorpool::consumer {

/// Decides which epoch of a stream is mapped (wire.md section 6 "Mapping", 7.3; driver.md section 4
/// "consumer").
///
/// Fed with announces, attachments, revocations and time; owns the mapping. Everything here runs about once a
/// second, off the data path. Announces are soft state: freshness and highest-epoch filters come first (trap
/// T10).
class MappingTracker {
public:
    MappingTracker(const ConsumerOptions& options, ConsumerCounters& counters);

    /// The current mapping, or nullptr. Changes only inside the members below.
    [[nodiscard]] shm::StreamMapping* mapping() const noexcept { return mapping_.get(); }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return mapping_ ? epoch_ : 0; }
    /// Tells this mapping from every other one in this process, also of the same epoch; 0 when unmapped.
    [[nodiscard]] std::uint64_t mapping_id() const noexcept { return mapping_ ? mapping_id_ : 0; }
    [[nodiscard]] const std::string& last_error() const noexcept { return last_error_; }

    /// An announce read at `now_ns` from an image joined at `joined_ns`.
    void on_announce(const control::PoolAnnounce& announce, Nanos joined_ns, Nanos now_ns);
    /// A lease was granted. It names the current epoch.
    void on_attached(const Attachment& attachment, Nanos now_ns);
    /// The own lease is gone: nothing mapped from it may be used (DRV-079).
    void on_lease_lost() noexcept;
    /// Some lease was revoked; matters when it is the producer's (DRV-090, traps TRP-20 and TRP-21).
    void on_lease_revoked(const control::LeaseRevoked& revoked) noexcept;
    /// Whether this consumer may read shared memory at all. Forbidden: unmapped at once, and nothing is
    /// mapped until the first good announce after it was allowed again (WIRE-141).
    void allow_shm(bool allowed) noexcept;
    /// A descriptor's seq went back on one image (WIRE-135).
    void on_sequence_regression() noexcept;
    /// Liveness of the mapped superblocks (WIRE-019, WIRE-137, WIRE-139). Call at announce cadence.
    void check_liveness(Nanos now_ns) noexcept;

private:
    /// Unmaps; with `barrier`, the same epoch is not mapped again.
    void unmap(std::string_view why, bool barrier) noexcept;
    [[nodiscard]] bool try_map(const shm::StreamLayout& layout, Nanos now_ns);

    const ConsumerOptions& options_;
    ConsumerCounters& counters_;
    shm::PathPolicy policy_;
    std::unique_ptr<shm::StreamMapping> mapping_;
    base::LogLimit rejection_log_;
    bool shm_allowed_ = true;
    std::uint64_t epoch_ = 0;  // of the mapping
    std::uint64_t mapping_id_ = 0;
    std::uint64_t highest_epoch_ = 0;  // ever accepted: lower ones are stale (WIRE-067)
    std::uint64_t barrier_epoch_ = 0;  // this epoch and older ones are dead: wait for a higher one
    std::uint64_t last_activity_ns_ = 0;
    Nanos activity_changed_ns_ = 0;
    std::optional<std::uint32_t> producer_id_;  // of the last good announce of the mapped epoch
    std::uint64_t announced_ns_ = 0;            // driver clock, of the last good announce of the mapped epoch
    std::string last_error_;
};

}  // namespace tensorpool::consumer
