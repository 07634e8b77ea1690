// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include "shm/stream_mapping.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The files of a stream on disk (wire.md 5.16): made by its owner, a driver or a standalone producer.
namespace tensorpool::shm {

/// `<base>/tensorpool-<user>/<namespace>/<stream_id>/<epoch>/header.ring` and `<pool>.pool` (WIRE-144).
struct StreamPaths {
    std::string base_dir;  ///< canonical
    std::string user;      ///< sanitised (WIRE-145)
    std::string namespace_name;

    [[nodiscard]] std::string stream_dir(std::uint32_t stream_id) const;
    [[nodiscard]] std::string epoch_dir(std::uint32_t stream_id, std::uint64_t epoch) const;
};

/// The effective user's name, reduced to one safe path component; the numeric id when it has none.
[[nodiscard]] std::string sanitised_user();
/// Any text reduced to `[A-Za-z0-9._-]`, never empty, "." or "..".
[[nodiscard]] std::string sanitise_component(std::string_view text);
/// Whether `text` is one path component of `[A-Za-z0-9._-]`, not "." or "..".
[[nodiscard]] bool is_safe_component(std::string_view text) noexcept;

struct StreamCreation {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t header_nslots = 0;
    /// Only pool_id and stride_bytes are read.
    std::vector<PoolLayout> pools;
    RegionCreation regions;
};

/// Makes the epoch directory and every region, writes the superblocks and syncs files and directories before
/// it returns (WIRE-070, DRV-109). On failure nothing of the epoch is left behind. Throws Error.
[[nodiscard]] StreamMapping create_stream(const StreamPaths& paths, const StreamCreation& what,
                                          std::uint64_t now_ns);

/// Bytes one epoch of such a stream takes on the file system of `paths.base_dir`.
[[nodiscard]] std::uint64_t stream_bytes(const std::string& base_dir, const StreamCreation& what);

/// The epochs that have a directory for this stream, ascending. Only all-digit names without leading zeros,
/// of real directories, count.
[[nodiscard]] std::vector<std::uint64_t> list_epochs(const StreamPaths& paths, std::uint32_t stream_id);

/// An epoch above `current`, above every epoch directory and above any handed out before a restart, as long
/// as the wall clock does not go back by more than the driver was down (TRP-11). Never 0 or the u64 null.
[[nodiscard]] std::uint64_t next_epoch(const StreamPaths& paths, std::uint32_t stream_id,
                                       std::uint64_t current);

/// Removes the region files of an epoch and its directory, following no link. Foreign files stay, and with
/// them the directory; returns whether the directory is gone.
bool remove_epoch(const StreamPaths& paths, std::uint32_t stream_id, std::uint64_t epoch) noexcept;
/// The streams that have a directory, ascending.
[[nodiscard]] std::vector<std::uint32_t> list_streams(const StreamPaths& paths);

struct StaleAfter {
    Nanos now_ns = 0;
    Nanos stale_ns = 0;  ///< since the last sign of activity
};
/// Removes the epochs whose writer is dead: its process is gone, or it ended before the files were whole.
/// With `stale` only those that were quiet for so long. For streams without a driver: their producers before
/// they make an epoch of their own, and a supervisor (SUP-018). Returns how many went.
int remove_dead_epochs(const StreamPaths& paths, std::uint32_t stream_id,
                       std::optional<StaleAfter> stale = std::nullopt) noexcept;
/// Removes the directories above a stream's epochs that are empty, up to but not including the base.
void remove_empty_parents(const StreamPaths& paths, std::uint32_t stream_id) noexcept;

}  // namespace tensorpool::shm
