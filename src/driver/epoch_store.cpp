// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "driver/epoch_store.hpp"

#include "base/log.hpp"
#include "base/process.hpp"
#include "shm/region.hpp"
#include "shm/region_uri.hpp"
#include "shm/seqlock.hpp"
#include "shm/superblock.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

namespace tensorpool::driver {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModule = "Driver";

/// Search bits wherever the file mode grants reading; set-group-id where the group takes part (DRV-134).
mode_t directory_mode(std::uint32_t file_mode) noexcept {
    const std::uint32_t mode = file_mode | ((file_mode & 0444U) >> 2U);
    return static_cast<mode_t>((mode & 0070U) != 0 ? mode | 02000U : mode);
}

/// The part of a path that exists already: it lies on the file system that the rest will be made on.
std::string existing_ancestor(fs::path path) {
    std::error_code error;
    while (!fs::exists(fs::status(path, error)) && path.has_relative_path()) path = path.parent_path();
    return path.string();
}

std::string create_base_dir(const DriverConfig& config) {
    const fs::path base = config.shm.base_dir;
    std::error_code error;
    if (!fs::is_directory(base, error)) {
        fs::create_directories(base, error);
        if (error) {
            throw Error(ErrorCode::AccessDenied, fmt::format("shm.base_dir: '{}' cannot be created: {}",
                                                             base.string(), error.message()));
        }
        ::chmod(base.c_str(), directory_mode(config.shm.permissions_mode));
    }
    fs::path canonical = fs::canonical(base);
    return canonical.string();
}

bool is_own(std::uint64_t pid) noexcept {
    return pid == static_cast<std::uint64_t>(::getpid());
}

/// The superblock of an epoch's header ring; empty when there is none that names its process.
std::optional<wire::Superblock> read_header_superblock(const shm::PathPolicy& policy,
                                                       const std::string& dir) {
    try {
        const auto file = policy.open(dir + "/header.ring", false);
        wire::Superblock block{};
        if (::pread(file.fd.get(), &block, sizeof(block), 0) != static_cast<ssize_t>(sizeof(block)))
            return {};
        if (block.magic != wire::kSuperblockMagic) return {};
        return block;
    } catch (const Error&) {
        return {};
    }
}

/// Wall-clock age of the newest of a directory and its header ring.
Nanos wall_clock_age(const std::string& dir) {
    Nanos newest = 0;
    for (const std::string& path : {dir, dir + "/header.ring"}) {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0) continue;
        newest = std::max(
            newest, static_cast<Nanos>(status.st_mtim.tv_sec) * kNanosPerSecond + status.st_mtim.tv_nsec);
    }
    return std::max<Nanos>(realtime_now_ns() - newest, 0);
}

}  // namespace

EpochStore::EpochStore(const DriverConfig& config) : config_(config) {
    paths_.base_dir = config.shm.base_dir;
    paths_.user = shm::sanitised_user();
    paths_.namespace_name = config.shm.namespace_name;
    check_free_space(existing_ancestor(config.shm.base_dir));
    paths_.base_dir = create_base_dir(config);
    policy_ = std::make_unique<shm::PathPolicy>(config.allowed_base_dirs());
    on_hugepages_ = shm::is_hugetlbfs(paths_.base_dir);
    if (config.shm.require_hugepages && !on_hugepages_) {
        throw Error(
            ErrorCode::Unsupported,
            fmt::format("shm.require_hugepages: {} is not on a hugetlbfs file system", paths_.base_dir));
    }
}

shm::StreamCreation EpochStore::creation(std::uint32_t stream_id, const DriverProfileConfig& profile,
                                         std::uint64_t epoch) const {
    shm::StreamCreation what;
    what.stream_id = stream_id;
    what.epoch = epoch;
    what.header_nslots = profile.header_nslots;
    for (const DriverPoolConfig& pool : profile.payload_pools) {
        what.pools.push_back({pool.pool_id, profile.header_nslots, pool.stride_bytes, {}});
    }
    what.regions.file_mode = static_cast<mode_t>(config_.shm.permissions_mode);
    what.regions.prefault = config_.policies.prefault_shm;
    what.regions.mlock = config_.policies.mlock_shm;
    what.regions.require_hugepages = on_hugepages_;
    return what;
}

