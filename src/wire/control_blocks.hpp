// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/protocol_enums.hpp>

#include "wire/shm_records.hpp"

#include <cstddef>
#include <cstdint>

// Fixed blocks of schema 900 (wire.md 3.4). Packed: copy out, never bind a reference to a field.
namespace tensorpool::wire {

#pragma pack(push, 1)

/// Entry of the payloadPools groups of schemas 900 and 901; regionUri follows each entry.
struct PayloadPoolEntry {
    static constexpr std::uint16_t kBlockLength = 10;

    std::uint16_t pool_id;
    std::uint32_t pool_nslots;
    std::uint32_t stride_bytes;
};
static_assert(sizeof(PayloadPoolEntry) == PayloadPoolEntry::kBlockLength);
static_assert(offsetof(PayloadPoolEntry, pool_nslots) == 2);
static_assert(offsetof(PayloadPoolEntry, stride_bytes) == 6);

/// ShmPoolAnnounce: then group payloadPools (PayloadPoolEntry, each followed by regionUri), then
/// headerRegionUri.
struct ShmPoolAnnounceBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 1;
    static constexpr std::uint16_t kBlockLength = 35;

    std::uint32_t stream_id;
    std::uint32_t producer_id;
    std::uint64_t epoch;
    std::uint64_t announce_timestamp_ns;
    ClockDomain announce_clock_domain;
    std::uint32_t layout_version;
    std::uint32_t header_nslots;
    std::uint16_t header_slot_bytes;
};
static_assert(sizeof(ShmPoolAnnounceBlock) == ShmPoolAnnounceBlock::kBlockLength);
static_assert(offsetof(ShmPoolAnnounceBlock, stream_id) == 0);
static_assert(offsetof(ShmPoolAnnounceBlock, producer_id) == 4);
static_assert(offsetof(ShmPoolAnnounceBlock, epoch) == 8);
static_assert(offsetof(ShmPoolAnnounceBlock, announce_timestamp_ns) == 16);
static_assert(offsetof(ShmPoolAnnounceBlock, announce_clock_domain) == 24);
static_assert(offsetof(ShmPoolAnnounceBlock, layout_version) == 25);
static_assert(offsetof(ShmPoolAnnounceBlock, header_nslots) == 29);
static_assert(offsetof(ShmPoolAnnounceBlock, header_slot_bytes) == 33);

/// ConsumerHello: then descriptorChannel, controlChannel.
struct ConsumerHelloBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 2;
    static constexpr std::uint16_t kBlockLength = 39;

    std::uint32_t stream_id;
    std::uint32_t consumer_id;
    std::uint8_t supports_shm;
    std::uint8_t supports_progress;
    Mode mode;
    std::uint32_t max_rate_hz;
    std::uint32_t expected_layout_version;
    std::uint32_t progress_interval_us;
    std::uint32_t progress_bytes_delta;
    std::uint32_t progress_major_delta_units;
    std::uint32_t descriptor_stream_id;
    std::uint32_t control_stream_id;
};
static_assert(sizeof(ConsumerHelloBlock) == ConsumerHelloBlock::kBlockLength);
static_assert(offsetof(ConsumerHelloBlock, stream_id) == 0);
static_assert(offsetof(ConsumerHelloBlock, consumer_id) == 4);
static_assert(offsetof(ConsumerHelloBlock, supports_shm) == 8);
static_assert(offsetof(ConsumerHelloBlock, supports_progress) == 9);
static_assert(offsetof(ConsumerHelloBlock, mode) == 10);
static_assert(offsetof(ConsumerHelloBlock, max_rate_hz) == 11);
static_assert(offsetof(ConsumerHelloBlock, expected_layout_version) == 15);
static_assert(offsetof(ConsumerHelloBlock, progress_interval_us) == 19);
static_assert(offsetof(ConsumerHelloBlock, progress_bytes_delta) == 23);
static_assert(offsetof(ConsumerHelloBlock, progress_major_delta_units) == 27);
static_assert(offsetof(ConsumerHelloBlock, descriptor_stream_id) == 31);
static_assert(offsetof(ConsumerHelloBlock, control_stream_id) == 35);

