// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.hpp"
#include "control/codec.hpp"
#include "messaging/messaging.hpp"

#include <cstdint>
#include <string_view>

namespace tensorpool::control {

/// What a role wants to hear. Every member does nothing unless overridden; one that throws loses only that
/// message. `message` gives the image; its bytes are stable until the member returns.
class ControlHandler {
public:
    virtual ~ControlHandler() = default;

    virtual void on_pool_announce(const PoolAnnounce&, const messaging::Message&) {}
    virtual void on_consumer_hello(const ConsumerHello&, const messaging::Message&) {}
    virtual void on_consumer_config(const ConsumerConfig&, const messaging::Message&) {}
    virtual void on_frame_descriptor(const FrameDescriptor&, const messaging::Message&) {}
    virtual void on_frame_progress(const FrameProgress&, const messaging::Message&) {}
    virtual void on_qos_consumer(const QosConsumer&, const messaging::Message&) {}
    virtual void on_qos_producer(const QosProducer&, const messaging::Message&) {}
    virtual void on_data_source_announce(const DataSourceAnnounce&, const messaging::Message&) {}
    virtual void on_data_source_meta(const DataSourceMeta&, const messaging::Message&) {}
    virtual void on_control_response(const ControlResponse&, const messaging::Message&) {}
    virtual void on_meta_blob_announce(const MetaBlobAnnounce&, const messaging::Message&) {}
    virtual void on_meta_blob_chunk(const MetaBlobChunk&, const messaging::Message&) {}
    virtual void on_meta_blob_complete(const MetaBlobComplete&, const messaging::Message&) {}

    virtual void on_attach_request(const AttachRequest&, const messaging::Message&) {}
    virtual void on_attach_response(const AttachResponse&, const messaging::Message&) {}
    virtual void on_detach_request(const DetachRequest&, const messaging::Message&) {}
    virtual void on_detach_response(const DetachResponse&, const messaging::Message&) {}
    virtual void on_lease_keepalive(const LeaseKeepalive&, const messaging::Message&) {}
    virtual void on_driver_shutdown(const DriverShutdown&, const messaging::Message&) {}
    virtual void on_lease_revoked(const LeaseRevoked&, const messaging::Message&) {}
    virtual void on_driver_shutdown_request(const DriverShutdownRequest&, const messaging::Message&) {}

    virtual void on_sequence_merge_map(const SequenceMergeMapAnnounce&, const messaging::Message&) {}
    virtual void on_sequence_merge_map_request(const SequenceMergeMapRequest&, const messaging::Message&) {}
    virtual void on_timestamp_merge_map(const TimestampMergeMapAnnounce&, const messaging::Message&) {}
    virtual void on_timestamp_merge_map_request(const TimestampMergeMapRequest&, const messaging::Message&) {}

    /// Trace links share the control stream with everything else (trace.md TT-09): who does not ask for them
    /// skips them as a foreign schema, undecoded (TRACE-001).
    [[nodiscard]] virtual bool wants_trace_links() const noexcept { return false; }
    virtual void on_trace_link_set(const TraceLinkSet&, const messaging::Message&) {}

    /// A message of ours that could not be used: malformed, an unknown enum value, a newer version. For an
    /// attach response `correlation_id` names the request when the fixed part was readable, else it is 0
    /// (DRV-081).
    virtual void on_undecodable(std::uint16_t /*schema_id*/, std::uint16_t /*template_id*/,
                                std::int64_t /*correlation_id*/, DecodeResult /*why*/,
                                const messaging::Message&) {}
};

struct DispatchCounters {
    std::uint64_t dispatched = 0;
    std::uint64_t foreign = 0;    ///< other schemas, unknown templates: skipped silently (WIRE-003, WIRE-004)
    std::uint64_t malformed = 0;  ///< too short, bad lengths, unknown enum values
    std::uint64_t too_new = 0;
};

/// Gates messages on (schemaId, templateId), decodes them and calls the handler (DRV-015, TOOL-008). What
/// cannot be decoded is counted and, once a second, logged: anybody can send it as fast as they like.
class ControlDispatcher {
public:
    explicit ControlDispatcher(ControlHandler& handler) noexcept : handler_(handler) {}

    /// Polls up to `limit` messages; returns how many.
    int poll(messaging::Subscription& subscription, int limit) noexcept {
        return subscription.poll([this](const messaging::Message& message) { dispatch(message); }, limit);
    }
    void dispatch(const messaging::Message& message);

    [[nodiscard]] const DispatchCounters& counters() const noexcept { return counters_; }

private:
    template <typename Message>
    void decode_and_call(void (ControlHandler::*call)(const Message&, const messaging::Message&),
                         const wire::MessageHeader& header, const messaging::Message& message);
    void dispatch_control(const wire::MessageHeader& header, const messaging::Message& message);
    void dispatch_driver(const wire::MessageHeader& header, const messaging::Message& message);
    void dispatch_merge(const wire::MessageHeader& header, const messaging::Message& message);
    void dispatch_trace(const wire::MessageHeader& header, const messaging::Message& message);
    void report(std::uint16_t schema_id, std::uint16_t template_id, std::string_view why,
                const messaging::Message& message) noexcept;

    ControlHandler& handler_;
    DispatchCounters counters_;
    base::LogLimit undecodable_log_;
};

}  // namespace tensorpool::control