std::uint64_t EpochStore::occupied_bytes(std::uint32_t stream_id) const {
    std::uint64_t bytes = 0;
    for (const std::uint64_t epoch : shm::list_epochs(paths_, stream_id)) {
        std::error_code error;
        for (fs::directory_iterator it(paths_.epoch_dir(stream_id, epoch), error), end; !error && it != end;
             it.increment(error)) {
            struct stat status {};
            if (::lstat(it->path().c_str(), &status) == 0)
                bytes += static_cast<std::uint64_t>(status.st_blocks) * 512U;
        }
    }
    return bytes;
}

void EpochStore::check_free_space(const std::string& existing_dir) const {
    const std::uint64_t epochs = std::uint64_t{config_.policies.epoch_gc_keep} + 1;
    std::uint64_t needed = 0;
    std::uint64_t occupied = 0;
    for (const DriverStreamConfig& stream : config_.streams) {
        const std::uint64_t one = shm::stream_bytes(
            existing_dir, creation(stream.stream_id, *config_.find_profile(stream.profile), 0));
        std::uint64_t all = 0;
        if (__builtin_mul_overflow(one, epochs, &all) || __builtin_add_overflow(needed, all, &needed)) {
            needed = std::numeric_limits<std::uint64_t>::max();
        }
        occupied += occupied_bytes(stream.stream_id);
        base::log(LogLevel::Info, kModule,
                  "stream {} ({}): {} bytes per epoch, at most {} bytes in {} epochs", stream.stream_id,
                  stream.name, one, all, epochs);
    }
    // What earlier runs left for these streams is part of the kept epochs, or is collected before they are
    // made.
    const std::uint64_t available = shm::free_bytes(existing_dir) + occupied;
    if (needed <= available) return;
    throw Error(
        ErrorCode::NoSpace,
        fmt::format(
            "shm.base_dir: the configured streams need {} bytes ({} epochs each), but {} has {} bytes "
            "free; use fewer slots, smaller strides or epoch_gc_keep = 1, or enlarge the file system",
            needed, epochs, paths_.base_dir, available));
}

std::unique_ptr<shm::StreamMapping> EpochStore::create(std::uint32_t stream_id,
                                                       const DriverProfileConfig& profile,
                                                       std::uint64_t current, Nanos now_ns) const {
    const std::uint64_t epoch = shm::next_epoch(paths_, stream_id, current);
    try {
        return std::make_unique<shm::StreamMapping>(shm::create_stream(
            paths_, creation(stream_id, profile, epoch), static_cast<std::uint64_t>(now_ns)));
    } catch (...) {
        shm::remove_empty_parents(paths_, stream_id);
        throw;
    }
}

EpochStore::Vitals EpochStore::inspect(std::uint32_t stream_id, std::uint64_t epoch, Nanos now_ns) const {
    const std::string dir = paths_.epoch_dir(stream_id, epoch);
    Vitals vitals;
    const auto block = read_header_superblock(*policy_, dir);
    if (block) {
        vitals.own_process = is_own(block->pid);
        vitals.process_alive = base::is_process_alive(block->pid);
    }
    const auto now = static_cast<std::uint64_t>(now_ns);
    // A stamp from the future was written before a reboot: that clock says nothing any more (TRP-33). A
    // creation that was cut short has no stamp at all.
    const bool comparable = block && block->activity_timestamp_ns <= now;
    vitals.age_ns = comparable ? static_cast<Nanos>(now - block->activity_timestamp_ns) : wall_clock_age(dir);
    return vitals;
}

int EpochStore::collect(std::uint32_t stream_id, const CollectionRules& rules, Nanos now_ns) const {
    std::vector<std::uint64_t> epochs = shm::list_epochs(paths_, stream_id);
    std::erase(epochs, rules.current_epoch);
    const std::size_t keep_older = rules.current_epoch == 0 ? rules.keep : rules.keep - 1;
    if (epochs.size() <= keep_older) return 0;
    epochs.resize(epochs.size() - keep_older);  // ascending: the newest older ones stay
    int removed = 0;
    for (const std::uint64_t epoch : epochs) {
        if (rules.oldest_pinned_epoch && epoch >= *rules.oldest_pinned_epoch) continue;
        const Vitals vitals = inspect(stream_id, epoch, now_ns);
        if (vitals.age_ns <= rules.min_age_ns) continue;
        if (vitals.process_alive && !vitals.own_process) continue;
        if (!shm::remove_epoch(paths_, stream_id, epoch)) continue;
        base::log_with(LogLevel::Info, kModule, {{"stream_id", stream_id}, {"epoch", epoch}},
                       "stream {}: removed epoch {}", stream_id, epoch);
        ++removed;
    }
    return removed;
}

