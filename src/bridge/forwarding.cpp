// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/forwarding.hpp"

#include "control/codec.hpp"
#include "wire/control_blocks.hpp"
#include "wire/cursor.hpp"

#include <cstring>

namespace tensorpool::bridge {
namespace {

// The fixed part of a TraceLinkSet (trace.md section 2): stream id first, 28 bytes in all, then one group of
// 8-byte parents. More of it is none of the bridge's business.
constexpr std::uint16_t kTraceLinkSchema = 904;
constexpr std::uint16_t kTraceLinkTemplate = 1;
constexpr std::uint16_t kTraceLinkVersion = 1;
constexpr std::uint16_t kTraceLinkBlock = 28;
constexpr std::uint16_t kTraceLinkParent = 8;

/// Every message that is forwarded has its stream id first.
constexpr std::size_t kStreamIdAt = sizeof(wire::MessageHeader);

template <typename Message>
Envelope decoded(std::span<const std::byte> bytes, Forwarded kind) {
    Message message;
    if (control::decode(bytes, message) != control::DecodeResult::Ok) return {Forwarded::Invalid};
    return {kind, message.stream_id};
}

Envelope progress(std::span<const std::byte> bytes) {
    control::FrameProgress message;
    if (control::decode(bytes, message) != control::DecodeResult::Ok) return {Forwarded::Invalid};
    return {Forwarded::Progress, message.stream_id, message.epoch, message.seq};
}

Envelope announce(std::span<const std::byte> bytes) {
    control::PoolAnnounce message;
    if (control::decode(bytes, message) != control::DecodeResult::Ok || control::invalid_reason(message))
        return {Forwarded::Invalid};
    return {Forwarded::Announce, message.stream_id};
}

Envelope trace_link(const wire::MessageHeader& header, std::span<const std::byte> bytes) noexcept {
    std::span<const std::byte> rest = bytes.subspan(sizeof header);
    if (header.version > kTraceLinkVersion || header.block_length < kTraceLinkBlock ||
        rest.size() < header.block_length + sizeof(wire::GroupHeader)) {
        return {Forwarded::Invalid};
    }
    Envelope envelope{Forwarded::TraceLink};
    std::memcpy(&envelope.stream_id, rest.data(), sizeof envelope.stream_id);
    wire::GroupHeader group;
    std::memcpy(&group, rest.data() + header.block_length, sizeof group);
    rest = rest.subspan(header.block_length + sizeof group);
    const std::size_t parents = std::size_t{group.block_length} * group.num_in_group;
    if (group.block_length < kTraceLinkParent || parents > rest.size()) return {Forwarded::Invalid};
    return envelope;
}

}  // namespace

Envelope open_envelope(std::span<const std::byte> message) {
    wire::MessageHeader header;
    if (!wire::peek_header(message, header)) return {Forwarded::Invalid};
    if (header.schema_id == kTraceLinkSchema && header.template_id == kTraceLinkTemplate)
        return trace_link(header, message);
    if (header.schema_id != wire::kControlSchemaId) return {};
    switch (header.template_id) {
        case wire::ShmPoolAnnounceBlock::kTemplateId:
            return announce(message);
        case wire::QosProducerBlock::kTemplateId:
            return decoded<control::QosProducer>(message, Forwarded::QosProducer);
        case wire::QosConsumerBlock::kTemplateId:
            return decoded<control::QosConsumer>(message, Forwarded::QosConsumer);
        case wire::FrameProgressBlock::kTemplateId:
            return progress(message);
        case wire::DataSourceAnnounceBlock::kTemplateId:
            return decoded<control::DataSourceAnnounce>(message, Forwarded::Metadata);
        case wire::DataSourceMetaBlock::kTemplateId:
            return decoded<control::DataSourceMeta>(message, Forwarded::Metadata);
        default:
            return {};
    }
}

messaging::Publication& Publications::at(const Endpoint& endpoint) {
    auto& publication = open_[{endpoint.channel, endpoint.stream_id}];
    if (!publication) publication = client_.add_publication(endpoint.channel, endpoint.stream_id);
    return *publication;
}

bool Rewriter::send(messaging::Publication& to, std::span<const std::byte> message, std::uint32_t stream_id,
                    BridgeCounters& counters) {
    buffer_.assign(message.begin(), message.end());
    std::memcpy(buffer_.data() + kStreamIdAt, &stream_id, sizeof stream_id);
    const auto sent = to.offer(buffer_);
    if (!sent && sent.error() != messaging::SendError::NotConnected) ++counters.forward_send_failures;
    return sent.has_value();
}

void count_forwarded(Forwarded kind, BridgeCounters& counters) noexcept {
    ++(kind == Forwarded::Metadata ? counters.metadata_forwarded : counters.control_forwarded);
}

}  // namespace tensorpool::bridge
