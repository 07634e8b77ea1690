// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/codec.hpp"
#include "wire/driver_blocks.hpp"
#include "wire/frame_descriptor.hpp"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Shared by codec_control.cpp and codec_driver.cpp only.
namespace tensorpool::control {

[[nodiscard]] inline std::size_t finished(const wire::Encoder& to) noexcept {
    return to.ok() ? to.size() : 0;
}

[[nodiscard]] inline DecodeResult failed(const wire::Decoder& from) noexcept {
    switch (from.error()) {
        case wire::DecodeError::NotOurs:
            return DecodeResult::NotOurs;
        case wire::DecodeError::TooNew:
            return DecodeResult::TooNew;
        case wire::DecodeError::None:
        case wire::DecodeError::Truncated:
        case wire::DecodeError::ShortBlock:
        case wire::DecodeError::TooLong:
            break;
    }
    return DecodeResult::Malformed;
}

[[nodiscard]] inline std::uint8_t as_bool(bool value) noexcept {
    return value ? 1 : 0;
}
[[nodiscard]] inline bool is_bool(std::uint8_t value) noexcept {
    return value <= 1;
}

/// The null of every optional unsigned field but trace_id is all ones (WIRE-012, trap T17).
template <typename T>
[[nodiscard]] T or_null(const std::optional<T>& value) noexcept {
    return value.value_or(std::numeric_limits<T>::max());
}
template <typename T>
[[nodiscard]] std::optional<T> from_null(T value) noexcept {
    return value == std::numeric_limits<T>::max() ? std::nullopt : std::optional<T>(value);
}

// A value is known when the protocol has a name for it.
[[nodiscard]] inline bool is_known(Mode v) noexcept {
    return v == Mode::Stream || v == Mode::RateLimited;
}
[[nodiscard]] inline bool is_known(ClockDomain v) noexcept {
    return v == ClockDomain::Monotonic || v == ClockDomain::RealtimeSynced;
}
[[nodiscard]] inline bool is_known(Role v) noexcept {
    return v == Role::Producer || v == Role::Consumer;
}
[[nodiscard]] inline bool is_known(ResponseCode v) noexcept {
    return v >= ResponseCode::Ok && v <= ResponseCode::InternalError;
}
[[nodiscard]] inline bool is_known(FrameProgressState v) noexcept {
    return v <= FrameProgressState::Complete;
}
[[nodiscard]] inline bool is_known(LeaseRevokeReason v) noexcept {
    return v >= LeaseRevokeReason::Detached && v <= LeaseRevokeReason::Revoked;
}
[[nodiscard]] inline bool is_known(ShutdownReason v) noexcept {
    return v <= ShutdownReason::Error;
}

[[nodiscard]] inline bool get_text(wire::Decoder& from, std::string& text) {
    std::string_view view;
    if (!from.var_data(view)) return false;
    text = view;
    return true;
}

inline void put_pools(wire::Encoder& to, const std::vector<PoolInfo>& pools) noexcept {
    to.group(wire::PayloadPoolEntry::kBlockLength, pools.size());
    for (const PoolInfo& pool : pools) {
        to.entry(wire::PayloadPoolEntry{pool.pool_id, pool.nslots, pool.stride_bytes});
        to.var_data(pool.region_uri);
    }
}

[[nodiscard]] inline bool get_pools(wire::Decoder& from, std::vector<PoolInfo>& pools) {
    wire::GroupHeader group;
    if (!from.group(group)) return false;
    pools.clear();
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        wire::PayloadPoolEntry entry;
        std::string uri;
        if (!from.entry(entry, group.block_length) || !get_text(from, uri)) return false;
        pools.push_back({entry.pool_id, entry.pool_nslots, entry.stride_bytes, std::move(uri)});
    }
    return true;
}

}  // namespace tensorpool::control
