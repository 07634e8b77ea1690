// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorpool {

// Enumerations of the control protocol, with their wire values (wire.md section 2, driver.md section 1).

enum class Role : std::uint8_t { Producer = 1, Consumer = 2 };
enum class PublishMode : std::uint8_t { RequireExisting = 1, ExistingOrCreate = 2 };
enum class HugepagesPolicy : std::uint8_t { Unspecified = 0, Standard = 1, Hugepages = 2 };
enum class ResponseCode : std::int32_t {
    Ok = 0,
    Unsupported = 1,
    InvalidParams = 2,
    Rejected = 3,
    InternalError = 4
};
enum class LeaseRevokeReason : std::uint8_t { Detached = 1, Expired = 2, Revoked = 3 };
enum class ShutdownReason : std::uint8_t { Normal = 0, Admin = 1, Error = 2 };
enum class ClockDomain : std::uint8_t { Monotonic = 1, RealtimeSynced = 2 };
enum class Mode : std::uint8_t { Stream = 1, RateLimited = 2 };
enum class FrameProgressState : std::uint8_t { Unknown = 0, Started = 1, Progress = 2, Complete = 3 };

/// The protocol's own spelling ("PRODUCER", "EXISTING_OR_CREATE", ...); "UNKNOWN" for anything else.
[[nodiscard]] std::string_view to_string(Role role) noexcept;
[[nodiscard]] std::string_view to_string(PublishMode mode) noexcept;
[[nodiscard]] std::string_view to_string(HugepagesPolicy policy) noexcept;
[[nodiscard]] std::string_view to_string(ResponseCode code) noexcept;
[[nodiscard]] std::string_view to_string(LeaseRevokeReason reason) noexcept;
[[nodiscard]] std::string_view to_string(ShutdownReason reason) noexcept;
[[nodiscard]] std::string_view to_string(ClockDomain domain) noexcept;
[[nodiscard]] std::string_view to_string(Mode mode) noexcept;
[[nodiscard]] std::string_view to_string(FrameProgressState state) noexcept;

}  // namespace tensorpool
