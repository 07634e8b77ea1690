// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

namespace tensorpool::control {
namespace {

constexpr std::uint16_t kHeaderSlotBytes = 256;
constexpr std::uint32_t kMinStrideBytes = 64;
constexpr std::size_t kMaxErrorBytes = 1024;

bool is_blank(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; });
}

/// What announces and attach responses must say alike about a stream's regions.
std::optional<std::string> layout_fault(std::uint32_t nslots, std::uint16_t slot_bytes,
                                        const std::string& header_uri, const std::vector<PoolInfo>& pools) {
    if (slot_bytes != kHeaderSlotBytes) {
        return fmt::format("header_slot_bytes is {}, must be 256 (WIRE-066, DRV-061)", slot_bytes);
    }
    if (!std::has_single_bit(nslots))
        return fmt::format("header_nslots {} is not a power of two (WIRE-057)", nslots);
    if (is_blank(header_uri)) return "header_region_uri is missing (DRV-060)";
    if (pools.empty()) return "there are no payload pools (DRV-061)";
    std::set<std::uint16_t> ids;
    for (const PoolInfo& pool : pools) {
        if (pool.nslots != nslots) {
            return fmt::format("pool {} has {} slots, the header ring {} (WIRE-057, DRV-062)", pool.pool_id,
                               pool.nslots, nslots);
        }
        if (!std::has_single_bit(pool.stride_bytes) || pool.stride_bytes < kMinStrideBytes) {
            return fmt::format("pool {} has stride {}, not a power of two of at least 64 (WIRE-061)",
                               pool.pool_id, pool.stride_bytes);
        }
        if (pool.pool_id == 0 || !ids.insert(pool.pool_id).second) {
            return fmt::format("pool id {} is 0 or appears twice", pool.pool_id);
        }
        if (is_blank(pool.region_uri))
            return fmt::format("pool {} has no region_uri (DRV-060)", pool.pool_id);
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(DecodeResult result) noexcept {
    switch (result) {
        case DecodeResult::Ok:
            return "ok";
        case DecodeResult::NotOurs:
            return "another schema or template";
        case DecodeResult::TooNew:
            return "a newer schema version";
        case DecodeResult::Malformed:
            return "malformed";
        case DecodeResult::BadEnum:
            return "an unknown enum value";
    }
    return "unknown";
}

std::optional<std::string> invalid_reason(const PoolAnnounce& announce) {
    if (announce.epoch == 0) return "epoch is 0";
    return layout_fault(announce.header_nslots, announce.header_slot_bytes, announce.header_region_uri,
                        announce.pools);
}

std::optional<std::string> invalid_reason(const AttachResponse& response) {
    if (response.code != ResponseCode::Ok) return std::nullopt;
    const auto missing = [](std::string_view field) {
        return fmt::format("OK without {} (DRV-049, DRV-060)", field);
    };
    if (!response.lease_id) return missing("lease_id");
    if (!response.stream_id) return missing("stream_id");
    if (!response.epoch) return missing("epoch");
    if (!response.layout_version) return missing("layout_version");
    if (!response.header_nslots) return missing("header_nslots");
    if (!response.header_slot_bytes) return missing("header_slot_bytes");
    return layout_fault(*response.header_nslots, *response.header_slot_bytes, response.header_region_uri,
                        response.pools);
}

std::optional<std::string> invalid_reason(const ConsumerHello& hello) {
    const auto half = [](std::string_view which, bool channel, bool id) -> std::optional<std::string> {
        if (channel == id) return std::nullopt;
        return fmt::format("{} stream requested with {} (WIRE-076 to WIRE-078)", which,
                           channel ? "a channel but stream id 0" : "a stream id but no channel");
    };
    if (auto fault = half("descriptor", !hello.descriptor_channel.empty(), hello.descriptor_stream_id != 0))
        return fault;
    return half("control", !hello.control_channel.empty(), hello.control_stream_id != 0);
}

std::string truncated_error(std::string text) {
    if (text.size() > kMaxErrorBytes) text.resize(kMaxErrorBytes);
    return text;
}

}  // namespace tensorpool::control
