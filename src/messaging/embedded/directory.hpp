// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <atomic>
#include <optional>
#include <string>

namespace tensorpool::messaging::embedded {

/// Held while the directory's files are made, removed or entered into a registry. A file lock: a holder that
/// dies lets go of it.
class DirectoryLock {
public:
    DirectoryLock(base::UniqueFd dir, base::UniqueFd file) noexcept
        : dir_(std::move(dir)), file_(std::move(file)) {}

    [[nodiscard]] int dir_fd() const noexcept { return dir_.get(); }

private:
    base::UniqueFd dir_;
    base::UniqueFd file_;  // declared last: unlocked before the directory is closed
};

/// The private directory in which clients meet. It comes and goes with its users: every lock() makes it when
/// it is missing. Thread-safe.
class Directory {
public:
    /// Throws InvalidConfig unless `path` is absolute.
    Directory(std::string path, bool group_access);

    /// Makes the directory when it is missing and checks that it is ours alone. Throws Error: AccessDenied,
    /// SystemError, or MessagingError when somebody holds the lock for seconds.
    [[nodiscard]] DirectoryLock lock() const;

    /// Without waiting and without making anything; empty when that is not possible.
    [[nodiscard]] std::optional<DirectoryLock> try_lock() const noexcept;

    /// Waits like lock(), makes nothing, does not throw.
    [[nodiscard]] std::optional<DirectoryLock> lock_existing() const noexcept;

    /// The directory itself, checked like lock() does; empty when it does not exist. Throws Error.
    [[nodiscard]] base::UniqueFd open_existing() const { return open_dir(false); }

    /// Removes the directory when no stream is left in it.
    void remove_if_unused() const noexcept;

    [[nodiscard]] mode_t dir_mode() const noexcept { return group_access_ ? kGroupDirMode : 0700; }
    [[nodiscard]] mode_t file_mode() const noexcept { return group_access_ ? 0660 : 0600; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    static constexpr mode_t kGroupDirMode = 02770;

    [[nodiscard]] base::UniqueFd open_dir(bool create) const;
    [[nodiscard]] std::optional<DirectoryLock> attempt(bool create) const;
    void check_private(int dir_fd) const;

    std::string path_;
    mutable std::atomic<bool>
        group_access_;  // adopted from the directory when it is ours and open to the group
};

}  // namespace tensorpool::messaging::embedded
