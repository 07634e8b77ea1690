// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec_support.hpp"
#include "control/discovery_messages.hpp"
#include "wire/discovery_blocks.hpp"

#include <fmt/format.h>

namespace tensorpool {

std::string_view to_string(DiscoveryStatus status) noexcept {
    switch (status) {
        case DiscoveryStatus::Ok:
            return "OK";
        case DiscoveryStatus::NotFound:
            return "NOT_FOUND";
        case DiscoveryStatus::Error:
            return "ERROR";
    }
    return "UNKNOWN";
}

}  // namespace tensorpool

namespace tensorpool::control {
namespace {

using wire::Decoder;
using wire::Encoder;

constexpr std::size_t kMostEntries = 65534;  // discovery.md section 3; 65535 is the type's null
constexpr std::uint32_t kMostStreamId = 0x7fffffff;

/// Exactly version 1: "not newer than mine" would let 0 pass (trap 17).
template <typename Block>
bool is_of_version_zero(std::span<const std::byte> in) noexcept {
    wire::MessageHeader header;
    return wire::peek_header(in, header) && header.schema_id == Block::kSchemaId &&
           header.template_id == Block::kTemplateId && header.version == 0;
}

void put_tags(Encoder& to, const std::vector<std::string>& tags) noexcept {
    to.group(0, tags.size());
    for (const std::string& tag : tags) to.var_data(tag);
}

bool get_tags(Decoder& from, std::vector<std::string>& tags) {
    wire::GroupHeader group;
    if (!from.group(group)) return false;
    if (group.block_length != 0 || group.num_in_group > kMostEntries) return false;
    tags.clear();
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        std::string tag;
        if (!get_text(from, tag)) return false;
        tags.push_back(std::move(tag));
    }
    return true;
}

void put_result(Encoder& to, const DiscoveryResult& m) noexcept {
    to.entry(wire::DiscoveryResultEntry{m.stream_id, m.producer_id, m.epoch, m.layout_version,
                                        m.header_nslots, m.header_slot_bytes, m.max_dims,
                                        or_null(m.data_source_id), m.driver_control_stream_id});
    put_pools(to, m.pools);
    put_tags(to, m.tags);
    to.var_data(m.header_region_uri);
    to.var_data(m.data_source_name);
    to.var_data(m.driver_instance_id);
    to.var_data(m.driver_control_channel);
}

bool get_result(Decoder& from, std::uint16_t block_length, DiscoveryResult& m) {
    wire::DiscoveryResultEntry b;
    if (!from.entry(b, block_length) || !get_pools(from, m.pools) || !get_tags(from, m.tags) ||
        !get_text(from, m.header_region_uri) || !get_text(from, m.data_source_name) ||
        !get_text(from, m.driver_instance_id) || !get_text(from, m.driver_control_channel)) {
        return false;
    }
    m.stream_id = b.stream_id;
    m.producer_id = b.producer_id;
    m.epoch = b.epoch;
    m.layout_version = b.layout_version;
    m.header_nslots = b.header_nslots;
    m.header_slot_bytes = b.header_slot_bytes;
    m.max_dims = b.max_dims;
    m.data_source_id = from_null<std::uint64_t>(b.data_source_id);
    m.driver_control_stream_id = b.driver_control_stream_id;
    return true;
}

}  // namespace

std::size_t encode(std::span<std::byte> out, const DiscoveryRequest& m) noexcept {
    if (m.tags.size() > kMostEntries) return 0;
    Encoder to(out);
    to.message(wire::DiscoveryRequestBlock{m.request_id, m.client_id, m.response_stream_id,
                                           or_null(m.stream_id), or_null(m.producer_id),
                                           or_null(m.data_source_id)});
    put_tags(to, m.tags);
    to.var_data(m.response_channel);
    to.var_data(m.data_source_name);
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, DiscoveryRequest& m) {
    if (is_of_version_zero<wire::DiscoveryRequestBlock>(in)) return DecodeResult::Malformed;
    Decoder from(in);
    wire::DiscoveryRequestBlock b;
    if (!from.message(b) || !get_tags(from, m.tags) || !get_text(from, m.response_channel))
        return failed(from);
    m.data_source_name.clear();
    if (from.remaining() != 0 && !get_text(from, m.data_source_name)) return failed(from);
    m.request_id = b.request_id;
    m.client_id = b.client_id;
    m.response_stream_id = b.response_stream_id;
    m.stream_id = from_null<std::uint32_t>(b.stream_id);
    m.producer_id = from_null<std::uint32_t>(b.producer_id);
    m.data_source_id = from_null<std::uint64_t>(b.data_source_id);
    return DecodeResult::Ok;
}

std::size_t encode(std::span<std::byte> out, const DiscoveryAnswerView& m) noexcept {
    if (m.results.size() > kMostEntries) return 0;
    Encoder to(out);
    to.message(wire::DiscoveryResponseBlock{m.request_id, m.status});
    to.group(wire::DiscoveryResultEntry::kBlockLength, m.results.size());
    for (const DiscoveryResult* result : m.results) put_result(to, *result);
    to.var_data(m.error_message);
    return finished(to);
}

std::size_t encode(std::span<std::byte> out, const DiscoveryResponse& m) {
    std::vector<const DiscoveryResult*> results;
    results.reserve(m.results.size());
    for (const DiscoveryResult& result : m.results) results.push_back(&result);
    return encode(out, DiscoveryAnswerView{m.request_id, m.status, results, m.error_message});
}

DecodeResult decode(std::span<const std::byte> in, DiscoveryResponse& m) {
    if (is_of_version_zero<wire::DiscoveryResponseBlock>(in)) return DecodeResult::Malformed;
    Decoder from(in);
    wire::DiscoveryResponseBlock b;
    wire::GroupHeader group;
    if (!from.message(b) || !from.group(group)) return failed(from);
    if (group.num_in_group > kMostEntries) return DecodeResult::Malformed;
    m.results.clear();
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        DiscoveryResult result;
        if (!get_result(from, group.block_length, result)) return failed(from);
        m.results.push_back(std::move(result));
    }
    if (!get_text(from, m.error_message)) return failed(from);
    const auto status = static_cast<DiscoveryStatus>(b.status);
    if (status < DiscoveryStatus::Ok || status > DiscoveryStatus::Error) return DecodeResult::BadEnum;
    m.request_id = b.request_id;
    m.status = status;
    return DecodeResult::Ok;
}

std::optional<std::string> invalid_reason(const DiscoveryResult& result) {
    if (result.stream_id == 0 || result.stream_id == UINT32_MAX)
        return fmt::format("stream_id {} is not a stream (CFG-012)", result.stream_id);
    if (result.driver_control_channel.empty()) return "driver_control_channel is empty (DISC-064)";
    if (result.driver_control_stream_id == 0 || result.driver_control_stream_id > kMostStreamId) {
        return fmt::format("driver_control_stream_id {} is not a messaging stream (DISC-066)",
                           result.driver_control_stream_id);
    }
    if (result.header_slot_bytes != 256 || result.max_dims != 8) {
        return fmt::format("header_slot_bytes {} and max_dims {} must be 256 and 8 (DISC-053)",
                           result.header_slot_bytes, result.max_dims);
    }
    for (const PoolInfo& pool : result.pools) {
        if (pool.nslots == result.header_nslots) continue;
        return fmt::format("pool {} has {} slots, the header ring {} (DISC-055)", pool.pool_id, pool.nslots,
                           result.header_nslots);
    }
    return std::nullopt;
}

}  // namespace tensorpool::control
