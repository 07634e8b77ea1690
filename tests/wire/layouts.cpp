// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "wire/layouts.hpp"

#include "wire/control_blocks.hpp"
#include "wire/driver_blocks.hpp"
#include "wire/merge_blocks.hpp"
#include "wire/shm_records.hpp"

#include <cstring>
#include <utility>

namespace tensorpool::test {
namespace {

template <typename Block>
std::size_t encode(std::span<std::byte> out, const std::byte* bytes) {
    Block block;
    std::memcpy(&block, bytes, sizeof block);
    wire::Encoder encoder(out);
    encoder.message(block);
    return encoder.ok() ? encoder.size() : 0;
}

template <typename Block>
wire::DecodeError decode(std::span<const std::byte> in, std::byte* bytes) {
    Block block;
    wire::Decoder decoder(in);
    if (!decoder.message(block)) return decoder.error();
    std::memcpy(bytes, &block, sizeof block);
    return wire::DecodeError::None;
}

template <typename Block>
BlockLayout layout(std::string_view message, std::vector<FieldLayout> fields) {
    return {message,       Block::kSchemaId,  Block::kTemplateId, Block::kBlockLength,
            sizeof(Block), std::move(fields), encode<Block>,      decode<Block>};
}

}  // namespace

#define TP_FIELD(name, member)                               \
    FieldLayout {                                            \
        name, offsetof(Block, member), sizeof(Block::member) \
    }
#define TP_ARRAY(name, member)                                   \
    FieldLayout {                                                \
        name, offsetof(Block, member), sizeof(Block::member[0]), \
            sizeof(Block::member) / sizeof(Block::member[0])     \
    }

namespace {

BlockLayout shm_pool_announce() {
    using Block = wire::ShmPoolAnnounceBlock;
    return layout<Block>(
        "ShmPoolAnnounce",
        {TP_FIELD("streamId", stream_id), TP_FIELD("producerId", producer_id), TP_FIELD("epoch", epoch),
         TP_FIELD("announceTimestampNs", announce_timestamp_ns),
         TP_FIELD("announceClockDomain", announce_clock_domain), TP_FIELD("layoutVersion", layout_version),
         TP_FIELD("headerNslots", header_nslots), TP_FIELD("headerSlotBytes", header_slot_bytes)});
}

BlockLayout consumer_hello() {
    using Block = wire::ConsumerHelloBlock;
    return layout<Block>(
        "ConsumerHello",
        {TP_FIELD("streamId", stream_id), TP_FIELD("consumerId", consumer_id),
         TP_FIELD("supportsShm", supports_shm), TP_FIELD("supportsProgress", supports_progress),
         TP_FIELD("mode", mode), TP_FIELD("maxRateHz", max_rate_hz),
         TP_FIELD("expectedLayoutVersion", expected_layout_version),
         TP_FIELD("progressIntervalUs", progress_interval_us),
         TP_FIELD("progressBytesDelta", progress_bytes_delta),
         TP_FIELD("progressMajorDeltaUnits", progress_major_delta_units),
         TP_FIELD("descriptorStreamId", descriptor_stream_id),
         TP_FIELD("controlStreamId", control_stream_id)});
}

BlockLayout consumer_config() {
    using Block = wire::ConsumerConfigBlock;
    return layout<Block>(
        "ConsumerConfig",
        {TP_FIELD("streamId", stream_id), TP_FIELD("consumerId", consumer_id), TP_FIELD("useShm", use_shm),
         TP_FIELD("mode", mode), TP_FIELD("descriptorStreamId", descriptor_stream_id),
         TP_FIELD("controlStreamId", control_stream_id)});
}

BlockLayout frame_descriptor() {
    using Block = wire::FrameDescriptorBlock;
    return layout<Block>("FrameDescriptor",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("epoch", epoch), TP_FIELD("seq", seq),
                          TP_FIELD("timestampNs", timestamp_ns), TP_FIELD("metaVersion", meta_version),
                          TP_FIELD("traceId", trace_id)});
}

BlockLayout qos_consumer() {
    using Block = wire::QosConsumerBlock;
    return layout<Block>("QosConsumer", {TP_FIELD("streamId", stream_id), TP_FIELD("consumerId", consumer_id),
                                         TP_FIELD("epoch", epoch), TP_FIELD("lastSeqSeen", last_seq_seen),
                                         TP_FIELD("dropsGap", drops_gap), TP_FIELD("dropsLate", drops_late),
                                         TP_FIELD("mode", mode)});
}

BlockLayout qos_producer() {
    using Block = wire::QosProducerBlock;
    return layout<Block>("QosProducer", {TP_FIELD("streamId", stream_id), TP_FIELD("producerId", producer_id),
                                         TP_FIELD("epoch", epoch), TP_FIELD("currentSeq", current_seq),
                                         TP_FIELD("watermark", watermark)});
}

BlockLayout data_source_announce() {
    using Block = wire::DataSourceAnnounceBlock;
    return layout<Block>("DataSourceAnnounce",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("producerId", producer_id),
                          TP_FIELD("epoch", epoch), TP_FIELD("metaVersion", meta_version)});
}

