// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace examples {

/// A directory on /dev/shm that nobody else uses and that is gone afterwards, so that examples neither meet
/// each other nor a driver of yours. Programs of your own use the defaults instead: /dev/shm and
/// TP_MESSAGING_DIR.
class PrivateDirectory {
public:
    PrivateDirectory() {
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + path_);
    }
    ~PrivateDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;

    /// For shared memory: base_dir and allowed_base_dirs.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// For messages: ContextOptions::messaging_dir.
    [[nodiscard]] std::string messaging() const { return path_ + "/messaging"; }

private:
    std::string path_ = "/dev/shm/tensorpool-example-XXXXXX";
};

}  // namespace examples
