// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::shm {

/// Which files may be mapped (wire.md 5.16). The allowed base directories are resolved once, at construction.
///
/// Thread-safe once constructed.
class PathPolicy {
public:
    /// Throws Error(InvalidConfig) for a base that is not an absolute path of an existing directory.
    explicit PathPolicy(const std::vector<std::string>& allowed_bases);

    struct OpenFile {
        base::UniqueFd fd;
        std::uint64_t size_bytes = 0;
        bool hugetlbfs = false;
    };

    /// Opens `path` when it is absolute, canonical, inside one base, reached without a symbolic link, and a
    /// regular file both before and after the open. Never blocks on a FIFO and never has an effect on a
    /// device. Throws Error(AccessDenied) or Error(NotFound) that names the path and the rule.
    [[nodiscard]] OpenFile open(const std::string& path, bool writable) const;

    /// The canonical bases.
    [[nodiscard]] const std::vector<std::string>& bases() const noexcept { return bases_; }
    /// Whether canonical `path` lies inside one base, by whole components (WIRE-151).
    [[nodiscard]] bool contains(std::string_view path) const noexcept;

    /// Test hook: take the component-by-component walk even where the kernel has openat2.
    void force_component_walk() noexcept { use_openat2_ = false; }

private:
    [[nodiscard]] base::UniqueFd open_beneath(const std::string& base, const std::string& relative,
                                              int flags) const;

    std::vector<std::string> bases_;
    std::vector<std::string> configured_;  // as given, index by index
    bool use_openat2_ = true;
};

}  // namespace tensorpool::shm
