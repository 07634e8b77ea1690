// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/tables.hpp"

namespace tensorpool::telemetry {
namespace {

// Numbers are part of the type ids that other programs see: never reuse one.
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

constexpr Row<DiscoveryProviderCounters> kDiscoveryCounters[] = {
    {{3, "DiscoveryRequests", "discovery_requests", "well-formed requests"},
     &DiscoveryProviderCounters::requests},
    {{4, "DiscoveryResponsesOk", "discovery_responses_ok", "answers with streams"},
     &DiscoveryProviderCounters::responses_ok},
    {{5, "DiscoveryResponsesNotFound", "discovery_responses_not_found", "answers: no such stream"},
     &DiscoveryProviderCounters::responses_not_found},
    {{6, "DiscoveryResponsesError", "discovery_responses_error", "answers: error"},
     &DiscoveryProviderCounters::responses_error},
    {{7, "DiscoveryResponsesDropped", "discovery_responses_dropped",
      "answers that nobody came to hear, or that messaging refused"},
     &DiscoveryProviderCounters::responses_dropped},
    {{64, "DiscoveryAnnounces", "discovery_announces", "pool announces taken"},
     &DiscoveryProviderCounters::announces},
    {{65, "DiscoveryAnnouncesInvalid", "discovery_announces_invalid", "pool announces refused"},
     &DiscoveryProviderCounters::announces_invalid},
    {{66, "DiscoveryAnnouncesRegressed", "discovery_announces_regressed",
      "pool announces of an epoch below the known one"},
     &DiscoveryProviderCounters::announces_regressed},
    {{67, "DiscoveryMetadata", "discovery_metadata", "metadata messages taken"},
     &DiscoveryProviderCounters::metadata},
    {{68, "DiscoveryMetadataInvalid", "discovery_metadata_invalid", "names that are too long"},
     &DiscoveryProviderCounters::metadata_invalid},
    {{69, "DiscoveryDroppedFull", "discovery_dropped_full", "messages about streams beyond max_streams"},
     &DiscoveryProviderCounters::dropped_full},
    {{70, "DiscoveryExpired", "discovery_expired", "streams that fell silent"},
     &DiscoveryProviderCounters::expired},
    {{71, "DiscoveryRequestsRefused", "discovery_requests_refused", "requests that say not where to answer"},
     &DiscoveryProviderCounters::requests_refused},
    {{72, "DiscoveryMessagesInvalid", "discovery_messages_invalid", "messages that could not be decoded"},
     &DiscoveryProviderCounters::messages_invalid},
    {{73, "DiscoveryEndpointsRefused", "discovery_response_endpoints_refused",
      "response channels that could not be opened"},
     &DiscoveryProviderCounters::response_endpoints_refused},
    {{74, "DiscoveryInternalErrors", "discovery_internal_errors", "unexpected failures; each is in the log"},
     &DiscoveryProviderCounters::internal_errors},
};

constexpr Row<DiscoveryGauges> kDiscoveryGauges[] = {
    {{128, "DiscoveryStreams", "discovery_streams", "streams remembered, labels of unknown ones included",
      Kind::Gauge},
     &DiscoveryGauges::streams},
};

}  // namespace

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
template <>
std::span<const Row<DiscoveryProviderCounters>> rows() noexcept {
    return kDiscoveryCounters;
}
template <>
std::span<const Row<DiscoveryGauges>> rows() noexcept {
    return kDiscoveryGauges;
}

}  // namespace tensorpool::telemetry
