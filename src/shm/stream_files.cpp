// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/stream_files.hpp"

#include "base/process.hpp"
#include "base/unique_fd.hpp"
#include "shm/region_uri.hpp"

#include <tensorpool/clock.hpp>
#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

namespace tensorpool::shm {
namespace {

constexpr std::string_view kHeaderFile = "header.ring";
constexpr std::string_view kPoolSuffix = ".pool";
constexpr std::size_t kMaxComponent = 64;

bool is_safe_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

template <typename Number>
bool parse_all(std::string_view text, Number& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

bool is_region_file(std::string_view name) noexcept {
    if (name == kHeaderFile) return true;
    std::uint16_t pool_id = 0;
    return name.ends_with(kPoolSuffix) &&
           parse_all(name.substr(0, name.size() - kPoolSuffix.size()), pool_id);
}

/// Search bits wherever a file mode grants reading; set-group-id where the group takes part (WIRE-163).
mode_t directory_mode(mode_t file_mode) noexcept {
    mode_t mode = file_mode & 0777;
    mode |= (mode & 0444) >> 2;
    return (mode & 0070) != 0 ? mode | 02000 : mode;
}

/// False when `path` was, or is, removed by somebody who cleans up, or when its parent is missing.
[[nodiscard]] bool make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == ENOENT) return false;
        if (errno == EEXIST) {
            struct stat status {};
            if (::lstat(path.c_str(), &status) != 0) return false;
            if (S_ISDIR(status.st_mode)) return true;
            throw Error(ErrorCode::AccessDenied,
                        fmt::format("directory {}: exists, but is not a directory", path));
        }
        const ErrorCode code = errno == EACCES ? ErrorCode::AccessDenied : ErrorCode::SystemError;
        throw Error(code, fmt::format("directory {}: mkdir: {}", path, std::strerror(errno)));
    }
    if (::chmod(path.c_str(), mode) == 0) return true;
    if (errno == ENOENT) return false;
    throw Error(ErrorCode::SystemError, fmt::format("directory {}: chmod: {}", path, std::strerror(errno)));
}

void sync_directory(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) ::fsync(fd.get());
}

void sync_region(const Region& region) {
    // The superblock is what a reader may see first; payload pages hold nothing yet.
    if (::msync(region.base(), wire::kSuperblockBytes, MS_SYNC) != 0) {
        throw Error(ErrorCode::SystemError,
                    fmt::format("region {}: msync: {}", region.path(), std::strerror(errno)));
    }
}

RegionExpectation shape_of(const StreamCreation& what, const PoolLayout* pool) {
    RegionExpectation shape;
    shape.stream_id = what.stream_id;
    shape.epoch = what.epoch;
    shape.nslots = what.header_nslots;
    if (pool != nullptr) {
        shape.type = wire::RegionType::PayloadPool;
        shape.pool_id = pool->pool_id;
        shape.stride_bytes = pool->stride_bytes;
    }
    return shape;
}

Region create_region(const std::string& path, const StreamCreation& what, const RegionExpectation& shape,
                     std::uint64_t now_ns) {
    Region region =
        Region::create(path, region_bytes(shape.type, shape.nslots, shape.stride_bytes), what.regions);
    write_superblock(region.base(), shape, static_cast<std::uint64_t>(::getpid()), now_ns);
    sync_region(region);
    return region;
}

