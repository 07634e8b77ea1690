// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorpool::telemetry {

enum class Kind : std::uint8_t {
    Total,  ///< since the role began; never goes down (OBS-007)
    Gauge,  ///< goes up and down
};

/// One number that a role publishes. `number` and `label` are those of observability.md section 1 below
/// kFirstOwnNumber, ours from there on. Roles without a table there have what OT-06 asks for below.
struct Metric {
    std::uint16_t number;
    std::string_view label;
    std::string_view name;  ///< "producer_frames_published"
    std::string_view help;
    Kind kind = Kind::Total;
};

inline constexpr std::uint16_t kDutyCyclesNumber = 1;
inline constexpr std::uint16_t kWorkDoneNumber = 2;
inline constexpr std::uint16_t kFirstOwnNumber = 64;
inline constexpr std::uint16_t kFirstGaugeNumber = 128;
inline constexpr std::uint16_t kFirstLatencyNumber = 192;

/// A metric and the member it is read from. Every role has one table of these per struct (tables.hpp).
template <typename Source>
struct Row {
    Metric metric;
    std::uint64_t Source::*member;
};

/// Who a counter belongs to (OBS-003 to OBS-005). The name's first word is the role.
struct Owner {
    std::string name;  ///< "Producer stream=10000 instance=unknown"
    std::uint64_t id = 0;
};

/// An owner that belongs to no stream; the same of its instance name. "Discovery instance=unknown".
[[nodiscard]] Owner plain_owner(std::string_view role, std::uint64_t id, std::string_view instance);
/// An owner with the id of its stream and an instance name, whose odd characters are replaced. `more` is
/// nothing or further words, as "source=10000".
[[nodiscard]] Owner stream_owner(std::string_view role, std::uint64_t id, std::uint32_t stream_id,
                                 std::string_view instance, std::string_view more = {});

}  // namespace tensorpool::telemetry
