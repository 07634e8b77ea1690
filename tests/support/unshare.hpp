// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <string>

namespace tensorpool::test {

inline bool write_text(const char* path, const std::string& text) noexcept {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    return written;
}

/// unshare(2) of `flags`; as an ordinary user inside a user namespace, which needs a process with one thread.
/// On false errno says why.
inline bool unshare_here(int flags) noexcept {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(flags) == 0) return true;
    return ::unshare(CLONE_NEWUSER | flags) == 0 && write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") &&
           write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

}  // namespace tensorpool::test
