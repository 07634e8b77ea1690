// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/region.hpp"

#include "wire/shm_records.hpp"

#include <tensorpool/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tensorpool::shm {
namespace {

[[noreturn]] void throw_errno(const std::string& path, std::string_view call) {
    throw Error(ErrorCode::SystemError, fmt::format("region {}: {}: {}", path, call, std::strerror(errno)));
}

std::string directory_of(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
}

struct statfs stat_fs(const std::string& directory) {
    struct statfs fs {};
    if (::statfs(directory.c_str(), &fs) != 0) throw_errno(directory, "statfs");
    return fs;
}

/// Gives the file its length. Without prefault it stays sparse: blocks come when they are first written,
/// except the superblock's, which is written at once and where a full file system would end the process with
/// SIGBUS.
void allocate(const base::UniqueFd& fd, const std::string& path, std::uint64_t bytes, bool prefault) {
    const std::uint64_t now_bytes = prefault ? bytes : wire::kSuperblockBytes;
    const bool sized = prefault || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0;
    if (sized && ::fallocate(fd.get(), 0, 0, static_cast<off_t>(now_bytes)) == 0) return;
    if (errno == EOPNOTSUPP && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0) return;
    if (errno == ENOSPC || errno == ENOMEM || errno == EFBIG) {
        throw Error(
            ErrorCode::NoSpace,
            fmt::format("region {}: needs {} bytes, {} has {} free; use fewer or smaller slots, or a larger "
                        "file system",
                        path, bytes, directory_of(path), free_bytes(directory_of(path))));
    }
    throw_errno(path, sized ? "fallocate" : "ftruncate");
}

std::byte* map(const base::UniqueFd& fd, const std::string& path, std::uint64_t bytes, int protection,
               int flags) {
    void* base = ::mmap(nullptr, bytes, protection, MAP_SHARED | flags, fd.get(), 0);
    if (base == MAP_FAILED) {
        if (errno == ENOMEM) {
            throw Error(ErrorCode::NoSpace,
                        fmt::format("region {}: mapping {} bytes: {}", path, bytes, std::strerror(errno)));
        }
        throw_errno(path, "mmap");
    }
    return static_cast<std::byte*>(base);
}

void lock(std::byte* base, std::uint64_t bytes, const std::string& path) {
    if (::mlock(base, bytes) == 0) return;
    throw Error(ErrorCode::SystemError,
                fmt::format("region {}: mlock of {} bytes: {}; raise the locked-memory limit (ulimit -l)",
                            path, bytes, std::strerror(errno)));
}

}  // namespace

bool is_hugetlbfs(const std::string& directory) {
    return static_cast<unsigned long>(stat_fs(directory).f_type) == HUGETLBFS_MAGIC;
}

std::uint64_t rounded_file_bytes(const std::string& directory, std::uint64_t bytes) {
    const auto block = static_cast<std::uint64_t>(stat_fs(directory).f_bsize);
    return (bytes + block - 1) / block * block;
}

std::uint64_t free_bytes(const std::string& directory) {
    const struct statfs fs = stat_fs(directory);
    return static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
}

Region Region::create(const std::string& path, std::uint64_t bytes, const RegionCreation& how) {
    const bool huge = is_hugetlbfs(directory_of(path));
    if (how.require_hugepages && !huge) {
        throw Error(ErrorCode::Unsupported,
                    fmt::format("region {}: hugepages are required, but {} is not on hugetlbfs", path,
                                directory_of(path)));
    }
    // hugetlbfs takes only whole hugepages (trap TRP-35).
    const std::uint64_t file_bytes = huge ? rounded_file_bytes(directory_of(path), bytes) : bytes;
    base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) throw_errno(path, "create");
    try {
        if (::fchmod(fd.get(), how.file_mode) != 0) throw_errno(path, "fchmod");
        allocate(fd, path, file_bytes, how.prefault);
        Region region(map(fd, path, file_bytes, PROT_READ | PROT_WRITE, how.prefault ? MAP_POPULATE : 0),
                      file_bytes, path);
        if (how.mlock) lock(region.base(), file_bytes, path);
        return region;
    } catch (...) {
        ::unlink(path.c_str());
        throw;
    }
}

Region Region::open(const std::string& path, std::uint64_t min_bytes, bool require_hugepages,
                    const PathPolicy& policy, Access access, bool lock_memory) {
    const bool writable = access == Access::ReadWrite;
    const PathPolicy::OpenFile file = policy.open(path, writable);
    if (require_hugepages && !file.hugetlbfs) {
        throw Error(
            ErrorCode::AccessDenied,
            fmt::format("region {}: hugepages are required, but the file is not on hugetlbfs (WIRE-161)",
                        path));
    }
    if (file.size_bytes < min_bytes) {
        throw Error(ErrorCode::ProtocolError,
                    fmt::format("region {}: {} bytes long, but the announced layout needs {} "
                                "(WIRE-023)",
                                path, file.size_bytes, min_bytes));
    }
    // Only what the layout needs is mapped; on hugetlbfs that is rounded up to whole hugepages.
    const std::uint64_t bytes = file.hugetlbfs ? file.size_bytes : min_bytes;
    Region region(map(file.fd, path, bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_POPULATE), bytes,
                  path);
    if (lock_memory) lock(region.base(), bytes, path);
    return region;
}

Region& Region::operator=(Region&& other) noexcept {
    if (this != &other) {
        unmap();
        base_ = std::exchange(other.base_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
        path_ = std::move(other.path_);
    }
    return *this;
}

Region Region::anonymous(std::uint64_t bytes) {
    void* base =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        throw Error(ErrorCode::NoSpace, fmt::format("{} bytes of memory are not to be had", bytes));
    return {static_cast<std::byte*>(base), bytes, ""};
}

Region::~Region() {
    unmap();
}

void Region::unmap() noexcept {
    if (base_ != nullptr) ::munmap(base_, bytes_);
    base_ = nullptr;
}

}  // namespace tensorpool::shm
