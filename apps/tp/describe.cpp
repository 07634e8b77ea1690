// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "tp/describe.hpp"

namespace tensorpool::apps {
namespace {

template <typename T>
Report or_null(const std::optional<T>& value) {
    return value ? Report(*value) : Report(nullptr);
}

}  // namespace

void Describer::on_pool_announce(const control::PoolAnnounce& m, const messaging::Message&) {
    Report pools = Report::array();
    for (const control::PoolInfo& pool : m.pools) {
        pools.push_back({{"pool_id", pool.pool_id},
                         {"nslots", pool.nslots},
                         {"stride", pool.stride_bytes},
                         {"uri", pool.region_uri}});
    }
    sink_({{"type", "ShmPoolAnnounce"},
           {"stream", m.stream_id},
           {"producer", m.producer_id},
           {"epoch", m.epoch},
           {"layout", m.layout_version},
           {"header_nslots", m.header_nslots},
           {"header_slot_bytes", m.header_slot_bytes},
           {"announce_ts", m.announce_timestamp_ns},
           {"clock_domain", value_of(m.clock_domain)},
           {"header_region_uri", m.header_region_uri},
           {"pools", std::move(pools)}});
}

void Describer::on_consumer_hello(const control::ConsumerHello& m, const messaging::Message&) {
    sink_({{"type", "ConsumerHello"},
           {"stream", m.stream_id},
           {"consumer", m.consumer_id},
           {"supports_shm", m.supports_shm},
           {"supports_progress", m.supports_progress},
           {"mode", value_of(m.mode)},
           {"max_rate", m.max_rate_hz},
           {"expected_layout", m.expected_layout_version},
           {"progress_interval", or_null(m.progress_interval_us)},
           {"progress_bytes", or_null(m.progress_bytes_delta)},
           {"progress_major", or_null(m.progress_major_delta_units)},
           {"descriptor_stream", m.descriptor_stream_id},
           {"control_stream", m.control_stream_id},
           {"descriptor_channel", m.descriptor_channel},
           {"control_channel", m.control_channel}});
}

void Describer::on_consumer_config(const control::ConsumerConfig& m, const messaging::Message&) {
    sink_({{"type", "ConsumerConfig"},
           {"stream", m.stream_id},
           {"consumer", m.consumer_id},
           {"use_shm", m.use_shm},
           {"mode", value_of(m.mode)},
           {"descriptor_stream", m.descriptor_stream_id},
           {"control_stream", m.control_stream_id},
           {"payload_fallback", m.payload_fallback_uri},
           {"descriptor_channel", m.descriptor_channel},
           {"control_channel", m.control_channel}});
}

void Describer::on_frame_descriptor(const control::FrameDescriptor& m, const messaging::Message&) {
    sink_({{"type", "FrameDescriptor"},
           {"stream", m.stream_id},
           {"epoch", m.epoch},
           {"seq", m.seq},
           {"timestamp_ns", or_null(m.timestamp_ns)},
           {"meta_version", or_null(m.meta_version)},
           {"trace_id", m.trace_id}});
}

void Describer::on_frame_progress(const control::FrameProgress& m, const messaging::Message&) {
    sink_({{"type", "FrameProgress"},
           {"stream", m.stream_id},
           {"epoch", m.epoch},
           {"seq", m.seq},
           {"bytes", m.payload_bytes_filled},
           {"state", value_of(m.state)}});
}

void Describer::on_qos_consumer(const control::QosConsumer& m, const messaging::Message&) {
    sink_({{"type", "QosConsumer"},
           {"stream", m.stream_id},
           {"consumer", m.consumer_id},
           {"epoch", m.epoch},
           {"last_seq", m.last_seq_seen},
           {"drops_gap", m.drops_gap},
           {"drops_late", m.drops_late},
           {"mode", value_of(m.mode)}});
}

void Describer::on_qos_producer(const control::QosProducer& m, const messaging::Message&) {
    sink_({{"type", "QosProducer"},
           {"stream", m.stream_id},
           {"producer", m.producer_id},
           {"epoch", m.epoch},
           {"current_seq", m.current_seq},
           {"watermark", or_null(m.watermark)}});
}

void Describer::on_data_source_announce(const control::DataSourceAnnounce& m, const messaging::Message&) {
    sink_({{"type", "DataSourceAnnounce"},
           {"stream", m.stream_id},
           {"producer", m.producer_id},
           {"epoch", m.epoch},
           {"meta_version", m.meta_version},
           {"name", m.name},
           {"summary", m.summary}});
}

void Describer::on_data_source_meta(const control::DataSourceMeta& m, const messaging::Message&) {
    Report attributes = Report::array();
    for (std::size_t i = 0; i < m.attributes.size(); ++i) {
        attributes.push_back({{"index", i},
                              {"key", m.attributes[i].key},
                              {"format", m.attributes[i].format},
                              {"value", m.attributes[i].value}});
    }
    sink_({{"type", "DataSourceMeta"},
           {"stream", m.stream_id},
           {"meta_version", m.meta_version},
           {"timestamp_ns", m.timestamp_ns},
           {"attrs", m.attributes.size()},
           {"attributes", std::move(attributes)}});
}

void Describer::on_control_response(const control::ControlResponse& m, const messaging::Message&) {
    sink_({{"type", "ControlResponse"},
           {"correlation_id", m.correlation_id},
           {"code", value_of(m.code)},
           {"error_message", m.error_message}});
}

void Describer::on_meta_blob_announce(const control::MetaBlobAnnounce& m, const messaging::Message&) {
    sink_({{"type", "MetaBlobAnnounce"},
           {"stream", m.stream_id},
           {"meta_version", m.meta_version},
           {"blob_type", m.blob_type},
           {"total_len", m.total_len},
           {"checksum", m.checksum}});
}

void Describer::on_meta_blob_chunk(const control::MetaBlobChunk& m, const messaging::Message&) {
    sink_({{"type", "MetaBlobChunk"},
           {"stream", m.stream_id},
           {"meta_version", m.meta_version},
           {"chunk_offset", m.chunk_offset},
           {"bytes", m.bytes.size()}});
}

void Describer::on_meta_blob_complete(const control::MetaBlobComplete& m, const messaging::Message&) {
    sink_({{"type", "MetaBlobComplete"},
           {"stream", m.stream_id},
           {"meta_version", m.meta_version},
           {"checksum", m.checksum}});
}

void Describer::on_attach_request(const control::AttachRequest& m, const messaging::Message&) {
    const Report mode =
        m.publish_mode ? value_of(static_cast<PublishMode>(*m.publish_mode)) : Report(nullptr);
    sink_({{"type", "ShmAttachRequest"},
           {"correlation_id", m.correlation_id},
           {"client_id", m.client_id},
           {"role", value_of(static_cast<Role>(m.role))},
           {"stream_id", m.stream_id},
           {"publish_mode", mode}});
}

void Describer::on_attach_response(const control::AttachResponse& m, const messaging::Message&) {
    sink_({{"type", "ShmAttachResponse"},
           {"correlation_id", m.correlation_id},
           {"code", value_of(m.code)},
           {"lease_id", or_null(m.lease_id)},
           {"stream_id", or_null(m.stream_id)},
           {"epoch", or_null(m.epoch)},
           {"node_id", or_null(m.node_id)}});
}

void Describer::on_detach_request(const control::DetachRequest& m, const messaging::Message&) {
    sink_({{"type", "ShmDetachRequest"},
           {"correlation_id", m.correlation_id},
           {"client_id", m.client_id},
           {"lease_id", m.lease_id},
           {"stream_id", m.stream_id}});
}

void Describer::on_detach_response(const control::DetachResponse& m, const messaging::Message&) {
    sink_({{"type", "ShmDetachResponse"}, {"correlation_id", m.correlation_id}, {"code", value_of(m.code)}});
}

void Describer::on_lease_keepalive(const control::LeaseKeepalive& m, const messaging::Message&) {
    sink_({{"type", "ShmLeaseKeepalive"},
           {"lease_id", m.lease_id},
           {"stream_id", m.stream_id},
           {"client_id", m.client_id}});
}

void Describer::on_driver_shutdown(const control::DriverShutdown& m, const messaging::Message&) {
    sink_({{"type", "ShmDriverShutdown"}, {"reason", value_of(m.reason)}, {"message", m.error_message}});
}

void Describer::on_lease_revoked(const control::LeaseRevoked& m, const messaging::Message&) {
    sink_({{"type", "ShmLeaseRevoked"},
           {"lease_id", m.lease_id},
           {"stream_id", m.stream_id},
           {"client_id", m.client_id},
           {"role", value_of(m.role)},
           {"reason", value_of(m.reason)}});
}

// The token stays out of the report: it is a secret.
void Describer::on_driver_shutdown_request(const control::DriverShutdownRequest& m,
                                           const messaging::Message&) {
    sink_(
        {{"type", "ShmDriverShutdownRequest"}, {"reason", value_of(m.reason)}, {"message", m.error_message}});
}

void Describer::on_sequence_merge_map(const SequenceMergeMap& m, const messaging::Message&) {
    Report rules = Report::array();
    for (const SequenceRule& rule : m.rules) {
        rules.push_back({{"input", rule.input_stream_id},
                         {"type", value_of(rule.type)},
                         {"offset", or_null(rule.offset)},
                         {"window", or_null(rule.window_size)}});
    }
    sink_({{"type", "SequenceMergeMapAnnounce"},
           {"stream", m.out_stream_id},
           {"epoch", m.epoch},
           {"stale_ns", or_null(m.stale_timeout_ns)},
           {"rules", std::move(rules)}});
}

void Describer::on_sequence_merge_map_request(const control::SequenceMergeMapRequest& m,
                                              const messaging::Message&) {
    sink_({{"type", "SequenceMergeMapRequest"}, {"stream", m.out_stream_id}, {"epoch", m.epoch}});
}

void Describer::on_timestamp_merge_map(const TimestampMergeMap& m, const messaging::Message&) {
    Report rules = Report::array();
    for (const TimestampRule& rule : m.rules) {
        rules.push_back({{"input", rule.input_stream_id},
                         {"type", value_of(rule.type)},
                         {"source", value_of(rule.source)},
                         {"offset", or_null(rule.offset_ns)},
                         {"window", or_null(rule.window_ns)}});
    }
    sink_({{"type", "TimestampMergeMapAnnounce"},
           {"stream", m.out_stream_id},
           {"epoch", m.epoch},
           {"stale_ns", or_null(m.stale_timeout_ns)},
           {"clock_domain", value_of(m.clock_domain)},
           {"lateness_ns", or_null(m.lateness_ns)},
           {"rules", std::move(rules)}});
}

void Describer::on_timestamp_merge_map_request(const control::TimestampMergeMapRequest& m,
                                               const messaging::Message&) {
    sink_({{"type", "TimestampMergeMapRequest"}, {"stream", m.out_stream_id}, {"epoch", m.epoch}});
}

void Describer::on_trace_link_set(const control::TraceLinkSet& m, const messaging::Message&) {
    sink_({{"type", "TraceLinkSet"},
           {"stream", m.stream_id},
           {"epoch", m.epoch},
           {"seq", m.seq},
           {"trace_id", m.trace_id},
           {"parents", m.parents}});
}

void Describer::on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t,
                               control::DecodeResult why, const messaging::Message& message) {
    sink_({{"type", "Undecodable"},
           {"schema", schema_id},
           {"template", template_id},
           {"len", message.bytes.size()},
           {"why", std::string(control::to_string(why))}});
}

}  // namespace tensorpool::apps
