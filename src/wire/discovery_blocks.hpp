// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/discovery_status.hpp>

#include "wire/control_blocks.hpp"

#include <cstddef>
#include <cstdint>

// Fixed blocks of schema 910 (discovery.md section 3). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

/// The one version of schema 910 that exists; a message of any other is refused (DISC-025, DISC-026).
inline constexpr std::uint16_t kDiscoverySchemaVersion = 1;

#pragma pack(push, 1)

/// DiscoveryRequest: then group tags (block length 0, each entry one var data), then responseChannel,
/// dataSourceName. The three filters are optional.
struct DiscoveryRequestBlock {
    static constexpr std::uint16_t kSchemaId = 910;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 32;

    std::uint64_t request_id;
    std::uint32_t client_id;
    std::uint32_t response_stream_id;
    std::uint32_t stream_id;
    std::uint32_t producer_id;
    std::uint64_t data_source_id;
};
static_assert(sizeof(DiscoveryRequestBlock) == DiscoveryRequestBlock::kBlockLength);
static_assert(offsetof(DiscoveryRequestBlock, request_id) == 0);
static_assert(offsetof(DiscoveryRequestBlock, client_id) == 8);
static_assert(offsetof(DiscoveryRequestBlock, response_stream_id) == 12);
static_assert(offsetof(DiscoveryRequestBlock, stream_id) == 16);
static_assert(offsetof(DiscoveryRequestBlock, producer_id) == 20);
static_assert(offsetof(DiscoveryRequestBlock, data_source_id) == 24);

/// DiscoveryResponse: then group results (DiscoveryResultEntry), then errorMessage.
struct DiscoveryResponseBlock {
    static constexpr std::uint16_t kSchemaId = 910;
    static constexpr std::uint16_t kTemplateId = 2;
    static constexpr std::uint16_t kBlockLength = 9;

    std::uint64_t request_id;
    DiscoveryStatus status;
};
static_assert(sizeof(DiscoveryResponseBlock) == DiscoveryResponseBlock::kBlockLength);
static_assert(offsetof(DiscoveryResponseBlock, request_id) == 0);
static_assert(offsetof(DiscoveryResponseBlock, status) == 8);

/// Entry of results: then groups payloadPools (PayloadPoolEntry, each followed by regionUri) and tags, then
/// headerRegionUri, dataSourceName, driverInstanceId, driverControlChannel. data_source_id is optional.
struct DiscoveryResultEntry {
    static constexpr std::uint16_t kBlockLength = 39;

    std::uint32_t stream_id;
    std::uint32_t producer_id;
    std::uint64_t epoch;
    std::uint32_t layout_version;
    std::uint32_t header_nslots;
    std::uint16_t header_slot_bytes;
    std::uint8_t max_dims;
    std::uint64_t data_source_id;
    std::uint32_t driver_control_stream_id;
};
static_assert(sizeof(DiscoveryResultEntry) == DiscoveryResultEntry::kBlockLength);
static_assert(offsetof(DiscoveryResultEntry, stream_id) == 0);
static_assert(offsetof(DiscoveryResultEntry, producer_id) == 4);
static_assert(offsetof(DiscoveryResultEntry, epoch) == 8);
static_assert(offsetof(DiscoveryResultEntry, layout_version) == 16);
static_assert(offsetof(DiscoveryResultEntry, header_nslots) == 20);
static_assert(offsetof(DiscoveryResultEntry, header_slot_bytes) == 24);
static_assert(offsetof(DiscoveryResultEntry, max_dims) == 26);
static_assert(offsetof(DiscoveryResultEntry, data_source_id) == 27);
static_assert(offsetof(DiscoveryResultEntry, driver_control_stream_id) == 35);

#pragma pack(pop)

}  // namespace tensorpool::wire