BlockLayout data_source_meta() {
    using Block = wire::DataSourceMetaBlock;
    return layout<Block>("DataSourceMeta",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("metaVersion", meta_version),
                          TP_FIELD("timestampNs", timestamp_ns)});
}

BlockLayout control_response() {
    using Block = wire::ControlResponseBlock;
    return layout<Block>("ControlResponse",
                         {TP_FIELD("correlationId", correlation_id), TP_FIELD("code", code)});
}

BlockLayout meta_blob_announce() {
    using Block = wire::MetaBlobAnnounceBlock;
    return layout<Block>(
        "MetaBlobAnnounce",
        {TP_FIELD("streamId", stream_id), TP_FIELD("metaVersion", meta_version),
         TP_FIELD("blobType", blob_type), TP_FIELD("totalLen", total_len), TP_FIELD("checksum", checksum)});
}

BlockLayout frame_progress() {
    using Block = wire::FrameProgressBlock;
    return layout<Block>("FrameProgress",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("epoch", epoch), TP_FIELD("seq", seq),
                          TP_FIELD("payloadBytesFilled", payload_bytes_filled), TP_FIELD("state", state)});
}

BlockLayout meta_blob_chunk() {
    using Block = wire::MetaBlobChunkBlock;
    return layout<Block>("MetaBlobChunk",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("metaVersion", meta_version),
                          TP_FIELD("chunkOffset", chunk_offset)});
}

BlockLayout meta_blob_complete() {
    using Block = wire::MetaBlobCompleteBlock;
    return layout<Block>("MetaBlobComplete",
                         {TP_FIELD("streamId", stream_id), TP_FIELD("metaVersion", meta_version),
                          TP_FIELD("checksum", checksum)});
}

BlockLayout attach_request() {
    using Block = wire::ShmAttachRequestBlock;
    return layout<Block>(
        "ShmAttachRequest",
        {TP_FIELD("correlationId", correlation_id), TP_FIELD("streamId", stream_id),
         TP_FIELD("clientId", client_id), TP_FIELD("role", role),
         TP_FIELD("expectedLayoutVersion", expected_layout_version), TP_FIELD("publishMode", publish_mode),
         TP_FIELD("requireHugepages", require_hugepages), TP_FIELD("desiredNodeId", desired_node_id)});
}

BlockLayout attach_response() {
    using Block = wire::ShmAttachResponseBlock;
    return layout<Block>(
        "ShmAttachResponse",
        {TP_FIELD("correlationId", correlation_id), TP_FIELD("code", code), TP_FIELD("leaseId", lease_id),
         TP_FIELD("leaseExpiryTimestampNs", lease_expiry_timestamp_ns), TP_FIELD("streamId", stream_id),
         TP_FIELD("epoch", epoch), TP_FIELD("layoutVersion", layout_version),
         TP_FIELD("headerNslots", header_nslots), TP_FIELD("headerSlotBytes", header_slot_bytes),
         TP_FIELD("nodeId", node_id)});
}

