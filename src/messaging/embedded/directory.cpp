// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/directory.hpp"

#include "messaging/embedded/file_lock.hpp"
#include "messaging/embedded/system_error.hpp"

#include <tensorpool/clock.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <vector>

namespace tensorpool::messaging::embedded {
namespace {

constexpr const char* kLockName = "lock";
constexpr Nanos kLockPatience = 10 * kNanosPerSecond;
constexpr Nanos kFirstPause = 20'000;
constexpr Nanos kLongestPause = 2 * kNanosPerMilli;

void pause_for(Nanos ns) noexcept {
    const timespec pause{0, static_cast<long>(ns)};
    ::nanosleep(&pause, nullptr);
}

bool in_our_groups(gid_t group) {
    if (group == ::getegid()) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(0, count)));
    return std::find(groups.begin(), groups.end(), group) != groups.end();
}

}  // namespace

Directory::Directory(std::string path, bool group_access)
    : path_(std::move(path)), group_access_(group_access) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
    if (path_.size() < 2 || path_.front() != '/') {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("messaging directory \"{}\": must be an absolute path, for example "
                                "/dev/shm/tensorpool-messaging",
                                path_));
    }
}

void Directory::check_private(int dir_fd) const {
    struct stat status {};
    if (::fstat(dir_fd, &status) != 0) throw system_error("stat", path_, errno);
    const bool ours = status.st_uid == ::geteuid() || (group_access_ && in_our_groups(status.st_gid));
    if (!ours) {
        throw Error(
            ErrorCode::AccessDenied,
            fmt::format("messaging directory {}: belongs to uid {} gid {}, not to us (uid {}); choose "
                        "another with TP_MESSAGING_DIR",
                        path_, status.st_uid, status.st_gid, ::geteuid()));
    }
    // Only its owner can have opened a directory of ours to the group: another of our programs was told to.
    if (status.st_uid == ::geteuid() && (status.st_mode & 07777) == kGroupDirMode) group_access_ = true;
    const mode_t excess = status.st_mode & 0777 & ~dir_mode();
    if (excess != 0) {
        throw Error(ErrorCode::AccessDenied,
                    fmt::format("messaging directory {}: mode {:04o} lets others in; run chmod {:04o} {}",
                                path_, status.st_mode & 07777, dir_mode(), path_));
    }
}

base::UniqueFd Directory::open_dir(bool create) const {
    // mkdir first: of two creators one makes it, and its mode is right before anyone can open it (but for
    // what the umask took away).
    if (create && ::mkdir(path_.c_str(), dir_mode()) == 0) {
        if (group_access_) (void)::chmod(path_.c_str(), dir_mode());
    } else if (create && errno != EEXIST) {
        throw system_error("mkdir", path_, errno);
    }
    base::UniqueFd dir(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (dir) {
        check_private(dir.get());
    } else if (errno == ELOOP || errno == ENOTDIR) {
        throw Error(
            ErrorCode::AccessDenied,
            fmt::format("messaging directory {}: is a symbolic link or no directory; remove it or choose "
                        "another with TP_MESSAGING_DIR",
                        path_));
    } else if (errno != ENOENT) {
        throw system_error("open", path_, errno);
    }
    return dir;
}

std::optional<DirectoryLock> Directory::attempt(bool create) const {
    base::UniqueFd dir = open_dir(create);
    if (!dir) return std::nullopt;
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (create ? O_CREAT : 0);
    base::UniqueFd file(::openat(dir.get(), kLockName, flags, file_mode()));
    if (!file) {
        if (errno == ENOENT) return std::nullopt;  // the directory was removed in between
        throw system_error("open", path_ + "/" + kLockName, errno);
    }
    if (create && group_access_) (void)::fchmod(file.get(), file_mode());
    if (!try_lock_bytes(file.get(), 0, 0)) return std::nullopt;
    if (!still_named(dir.get(), kLockName, file.get())) return std::nullopt;
    return DirectoryLock(std::move(dir), std::move(file));
}

DirectoryLock Directory::lock() const {
    const Nanos deadline = monotonic_now_ns() + kLockPatience;
    for (Nanos pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
        if (auto lock = attempt(true)) return std::move(*lock);
        if (monotonic_now_ns() > deadline) {
            throw Error(
                ErrorCode::MessagingError,
                fmt::format("messaging directory {}: another process has held {}/{} for 10 seconds; is "
                            "it stopped?",
                            path_, path_, kLockName));
        }
        pause_for(pause);
    }
}

std::optional<DirectoryLock> Directory::try_lock() const noexcept {
    try {
        return attempt(false);
    } catch (...) {
        return std::nullopt;
    }
}

std::optional<DirectoryLock> Directory::lock_existing() const noexcept {
    const Nanos deadline = monotonic_now_ns() + kLockPatience;
    for (Nanos pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
        auto lock = try_lock();
        if (lock || monotonic_now_ns() > deadline || ::access(path_.c_str(), F_OK) != 0) return lock;
        pause_for(pause);
    }
}

void Directory::remove_if_unused() const noexcept {
    const auto lock = lock_existing();
    if (!lock) return;
    // Directories first: if a stream is left the lock file must stay. A stream keeps the link count above 2
    // on tmpfs and most file systems; where it does not, creators make the lock file again.
    struct stat status {};
    if (::fstat(lock->dir_fd(), &status) != 0 || status.st_nlink > 2) return;
    ::unlinkat(lock->dir_fd(), kLockName, 0);
    ::rmdir(path_.c_str());
}

}  // namespace tensorpool::messaging::embedded
