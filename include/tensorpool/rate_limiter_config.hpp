// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/driver_config.hpp>
#include <tensorpool/rate_limiter.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool {

/// A rate limiter and how it reaches its peers.
struct RateLimiterConfig {
    MessagingKind messaging = MessagingKind::Embedded;
    std::string messaging_dir;
    bool messaging_group = false;
    bool embedded_media_driver = false;
    std::string aeron_dir;
    RateLimiterOptions options;

    [[nodiscard]] ContextOptions context_options() const;
};

struct LoadedRateLimiterConfig {
    RateLimiterConfig config;
    std::vector<ConfigProblem> warnings;
};

/// Reads [rate_limiter] and [[mappings]] of a TOML file, environment overrides applied (RATE_LIMITER_<KEY>).
/// Throws ConfigError with every problem, or Error(NotFound) when the file cannot be read.
[[nodiscard]] LoadedRateLimiterConfig load_rate_limiter_config(
    const std::filesystem::path& file, const Environment& environment = process_environment());
/// The same for TOML text; `source_name` stands for the file in messages.
[[nodiscard]] LoadedRateLimiterConfig parse_rate_limiter_config(
    std::string_view toml, const std::string& source_name,
    const Environment& environment = process_environment());

}  // namespace tensorpool