BlockLayout detach_request() {
    using Block = wire::ShmDetachRequestBlock;
    return layout<Block>("ShmDetachRequest", {TP_FIELD("correlationId", correlation_id),
                                              TP_FIELD("leaseId", lease_id), TP_FIELD("streamId", stream_id),
                                              TP_FIELD("clientId", client_id), TP_FIELD("role", role)});
}

BlockLayout detach_response() {
    using Block = wire::ShmDetachResponseBlock;
    return layout<Block>("ShmDetachResponse",
                         {TP_FIELD("correlationId", correlation_id), TP_FIELD("code", code)});
}

BlockLayout lease_keepalive() {
    using Block = wire::ShmLeaseKeepaliveBlock;
    return layout<Block>("ShmLeaseKeepalive", {TP_FIELD("leaseId", lease_id), TP_FIELD("streamId", stream_id),
                                               TP_FIELD("clientId", client_id), TP_FIELD("role", role),
                                               TP_FIELD("clientTimestampNs", client_timestamp_ns)});
}

BlockLayout driver_shutdown() {
    using Block = wire::ShmDriverShutdownBlock;
    return layout<Block>("ShmDriverShutdown",
                         {TP_FIELD("timestampNs", timestamp_ns), TP_FIELD("reason", reason)});
}

BlockLayout lease_revoked() {
    using Block = wire::ShmLeaseRevokedBlock;
    return layout<Block>("ShmLeaseRevoked",
                         {TP_FIELD("timestampNs", timestamp_ns), TP_FIELD("leaseId", lease_id),
                          TP_FIELD("streamId", stream_id), TP_FIELD("clientId", client_id),
                          TP_FIELD("role", role), TP_FIELD("reason", reason)});
}

BlockLayout driver_shutdown_request() {
    using Block = wire::ShmDriverShutdownRequestBlock;
    return layout<Block>("ShmDriverShutdownRequest",
                         {TP_FIELD("correlationId", correlation_id), TP_FIELD("reason", reason)});
}

BlockLayout sequence_merge_map_announce() {
    using Block = wire::SequenceMergeMapAnnounceBlock;
    return layout<Block>("SequenceMergeMapAnnounce",
                         {TP_FIELD("outStreamId", out_stream_id), TP_FIELD("epoch", epoch),
                          TP_FIELD("staleTimeoutNs", stale_timeout_ns)});
}

BlockLayout sequence_merge_map_request() {
    using Block = wire::SequenceMergeMapRequestBlock;
    return layout<Block>("SequenceMergeMapRequest",
                         {TP_FIELD("outStreamId", out_stream_id), TP_FIELD("epoch", epoch)});
}

BlockLayout timestamp_merge_map_announce() {
    using Block = wire::TimestampMergeMapAnnounceBlock;
    return layout<Block>("TimestampMergeMapAnnounce",
                         {TP_FIELD("outStreamId", out_stream_id), TP_FIELD("epoch", epoch),
                          TP_FIELD("staleTimeoutNs", stale_timeout_ns), TP_FIELD("clockDomain", clock_domain),
                          TP_FIELD("latenessNs", lateness_ns)});
}

BlockLayout timestamp_merge_map_request() {
    using Block = wire::TimestampMergeMapRequestBlock;
    return layout<Block>("TimestampMergeMapRequest",
                         {TP_FIELD("outStreamId", out_stream_id), TP_FIELD("epoch", epoch)});
}

}  // namespace

