// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/dispatcher.hpp"

#include "messaging/messaging.hpp"
#include "wire/driver_blocks.hpp"
#include "wire/merge_blocks.hpp"
#include "wire/trace_blocks.hpp"

#include <type_traits>

namespace tensorpool::control {

void ControlDispatcher::dispatch(const messaging::Message& message) {
    wire::MessageHeader header;
    if (!wire::peek_header(message.bytes, header)) {
        ++counters_.malformed;
        report(0, 0, "too short for a header", message);
        return;
    }
    switch (header.schema_id) {
        case wire::ShmPoolAnnounceBlock::kSchemaId:
            return dispatch_control(header, message);
        case wire::ShmAttachRequestBlock::kSchemaId:
            return dispatch_driver(header, message);
        case wire::SequenceMergeMapAnnounceBlock::kSchemaId:
            return dispatch_merge(header, message);
        case wire::TraceLinkSetBlock::kSchemaId:
            return dispatch_trace(header, message);
        default:
            ++counters_.foreign;
    }
}

template <typename Message>
void ControlDispatcher::decode_and_call(void (ControlHandler::*call)(const Message&,
                                                                     const messaging::Message&),
                                        const wire::MessageHeader& header,
                                        const messaging::Message& message) {
    Message decoded;
    const DecodeResult result = decode(message.bytes, decoded);
    if (result == DecodeResult::Ok) {
        ++counters_.dispatched;
        (handler_.*call)(decoded, message);
        return;
    }
    if (result == DecodeResult::TooNew) {
        ++counters_.too_new;
    } else {
        ++counters_.malformed;
    }
    std::int64_t correlation_id = 0;
    if constexpr (std::is_same_v<Message, AttachResponse>) correlation_id = decoded.correlation_id;
    report(header.schema_id, header.template_id, to_string(result), message);
    handler_.on_undecodable(header.schema_id, header.template_id, correlation_id, result, message);
}

/// OBS-024. Off the path of good messages: the clock is read here and nowhere else.
void ControlDispatcher::report(std::uint16_t schema_id, std::uint16_t template_id, std::string_view why,
                               const messaging::Message& message) noexcept {
    if (!base::log_enabled(LogLevel::Warn) || !undecodable_log_.pass(monotonic_now_ns())) return;
    base::log_with(LogLevel::Warn, "Control",
                   {{"schema_id", schema_id},
                    {"template_id", template_id},
                    {"bytes", message.bytes.size()},
                    {"reason", why},
                    {"held_back", undecodable_log_.take_held_back()}},
                   "dropped a message of schema {} template {}: {}", schema_id, template_id, why);
}

void ControlDispatcher::dispatch_control(const wire::MessageHeader& header, const messaging::Message& m) {
    using H = ControlHandler;
    switch (header.template_id) {
        case wire::ShmPoolAnnounceBlock::kTemplateId:
            return decode_and_call(&H::on_pool_announce, header, m);
        case wire::ConsumerHelloBlock::kTemplateId:
            return decode_and_call(&H::on_consumer_hello, header, m);
        case wire::ConsumerConfigBlock::kTemplateId:
            return decode_and_call(&H::on_consumer_config, header, m);
        case wire::FrameDescriptorBlock::kTemplateId:
            return decode_and_call(&H::on_frame_descriptor, header, m);
        case wire::QosConsumerBlock::kTemplateId:
            return decode_and_call(&H::on_qos_consumer, header, m);
        case wire::QosProducerBlock::kTemplateId:
            return decode_and_call(&H::on_qos_producer, header, m);
        case wire::DataSourceAnnounceBlock::kTemplateId:
            return decode_and_call(&H::on_data_source_announce, header, m);
        case wire::DataSourceMetaBlock::kTemplateId:
            return decode_and_call(&H::on_data_source_meta, header, m);
        case wire::ControlResponseBlock::kTemplateId:
            return decode_and_call(&H::on_control_response, header, m);
        case wire::MetaBlobAnnounceBlock::kTemplateId:
            return decode_and_call(&H::on_meta_blob_announce, header, m);
        case wire::FrameProgressBlock::kTemplateId:
            return decode_and_call(&H::on_frame_progress, header, m);
        case wire::MetaBlobChunkBlock::kTemplateId:
            return decode_and_call(&H::on_meta_blob_chunk, header, m);
        case wire::MetaBlobCompleteBlock::kTemplateId:
            return decode_and_call(&H::on_meta_blob_complete, header, m);
        default:
            ++counters_.foreign;
    }
}

void ControlDispatcher::dispatch_driver(const wire::MessageHeader& header, const messaging::Message& m) {
    using H = ControlHandler;
    switch (header.template_id) {
        case wire::ShmAttachRequestBlock::kTemplateId:
            return decode_and_call(&H::on_attach_request, header, m);
        case wire::ShmAttachResponseBlock::kTemplateId:
            return decode_and_call(&H::on_attach_response, header, m);
        case wire::ShmDetachRequestBlock::kTemplateId:
            return decode_and_call(&H::on_detach_request, header, m);
        case wire::ShmDetachResponseBlock::kTemplateId:
            return decode_and_call(&H::on_detach_response, header, m);
        case wire::ShmLeaseKeepaliveBlock::kTemplateId:
            return decode_and_call(&H::on_lease_keepalive, header, m);
        case wire::ShmDriverShutdownBlock::kTemplateId:
            return decode_and_call(&H::on_driver_shutdown, header, m);
        case wire::ShmLeaseRevokedBlock::kTemplateId:
            return decode_and_call(&H::on_lease_revoked, header, m);
        case wire::ShmDriverShutdownRequestBlock::kTemplateId:
            return decode_and_call(&H::on_driver_shutdown_request, header, m);
        default:
            ++counters_.foreign;
    }
}

void ControlDispatcher::dispatch_merge(const wire::MessageHeader& header, const messaging::Message& m) {
    using H = ControlHandler;
    switch (header.template_id) {
        case wire::SequenceMergeMapAnnounceBlock::kTemplateId:
            return decode_and_call(&H::on_sequence_merge_map, header, m);
        case wire::SequenceMergeMapRequestBlock::kTemplateId:
            return decode_and_call(&H::on_sequence_merge_map_request, header, m);
        case wire::TimestampMergeMapAnnounceBlock::kTemplateId:
            return decode_and_call(&H::on_timestamp_merge_map, header, m);
        case wire::TimestampMergeMapRequestBlock::kTemplateId:
            return decode_and_call(&H::on_timestamp_merge_map_request, header, m);
        default:
            ++counters_.foreign;
    }
}

void ControlDispatcher::dispatch_trace(const wire::MessageHeader& header, const messaging::Message& m) {
    if (header.template_id != wire::TraceLinkSetBlock::kTemplateId || !handler_.wants_trace_links()) {
        ++counters_.foreign;
        return;
    }
    decode_and_call(&ControlHandler::on_trace_link_set, header, m);
}

}  // namespace tensorpool::control
