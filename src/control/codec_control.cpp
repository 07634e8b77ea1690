// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec.hpp"
#include "control/codec_support.hpp"

// Schema 900 (wire.md 3.4).
namespace tensorpool::control {

using wire::Decoder;
using wire::Encoder;

std::size_t encode(std::span<std::byte> out, const PoolAnnounce& m) noexcept {
    Encoder to(out);
    to.message(wire::ShmPoolAnnounceBlock{m.stream_id, m.producer_id, m.epoch, m.announce_timestamp_ns,
                                          m.clock_domain, m.layout_version, m.header_nslots,
                                          m.header_slot_bytes});
    put_pools(to, m.pools);
    to.var_data(m.header_region_uri);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, PoolAnnounce& m) {
    Decoder from(in);
    wire::ShmPoolAnnounceBlock b;
    if (!from.message(b) || !get_pools(from, m.pools) || !get_text(from, m.header_region_uri))
        return failed(from);
    if (!is_known(b.announce_clock_domain)) return DecodeResult::BadEnum;
    m.stream_id = b.stream_id;
    m.producer_id = b.producer_id;
    m.epoch = b.epoch;
    m.announce_timestamp_ns = b.announce_timestamp_ns;
    m.clock_domain = b.announce_clock_domain;
    m.layout_version = b.layout_version;
    m.header_nslots = b.header_nslots;
    m.header_slot_bytes = b.header_slot_bytes;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const ConsumerHello& m) noexcept {
    Encoder to(out);
    to.message(wire::ConsumerHelloBlock{
        m.stream_id, m.consumer_id, as_bool(m.supports_shm), as_bool(m.supports_progress), m.mode,
        m.max_rate_hz, m.expected_layout_version, or_null(m.progress_interval_us),
        or_null(m.progress_bytes_delta), or_null(m.progress_major_delta_units), m.descriptor_stream_id,
        m.control_stream_id});
    to.var_data(m.descriptor_channel);
    to.var_data(m.control_channel);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, ConsumerHello& m) {
    Decoder from(in);
    wire::ConsumerHelloBlock b;
    if (!from.message(b) || !get_text(from, m.descriptor_channel) || !get_text(from, m.control_channel)) {
        return failed(from);
    }
    if (!is_bool(b.supports_shm) || !is_bool(b.supports_progress) || !is_known(b.mode))
        return DecodeResult::BadEnum;
    m.stream_id = b.stream_id;
    m.consumer_id = b.consumer_id;
    m.supports_shm = b.supports_shm == 1;
    m.supports_progress = b.supports_progress == 1;
    m.mode = b.mode;
    m.max_rate_hz = b.max_rate_hz;
    m.expected_layout_version = b.expected_layout_version;
    m.progress_interval_us = from_null<std::uint32_t>(b.progress_interval_us);
    m.progress_bytes_delta = from_null<std::uint32_t>(b.progress_bytes_delta);
    m.progress_major_delta_units = from_null<std::uint32_t>(b.progress_major_delta_units);
    m.descriptor_stream_id = b.descriptor_stream_id;
    m.control_stream_id = b.control_stream_id;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const ConsumerConfig& m) noexcept {
    Encoder to(out);
    to.message(wire::ConsumerConfigBlock{m.stream_id, m.consumer_id, as_bool(m.use_shm), m.mode,
                                         m.descriptor_stream_id, m.control_stream_id});
    to.var_data(m.payload_fallback_uri);
    to.var_data(m.descriptor_channel);
    to.var_data(m.control_channel);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, ConsumerConfig& m) {
    Decoder from(in);
    wire::ConsumerConfigBlock b;
    if (!from.message(b) || !get_text(from, m.payload_fallback_uri) ||
        !get_text(from, m.descriptor_channel) || !get_text(from, m.control_channel)) {
        return failed(from);
    }
    if (!is_bool(b.use_shm) || !is_known(b.mode)) return DecodeResult::BadEnum;
    m.stream_id = b.stream_id;
    m.consumer_id = b.consumer_id;
    m.use_shm = b.use_shm == 1;
    m.mode = b.mode;
    m.descriptor_stream_id = b.descriptor_stream_id;
    m.control_stream_id = b.control_stream_id;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const FrameDescriptor& m) noexcept {
    Encoder to(out);
    to.message(wire::FrameDescriptorBlock{m.stream_id, m.epoch, m.seq, or_null(m.timestamp_ns),
                                          or_null(m.meta_version), m.trace_id});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, FrameDescriptor& m) {
    Decoder from(in);
    wire::FrameDescriptorBlock b;
    if (!from.message(b)) return failed(from);
    m.stream_id = b.stream_id;
    m.epoch = b.epoch;
    m.seq = b.seq;
    m.timestamp_ns = from_null<std::uint64_t>(b.timestamp_ns);
    m.meta_version = from_null<std::uint32_t>(b.meta_version);
    m.trace_id = b.trace_id;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const FrameProgress& m) noexcept {
    Encoder to(out);
    to.message(wire::FrameProgressBlock{m.stream_id, m.epoch, m.seq, m.payload_bytes_filled, m.state});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, FrameProgress& m) {
    Decoder from(in);
    wire::FrameProgressBlock b;
    if (!from.message(b)) return failed(from);
    if (!is_known(b.state)) return DecodeResult::BadEnum;
    m = {b.stream_id, b.epoch, b.seq, b.payload_bytes_filled, b.state};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const QosConsumer& m) noexcept {
    Encoder to(out);
    to.message(wire::QosConsumerBlock{m.stream_id, m.consumer_id, m.epoch, m.last_seq_seen, m.drops_gap,
                                      m.drops_late, m.mode});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, QosConsumer& m) {
    Decoder from(in);
    wire::QosConsumerBlock b;
    if (!from.message(b)) return failed(from);
    if (!is_known(b.mode)) return DecodeResult::BadEnum;
    m = {b.stream_id, b.consumer_id, b.epoch, b.last_seq_seen, b.drops_gap, b.drops_late, b.mode};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const QosProducer& m) noexcept {
    Encoder to(out);
    to.message(
        wire::QosProducerBlock{m.stream_id, m.producer_id, m.epoch, m.current_seq, or_null(m.watermark)});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, QosProducer& m) {
    Decoder from(in);
    wire::QosProducerBlock b;
    if (!from.message(b)) return failed(from);
    m = {b.stream_id, b.producer_id, b.epoch, b.current_seq, from_null<std::uint32_t>(b.watermark)};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DataSourceAnnounce& m) noexcept {
    Encoder to(out);
    to.message(wire::DataSourceAnnounceBlock{m.stream_id, m.producer_id, m.epoch, m.meta_version});
    to.var_data(m.name);
    to.var_data(m.summary);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DataSourceAnnounce& m) {
    Decoder from(in);
    wire::DataSourceAnnounceBlock b;
    if (!from.message(b) || !get_text(from, m.name) || !get_text(from, m.summary)) return failed(from);
    m.stream_id = b.stream_id;
    m.producer_id = b.producer_id;
    m.epoch = b.epoch;
    m.meta_version = b.meta_version;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DataSourceMeta& m) noexcept {
    Encoder to(out);
    to.message(wire::DataSourceMetaBlock{m.stream_id, m.meta_version, m.timestamp_ns});
    to.group(0, m.attributes.size());
    for (const MetaAttribute& attribute : m.attributes) {
        to.var_data(attribute.key);
        to.var_data(attribute.format);
        to.var_data(attribute.value);
    }
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DataSourceMeta& m) {
    Decoder from(in);
    wire::DataSourceMetaBlock b;
    wire::GroupHeader group;
    if (!from.message(b) || !from.group(group)) return failed(from);
    m.attributes.clear();
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        MetaAttribute attribute;
        if (!from.skip(group.block_length) || !get_text(from, attribute.key) ||
            !get_text(from, attribute.format) || !get_text(from, attribute.value)) {
            return failed(from);
        }
        m.attributes.push_back(std::move(attribute));
    }
    m.stream_id = b.stream_id;
    m.meta_version = b.meta_version;
    m.timestamp_ns = b.timestamp_ns;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const ControlResponse& m) noexcept {
    Encoder to(out);
    to.message(wire::ControlResponseBlock{m.correlation_id, m.code});
    to.var_data(m.error_message);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, ControlResponse& m) {
    Decoder from(in);
    wire::ControlResponseBlock b;
    if (!from.message(b) || !get_text(from, m.error_message)) return failed(from);
    if (!is_known(b.code)) return DecodeResult::BadEnum;
    m.correlation_id = b.correlation_id;
    m.code = b.code;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const MetaBlobAnnounce& m) noexcept {
    Encoder to(out);
    to.message(
        wire::MetaBlobAnnounceBlock{m.stream_id, m.meta_version, m.blob_type, m.total_len, m.checksum});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, MetaBlobAnnounce& m) {
    Decoder from(in);
    wire::MetaBlobAnnounceBlock b;
    if (!from.message(b)) return failed(from);
    m = {b.stream_id, b.meta_version, b.blob_type, b.total_len, b.checksum};
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const MetaBlobChunk& m) noexcept {
    Encoder to(out);
    to.message(wire::MetaBlobChunkBlock{m.stream_id, m.meta_version, m.chunk_offset});
    to.var_data(m.bytes);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, MetaBlobChunk& m) {
    Decoder from(in);
    wire::MetaBlobChunkBlock b;
    if (!from.message(b) || !get_text(from, m.bytes)) return failed(from);
    m.stream_id = b.stream_id;
    m.meta_version = b.meta_version;
    m.chunk_offset = b.chunk_offset;
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const MetaBlobComplete& m) noexcept {
    Encoder to(out);
    to.message(wire::MetaBlobCompleteBlock{m.stream_id, m.meta_version, m.checksum});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, MetaBlobComplete& m) {
    Decoder from(in);
    wire::MetaBlobCompleteBlock b;
    if (!from.message(b)) return failed(from);
    m = {b.stream_id, b.meta_version, b.checksum};
    return DecodeResult::Ok;
}

}  // namespace tensorpool::control