/// ConsumerConfig: then payloadFallbackUri, descriptorChannel, controlChannel.
struct ConsumerConfigBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 3;
    static constexpr std::uint16_t kBlockLength = 18;

    std::uint32_t stream_id;
    std::uint32_t consumer_id;
    std::uint8_t use_shm;
    Mode mode;
    std::uint32_t descriptor_stream_id;
    std::uint32_t control_stream_id;
};
static_assert(sizeof(ConsumerConfigBlock) == ConsumerConfigBlock::kBlockLength);
static_assert(offsetof(ConsumerConfigBlock, stream_id) == 0);
static_assert(offsetof(ConsumerConfigBlock, consumer_id) == 4);
static_assert(offsetof(ConsumerConfigBlock, use_shm) == 8);
static_assert(offsetof(ConsumerConfigBlock, mode) == 9);
static_assert(offsetof(ConsumerConfigBlock, descriptor_stream_id) == 10);
static_assert(offsetof(ConsumerConfigBlock, control_stream_id) == 14);

/// FrameDescriptor: timestamp_ns and meta_version are optional; trace_id is null at 0.
struct FrameDescriptorBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 4;
    static constexpr std::uint16_t kBlockLength = 40;

    std::uint32_t stream_id;
    std::uint64_t epoch;
    std::uint64_t seq;
    std::uint64_t timestamp_ns;
    std::uint32_t meta_version;
    std::uint64_t trace_id;
};
static_assert(sizeof(FrameDescriptorBlock) == FrameDescriptorBlock::kBlockLength);
static_assert(offsetof(FrameDescriptorBlock, stream_id) == 0);
static_assert(offsetof(FrameDescriptorBlock, epoch) == 4);
static_assert(offsetof(FrameDescriptorBlock, seq) == 12);
static_assert(offsetof(FrameDescriptorBlock, timestamp_ns) == 20);
static_assert(offsetof(FrameDescriptorBlock, meta_version) == 28);
static_assert(offsetof(FrameDescriptorBlock, trace_id) == 32);

/// QosConsumer.
struct QosConsumerBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 5;
    static constexpr std::uint16_t kBlockLength = 41;

    std::uint32_t stream_id;
    std::uint32_t consumer_id;
    std::uint64_t epoch;
    std::uint64_t last_seq_seen;
    std::uint64_t drops_gap;
    std::uint64_t drops_late;
    Mode mode;
};
static_assert(sizeof(QosConsumerBlock) == QosConsumerBlock::kBlockLength);
static_assert(offsetof(QosConsumerBlock, stream_id) == 0);
static_assert(offsetof(QosConsumerBlock, consumer_id) == 4);
static_assert(offsetof(QosConsumerBlock, epoch) == 8);
static_assert(offsetof(QosConsumerBlock, last_seq_seen) == 16);
static_assert(offsetof(QosConsumerBlock, drops_gap) == 24);
static_assert(offsetof(QosConsumerBlock, drops_late) == 32);
static_assert(offsetof(QosConsumerBlock, mode) == 40);

/// QosProducer: watermark is optional.
struct QosProducerBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 6;
    static constexpr std::uint16_t kBlockLength = 28;

    std::uint32_t stream_id;
    std::uint32_t producer_id;
    std::uint64_t epoch;
    std::uint64_t current_seq;
    std::uint32_t watermark;
};
static_assert(sizeof(QosProducerBlock) == QosProducerBlock::kBlockLength);
static_assert(offsetof(QosProducerBlock, stream_id) == 0);
static_assert(offsetof(QosProducerBlock, producer_id) == 4);
static_assert(offsetof(QosProducerBlock, epoch) == 8);
static_assert(offsetof(QosProducerBlock, current_seq) == 16);
static_assert(offsetof(QosProducerBlock, watermark) == 24);

/// DataSourceAnnounce: then name, summary.
struct DataSourceAnnounceBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 7;
    static constexpr std::uint16_t kBlockLength = 20;

    std::uint32_t stream_id;
    std::uint32_t producer_id;
    std::uint64_t epoch;
    std::uint32_t meta_version;
};
static_assert(sizeof(DataSourceAnnounceBlock) == DataSourceAnnounceBlock::kBlockLength);
static_assert(offsetof(DataSourceAnnounceBlock, stream_id) == 0);
static_assert(offsetof(DataSourceAnnounceBlock, producer_id) == 4);
static_assert(offsetof(DataSourceAnnounceBlock, epoch) == 8);
static_assert(offsetof(DataSourceAnnounceBlock, meta_version) == 16);

