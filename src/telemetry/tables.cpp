// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/tables.hpp"

#include "telemetry/latency.hpp"

namespace tensorpool::telemetry {
namespace {

constexpr std::string_view kRoles[] = {"Producer", "Consumer", "Driver", "Supervisor"};

// Numbers are part of the type ids that other programs see: never reuse one.
constexpr Row<ProducerCounters> kProducerCounters[] = {
    {{3, "FramesPublished", "producer_frames_published",
      "frames committed whose descriptor went out, or that nobody wanted"},
     &ProducerCounters::frames_published},
    {{4, "AnnouncesPublished", "producer_announces", "pool announces sent; 0 with a driver"},
     &ProducerCounters::announces_published},
    {{5, "QosPublished", "producer_qos_published", "QosProducer messages sent"},
     &ProducerCounters::qos_published},
    {{6, "DescriptorBackpressured", "producer_descriptor_backpressured",
      "descriptors refused: back pressure"},
     &ProducerCounters::descriptor_back_pressured},
    {{7, "DescriptorNotConnected", "producer_descriptor_not_connected", "descriptors nobody subscribed to"},
     &ProducerCounters::descriptor_not_connected},
    {{8, "DescriptorAdminAction", "producer_descriptor_admin_action", "descriptors refused: admin action"},
     &ProducerCounters::descriptor_admin_action},
    {{9, "DescriptorClosed", "producer_descriptor_closed", "descriptors refused: publication closed"},
     &ProducerCounters::descriptor_closed},
    {{10, "DescriptorMaxPositionExceeded", "producer_descriptor_max_position_exceeded",
      "descriptors refused: max position"},
     &ProducerCounters::descriptor_max_position_exceeded},
    {{11, "DescriptorErrors", "producer_descriptor_errors", "descriptors refused: any other result"},
     &ProducerCounters::descriptor_errors},
    {{64, "FramesCommitted", "producer_frames_committed", "frames whose slot was committed"},
     &ProducerCounters::frames_committed},
    {{65, "BytesCommitted", "producer_committed_bytes", "payload bytes of committed frames"},
     &ProducerCounters::bytes_committed},
    {{66, "FramesAbandoned", "producer_frames_abandoned",
      "deliberate gaps: abandoned, invalid or timed-out reservations"},
     &ProducerCounters::frames_abandoned},
    {{67, "ReservationsTimedOut", "producer_reservations_timed_out",
      "reservations that became gaps by their age"},
     &ProducerCounters::reservations_timed_out},
    {{68, "ClaimsRefusedNotAttached", "producer_claims_refused_not_attached", "slots refused: no lease"},
     &ProducerCounters::claims_refused_not_attached},
    {{69, "ClaimsRefusedNoPool", "producer_claims_refused_no_pool", "slots refused: no pool is large enough"},
     &ProducerCounters::claims_refused_no_pool},
    {{70, "ClaimsRefusedOverrun", "producer_claims_refused_overrun",
      "slots refused: max_in_flight reservations are open"},
     &ProducerCounters::claims_refused_overrun},
    {{71, "ClaimsRefusedUnknownPool", "producer_claims_refused_unknown_pool",
      "slots refused: the stream has no such pool"},
     &ProducerCounters::claims_refused_unknown_pool},
    {{72, "StalePublishes", "producer_stale_publishes",
      "frames of a lease, epoch or time limit that was over"},
     &ProducerCounters::stale_publishes},
    {{73, "InvalidFrames", "producer_invalid_frames", "frames whose description contradicted itself"},
     &ProducerCounters::invalid_frames},
    {{74, "ProducerRemaps", "producer_remaps", "mappings of shared memory"}, &ProducerCounters::remaps},
    {{75, "ConsumerStreamsOpened", "producer_consumer_streams_opened",
      "publications opened for single consumers"},
     &ProducerCounters::consumer_streams_opened},
    {{76, "ConsumerStreamsClosed", "producer_consumer_streams_closed",
      "publications for single consumers closed again"},
     &ProducerCounters::consumer_streams_closed},
    {{77, "ConsumerStreamsDeclined", "producer_consumer_streams_declined",
      "requests for own streams not granted"},
     &ProducerCounters::consumer_streams_declined},
    {{78, "ConsumerStreamsFailed", "producer_consumer_streams_failed",
      "own streams that could not be opened"},
     &ProducerCounters::consumer_streams_failed},
    {{79, "ConsumersStale", "producer_consumers_stale", "consumers forgotten because they were silent"},
     &ProducerCounters::consumers_stale},
    {{80, "ConsumersRefusedFull", "producer_consumers_refused_full",
      "messages of consumers beyond max_consumers"},
     &ProducerCounters::consumers_refused_full},
    {{81, "ConfigsPublished", "producer_configs_published",
      "ConsumerConfig messages sent by a standalone producer"},
     &ProducerCounters::configs_published},
    {{82, "OwnDescriptorsPublished", "producer_own_descriptors_published",
      "descriptors sent on streams of single consumers"},
     &ProducerCounters::consumer_descriptors_published},
    {{83, "OwnDescriptorsCapped", "producer_own_descriptors_capped",
      "descriptors held back by a consumer's max_rate_hz"},
     &ProducerCounters::consumer_descriptors_capped},
    {{84, "OwnDescriptorsRefused", "producer_own_descriptors_refused",
      "own descriptors that messaging refused"},
     &ProducerCounters::consumer_descriptors_refused},
    {{85, "ProgressPublished", "producer_progress_published", "FrameProgress messages sent"},
     &ProducerCounters::progress_published},
    {{86, "ProgressDeferred", "producer_progress_deferred", "progress reports that came too early"},
     &ProducerCounters::progress_deferred},
    {{87, "ProgressRefused", "producer_progress_refused", "progress reports that contradicted the frame"},
     &ProducerCounters::progress_refused},
    {{88, "ClaimsRefusedSeqPassed", "producer_claims_refused_seq_passed",
      "slots refused: the sequence number was passed"},
     &ProducerCounters::claims_refused_seq_passed},
};

constexpr Row<ProducerGauges> kProducerGauges[] = {
    {{128, "ProducerEpoch", "producer_epoch", "epoch that is written; 0 when not ready", Kind::Gauge},
     &ProducerGauges::epoch},
    {{129, "NextSeq", "producer_next_seq", "sequence number of the next frame", Kind::Gauge},
     &ProducerGauges::next_seq},
    {{130, "HeaderSlots", "producer_header_slots", "slots of the header ring", Kind::Gauge},
     &ProducerGauges::header_nslots},
    {{131, "InFlight", "producer_in_flight", "reservations handed out and not yet finished", Kind::Gauge},
     &ProducerGauges::in_flight},
};

constexpr Row<ConsumerCounters> kConsumerCounters[] = {
    {{3, "DropsGap", "consumer_drops_gap", "frames whose descriptor never came"},
     &ConsumerCounters::drops_gap},
    {{4, "DropsLate", "consumer_drops_late", "frames that failed slot validation; sum of the five reasons"},
     &ConsumerCounters::drops_late},
    {{5, "DropsOdd", "consumer_drops_odd", "slot not committed at first read"}, &ConsumerCounters::drops_odd},
    {{6, "DropsChanged", "consumer_drops_changed", "slot changed during the read, or went back"},
     &ConsumerCounters::drops_changed},
    {{7, "DropsFrameIdMismatch", "consumer_drops_frame_id_mismatch", "slot holds another frame already"},
     &ConsumerCounters::drops_frame_id_mismatch},
    {{8, "DropsHeaderInvalid", "consumer_drops_header_invalid", "slot header invalid"},
     &ConsumerCounters::drops_header_invalid},
    {{9, "DropsPayloadInvalid", "consumer_drops_payload_invalid",
      "payload out of range or in an unknown pool"},
     &ConsumerCounters::drops_payload_invalid},
    {{10, "Remaps", "consumer_remaps", "successful mappings of shared memory"}, &ConsumerCounters::remaps},
    {{11, "HelloPublished", "consumer_hello_published", "ConsumerHello messages sent"},
     &ConsumerCounters::hello_published},
    {{12, "QosPublished", "consumer_qos_published", "QosConsumer messages sent"},
     &ConsumerCounters::qos_published},
    {{13, "DropsEpochMismatch", "consumer_drops_epoch_mismatch",
      "descriptors of another epoch than the mapped one"},
     &ConsumerCounters::drops_epoch_mismatch},
    {{64, "DescriptorsReceived", "consumer_descriptors_received", "descriptors of the stream"},
     &ConsumerCounters::descriptors_received},
    {{65, "FramesDelivered", "consumer_frames_delivered", "frames handed out and intact afterwards"},
     &ConsumerCounters::frames_delivered},
    {{66, "BytesDelivered", "consumer_delivered_bytes", "payload bytes of delivered frames"},
     &ConsumerCounters::bytes_delivered},
    {{67, "Overruns", "consumer_overruns", "frames overwritten while the handler had them"},
     &ConsumerCounters::overruns},
    {{68, "DropsUnmapped", "consumer_drops_unmapped", "descriptors while nothing was mapped"},
     &ConsumerCounters::drops_unmapped},
    {{69, "DropsDuplicate", "consumer_drops_duplicate", "descriptors that came twice"},
     &ConsumerCounters::drops_duplicate},
    {{70, "SkippedLatestOnly", "consumer_skipped_latest_only", "frames skipped for a newer one"},
     &ConsumerCounters::skipped_latest_only},
    {{71, "SkippedRateLimited", "consumer_skipped_rate_limited", "frames skipped by the rate limit"},
     &ConsumerCounters::skipped_rate_limited},
    {{72, "SkippedResync", "consumer_skipped_resync", "frames skipped while jumping to the newest"},
     &ConsumerCounters::skipped_resync},
    {{73, "Resynchronisations", "consumer_resynchronisations", "jumps to the newest frame"},
     &ConsumerCounters::resynchronisations},
    {{74, "SeqRegressions", "consumer_seq_regressions", "sequence numbers that went back"},
     &ConsumerCounters::seq_regressions},
    {{75, "ConsumerMessagesInvalid", "consumer_messages_invalid", "messages that could not be decoded"},
     &ConsumerCounters::messages_invalid},
    {{76, "MessagesLostBytes", "consumer_messages_lost_bytes",
      "messaging bytes overwritten before they were read"},
     &ConsumerCounters::messages_lost_bytes},
    {{77, "HandlerErrors", "consumer_handler_errors", "frame handlers that threw"},
     &ConsumerCounters::handler_errors},
    {{78, "Unmaps", "consumer_unmaps", "mappings given up"}, &ConsumerCounters::unmaps},
    {{79, "ConfigsApplied", "consumer_configs_applied", "ConsumerConfig messages that changed something"},
     &ConsumerCounters::configs_applied},
    {{80, "ConfigsRefused", "consumer_configs_refused", "ConsumerConfig messages with an unknown fallback"},
     &ConsumerCounters::configs_refused},
    {{81, "Fallbacks", "consumer_fallbacks", "times told not to read shared memory"},
     &ConsumerCounters::fallbacks},
    {{82, "AnnouncesRejected", "consumer_announces_rejected", "announces invalid, stale or not mappable"},
     &ConsumerCounters::announces_rejected},
    {{83, "AnnouncesStale", "consumer_announces_stale",
      "announces older than join, freshness window or epoch"},
     &ConsumerCounters::announces_stale},
    {{84, "FramesRead", "consumer_frames_read", "frames looked at by read(), intact"},
     &ConsumerCounters::frames_read},
    {{85, "ReadsFailed", "consumer_reads_failed", "looks by read() that found no intact frame"},
     &ConsumerCounters::reads_failed},
    {{86, "StreamsAssigned", "consumer_streams_assigned", "times a stream of its own was assigned"},
     &ConsumerCounters::streams_assigned},
    {{87, "StreamsReturned", "consumer_streams_returned", "times it went back to the shared stream"},
     &ConsumerCounters::streams_returned},
    {{88, "ProgressReceived", "consumer_progress_received", "FrameProgress messages of the stream"},
     &ConsumerCounters::progress_received},
    {{89, "ProgressDelivered", "consumer_progress_delivered", "progress handed out and intact afterwards"},
     &ConsumerCounters::progress_delivered},
    {{90, "ProgressDropsEpoch", "consumer_progress_drops_epoch", "progress of another epoch"},
     &ConsumerCounters::progress_drops_epoch},
    {{91, "ProgressDropsLate", "consumer_progress_drops_late", "progress whose slot holds another frame"},
     &ConsumerCounters::progress_drops_late},
    {{92, "ProgressDropsRegression", "consumer_progress_drops_regression",
      "progress that said less than before"},
     &ConsumerCounters::progress_drops_regression},
    {{93, "ProgressDropsInconsistent", "consumer_progress_drops_inconsistent",
      "progress that contradicts the header"},
     &ConsumerCounters::progress_drops_inconsistent},
    {{94, "IdCollisions", "consumer_id_collisions", "QoS of another consumer under the same id"},
     &ConsumerCounters::id_collisions},
};

constexpr Row<ConsumerGauges> kConsumerGauges[] = {
    {{128, "ConsumerEpoch", "consumer_epoch", "epoch that is mapped; 0 when none", Kind::Gauge},
     &ConsumerGauges::epoch},
    {{129, "LastSeq", "consumer_last_seq", "sequence number of the last descriptor", Kind::Gauge},
     &ConsumerGauges::last_seq},
};

constexpr Row<DriverCounters> kDriverCounters[] = {
    {{3, "AttachResponses", "driver_attach_responses", "attach responses sent, any code"},
     &DriverCounters::attach_responses},
    {{4, "AttachResponseDrops", "driver_attach_response_drops", "attach responses that could not be sent"},
     &DriverCounters::attach_response_drops},
    {{5, "DetachResponses", "driver_detach_responses", "detach responses sent"},
     &DriverCounters::detach_responses},
    {{6, "Keepalives", "driver_keepalives", "keepalives accepted"}, &DriverCounters::keepalives},
    {{7, "LeaseRevoked", "driver_lease_revoked", "ShmLeaseRevoked messages sent"},
     &DriverCounters::lease_revoked},
    {{8, "Announces", "driver_announces", "pool announces sent"}, &DriverCounters::announces},
    {{9, "LeaseHsmUnhandled", "driver_lease_hsm_unhandled", "lease events that fit no lease"},
     &DriverCounters::lease_hsm_unhandled},
    {{64, "AttachAccepted", "driver_attach_accepted", "leases granted"}, &DriverCounters::attach_accepted},
    {{65, "AttachRefused", "driver_attach_refused", "attach requests refused"},
     &DriverCounters::attach_refused},
    {{66, "AttachRepeated", "driver_attach_repeated", "attach requests answered again"},
     &DriverCounters::attach_repeated},
    {{67, "LeasesDetached", "driver_leases_detached", "leases ended by their client"},
     &DriverCounters::leases_detached},
    {{68, "LeasesExpired", "driver_leases_expired", "leases ended for want of keepalives"},
     &DriverCounters::leases_expired},
    {{69, "LeasesRevokedByOperator", "driver_leases_revoked_by_operator", "leases ended by an operator"},
     &DriverCounters::leases_revoked_by_operator},
    {{70, "EpochsCreated", "driver_epochs_created", "epochs created"}, &DriverCounters::epochs_created},
    {{71, "EpochsCollected", "driver_epochs_collected", "old epochs removed"},
     &DriverCounters::epochs_collected},
    {{72, "EpochFailures", "driver_epoch_failures", "epochs that could not be created"},
     &DriverCounters::epoch_failures},
    {{73, "ConsumerConfigs", "driver_consumer_configs", "ConsumerConfig messages sent"},
     &DriverCounters::consumer_configs},
    {{74, "ConsumerConfigsDeclined", "driver_consumer_configs_declined", "requests for own streams declined"},
     &DriverCounters::consumer_configs_declined},
    {{75, "ShutdownRequestsRefused", "driver_shutdown_requests_refused", "shutdown requests refused"},
     &DriverCounters::shutdown_requests_refused},
    {{76, "DriverMessagesInvalid", "driver_messages_invalid", "messages that could not be decoded"},
     &DriverCounters::messages_invalid},
    {{77, "SendFailures", "driver_send_failures", "messages dropped after retries"},
     &DriverCounters::send_failures},
    {{78, "InternalErrors", "driver_internal_errors", "unexpected failures; each is in the log"},
     &DriverCounters::internal_errors},
};

constexpr Row<DriverGauges> kDriverGauges[] = {
    {{128, "Streams", "driver_streams", "streams with shared memory or configured", Kind::Gauge},
     &DriverGauges::streams},
    {{129, "Leases", "driver_leases", "leases held by clients", Kind::Gauge}, &DriverGauges::leases},
};

constexpr Row<SupervisorCounters> kSupervisorCounters[] = {
    {{3, "ConfigPublished", "supervisor_config_published", "ConsumerConfig messages sent"},
     &SupervisorCounters::configs_published},
    {{4, "LivenessChecks", "supervisor_liveness_checks", "liveness passes"},
     &SupervisorCounters::liveness_checks},
    {{64, "Hellos", "supervisor_hellos", "ConsumerHello messages received"}, &SupervisorCounters::hellos},
    {{65, "ConsumerQos", "supervisor_consumer_qos", "QosConsumer messages received"},
     &SupervisorCounters::consumer_qos},
    {{66, "ProducerQos", "supervisor_producer_qos", "QosProducer messages received"},
     &SupervisorCounters::producer_qos},
    {{67, "AnnouncesReceived", "supervisor_announces", "announces received"}, &SupervisorCounters::announces},
    {{68, "MetadataReceived", "supervisor_metadata", "metadata messages received"},
     &SupervisorCounters::metadata},
    {{69, "BecameStale", "supervisor_became_stale", "peers that fell silent"},
     &SupervisorCounters::became_stale},
    {{70, "Collisions", "supervisor_collisions", "consumer ids used twice"}, &SupervisorCounters::collisions},
    {{71, "RefusedFull", "supervisor_refused_full", "peers beyond capacity"},
     &SupervisorCounters::refused_full},
    {{72, "HalfRequests", "supervisor_half_requests", "hellos with half a request for own streams"},
     &SupervisorCounters::half_requests},
    {{73, "SupervisorMessagesInvalid", "supervisor_messages_invalid", "messages that could not be decoded"},
     &SupervisorCounters::messages_invalid},
    {{74, "StreamsDeclined", "supervisor_streams_declined", "requests for own streams not granted"},
     &SupervisorCounters::streams_declined},
    {{75, "ForeignConfigs", "supervisor_foreign_configs", "ConsumerConfig messages of another issuer"},
     &SupervisorCounters::foreign_configs},
    {{76, "EpochsRemoved", "supervisor_epochs_removed", "epochs left by dead producers, removed"},
     &SupervisorCounters::epochs_removed},
};

constexpr Row<SupervisorGauges> kSupervisorGauges[] = {
    {{128, "Producers", "supervisor_producers", "producers known", Kind::Gauge},
     &SupervisorGauges::producers},
    {{129, "Consumers", "supervisor_consumers", "consumers known", Kind::Gauge},
     &SupervisorGauges::consumers},
};

template <typename Source>
void append(std::vector<Metric>& metrics, std::span<const Row<Source>> table) {
    for (const Row<Source>& row : table) metrics.push_back(row.metric);
}

}  // namespace

template <>
std::span<const Row<ProducerCounters>> rows() noexcept {
    return kProducerCounters;
}
template <>
std::span<const Row<ProducerGauges>> rows() noexcept {
    return kProducerGauges;
}
template <>
std::span<const Row<ConsumerCounters>> rows() noexcept {
    return kConsumerCounters;
}
template <>
std::span<const Row<ConsumerGauges>> rows() noexcept {
    return kConsumerGauges;
}
template <>
std::span<const Row<DriverCounters>> rows() noexcept {
    return kDriverCounters;
}
template <>
std::span<const Row<DriverGauges>> rows() noexcept {
    return kDriverGauges;
}
template <>
std::span<const Row<SupervisorCounters>> rows() noexcept {
    return kSupervisorCounters;
}
template <>
std::span<const Row<SupervisorGauges>> rows() noexcept {
    return kSupervisorGauges;
}

std::span<const std::string_view> roles() noexcept {
    return kRoles;
}

std::vector<Metric> metrics_of(std::string_view role) {
    std::vector<Metric> metrics{
        {kDutyCyclesNumber, "TotalDutyCycles", "duty_cycles", "duty cycles of a role"},
        {kWorkDoneNumber, "TotalWorkDone", "work_done", "messages and timer actions handled"}};
    if (role == "Producer") {
        append(metrics, rows<ProducerCounters>());
        append(metrics, rows<ProducerGauges>());
    } else if (role == "Consumer") {
        append(metrics, rows<ConsumerCounters>());
        append(metrics, rows<ConsumerGauges>());
    } else if (role == "Driver") {
        append(metrics, rows<DriverCounters>());
        append(metrics, rows<DriverGauges>());
    } else if (role == "Supervisor") {
        append(metrics, rows<SupervisorCounters>());
        append(metrics, rows<SupervisorGauges>());
    } else {
        return {};
    }
    append_latency_metrics(metrics, role);
    return metrics;
}

}  // namespace tensorpool::telemetry