const std::vector<BlockLayout>& message_layouts() {
    static const std::vector<BlockLayout> layouts{shm_pool_announce(),
                                                  consumer_hello(),
                                                  consumer_config(),
                                                  frame_descriptor(),
                                                  qos_consumer(),
                                                  qos_producer(),
                                                  data_source_announce(),
                                                  data_source_meta(),
                                                  control_response(),
                                                  meta_blob_announce(),
                                                  frame_progress(),
                                                  meta_blob_chunk(),
                                                  meta_blob_complete(),
                                                  attach_request(),
                                                  attach_response(),
                                                  detach_request(),
                                                  detach_response(),
                                                  lease_keepalive(),
                                                  driver_shutdown(),
                                                  lease_revoked(),
                                                  driver_shutdown_request(),
                                                  sequence_merge_map_announce(),
                                                  sequence_merge_map_request(),
                                                  timestamp_merge_map_announce(),
                                                  timestamp_merge_map_request()};
    return layouts;
}

const std::vector<FieldLayout>& pool_entry_fields() {
    using Block = wire::PayloadPoolEntry;
    static const std::vector<FieldLayout> fields{TP_FIELD("poolId", pool_id),
                                                 TP_FIELD("poolNslots", pool_nslots),
                                                 TP_FIELD("strideBytes", stride_bytes)};
    return fields;
}

const std::vector<FieldLayout>& sequence_rule_fields() {
    using Block = wire::SequenceMergeRuleEntry;
    static const std::vector<FieldLayout> fields{TP_FIELD("inputStreamId", input_stream_id),
                                                 TP_FIELD("ruleType", rule_type), TP_FIELD("offset", offset),
                                                 TP_FIELD("windowSize", window_size)};
    return fields;
}

const std::vector<FieldLayout>& timestamp_rule_fields() {
    using Block = wire::TimestampMergeRuleEntry;
    static const std::vector<FieldLayout> fields{
        TP_FIELD("inputStreamId", input_stream_id), TP_FIELD("ruleType", rule_type),
        TP_FIELD("timestampSource", timestamp_source), TP_FIELD("offsetNs", offset_ns),
        TP_FIELD("windowNs", window_ns)};
    return fields;
}

const std::vector<FieldLayout>& superblock_fields() {
    using Block = wire::Superblock;
    static const std::vector<FieldLayout> fields{TP_FIELD("magic", magic),
                                                 TP_FIELD("layoutVersion", layout_version),
                                                 TP_FIELD("epoch", epoch),
                                                 TP_FIELD("streamId", stream_id),
                                                 TP_FIELD("regionType", region_type),
                                                 TP_FIELD("poolId", pool_id),
                                                 TP_FIELD("nslots", nslots),
                                                 TP_FIELD("slotBytes", slot_bytes),
                                                 TP_FIELD("strideBytes", stride_bytes),
                                                 TP_FIELD("pid", pid),
                                                 TP_FIELD("startTimestampNs", start_timestamp_ns),
                                                 TP_FIELD("activityTimestampNs", activity_timestamp_ns)};
    return fields;
}

const std::vector<FieldLayout>& slot_header_fields() {
    using Block = wire::SlotHeader;
    static const std::vector<FieldLayout> fields{
        TP_FIELD("seqCommit", seq_commit),         TP_FIELD("valuesLenBytes", values_len_bytes),
        TP_FIELD("payloadSlot", payload_slot),     TP_FIELD("poolId", pool_id),
        TP_FIELD("payloadOffset", payload_offset), TP_FIELD("timestampNs", timestamp_ns),
        TP_FIELD("metaVersion", meta_version),     TP_ARRAY("pad", pad)};
    return fields;
}

const std::vector<FieldLayout>& tensor_header_fields() {
    using Block = wire::TensorHeader;
    static const std::vector<FieldLayout> fields{TP_FIELD("dtype", dtype),
                                                 TP_FIELD("majorOrder", major_order),
                                                 TP_FIELD("ndims", ndims),
                                                 TP_FIELD("padAlign", pad_align),
                                                 TP_FIELD("progressUnit", progress_unit),
                                                 TP_FIELD("progressStrideBytes", progress_stride_bytes),
                                                 TP_ARRAY("dims", dims),
                                                 TP_ARRAY("strides", strides),
                                                 TP_ARRAY("pad", pad)};
    return fields;
}

}  // namespace tensorpool::test
