// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/discovery_status.hpp>

#include "control/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The two messages of schema 910 (discovery.md) as plain structs, and their codec. Apart from the control
// plane's messages: only discovery speaks them, and they have no tolerance for other versions.
namespace tensorpool::control {

struct DiscoveryRequest {
    std::uint64_t request_id = 0;
    std::uint32_t client_id = 0;
    std::uint32_t response_stream_id = 0;
    std::optional<std::uint32_t> stream_id;
    std::optional<std::uint32_t> producer_id;
    std::optional<std::uint64_t> data_source_id;
    std::vector<std::string> tags;
    std::string response_channel;
    std::string data_source_name;

    friend bool operator==(const DiscoveryRequest&, const DiscoveryRequest&) = default;
};

struct DiscoveryResult {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t layout_version = 0;
    std::uint32_t header_nslots = 0;
    std::uint16_t header_slot_bytes = 256;
    std::uint8_t max_dims = 8;
    std::optional<std::uint64_t> data_source_id;
    std::uint32_t driver_control_stream_id = 0;
    std::vector<PoolInfo> pools;
    std::vector<std::string> tags;
    std::string header_region_uri;
    std::string data_source_name;
    std::string driver_instance_id;
    std::string driver_control_channel;

    friend bool operator==(const DiscoveryResult&, const DiscoveryResult&) = default;
};

struct DiscoveryResponse {
    std::uint64_t request_id = 0;
    DiscoveryStatus status = DiscoveryStatus::Ok;
    std::vector<DiscoveryResult> results;
    std::string error_message;

    friend bool operator==(const DiscoveryResponse&, const DiscoveryResponse&) = default;
};

/// A response whose results stay where they are, for a provider that answers out of its cache.
struct DiscoveryAnswerView {
    std::uint64_t request_id = 0;
    DiscoveryStatus status = DiscoveryStatus::Ok;
    std::span<const DiscoveryResult* const> results;
    std::string_view error_message;
};

/// As the codec of the control messages: 0 when `out` is too small.
[[nodiscard]] std::size_t encode(std::span<std::byte> out, const DiscoveryRequest& message) noexcept;
[[nodiscard]] std::size_t encode(std::span<std::byte> out, const DiscoveryResponse& message);
[[nodiscard]] std::size_t encode(std::span<std::byte> out, const DiscoveryAnswerView& message) noexcept;
/// A request that ends right behind its channel has no name filter (trap 5).
[[nodiscard]] DecodeResult decode(std::span<const std::byte> in, DiscoveryRequest& message);
[[nodiscard]] DecodeResult decode(std::span<const std::byte> in, DiscoveryResponse& message);

/// Why one result must not be used, or nothing (DISC-053 to DISC-055, DISC-063 to DISC-066).
[[nodiscard]] std::optional<std::string> invalid_reason(const DiscoveryResult& result);

}  // namespace tensorpool::control
