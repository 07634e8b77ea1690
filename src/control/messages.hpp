// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/merge_map.hpp>
#include <tensorpool/protocol_enums.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The control plane's messages as plain structs. An absent optional is an empty std::optional; absent text is
// an empty string (WIRE-012, WIRE-013). Enumerations received from a peer are checked by decode(): a struct
// never holds an unknown value.
namespace tensorpool::control {

struct PoolInfo {
    std::uint16_t pool_id = 0;
    std::uint32_t nslots = 0;
    std::uint32_t stride_bytes = 0;
    std::string region_uri;

    friend bool operator==(const PoolInfo&, const PoolInfo&) = default;
};

// ---- schema 900
// --------------------------------------------------------------------------------------------

struct PoolAnnounce {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t announce_timestamp_ns = 0;
    ClockDomain clock_domain = ClockDomain::Monotonic;
    std::uint32_t layout_version = 1;
    std::uint32_t header_nslots = 0;
    std::uint16_t header_slot_bytes = 256;
    std::vector<PoolInfo> pools;
    std::string header_region_uri;
};

struct ConsumerHello {
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    bool supports_shm = true;
    bool supports_progress = false;
    Mode mode = Mode::Stream;
    std::uint32_t max_rate_hz = 0;
    std::uint32_t expected_layout_version = 1;
    std::optional<std::uint32_t> progress_interval_us;
    std::optional<std::uint32_t> progress_bytes_delta;
    std::optional<std::uint32_t> progress_major_delta_units;
    std::uint32_t descriptor_stream_id = 0;
    std::uint32_t control_stream_id = 0;
    std::string descriptor_channel;
    std::string control_channel;
};

struct ConsumerConfig {
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    bool use_shm = true;
    Mode mode = Mode::Stream;
    std::uint32_t descriptor_stream_id = 0;
    std::uint32_t control_stream_id = 0;
    std::string payload_fallback_uri;
    std::string descriptor_channel;
    std::string control_channel;
};

struct FrameDescriptor {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::optional<std::uint64_t> timestamp_ns;
    std::optional<std::uint32_t> meta_version;
    std::uint64_t trace_id = 0;  ///< 0 = not traced: its null
};

struct FrameProgress {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint64_t payload_bytes_filled = 0;
    FrameProgressState state = FrameProgressState::Unknown;
};

struct QosConsumer {
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t last_seq_seen = 0;
    std::uint64_t drops_gap = 0;
    std::uint64_t drops_late = 0;
    Mode mode = Mode::Stream;
};

struct QosProducer {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t current_seq = 0;
    std::optional<std::uint32_t> watermark;
};

struct DataSourceAnnounce {
    std::uint32_t stream_id = 0;
    std::uint32_t producer_id = 0;
    std::uint64_t epoch = 0;
    std::uint32_t meta_version = 0;
    std::string name;
    std::string summary;
};

struct MetaAttribute {
    std::string key;
    std::string format;
    std::string value;

    friend bool operator==(const MetaAttribute&, const MetaAttribute&) = default;
};

struct DataSourceMeta {
    std::uint32_t stream_id = 0;
    std::uint32_t meta_version = 0;
    std::uint64_t timestamp_ns = 0;
    std::vector<MetaAttribute> attributes;
};

struct ControlResponse {
    std::int64_t correlation_id = 0;
    ResponseCode code = ResponseCode::Ok;
    std::string error_message;
};

struct MetaBlobAnnounce {
    std::uint32_t stream_id = 0;
    std::uint32_t meta_version = 0;
    std::uint32_t blob_type = 0;
    std::uint64_t total_len = 0;
    std::uint64_t checksum = 0;
};

struct MetaBlobChunk {
    std::uint32_t stream_id = 0;
    std::uint32_t meta_version = 0;
    std::uint64_t chunk_offset = 0;
    std::string bytes;
};

struct MetaBlobComplete {
    std::uint32_t stream_id = 0;
    std::uint32_t meta_version = 0;
    std::uint64_t checksum = 0;
};

// ---- schema 901
// --------------------------------------------------------------------------------------------

struct AttachRequest {
    std::int64_t correlation_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    /// Raw: the driver answers INVALID_PARAMS or UNSUPPORTED for values it does not know (driver.md section
    /// 3).
    std::uint8_t role = 0;
    std::uint32_t expected_layout_version = 0;
    std::optional<std::uint8_t> publish_mode;
    std::uint8_t require_hugepages = 0;
    std::optional<std::uint32_t> desired_node_id;
    std::uint16_t version = 1;  ///< of the sender's schema; encode() ignores it
};

struct AttachResponse {
    std::int64_t correlation_id = 0;
    ResponseCode code = ResponseCode::Ok;
    std::optional<std::uint64_t> lease_id;
    std::optional<std::uint64_t> lease_expiry_timestamp_ns;
    std::optional<std::uint32_t> stream_id;
    std::optional<std::uint64_t> epoch;
    std::optional<std::uint32_t> layout_version;
    std::optional<std::uint32_t> header_nslots;
    std::optional<std::uint16_t> header_slot_bytes;
    std::optional<std::uint32_t> node_id;
    std::vector<PoolInfo> pools;
    std::string header_region_uri;
    std::string error_message;
};

struct DetachRequest {
    std::int64_t correlation_id = 0;
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
};

struct DetachResponse {
    std::int64_t correlation_id = 0;
    ResponseCode code = ResponseCode::Ok;
    std::string error_message;
};

struct LeaseKeepalive {
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
    std::uint64_t client_timestamp_ns = 0;
};

struct DriverShutdown {
    std::uint64_t timestamp_ns = 0;
    ShutdownReason reason = ShutdownReason::Normal;
    std::string error_message;
};

struct LeaseRevoked {
    std::uint64_t timestamp_ns = 0;
    std::uint64_t lease_id = 0;
    std::uint32_t stream_id = 0;
    std::uint32_t client_id = 0;
    /// Empty: a value we do not know. The owner of the lease fails closed (DRV-094, TRP-22).
    std::optional<Role> role;
    std::optional<LeaseRevokeReason> reason;
    std::string error_message;
};

struct DriverShutdownRequest {
    std::int64_t correlation_id = 0;
    ShutdownReason reason = ShutdownReason::Normal;
    std::string token;  ///< never log it
    std::string error_message;
};

// ---- schema 903
// --------------------------------------------------------------------------------------------

/// A map is the same inside and outside. Its enumerations are as they came: fault_of() judges them, because a
/// map that names an unknown one still replaces the one before (JOIN-014, JT-10).
using SequenceMergeMapAnnounce = SequenceMergeMap;
using TimestampMergeMapAnnounce = TimestampMergeMap;

struct SequenceMergeMapRequest {
    std::uint32_t out_stream_id = 0;
    std::uint64_t epoch = 0;
};

struct TimestampMergeMapRequest {
    std::uint32_t out_stream_id = 0;
    std::uint64_t epoch = 0;
};

// ---- schema 904
// --------------------------------------------------------------------------------------------

/// The parents of one output frame. encode() and decode() refuse a set without parents, a zero id, and a
/// parent that appears twice (trace.md section 4).
struct TraceLinkSet {
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint64_t trace_id = 0;
    std::vector<std::uint64_t> parents;
};

}  // namespace tensorpool::control
