// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp shm-create: one region file with a superblock, for tests of other implementations without a driver.

#include "common/choice.hpp"
#include "shm/region.hpp"
#include "shm/stream_files.hpp"
#include "shm/superblock.hpp"
#include "tp/commands.hpp"

#include <tensorpool/clock.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

namespace tensorpool::apps {
namespace {

struct CreateOptions {
    std::string base_dir;
    std::string namespace_name = "default";
    wire::RegionType region = wire::RegionType::HeaderRing;
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;
    std::uint32_t layout_version = wire::kLayoutVersion;
    std::string noncanonical;
    bool allow_noncompliant = false;
};

bool is_pool(const CreateOptions& options) {
    return options.region == wire::RegionType::PayloadPool;
}

void check(const CreateOptions& options) {
    if (options.noncanonical.empty() && options.base_dir.empty())
        throw UsageError("--shm-base-dir is required, or --noncanonical <path> with --allow-noncompliant");
    if (!options.noncanonical.empty() && !options.allow_noncompliant)
        throw UsageError("--noncanonical: no consumer has to map such a path; say --allow-noncompliant");
    const std::string& path = options.noncanonical.empty() ? options.base_dir : options.noncanonical;
    if (!path.starts_with('/')) throw UsageError(fmt::format("{}: must be an absolute path", path));
    if (!shm::is_safe_component(options.namespace_name))
        throw UsageError(
            fmt::format("--namespace {}: letters, digits, '.', '-' and '_'", options.namespace_name));
    if (is_pool(options) && (options.pool_id == 0 || options.stride_bytes == 0))
        throw UsageError("--region pool: needs --pool-id and --stride-bytes, both above 0");
    if (options.allow_noncompliant) return;
    if (!std::has_single_bit(options.nslots))
        throw UsageError(
            fmt::format("--nslots {}: must be a power of two (WIRE-057), or say "
                        "--allow-noncompliant",
                        options.nslots));
    if (is_pool(options) && options.stride_bytes % 64 != 0)
        throw UsageError(
            fmt::format("--stride-bytes {}: must be a multiple of 64 (WIRE-061), or say "
                        "--allow-noncompliant",
                        options.stride_bytes));
}

/// Makes the directories of the canonical layout that are missing, 0700 each.
void make_directories(const std::string& base, const std::string& leaf) {
    if (!std::filesystem::is_directory(base))
        throw Error(ErrorCode::NotFound, fmt::format("SHM error: {}: no such directory", base));
    for (std::size_t end = leaf.find('/', base.size() + 1);; end = leaf.find('/', end + 1)) {
        const std::string directory = leaf.substr(0, end);
        if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
            throw Error(ErrorCode::SystemError,
                        fmt::format("SHM error: {}: mkdir: {}", directory, std::strerror(errno)));
        }
        if (end == std::string::npos) return;
    }
}

std::string make_path(const CreateOptions& options) {
    if (!options.noncanonical.empty()) return options.noncanonical;
    std::error_code error;
    const std::string base = std::filesystem::canonical(options.base_dir, error).string();
    if (error)
        throw Error(ErrorCode::NotFound, fmt::format("SHM error: {}: {}", options.base_dir, error.message()));
    const shm::StreamPaths paths{base, shm::sanitised_user(), options.namespace_name};
    const std::string directory = paths.epoch_dir(options.stream_id, options.epoch);
    make_directories(base, directory);
    return is_pool(options) ? fmt::format("{}/{}.pool", directory, options.pool_id)
                            : directory + "/header.ring";
}

ExitCode run_create(CreateOptions& options) {
    check(options);
    shm::RegionExpectation shape;
    shape.stream_id = options.stream_id;
    shape.epoch = options.epoch;
    shape.layout_version = options.layout_version;
    shape.type = options.region;
    shape.pool_id = is_pool(options) ? options.pool_id : std::uint16_t{0};
    shape.nslots = options.nslots;
    shape.stride_bytes = is_pool(options) ? options.stride_bytes : 0;
    const shm::Region region = shm::Region::create(
        make_path(options), shm::region_bytes(shape.type, shape.nslots, shape.stride_bytes), {});
    shm::write_superblock(region.base(), shape, static_cast<std::uint64_t>(::getpid()),
                          static_cast<std::uint64_t>(monotonic_now_ns()));
    return ExitCode::Ok;
}

}  // namespace

void add_shm_create_command(const cli::Command& app, Selection& selection) {
    add_command<CreateOptions>(
        app, selection, "shm-create",
        "Make one region file with a superblock, for tests without a driver.\n"
        "Example: tp shm-create --shm-base-dir /dev/shm --region header --stream-id 10000 --epoch 1 --nslots "
        "8",
        [](const cli::Command& command, CreateOptions& options) {
            static const std::map<std::string, wire::RegionType> kRegions{
                {"header", wire::RegionType::HeaderRing}, {"pool", wire::RegionType::PayloadPool}};
            command.add_option("--shm-base-dir", options.base_dir, "absolute; the layout below it is ours");
            command.add_option("--namespace", options.namespace_name, "directory below the user's")
                .capture_default_str();
            add_choice(command, "--region", options.region, kRegions, "header or pool").required();
            command.add_option("--stream-id", options.stream_id, "tensor stream").required();
            command.add_option("--epoch", options.epoch, "epoch").required();
            command.add_option("--pool-id", options.pool_id, "pools only");
            command.add_option("--nslots", options.nslots, "slots").required().check(cli::positive());
            command.add_option("--stride-bytes", options.stride_bytes, "pools only");
            command.add_option("--layout-version", options.layout_version, "written into the superblock")
                .capture_default_str();
            command.add_option("--noncanonical", options.noncanonical, "this very path instead");
            command.add_flag("--allow-noncompliant", options.allow_noncompliant,
                             "also paths and sizes that the protocol forbids");
        },
        run_create);
}

}  // namespace tensorpool::apps
