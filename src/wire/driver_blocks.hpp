// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/protocol_enums.hpp>

#include "wire/control_blocks.hpp"

#include <cstddef>
#include <cstdint>

// Fixed blocks of schema 901 (driver.md section 1). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

#pragma pack(push, 1)

/// ShmAttachRequest: publish_mode and desired_node_id are optional.
struct ShmAttachRequestBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 27;

    std::int64_t correlation_id;
    std::uint32_t stream_id;
    std::uint32_t client_id;
    Role role;
    std::uint32_t expected_layout_version;
    PublishMode publish_mode;
    HugepagesPolicy require_hugepages;
    std::uint32_t desired_node_id;
};
static_assert(sizeof(ShmAttachRequestBlock) == ShmAttachRequestBlock::kBlockLength);
static_assert(offsetof(ShmAttachRequestBlock, correlation_id) == 0);
static_assert(offsetof(ShmAttachRequestBlock, stream_id) == 8);
static_assert(offsetof(ShmAttachRequestBlock, client_id) == 12);
static_assert(offsetof(ShmAttachRequestBlock, role) == 16);
static_assert(offsetof(ShmAttachRequestBlock, expected_layout_version) == 17);
static_assert(offsetof(ShmAttachRequestBlock, publish_mode) == 21);
static_assert(offsetof(ShmAttachRequestBlock, require_hugepages) == 22);
static_assert(offsetof(ShmAttachRequestBlock, desired_node_id) == 23);

/// ShmAttachResponse: all but the first two optional; then group payloadPools, headerRegionUri, errorMessage.
struct ShmAttachResponseBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 2;
    static constexpr std::uint16_t kBlockLength = 54;

    std::int64_t correlation_id;
    ResponseCode code;
    std::uint64_t lease_id;
    std::uint64_t lease_expiry_timestamp_ns;
    std::uint32_t stream_id;
    std::uint64_t epoch;
    std::uint32_t layout_version;
    std::uint32_t header_nslots;
    std::uint16_t header_slot_bytes;
    std::uint32_t node_id;
};
static_assert(sizeof(ShmAttachResponseBlock) == ShmAttachResponseBlock::kBlockLength);
static_assert(offsetof(ShmAttachResponseBlock, correlation_id) == 0);
static_assert(offsetof(ShmAttachResponseBlock, code) == 8);
static_assert(offsetof(ShmAttachResponseBlock, lease_id) == 12);
static_assert(offsetof(ShmAttachResponseBlock, lease_expiry_timestamp_ns) == 20);
static_assert(offsetof(ShmAttachResponseBlock, stream_id) == 28);
static_assert(offsetof(ShmAttachResponseBlock, epoch) == 32);
static_assert(offsetof(ShmAttachResponseBlock, layout_version) == 40);
static_assert(offsetof(ShmAttachResponseBlock, header_nslots) == 44);
static_assert(offsetof(ShmAttachResponseBlock, header_slot_bytes) == 48);
static_assert(offsetof(ShmAttachResponseBlock, node_id) == 50);

/// ShmDetachRequest.
struct ShmDetachRequestBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 3;
    static constexpr std::uint16_t kBlockLength = 25;

    std::int64_t correlation_id;
    std::uint64_t lease_id;
    std::uint32_t stream_id;
    std::uint32_t client_id;
    Role role;
};
static_assert(sizeof(ShmDetachRequestBlock) == ShmDetachRequestBlock::kBlockLength);
static_assert(offsetof(ShmDetachRequestBlock, correlation_id) == 0);
static_assert(offsetof(ShmDetachRequestBlock, lease_id) == 8);
static_assert(offsetof(ShmDetachRequestBlock, stream_id) == 16);
static_assert(offsetof(ShmDetachRequestBlock, client_id) == 20);
static_assert(offsetof(ShmDetachRequestBlock, role) == 24);

/// ShmDetachResponse: then errorMessage.
struct ShmDetachResponseBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 4;
    static constexpr std::uint16_t kBlockLength = 12;

    std::int64_t correlation_id;
    ResponseCode code;
};
static_assert(sizeof(ShmDetachResponseBlock) == ShmDetachResponseBlock::kBlockLength);
static_assert(offsetof(ShmDetachResponseBlock, correlation_id) == 0);
static_assert(offsetof(ShmDetachResponseBlock, code) == 8);

/// ShmLeaseKeepalive.
struct ShmLeaseKeepaliveBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 5;
    static constexpr std::uint16_t kBlockLength = 25;

    std::uint64_t lease_id;
    std::uint32_t stream_id;
    std::uint32_t client_id;
    Role role;
    std::uint64_t client_timestamp_ns;
};
static_assert(sizeof(ShmLeaseKeepaliveBlock) == ShmLeaseKeepaliveBlock::kBlockLength);
static_assert(offsetof(ShmLeaseKeepaliveBlock, lease_id) == 0);
static_assert(offsetof(ShmLeaseKeepaliveBlock, stream_id) == 8);
static_assert(offsetof(ShmLeaseKeepaliveBlock, client_id) == 12);
static_assert(offsetof(ShmLeaseKeepaliveBlock, role) == 16);
static_assert(offsetof(ShmLeaseKeepaliveBlock, client_timestamp_ns) == 17);

/// ShmDriverShutdown: then errorMessage.
struct ShmDriverShutdownBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 6;
    static constexpr std::uint16_t kBlockLength = 9;

    std::uint64_t timestamp_ns;
    ShutdownReason reason;
};
static_assert(sizeof(ShmDriverShutdownBlock) == ShmDriverShutdownBlock::kBlockLength);
static_assert(offsetof(ShmDriverShutdownBlock, timestamp_ns) == 0);
static_assert(offsetof(ShmDriverShutdownBlock, reason) == 8);

/// ShmLeaseRevoked: then errorMessage.
struct ShmLeaseRevokedBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 7;
    static constexpr std::uint16_t kBlockLength = 26;

    std::uint64_t timestamp_ns;
    std::uint64_t lease_id;
    std::uint32_t stream_id;
    std::uint32_t client_id;
    Role role;
    LeaseRevokeReason reason;
};
static_assert(sizeof(ShmLeaseRevokedBlock) == ShmLeaseRevokedBlock::kBlockLength);
static_assert(offsetof(ShmLeaseRevokedBlock, timestamp_ns) == 0);
static_assert(offsetof(ShmLeaseRevokedBlock, lease_id) == 8);
static_assert(offsetof(ShmLeaseRevokedBlock, stream_id) == 16);
static_assert(offsetof(ShmLeaseRevokedBlock, client_id) == 20);
static_assert(offsetof(ShmLeaseRevokedBlock, role) == 24);
static_assert(offsetof(ShmLeaseRevokedBlock, reason) == 25);

/// ShmDriverShutdownRequest: then token, errorMessage.
struct ShmDriverShutdownRequestBlock {
    static constexpr std::uint16_t kSchemaId = 901;
    static constexpr std::uint16_t kTemplateId = 8;
    static constexpr std::uint16_t kBlockLength = 9;

    std::int64_t correlation_id;
    ShutdownReason reason;
};
static_assert(sizeof(ShmDriverShutdownRequestBlock) == ShmDriverShutdownRequestBlock::kBlockLength);
static_assert(offsetof(ShmDriverShutdownRequestBlock, correlation_id) == 0);
static_assert(offsetof(ShmDriverShutdownRequestBlock, reason) == 8);

#pragma pack(pop)

}  // namespace tensorpool::wire
