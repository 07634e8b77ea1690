// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>

#include "messaging/messaging.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tensorpool::apps {

/// One role's numbers by metric name.
struct TopOwner {
    std::string role;
    std::uint64_t id = 0;
    std::optional<std::uint32_t> stream_id;
    std::optional<std::uint32_t> source_stream_id;
    std::string instance;
    std::map<std::string_view, std::uint64_t> values;

    /// 0 when the role does not publish it.
    [[nodiscard]] std::uint64_t value(std::string_view metric) const noexcept;
};

/// Everything that was published at one moment.
struct TopSample {
    Nanos at_ns = 0;
    std::map<std::pair<std::string, std::uint64_t>, TopOwner> owners;  ///< by name and id
};

[[nodiscard]] TopSample take_top_sample(messaging::Client& client, Nanos now_ns);

/// One screen of at most `rows` lines of at most `columns` characters: a headline, the roles that serve many
/// streams, then each stream's roles with their rates between the two samples. Who carries one stream to
/// another has the source's number in the ID column.
[[nodiscard]] std::string render_top(const TopSample& before, const TopSample& now, std::size_t columns,
                                     std::size_t rows);

}  // namespace tensorpool::apps
