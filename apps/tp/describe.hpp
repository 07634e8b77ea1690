// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/report.hpp"
#include "control/dispatcher.hpp"

#include <functional>

namespace tensorpool::apps {

/// Turns every message of schemas 900, 901, 903 and 904 into a report with the keys of TOOL section 4 and a
/// `type`.
class Describer final : public control::ControlHandler {
public:
    using Sink = std::function<void(const Report&)>;

    /// With `names` enumerations print as names, else as numbers.
    Describer(bool names, Sink sink) : names_(names), sink_(std::move(sink)) {}

    void on_pool_announce(const control::PoolAnnounce&, const messaging::Message&) override;
    void on_consumer_hello(const control::ConsumerHello&, const messaging::Message&) override;
    void on_consumer_config(const control::ConsumerConfig&, const messaging::Message&) override;
    void on_frame_descriptor(const control::FrameDescriptor&, const messaging::Message&) override;
    void on_frame_progress(const control::FrameProgress&, const messaging::Message&) override;
    void on_qos_consumer(const control::QosConsumer&, const messaging::Message&) override;
    void on_qos_producer(const control::QosProducer&, const messaging::Message&) override;
    void on_data_source_announce(const control::DataSourceAnnounce&, const messaging::Message&) override;
    void on_data_source_meta(const control::DataSourceMeta&, const messaging::Message&) override;
    void on_control_response(const control::ControlResponse&, const messaging::Message&) override;
    void on_meta_blob_announce(const control::MetaBlobAnnounce&, const messaging::Message&) override;
    void on_meta_blob_chunk(const control::MetaBlobChunk&, const messaging::Message&) override;
    void on_meta_blob_complete(const control::MetaBlobComplete&, const messaging::Message&) override;
    void on_attach_request(const control::AttachRequest&, const messaging::Message&) override;
    void on_attach_response(const control::AttachResponse&, const messaging::Message&) override;
    void on_detach_request(const control::DetachRequest&, const messaging::Message&) override;
    void on_detach_response(const control::DetachResponse&, const messaging::Message&) override;
    void on_lease_keepalive(const control::LeaseKeepalive&, const messaging::Message&) override;
    void on_driver_shutdown(const control::DriverShutdown&, const messaging::Message&) override;
    void on_lease_revoked(const control::LeaseRevoked&, const messaging::Message&) override;
    void on_driver_shutdown_request(const control::DriverShutdownRequest&,
                                    const messaging::Message&) override;
    void on_sequence_merge_map(const SequenceMergeMap&, const messaging::Message&) override;
    void on_sequence_merge_map_request(const control::SequenceMergeMapRequest&,
                                       const messaging::Message&) override;
    void on_timestamp_merge_map(const TimestampMergeMap&, const messaging::Message&) override;
    void on_timestamp_merge_map_request(const control::TimestampMergeMapRequest&,
                                        const messaging::Message&) override;
    [[nodiscard]] bool wants_trace_links() const noexcept override { return true; }
    void on_trace_link_set(const control::TraceLinkSet&, const messaging::Message&) override;
    void on_undecodable(std::uint16_t schema_id, std::uint16_t template_id, std::int64_t correlation_id,
                        control::DecodeResult why, const messaging::Message&) override;

private:
    template <typename Enum>
    [[nodiscard]] Report value_of(Enum value) const {
        if (names_) return std::string(to_string(value));
        return static_cast<std::int64_t>(value);
    }
    template <typename Enum>
    [[nodiscard]] Report value_of(const std::optional<Enum>& value) const {
        return value ? value_of(*value) : Report(nullptr);
    }

    bool names_;
    Sink sink_;
};

}  // namespace tensorpool::apps