void EpochStore::remove_own(std::uint32_t stream_id) const {
    for (const std::uint64_t epoch : shm::list_epochs(paths_, stream_id)) {
        const Vitals vitals = inspect(stream_id, epoch, 0);
        if (!vitals.process_alive || vitals.own_process) shm::remove_epoch(paths_, stream_id, epoch);
    }
    shm::remove_empty_parents(paths_, stream_id);
}

shm::StreamMapping EpochStore::reinitialise(const shm::StreamCreation& what, const std::string& dir,
                                            Nanos now_ns) const {
    shm::StreamLayout layout;
    layout.stream_id = what.stream_id;
    layout.epoch = what.epoch;
    layout.header_nslots = what.header_nslots;
    const auto open = [&](const std::string& path, const shm::RegionExpectation& shape) {
        const std::uint64_t bytes = shm::region_bytes(shape.type, shape.nslots, shape.stride_bytes);
        shm::Region region = shm::Region::open(path, bytes, on_hugepages_, *policy_, shm::Access::ReadWrite,
                                               what.regions.mlock);
        if (shape.type == wire::RegionType::HeaderRing) {
            // Whoever still has the old mapping sees every slot in progress before the superblock says why.
            for (std::uint32_t slot = 0; slot < shape.nslots; ++slot) {
                std::byte* const first =
                    region.base() + wire::kSuperblockBytes + slot * wire::kHeaderSlotBytes;
                shm::seqlock_begin(first, 0);
            }
        }
        shm::write_superblock(region.base(), shape, static_cast<std::uint64_t>(::getpid()),
                              static_cast<std::uint64_t>(now_ns));
        if (::chmod(path.c_str(), what.regions.file_mode) != 0 ||
            ::msync(region.base(), wire::kSuperblockBytes, MS_SYNC) != 0) {
            throw Error(ErrorCode::SystemError, fmt::format("region {}: {}", path, std::strerror(errno)));
        }
        return region;
    };
    shm::RegionExpectation shape{
        .stream_id = what.stream_id, .epoch = what.epoch, .nslots = what.header_nslots};
    const std::string header_path = dir + "/header.ring";
    shm::Region header = open(header_path, shape);
    layout.header_uri = shm::format_region_uri({header_path, on_hugepages_});
    std::vector<shm::Region> pools;
    shape.type = wire::RegionType::PayloadPool;
    for (const shm::PoolLayout& pool : what.pools) {
        shape.pool_id = pool.pool_id;
        shape.stride_bytes = pool.stride_bytes;
        const std::string path = fmt::format("{}/{}.pool", dir, pool.pool_id);
        pools.push_back(open(path, shape));
        layout.pools.push_back(
            {pool.pool_id, pool.nslots, pool.stride_bytes, shm::format_region_uri({path, on_hugepages_})});
    }
    return shm::StreamMapping::adopt(layout, std::move(header), std::move(pools));
}

std::unique_ptr<shm::StreamMapping> EpochStore::adopt(std::uint32_t stream_id,
                                                      const DriverProfileConfig& profile,
                                                      Nanos now_ns) const {
    const std::vector<std::uint64_t> epochs = shm::list_epochs(paths_, stream_id);
    if (epochs.empty()) return nullptr;
    const Vitals vitals = inspect(stream_id, epochs.back(), now_ns);
    if (vitals.process_alive && !vitals.own_process) return nullptr;

    const shm::StreamCreation what =
        creation(stream_id, profile, shm::next_epoch(paths_, stream_id, epochs.back()));
    const std::string old_dir = paths_.epoch_dir(stream_id, epochs.back());
    const std::string new_dir = paths_.epoch_dir(stream_id, what.epoch);
    std::vector<std::string> files{"header.ring"};
    for (const auto& pool : what.pools) files.push_back(fmt::format("{}.pool", pool.pool_id));
    std::error_code error;
    for (const std::string& file : files) {
        if (!fs::exists(fs::symlink_status(old_dir + "/" + file, error))) return nullptr;
    }
    fs::rename(old_dir, new_dir, error);
    if (error) {
        throw Error(ErrorCode::SystemError,
                    fmt::format("directory {}: rename: {}", old_dir, error.message()));
    }
    try {
        return std::make_unique<shm::StreamMapping>(reinitialise(what, new_dir, now_ns));
    } catch (...) {
        fs::rename(new_dir, old_dir, error);  // as found: the operator decides what to do with it
        throw;
    }
}

}  // namespace tensorpool::driver
