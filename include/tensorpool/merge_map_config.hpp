// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_config.hpp>
#include <tensorpool/merge_map.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

struct LoadedMergeMap {
    MergeMap map;
    std::vector<ConfigProblem> warnings;
};

/// Reads the [merge_map] table of a TOML file, environment overrides applied (MERGE_MAP_<KEY>). Throws
/// ConfigError with every problem, or Error(NotFound) when the file cannot be read. What it returns has no
/// fault_of().
[[nodiscard]] LoadedMergeMap load_merge_map(const std::filesystem::path& file,
                                            const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] LoadedMergeMap parse_merge_map(std::string_view toml, const std::string& source_name,
                                             const Environment& environment = process_environment());

}  // namespace tensorpool
