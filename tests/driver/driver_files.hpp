// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "driver_harness.hpp"
#include "shm/region_uri.hpp"
#include "support/forked_child.hpp"
#include "wire/shm_records.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

// Looks at, and tampers with, the files a driver made.
namespace tensorpool::test {

inline std::filesystem::path path_of(const std::string& uri) {
    const auto parsed = shm::parse_region_uri(uri);
    if (!parsed) throw std::runtime_error(parsed.error());
    return parsed->path;
}

/// The directory of the epoch that a response granted.
inline std::filesystem::path epoch_dir_of(const control::AttachResponse& response) {
    return path_of(response.header_region_uri).parent_path();
}

inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& dir) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir)) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

inline struct stat status_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("no file " + path.string());
    return status;
}

/// The fields of a superblock where references may point to them: on the wire they are misaligned.
struct SuperblockFields {
    std::uint64_t magic, epoch, pid, start_timestamp_ns, activity_timestamp_ns;
    std::uint32_t layout_version, stream_id, nslots, slot_bytes, stride_bytes;
    wire::RegionType region_type;
    std::uint16_t pool_id;
};

inline wire::Superblock raw_superblock_of(const std::filesystem::path& file) {
    wire::Superblock block{};
    std::ifstream in(file, std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(&block), sizeof(block)))
        throw std::runtime_error("no superblock in " + file.string());
    return block;
}

inline SuperblockFields superblock_of(const std::filesystem::path& file) {
    const wire::Superblock raw = raw_superblock_of(file);
    return {raw.magic,          raw.epoch,     raw.pid,    raw.start_timestamp_ns, raw.activity_timestamp_ns,
            raw.layout_version, raw.stream_id, raw.nslots, raw.slot_bytes,         raw.stride_bytes,
            raw.region_type,    raw.pool_id};
}

/// Rewrites the superblock of one file.
template <typename Change>
void tamper(const std::filesystem::path& file, Change&& change) {
    wire::Superblock block = raw_superblock_of(file);
    change(block);
    std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
    out.write(reinterpret_cast<const char*>(&block), sizeof(block));
}

/// A pid that no process has any more.
inline std::uint64_t dead_pid() {
    ForkedChild child([] { return 0; });
    const auto pid = static_cast<std::uint64_t>(child.pid());
    child.wait();
    return pid;
}

/// Makes an epoch directory look as if process `pid` had made it.
inline void set_owner_process(const std::filesystem::path& epoch_dir, std::uint64_t pid) {
    for (const auto& file : files_in(epoch_dir)) tamper(file, [&](wire::Superblock& b) { b.pid = pid; });
}

}  // namespace tensorpool::test