base::UniqueFd open_directory(const std::string& dir) noexcept {
    return base::UniqueFd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// An epoch's directory is locked while it is made, so that others can tell one in the making from one that
/// was cut short, and while it is removed. Empty when somebody holds it.
base::UniqueFd try_lock_directory(const std::string& dir) noexcept {
    base::UniqueFd fd = open_directory(dir);
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
    return fd;
}

bool lock(const base::UniqueFd& fd) noexcept {
    int result = 0;
    do result = ::flock(fd.get(), LOCK_EX);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/// Whether `fd` is what `path` leads to now.
bool is_still_at(const base::UniqueFd& fd, const std::string& path) noexcept {
    struct stat held {};
    struct stat found {};
    return ::fstat(fd.get(), &held) == 0 && ::lstat(path.c_str(), &found) == 0 &&
           held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

/// Makes the directory of a new epoch, with those above it, and locks it. Others may remove what is empty at
/// any moment; then it is made again.
base::UniqueFd make_epoch_directory(const StreamPaths& paths, const StreamCreation& what) {
    const mode_t mode = directory_mode(what.regions.file_mode);
    const std::string user_dir = fmt::format("{}/tensorpool-{}", paths.base_dir, paths.user);
    const std::string dir = paths.epoch_dir(what.stream_id, what.epoch);
    while (true) {
        if (!make_directory(user_dir, mode) && !std::filesystem::is_directory(paths.base_dir)) {
            throw Error(ErrorCode::NotFound, fmt::format("directory {}: does not exist", paths.base_dir));
        }
        if (!make_directory(user_dir + "/" + paths.namespace_name, mode) ||
            !make_directory(paths.stream_dir(what.stream_id), mode)) {
            continue;
        }
        if (::mkdir(dir.c_str(), 0700) != 0) {
            if (errno == ENOENT) continue;
            if (errno == EEXIST) {
                throw Error(
                    ErrorCode::InvalidArgument,
                    fmt::format("directory {}: this epoch exists already; epochs are never reused", dir));
            }
            throw Error(ErrorCode::SystemError,
                        fmt::format("directory {}: mkdir: {}", dir, std::strerror(errno)));
        }
        base::UniqueFd held = open_directory(dir);
        if (!held && errno == ENOENT) continue;
        if (!held || !lock(held) || ::fchmod(held.get(), mode) != 0) {
            const std::string reason = std::strerror(errno);
            ::rmdir(dir.c_str());
            throw Error(ErrorCode::SystemError, fmt::format("directory {}: cannot lock: {}", dir, reason));
        }
        if (is_still_at(held, dir)) return held;
    }
}

/// What stands in an epoch's header ring; empty when that is not whole yet.
std::optional<wire::Superblock> superblock_of(const std::string& dir) {
    const std::string path = fmt::format("{}/{}", dir, kHeaderFile);
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    wire::Superblock block{};
    if (!fd || ::pread(fd.get(), &block, sizeof block, 0) != static_cast<ssize_t>(sizeof block))
        return std::nullopt;
    if (block.magic != wire::kSuperblockMagic) return std::nullopt;
    return block;
}

/// Whether the last sign of activity is older than `stale_ns`. A stamp from the future was written before a
/// reboot; without one the directory's own age counts.
bool is_stale(const std::string& dir, const std::optional<wire::Superblock>& block, Nanos now_ns,
              Nanos stale_ns) {
    const auto now = static_cast<std::uint64_t>(now_ns);
    if (block && block->activity_timestamp_ns <= now)
        return now - block->activity_timestamp_ns > static_cast<std::uint64_t>(stale_ns);
    struct stat status {};
    if (::stat(dir.c_str(), &status) != 0) return false;
    const Nanos changed_ns = status.st_mtim.tv_sec * kNanosPerSecond + status.st_mtim.tv_nsec;
    return realtime_now_ns() - changed_ns > stale_ns;
}

}  // namespace

std::string StreamPaths::stream_dir(std::uint32_t stream_id) const {
    return fmt::format("{}/tensorpool-{}/{}/{}", base_dir, user, namespace_name, stream_id);
}

std::string StreamPaths::epoch_dir(std::uint32_t stream_id, std::uint64_t epoch) const {
    return fmt::format("{}/{}", stream_dir(stream_id), epoch);
}

bool is_safe_component(std::string_view text) noexcept {
    return !text.empty() && text.size() <= kMaxComponent && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), is_safe_byte);
}

std::string sanitise_component(std::string_view text) {
    std::string safe;
    for (const char c : text.substr(0, kMaxComponent)) safe += is_safe_byte(c) ? c : '_';
    if (safe.empty() || safe == "." || safe == "..") safe = "_";
    return safe;
}

std::string sanitised_user() {
    const uid_t uid = ::geteuid();
    std::string buffer(16384, '\0');
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
        return sanitise_component(found->pw_name);
    }
    return std::to_string(uid);
}

StreamMapping create_stream(const StreamPaths& paths, const StreamCreation& what, std::uint64_t now_ns) {
    const base::UniqueFd being_made = make_epoch_directory(paths, what);
    const std::string dir = paths.epoch_dir(what.stream_id, what.epoch);
    try {
        StreamLayout layout;
        layout.stream_id = what.stream_id;
        layout.epoch = what.epoch;
        layout.header_nslots = what.header_nslots;
        const auto uri = [&](const std::string& path) {
            return format_region_uri({path, what.regions.require_hugepages});
        };
        const std::string header_path = fmt::format("{}/{}", dir, kHeaderFile);
        Region header = create_region(header_path, what, shape_of(what, nullptr), now_ns);
        layout.header_uri = uri(header_path);
        std::vector<Region> pools;
        for (const PoolLayout& pool : what.pools) {
            const std::string path = fmt::format("{}/{}{}", dir, pool.pool_id, kPoolSuffix);
            pools.push_back(create_region(path, what, shape_of(what, &pool), now_ns));
            layout.pools.push_back({pool.pool_id, what.header_nslots, pool.stride_bytes, uri(path)});
        }
        sync_directory(dir);
        sync_directory(paths.stream_dir(what.stream_id));
        return StreamMapping::adopt(layout, std::move(header), std::move(pools));
    } catch (...) {
        remove_epoch(paths, what.stream_id, what.epoch);
        throw;
    }
}

