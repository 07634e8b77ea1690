// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "shm/region_uri.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool::shm {
namespace {

constexpr std::string_view kScheme = "shm:file?";
constexpr std::string_view kPathKey = "path=";
constexpr std::string_view kHugepagesKey = "require_hugepages=";
constexpr std::size_t kQuotedBytes = 120;

bool is_path_byte(char c) noexcept {
    return c > ' ' && c < '\x7f' && c != '?' && c != '|';
}

unexpected<std::string> fault(std::string_view text, std::string_view reason) {
    std::string quoted;
    for (const char c : text.substr(0, kQuotedBytes)) quoted += c >= ' ' && c < '\x7f' ? c : '?';
    return unexpected(fmt::format("region URI '{}': {}", quoted, reason));
}

}  // namespace

expected<RegionUri, std::string> parse_region_uri(std::string_view text) {
    if (!text.starts_with(kScheme)) {
        return fault(text, "must begin with 'shm:file?'; no other scheme is supported (WIRE-156)");
    }
    RegionUri uri;
    bool seen_path = false;
    bool seen_hugepages = false;
    std::string_view rest = text.substr(kScheme.size());
    while (true) {
        const std::size_t bar = rest.find('|');
        const std::string_view parameter = rest.substr(0, bar);
        if (parameter.starts_with(kPathKey)) {
            if (seen_path) return fault(text, "'path' appears twice (WIRE-156)");
            seen_path = true;
            uri.path = parameter.substr(kPathKey.size());
        } else if (parameter.starts_with(kHugepagesKey)) {
            const std::string_view value = parameter.substr(kHugepagesKey.size());
            if (seen_hugepages) return fault(text, "'require_hugepages' appears twice (WIRE-156)");
            if (value != "true" && value != "false") {
                return fault(text, "'require_hugepages' must be 'true' or 'false' (WIRE-156)");
            }
            seen_hugepages = true;
            uri.require_hugepages = value == "true";
        } else {
            return fault(text,
                         "only 'path' and 'require_hugepages' exist, separated by '|' (WIRE-156, WIRE-157)");
        }
        if (bar == std::string_view::npos) break;
        rest.remove_prefix(bar + 1);
    }
    if (!seen_path) return fault(text, "'path' is required (WIRE-156)");
    if (uri.path.size() < 2 || uri.path.front() != '/')
        return fault(text, "'path' must be absolute (WIRE-148)");
    if (!std::all_of(uri.path.begin(), uri.path.end(), is_path_byte)) {
        return fault(text, "'path' may hold only visible ASCII characters (WIRE-157)");
    }
    return uri;
}

std::string format_region_uri(const RegionUri& uri) {
    return fmt::format("{}{}{}{}", kScheme, kPathKey, uri.path,
                       uri.require_hugepages ? "|require_hugepages=true" : "");
}

}  // namespace tensorpool::shm
