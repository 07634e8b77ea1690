// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/standalone_options.hpp"

#include "common/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace tensorpool::apps {
namespace {

constexpr const char* kGroup = "Without a driver";
constexpr std::uint64_t kSmallestStride = 64;
constexpr std::uint64_t kLargestStride = std::uint64_t{1} << 31;

}  // namespace

void StandaloneOptions::add_to(const cli::Command& command) {
    command.add_flag("--standalone", enabled, "own the shared memory instead of attaching to a driver")
        .group(kGroup);
    command.add_option("--shm-base-dir", layout.base_dir, "where the files are made")
        .capture_default_str()
        .group(kGroup);
    command.add_option("--namespace", layout.namespace_name, "directory level that keeps deployments apart")
        .capture_default_str()
        .group(kGroup);
    command.add_option("--nslots", layout.header_nslots, "slots of the ring; a power of two")
        .capture_default_str()
        .group(kGroup);
}

StandaloneLayout StandaloneOptions::layout_for(std::uint64_t payload_bytes) const {
    if (payload_bytes > kLargestStride)
        throw UsageError(fmt::format("a frame of {} bytes does not fit the largest slot, {} bytes",
                                     payload_bytes, kLargestStride));
    StandaloneLayout shaped = layout;
    shaped.pools = {{1, static_cast<std::uint32_t>(std::bit_ceil(std::max(payload_bytes, kSmallestStride)))}};
    return shaped;
}

}  // namespace tensorpool::apps
