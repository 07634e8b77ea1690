// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/driver_config.hpp>

#include "shm/path_policy.hpp"
#include "shm/stream_files.hpp"
#include "shm/stream_mapping.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool::driver {

/// What decides whether an epoch directory may go (DRV-144 to DRV-147).
struct CollectionRules {
    std::uint32_t keep = 2;  ///< newest directories that stay
    Nanos min_age_ns = 0;
    std::uint64_t current_epoch = 0;                   ///< 0: none
    std::optional<std::uint64_t> oldest_pinned_epoch;  ///< a lease may use this one and every later one
};

/// Creates, lists and removes the epoch directories
/// `<base_dir>/tensorpool-<user>/<namespace>/<stream_id>/<epoch>/` (DRV-132). The only place of the driver
/// that touches the file system. Throws Error; a failed creation leaves nothing behind.
///
/// The mapping of an epoch is kept for as long as the epoch is current: to refresh activity stamps, and
/// because unmapping would undo mlock (TRP-35).
class EpochStore {
public:
    /// Compares what the configuration needs with what is free, then creates the base directory when it is
    /// missing. Throws Error(NoSpace) with both numbers, nothing created, when the file system cannot hold
    /// epoch_gc_keep + 1 epochs of every configured stream (CFG-020). `config` must outlive the store.
    explicit EpochStore(const DriverConfig& config);

    /// Whether regions are backed by hugepages.
    [[nodiscard]] bool on_hugepages() const noexcept { return on_hugepages_; }
    [[nodiscard]] const shm::StreamPaths& paths() const noexcept { return paths_; }

    /// A fresh epoch above `current`, above every directory found and above the wall clock (TRP-11), complete
    /// and synced before it returns (DRV-109).
    [[nodiscard]] std::unique_ptr<shm::StreamMapping> create(std::uint32_t stream_id,
                                                             const DriverProfileConfig& profile,
                                                             std::uint64_t current, Nanos now_ns) const;
    /// policies.reuse_existing_shm: takes over the files that a dead driver left for this stream, under a new
    /// epoch and with every slot uncommitted. Empty when there are none of this shape; throws when one is too
    /// small.
    [[nodiscard]] std::unique_ptr<shm::StreamMapping> adopt(std::uint32_t stream_id,
                                                            const DriverProfileConfig& profile,
                                                            Nanos now_ns) const;

    /// Removes what the rules let go and returns how many directories that were.
    int collect(std::uint32_t stream_id, const CollectionRules& rules, Nanos now_ns) const;
    /// Removes every epoch of a stream that this process or a dead one made, then empty parents
    /// (policies.cleanup_shm_on_exit).
    void remove_own(std::uint32_t stream_id) const;

private:
    void check_free_space(const std::string& existing_dir) const;
    /// How alive an epoch directory looks.
    struct Vitals {
        bool process_alive = false;
        bool own_process = false;
        Nanos age_ns = 0;  ///< since the last sign of activity
    };
    [[nodiscard]] Vitals inspect(std::uint32_t stream_id, std::uint64_t epoch, Nanos now_ns) const;
    [[nodiscard]] shm::StreamCreation creation(std::uint32_t stream_id, const DriverProfileConfig& profile,
                                               std::uint64_t epoch) const;
    /// Opens the files of a directory and gives them superblocks of `what`, every slot uncommitted.
    [[nodiscard]] shm::StreamMapping reinitialise(const shm::StreamCreation& what, const std::string& dir,
                                                  Nanos now_ns) const;
    [[nodiscard]] std::uint64_t occupied_bytes(std::uint32_t stream_id) const;

    const DriverConfig& config_;
    shm::StreamPaths paths_;
    std::unique_ptr<shm::PathPolicy> policy_;  // made once the base directory exists
    bool on_hugepages_ = false;
};

}  // namespace tensorpool::driver
