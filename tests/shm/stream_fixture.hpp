// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shm/stream_files.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace tensorpool::test {

/// Where a test's streams live, and a small one: stream 7, eight slots, pools of 4096 and 256 bytes.
struct StreamPlace {
    explicit StreamPlace(bool on_tmpfs = true)
        : dir(on_tmpfs), paths{std::filesystem::canonical(dir.path()).string(), "me", "default"} {}

    [[nodiscard]] static shm::StreamCreation small_stream(std::uint64_t epoch = 5) {
        shm::StreamCreation what;
        what.stream_id = kStream;
        what.epoch = epoch;
        what.header_nslots = 8;
        what.pools = {{1, 0, 4096, ""}, {2, 0, 256, ""}};
        return what;
    }
    [[nodiscard]] shm::StreamMapping create(std::uint64_t epoch = 5) const {
        return shm::create_stream(paths, small_stream(epoch), kNow);
    }
    [[nodiscard]] shm::PathPolicy policy() const { return shm::PathPolicy({paths.base_dir}); }
    [[nodiscard]] std::string epoch_dir(std::uint64_t epoch = 5) const {
        return paths.epoch_dir(kStream, epoch);
    }

    static constexpr std::uint32_t kStream = 7;
    static constexpr std::uint64_t kNow = 1'000'000'000;

    TempDir dir;
    shm::StreamPaths paths;
};

/// How many mappings of files below `dir` this process has.
inline int mappings_below(const std::string& dir) {
    std::ifstream maps("/proc/self/maps");
    int found = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find(" " + dir + "/") != std::string::npos) ++found;
    }
    return found;
}

/// Everything in a directory, by name.
inline std::vector<std::string> names_in(const std::string& dir) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace tensorpool::test
