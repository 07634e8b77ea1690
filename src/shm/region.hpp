// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "shm/path_policy.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace tensorpool::shm {

enum class Access : std::uint8_t { ReadOnly, ReadWrite };

/// How a new region file is made.
struct RegionCreation {
    mode_t file_mode = 0600;  ///< applied exactly, whatever the umask (WIRE-163)
    bool prefault =
        true;            ///< allocate and touch every page now, so that the data path never faults (DRV-135)
    bool mlock = false;  ///< a failure is fatal (DRV-136)
    bool require_hugepages = false;
};

/// One mapped region file. Unmaps at the end of its life; never removes the file.
class Region {
public:
    /// Makes `path` (which must not exist), `bytes` long and zeroed, rounded up to whole hugepages on
    /// hugetlbfs. A partial file is removed again. Throws Error; NoSpace names the bytes needed and free.
    [[nodiscard]] static Region create(const std::string& path, std::uint64_t bytes,
                                       const RegionCreation& how);

    /// Maps an existing file of at least `min_bytes` that `policy` lets through (WIRE-147 to WIRE-155,
    /// WIRE-161).
    [[nodiscard]] static Region open(const std::string& path, std::uint64_t min_bytes, bool require_hugepages,
                                     const PathPolicy& policy, Access access, bool lock_memory);

    /// Memory of this process alone, zeroed, of no file. Throws Error(NoSpace).
    [[nodiscard]] static Region anonymous(std::uint64_t bytes);

    Region() = default;
    Region(Region&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)),
          path_(std::move(other.path_)) {}
    Region& operator=(Region&& other) noexcept;
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region();

    [[nodiscard]] std::byte* base() const noexcept { return base_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    Region(std::byte* base, std::uint64_t bytes, std::string path) noexcept
        : base_(base), bytes_(bytes), path_(std::move(path)) {}
    void unmap() noexcept;

    std::byte* base_ = nullptr;
    std::uint64_t bytes_ = 0;
    std::string path_;
};

/// Bytes that a file of `bytes` takes on the file system of `directory`: whole pages or hugepages.
[[nodiscard]] std::uint64_t rounded_file_bytes(const std::string& directory, std::uint64_t bytes);
/// Bytes the caller could still allocate on the file system of `directory`.
[[nodiscard]] std::uint64_t free_bytes(const std::string& directory);
/// Whether `directory` lies on hugetlbfs.
[[nodiscard]] bool is_hugetlbfs(const std::string& directory);

}  // namespace tensorpool::shm