std::uint64_t stream_bytes(const std::string& base_dir, const StreamCreation& what) {
    std::uint64_t total =
        rounded_file_bytes(base_dir, region_bytes(wire::RegionType::HeaderRing, what.header_nslots, 0));
    for (const PoolLayout& pool : what.pools) {
        total += rounded_file_bytes(
            base_dir, region_bytes(wire::RegionType::PayloadPool, what.header_nslots, pool.stride_bytes));
    }
    return total;
}

std::vector<std::uint64_t> list_epochs(const StreamPaths& paths, std::uint32_t stream_id) {
    std::vector<std::uint64_t> epochs;
    std::error_code error;
    for (std::filesystem::directory_iterator it(paths.stream_dir(stream_id), error), end; !error && it != end;
         it.increment(error)) {
        std::uint64_t epoch = 0;
        std::error_code ignored;
        if (!std::filesystem::is_directory(it->symlink_status(ignored))) continue;
        const std::string name = it->path().filename().string();
        if (parse_all(name, epoch) && std::to_string(epoch) == name) epochs.push_back(epoch);
    }
    std::sort(epochs.begin(), epochs.end());
    return epochs;
}

std::uint64_t next_epoch(const StreamPaths& paths, std::uint32_t stream_id, std::uint64_t current) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max() - 1;
    const std::vector<std::uint64_t> epochs = list_epochs(paths, stream_id);
    const std::uint64_t above = std::max(current, epochs.empty() ? 0 : epochs.back());
    if (above >= kMost) {
        throw Error(
            ErrorCode::InvalidArgument,
            fmt::format("stream {}: epoch {} leaves no higher one; remove its directory", stream_id, above));
    }
    return std::max(above + 1, static_cast<std::uint64_t>(realtime_now_ns()));
}

bool remove_epoch(const StreamPaths& paths, std::uint32_t stream_id, std::uint64_t epoch) noexcept {
    try {
        const std::string dir = paths.epoch_dir(stream_id, epoch);
        const base::UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd) return errno == ENOENT;
        std::error_code error;
        for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end;
             it.increment(error)) {
            const std::string name = it->path().filename().string();
            if (is_region_file(name)) ::unlinkat(fd.get(), name.c_str(), 0);
        }
        return ::rmdir(dir.c_str()) == 0;
    } catch (...) {
        return false;
    }
}

std::vector<std::uint32_t> list_streams(const StreamPaths& paths) {
    std::vector<std::uint32_t> streams;
    std::error_code error;
    const std::filesystem::path dir = std::filesystem::path(paths.stream_dir(0)).parent_path();
    for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
        std::uint64_t stream_id = 0;
        const std::string name = it->path().filename().string();
        if (parse_all(name, stream_id) && stream_id <= std::numeric_limits<std::uint32_t>::max() &&
            std::to_string(stream_id) == name)
            streams.push_back(static_cast<std::uint32_t>(stream_id));
    }
    std::sort(streams.begin(), streams.end());
    return streams;
}

int remove_dead_epochs(const StreamPaths& paths, std::uint32_t stream_id,
                       std::optional<StaleAfter> stale) noexcept {
    int removed = 0;
    try {
        for (const std::uint64_t epoch : list_epochs(paths, stream_id)) {
            const std::string dir = paths.epoch_dir(stream_id, epoch);
            const base::UniqueFd held = try_lock_directory(dir);
            if (!held) continue;  // being made at this moment
            const std::optional<wire::Superblock> block = superblock_of(dir);
            if (stale && !is_stale(dir, block, stale->now_ns, stale->stale_ns)) continue;
            const bool dead = !block || !base::is_process_alive(block->pid);
            if (dead && remove_epoch(paths, stream_id, epoch)) ++removed;
        }
    } catch (...) {
        return removed;  // what stays costs space only
    }
    return removed;
}

void remove_empty_parents(const StreamPaths& paths, std::uint32_t stream_id) noexcept {
    try {
        std::filesystem::path dir = paths.stream_dir(stream_id);
        for (int level = 0; level < 3; ++level) {
            if (::rmdir(dir.c_str()) != 0) return;
            dir = dir.parent_path();
        }
    } catch (...) {
        return;  // nothing depends on it
    }
}

}  // namespace tensorpool::shm
