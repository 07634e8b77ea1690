// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/expected.hpp>

#include <string>
#include <string_view>

namespace tensorpool::shm {

/// `shm:file?path=<absolute path>[|require_hugepages=true|false]` (wire.md 5.17).
struct RegionUri {
    std::string path;
    bool require_hugepages = false;

    friend bool operator==(const RegionUri&, const RegionUri&) = default;
};

/// The one syntax there is, strictly: lower case, each parameter once, no empty value (trap T25). The error
/// is one line that says what is wrong and what would be valid. The text is an announced one, hence hostile.
[[nodiscard]] expected<RegionUri, std::string> parse_region_uri(std::string_view text);

/// Writes `require_hugepages` only when it is true. Precondition: `uri.path` is an absolute path the syntax
/// allows.
[[nodiscard]] std::string format_region_uri(const RegionUri& uri);

}  // namespace tensorpool::shm
