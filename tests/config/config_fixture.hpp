// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_config.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace tensorpool::test {

using Variables = std::map<std::string, std::string>;

/// An environment that holds exactly these variables.
inline Environment environment_of(Variables variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
}

/// The smallest file that is valid: everything else by default.
inline const std::string kMinimalToml = R"([profiles.camera]
header_nslots = 64
payload_pools = [{ pool_id = 1, stride_bytes = 1048576 }]
[streams.cam1]
stream_id = 10000
profile = "camera"
)";

inline LoadedDriverConfig parse(const std::string& toml, Variables variables = {}) {
    return parse_driver_config(toml, "driver.toml", environment_of(std::move(variables)));
}

/// `prefix` followed by the key in upper case: its environment variable.
inline std::string upper(std::string prefix, const std::string& key) {
    for (const char c : key) prefix += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return prefix;
}

/// The minimal file with more text in front of it.
inline LoadedDriverConfig parse_with(const std::string& toml, Variables variables = {}) {
    return parse(toml + "\n" + kMinimalToml, std::move(variables));
}

/// The problems of a file that must be refused; a failure when it is accepted.
inline std::vector<ConfigProblem> problems_of(const std::string& toml, Variables variables = {}) {
    try {
        (void)parse(toml, std::move(variables));
    } catch (const ConfigError& error) {
        return error.problems();
    }
    ADD_FAILURE() << "accepted:\n" << toml;
    return {};
}

/// The one problem of the minimal file with `toml` in front, as the line a user sees.
inline std::string problem_with(const std::string& toml, Variables variables = {}) {
    const auto problems = problems_of(toml + "\n" + kMinimalToml, std::move(variables));
    EXPECT_EQ(problems.size(), 1U) << toml;
    for (std::size_t i = 1; i < problems.size(); ++i) ADD_FAILURE() << "also: " << problems[i].str();
    return problems.empty() ? std::string() : problems.front().str();
}

}  // namespace tensorpool::test
