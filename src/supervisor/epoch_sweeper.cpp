// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "supervisor/epoch_sweeper.hpp"

#include "base/log.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace tensorpool::supervisor {
namespace {

std::optional<shm::StreamPaths> paths_for(const std::string& base_dir, const std::string& namespace_name) {
    if (base_dir.empty()) return std::nullopt;
    std::error_code error;
    const std::string base = std::filesystem::canonical(base_dir, error).string();
    if (error || !base_dir.starts_with('/') || !std::filesystem::is_directory(base, error)) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format("supervisor: sweep_base_dir '{}' is not an absolute path of an existing directory",
                        base_dir));
    }
    if (!shm::is_safe_component(namespace_name)) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("supervisor: sweep_namespace '{}': letters, digits, '.', '-' and '_'",
                                namespace_name));
    }
    return shm::StreamPaths{base, shm::sanitised_user(), namespace_name};
}

}  // namespace

EpochSweeper::EpochSweeper(const std::string& base_dir, const std::string& namespace_name,
                           Nanos stale_after_ns, Nanos now_ns)
    : paths_(paths_for(base_dir, namespace_name)),
      stale_after_ns_(stale_after_ns),
      timer_(stale_after_ns, now_ns) {
}

int EpochSweeper::do_work(Nanos now_ns) noexcept {
    if (!paths_ || !timer_.due(now_ns)) return 0;
    int removed = 0;
    try {
        for (const std::uint32_t stream_id : shm::list_streams(*paths_)) {
            const int here =
                shm::remove_dead_epochs(*paths_, stream_id, shm::StaleAfter{now_ns, stale_after_ns_});
            if (here == 0) continue;
            removed += here;
            base::log(LogLevel::Info, "Supervisor", "stream {}: removed {} epochs of a producer that is gone",
                      stream_id, here);
            shm::remove_empty_parents(*paths_, stream_id);
        }
    } catch (...) {
        return removed;  // out of memory for a list of names: what stays costs space only
    }
    return removed;
}

}  // namespace tensorpool::supervisor