/// DataSourceMeta: then group attributes (block length 0): key, format, value.
struct DataSourceMetaBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 8;
    static constexpr std::uint16_t kBlockLength = 16;

    std::uint32_t stream_id;
    std::uint32_t meta_version;
    std::uint64_t timestamp_ns;
};
static_assert(sizeof(DataSourceMetaBlock) == DataSourceMetaBlock::kBlockLength);
static_assert(offsetof(DataSourceMetaBlock, stream_id) == 0);
static_assert(offsetof(DataSourceMetaBlock, meta_version) == 4);
static_assert(offsetof(DataSourceMetaBlock, timestamp_ns) == 8);

/// ControlResponse: then errorMessage.
struct ControlResponseBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 9;
    static constexpr std::uint16_t kBlockLength = 12;

    std::int64_t correlation_id;
    ResponseCode code;
};
static_assert(sizeof(ControlResponseBlock) == ControlResponseBlock::kBlockLength);
static_assert(offsetof(ControlResponseBlock, correlation_id) == 0);
static_assert(offsetof(ControlResponseBlock, code) == 8);

/// MetaBlobAnnounce: experimental.
struct MetaBlobAnnounceBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 10;
    static constexpr std::uint16_t kBlockLength = 28;

    std::uint32_t stream_id;
    std::uint32_t meta_version;
    std::uint32_t blob_type;
    std::uint64_t total_len;
    std::uint64_t checksum;
};
static_assert(sizeof(MetaBlobAnnounceBlock) == MetaBlobAnnounceBlock::kBlockLength);
static_assert(offsetof(MetaBlobAnnounceBlock, stream_id) == 0);
static_assert(offsetof(MetaBlobAnnounceBlock, meta_version) == 4);
static_assert(offsetof(MetaBlobAnnounceBlock, blob_type) == 8);
static_assert(offsetof(MetaBlobAnnounceBlock, total_len) == 12);
static_assert(offsetof(MetaBlobAnnounceBlock, checksum) == 20);

/// FrameProgress.
struct FrameProgressBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 11;
    static constexpr std::uint16_t kBlockLength = 29;

    std::uint32_t stream_id;
    std::uint64_t epoch;
    std::uint64_t seq;
    std::uint64_t payload_bytes_filled;
    FrameProgressState state;
};
static_assert(sizeof(FrameProgressBlock) == FrameProgressBlock::kBlockLength);
static_assert(offsetof(FrameProgressBlock, stream_id) == 0);
static_assert(offsetof(FrameProgressBlock, epoch) == 4);
static_assert(offsetof(FrameProgressBlock, seq) == 12);
static_assert(offsetof(FrameProgressBlock, payload_bytes_filled) == 20);
static_assert(offsetof(FrameProgressBlock, state) == 28);

/// MetaBlobChunk: experimental; then bytes.
struct MetaBlobChunkBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 12;
    static constexpr std::uint16_t kBlockLength = 16;

    std::uint32_t stream_id;
    std::uint32_t meta_version;
    std::uint64_t chunk_offset;
};
static_assert(sizeof(MetaBlobChunkBlock) == MetaBlobChunkBlock::kBlockLength);
static_assert(offsetof(MetaBlobChunkBlock, stream_id) == 0);
static_assert(offsetof(MetaBlobChunkBlock, meta_version) == 4);
static_assert(offsetof(MetaBlobChunkBlock, chunk_offset) == 8);

/// MetaBlobComplete: experimental.
struct MetaBlobCompleteBlock {
    static constexpr std::uint16_t kSchemaId = 900;
    static constexpr std::uint16_t kTemplateId = 13;
    static constexpr std::uint16_t kBlockLength = 16;

    std::uint32_t stream_id;
    std::uint32_t meta_version;
    std::uint64_t checksum;
};
static_assert(sizeof(MetaBlobCompleteBlock) == MetaBlobCompleteBlock::kBlockLength);
static_assert(offsetof(MetaBlobCompleteBlock, stream_id) == 0);
static_assert(offsetof(MetaBlobCompleteBlock, meta_version) == 4);
static_assert(offsetof(MetaBlobCompleteBlock, checksum) == 8);

#pragma pack(pop)

}  // namespace tensorpool::wire
