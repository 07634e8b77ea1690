// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace tensorpool::test {

/// A fresh private directory, removed with everything in it at the end of the scope.
class TempDir {
public:
    /// Below /dev/shm when `on_tmpfs` (shared memory), else below the system's temporary directory.
    explicit TempDir(bool on_tmpfs = true);
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::string str() const { return path_.string(); }

private:
    std::filesystem::path path_;
    bool is_outer_ = false;  ///< named in the environment, see temp_dir.cpp
};

}  // namespace tensorpool::test
