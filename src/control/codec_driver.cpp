// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec.hpp"
#include "control/codec_support.hpp"

// Schema 901 (driver.md section 1).
namespace tensorpool::control {

using wire::Decoder;
using wire::Encoder;

std::size_t encode(std::span<std::byte> out, const AttachRequest& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmAttachRequestBlock{
        m.correlation_id, m.stream_id, m.client_id, static_cast<Role>(m.role), m.expected_layout_version,
        static_cast<PublishMode>(or_null(m.publish_mode)), static_cast<HugepagesPolicy>(m.require_hugepages),
        or_null(m.desired_node_id)});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, AttachRequest& m) {
    Decoder from(in);
    wire::ShmAttachRequestBlock b;
    // A later version is read as far as we know it, so that it can be answered UNSUPPORTED (DRV-018, TRP-36).
    if (!from.message_of_any_version(b, m.version)) return failed(from);
    m.correlation_id = b.correlation_id;
    m.stream_id = b.stream_id;
    m.client_id = b.client_id;
    m.role = static_cast<std::uint8_t>(b.role);
    m.expected_layout_version = b.expected_layout_version;
    m.publish_mode = from_null(static_cast<std::uint8_t>(b.publish_mode));
    m.require_hugepages = static_cast<std::uint8_t>(b.require_hugepages);
    m.desired_node_id = from_null<std::uint32_t>(b.desired_node_id);
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const AttachResponse& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmAttachResponseBlock{
        m.correlation_id, m.code, or_null(m.lease_id), or_null(m.lease_expiry_timestamp_ns),
        or_null(m.stream_id), or_null(m.epoch), or_null(m.layout_version), or_null(m.header_nslots),
        or_null(m.header_slot_bytes), or_null(m.node_id)});
    put_pools(to, m.pools);
    to.var_data(m.header_region_uri);
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, AttachResponse& m) {
    Decoder from(in);
    wire::ShmAttachResponseBlock b;
    if (!from.message(b)) return failed(from);
    m.correlation_id = b.correlation_id;  // first: it says whose answer the rest could not be read of
    if (!get_pools(from, m.pools) || !get_text(from, m.header_region_uri) ||
        !get_text(from, m.error_message)) {
        return failed(from);
    }
    if (!is_known(b.code)) return DecodeResult::BadEnum;
    m.code = b.code;
    m.lease_id = from_null<std::uint64_t>(b.lease_id);
    m.lease_expiry_timestamp_ns = from_null<std::uint64_t>(b.lease_expiry_timestamp_ns);
    m.stream_id = from_null<std::uint32_t>(b.stream_id);
    m.epoch = from_null<std::uint64_t>(b.epoch);
    m.layout_version = from_null<std::uint32_t>(b.layout_version);
    m.header_nslots = from_null<std::uint32_t>(b.header_nslots);
    m.header_slot_bytes = from_null<std::uint16_t>(b.header_slot_bytes);
    m.node_id = from_null<std::uint32_t>(b.node_id);
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DetachRequest& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmDetachRequestBlock{m.correlation_id, m.lease_id, m.stream_id, m.client_id, m.role});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DetachRequest& m) {
    Decoder from(in);
    wire::ShmDetachRequestBlock b;
    if (!from.message(b)) return failed(from);
    if (!is_known(b.role)) return DecodeResult::BadEnum;
    m = {b.correlation_id, b.lease_id, b.stream_id, b.client_id, b.role};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DetachResponse& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmDetachResponseBlock{m.correlation_id, m.code});
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DetachResponse& m) {
    Decoder from(in);
    wire::ShmDetachResponseBlock b;
    if (!from.message(b) || !get_text(from, m.error_message)) return failed(from);
    if (!is_known(b.code)) return DecodeResult::BadEnum;
    m.correlation_id = b.correlation_id;
    m.code = b.code;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const LeaseKeepalive& m) noexcept {
    Encoder to(out);
    to.message(
        wire::ShmLeaseKeepaliveBlock{m.lease_id, m.stream_id, m.client_id, m.role, m.client_timestamp_ns});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, LeaseKeepalive& m) {
    Decoder from(in);
    wire::ShmLeaseKeepaliveBlock b;
    if (!from.message(b)) return failed(from);
    if (!is_known(b.role)) return DecodeResult::BadEnum;
    m = {b.lease_id, b.stream_id, b.client_id, b.role, b.client_timestamp_ns};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DriverShutdown& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmDriverShutdownBlock{m.timestamp_ns, m.reason});
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DriverShutdown& m) {
    Decoder from(in);
    wire::ShmDriverShutdownBlock b;
    if (!from.message(b) || !get_text(from, m.error_message)) return failed(from);
    if (!is_known(b.reason)) return DecodeResult::BadEnum;
    m.timestamp_ns = b.timestamp_ns;
    m.reason = b.reason;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const LeaseRevoked& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmLeaseRevokedBlock{m.timestamp_ns, m.lease_id, m.stream_id, m.client_id,
                                          m.role.value_or(Role::Consumer),
                                          m.reason.value_or(LeaseRevokeReason::Revoked)});
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, LeaseRevoked& m) {
    Decoder from(in);
    wire::ShmLeaseRevokedBlock b;
    if (!from.message(b) || !get_text(from, m.error_message)) return failed(from);
    m.timestamp_ns = b.timestamp_ns;
    m.lease_id = b.lease_id;
    m.stream_id = b.stream_id;
    m.client_id = b.client_id;
    m.role = is_known(b.role) ? std::optional(b.role) : std::nullopt;
    m.reason = is_known(b.reason) ? std::optional(b.reason) : std::nullopt;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DriverShutdownRequest& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmDriverShutdownRequestBlock{m.correlation_id, m.reason});
    to.var_data(m.token);
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DriverShutdownRequest& m) {
    Decoder from(in);
    wire::ShmDriverShutdownRequestBlock b;
    if (!from.message(b) || !get_text(from, m.token) || !get_text(from, m.error_message)) return failed(from);
    if (!is_known(b.reason)) return DecodeResult::BadEnum;
    m.correlation_id = b.correlation_id;
    m.reason = b.reason;
    return DecodeResult::Ok;
}

}  // namespace tensorpool::control
