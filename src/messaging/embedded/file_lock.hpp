// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

// Open-file-description locks on byte ranges. The kernel drops them when the last copy of the descriptor is
// closed, however its owner died, and nobody else's close() can drop them. Two descriptors opened separately
// conflict even within one process. A child that forks without exec keeps its parent's locks alive.
namespace tensorpool::messaging::embedded {

namespace detail {

inline struct flock lock_request(short type, off_t start, off_t bytes) noexcept {
    struct flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = start;
    request.l_len = bytes;
    return request;
}

}  // namespace detail

/// Takes an exclusive lock without waiting; false when somebody else has it (or on any error).
[[nodiscard]] inline bool try_lock_bytes(int fd, off_t start, off_t bytes) noexcept {
    struct flock request = detail::lock_request(F_WRLCK, start, bytes);
    return ::fcntl(fd, F_OFD_SETLK, &request) == 0;
}

inline void unlock_bytes(int fd, off_t start, off_t bytes) noexcept {
    struct flock request = detail::lock_request(F_UNLCK, start, bytes);
    (void)::fcntl(fd, F_OFD_SETLK, &request);
}

/// Whether another descriptor holds a lock in the range. True on error: never take someone for dead by
/// mistake.
[[nodiscard]] inline bool locked_by_other(int fd, off_t start, off_t bytes) noexcept {
    struct flock request = detail::lock_request(F_WRLCK, start, bytes);
    return ::fcntl(fd, F_OFD_GETLK, &request) != 0 || request.l_type != F_UNLCK;
}

/// Whether `fd` still is the file that `name` leads to: a file may be removed by its last user between being
/// opened and being locked.
[[nodiscard]] inline bool still_named(int dir_fd, const char* name, int fd) noexcept {
    struct stat ours {};
    struct stat named {};
    return ::fstat(fd, &ours) == 0 && ::fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

}  // namespace tensorpool::messaging::embedded
