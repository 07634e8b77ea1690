// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/path_policy.hpp"

#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

namespace tensorpool::shm {
namespace {

struct FreeDeleter {
    void operator()(char* p) const noexcept { std::free(p); }
};

/// realpath, or an empty string with errno set.
std::string canonical(const std::string& path) {
    const std::unique_ptr<char, FreeDeleter> resolved(::realpath(path.c_str(), nullptr));
    return resolved ? std::string(resolved.get()) : std::string();
}

bool is_beneath(std::string_view path, std::string_view base) noexcept {
    if (base == "/") return path.size() > 1;
    return path.size() > base.size() + 1 && path.starts_with(base) && path[base.size()] == '/';
}

/// `base/link/../file` names a file inside `base` while it goes through whatever `link` leads to.
bool climbs(std::string_view path) noexcept {
    while (true) {
        const std::size_t slash = path.find('/');
        if (path.substr(0, slash) == "..") return true;
        if (slash == std::string_view::npos) return false;
        path.remove_prefix(slash + 1);
    }
}

[[noreturn]] void deny(const std::string& path, std::string_view reason) {
    throw Error(ErrorCode::AccessDenied, fmt::format("region {}: {}", path, reason));
}

[[noreturn]] void fail(const std::string& path, int error) {
    const ErrorCode code =
        error == ENOENT || error == ENOTDIR ? ErrorCode::NotFound : ErrorCode::AccessDenied;
    const std::string_view hint = error == ELOOP ? " (a symbolic link on the way, WIRE-153)" : "";
    throw Error(code, fmt::format("region {}: cannot open: {}{}", path, std::strerror(error), hint));
}

}  // namespace

PathPolicy::PathPolicy(const std::vector<std::string>& allowed_bases) {
    if (allowed_bases.empty()) {
        throw Error(ErrorCode::InvalidConfig,
                    "allowed base directories: the list is empty; nothing could be mapped");
    }
    for (const std::string& base : allowed_bases) {
        std::string resolved = base.starts_with('/') ? canonical(base) : std::string();
        std::error_code ignored;
        if (resolved.empty() || !std::filesystem::is_directory(resolved, ignored)) {
            throw Error(
                ErrorCode::InvalidConfig,
                fmt::format("allowed base directory '{}': not an absolute path of an existing directory "
                            "(WIRE-150)",
                            base));
        }
        bases_.push_back(std::move(resolved));
        configured_.push_back(base.substr(0, std::max<std::size_t>(1, base.find_last_not_of('/') + 1)));
    }
}

bool PathPolicy::contains(std::string_view path) const noexcept {
    for (const std::string& base : bases_) {
        if (is_beneath(path, base)) return true;
    }
    return false;
}

PathPolicy::OpenFile PathPolicy::open(const std::string& path, bool writable) const {
    if (!path.starts_with('/')) deny(path, "not an absolute path (WIRE-148)");
    if (climbs(path)) deny(path, "holds a '..' (WIRE-149)");
    const std::string resolved = canonical(path);
    if (resolved.empty()) fail(path, errno);
    const std::string* base = nullptr;
    bool through_link = false;
    for (std::size_t i = 0; i < bases_.size() && base == nullptr; ++i) {
        if (!is_beneath(resolved, bases_[i])) continue;
        // The base itself may have been configured through a link; nothing below it may be one.
        const std::string expected_path =
            is_beneath(path, configured_[i]) ? bases_[i] + path.substr(configured_[i].size()) : path;
        if (std::filesystem::path(expected_path).lexically_normal() == resolved) {
            base = &bases_[i];
        } else {
            through_link = true;
        }
    }
    if (base == nullptr && through_link) {
        deny(path, fmt::format("a symbolic link on the way leads to {} (WIRE-149, WIRE-153)", resolved));
    }
    if (base == nullptr) {
        deny(path,
             fmt::format("lies outside the allowed directories ({}) (WIRE-151)", fmt::join(bases_, ", ")));
    }

    struct stat before {};
    if (::lstat(resolved.c_str(), &before) != 0) fail(path, errno);
    if (!S_ISREG(before.st_mode)) deny(path, "not a regular file (WIRE-152)");

    // O_NONBLOCK: should the file become a FIFO now, the open must not wait for its other end.
    const int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    const std::string relative = resolved.substr(*base == "/" ? 1 : base->size() + 1);
    OpenFile file;
    file.fd = open_beneath(*base, relative, flags);
    if (!file.fd) fail(path, errno);

    struct stat after {};
    if (::fstat(file.fd.get(), &after) != 0) fail(path, errno);
    if (!S_ISREG(after.st_mode)) deny(path, "not a regular file (WIRE-152)");
    if (after.st_dev != before.st_dev || after.st_ino != before.st_ino) {
        deny(path, "was replaced while it was being opened (WIRE-153)");
    }
    struct statfs fs {};
    if (::fstatfs(file.fd.get(), &fs) != 0) fail(path, errno);
    file.hugetlbfs = static_cast<unsigned long>(fs.f_type) == HUGETLBFS_MAGIC;
    file.size_bytes = static_cast<std::uint64_t>(after.st_size);
    return file;
}

base::UniqueFd PathPolicy::open_beneath(const std::string& base, const std::string& relative,
                                        int flags) const {
    base::UniqueFd directory(::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return {};
    if (use_openat2_) {
        struct open_how how {};
        how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags));
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        const long fd = ::syscall(SYS_openat2, directory.get(), relative.c_str(), &how, sizeof how);
        if (fd >= 0 || errno != ENOSYS) return base::UniqueFd(static_cast<int>(fd));
    }
    // Kernels before 5.6: one component at a time, each without following a link.
    std::string_view rest = relative;
    while (true) {
        const std::size_t slash = rest.find('/');
        const std::string component(rest.substr(0, slash));
        if (component == "..") {
            errno = EACCES;
            return {};
        }
        const bool last = slash == std::string_view::npos;
        base::UniqueFd next(::openat(directory.get(), component.c_str(),
                                     last ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (last || !next) return next;
        directory = std::move(next);
        rest.remove_prefix(slash + 1);
    }
}

}  // namespace tensorpool::shm
