// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "telemetry/tables.hpp"

namespace tensorpool::telemetry {
namespace {

// Numbers are part of the type ids that other programs see: never reuse one.
constexpr Row<BridgeCounters> kBridgeCounters[] = {
    {{3, "FramesForwarded", "bridge_frames_forwarded", "frames with all chunks sent"},
     &BridgeCounters::frames_forwarded},
    {{4, "ChunksSent", "bridge_chunks_sent", "chunks sent"}, &BridgeCounters::chunks_sent},
    {{5, "ChunksDropped", "bridge_chunks_dropped",
      "chunks refused by the publication or discarded by the receiver"},
     &BridgeCounters::chunks_dropped},
    {{6, "AssembliesReset", "bridge_assemblies_reset", "partial frames given up"},
     &BridgeCounters::assemblies_reset},
    {{7, "ControlForwarded", "bridge_control_forwarded",
      "announces, QoS, progress and trace links forwarded or republished"},
     &BridgeCounters::control_forwarded},
    {{8, "FramesRematerialized", "bridge_frames_rematerialized",
      "frames rebuilt in local shared memory and published"},
     &BridgeCounters::frames_rematerialized},
    {{64, "FramesMissed", "bridge_frames_missed", "source frames never read, or torn"},
     &BridgeCounters::frames_missed},
    {{65, "FramesNotConnected", "bridge_frames_not_connected", "frames not sent: nobody receives"},
     &BridgeCounters::frames_not_connected},
    {{66, "FramesRefused", "bridge_frames_refused", "frames of which the publication took only a part"},
     &BridgeCounters::frames_refused},
    {{67, "FramesOverrun", "bridge_frames_overrun",
      "frames whose source slot was reused while they were sent"},
     &BridgeCounters::frames_overrun},
    {{68, "FramesTooLarge", "bridge_frames_too_large", "frames beyond max_payload_bytes or 65535 chunks"},
     &BridgeCounters::frames_too_large},
    {{69, "DropsMalformed", "bridge_drops_malformed", "chunks discarded: index, count or header rule"},
     &BridgeCounters::drops_malformed},
    {{70, "DropsLimits", "bridge_drops_limits", "chunks discarded: payload or chunk larger than allowed"},
     &BridgeCounters::drops_limits},
    {{71, "DropsNoAnnounce", "bridge_drops_no_announce", "chunks discarded: before the first announce"},
     &BridgeCounters::drops_no_announce},
    {{72, "DropsEpoch", "bridge_drops_epoch", "chunks discarded: not of the announced epoch"},
     &BridgeCounters::drops_epoch},
    {{73, "DropsCrc", "bridge_drops_crc", "chunks discarded: checksum"}, &BridgeCounters::drops_crc},
    {{74, "DropsHeader", "bridge_drops_header", "chunks discarded: unusable header slot"},
     &BridgeCounters::drops_header},
    {{75, "DropsLateChunks", "bridge_drops_late", "chunks discarded: their frame is over"},
     &BridgeCounters::drops_late},
    {{76, "DropsConflict", "bridge_drops_conflict", "chunks discarded: they contradict those before"},
     &BridgeCounters::drops_conflict},
    {{77, "DropsNoDestination", "bridge_drops_no_destination",
      "chunks discarded: no lease or no pool large enough"},
     &BridgeCounters::drops_no_destination},
    {{78, "DuplicatesIgnored", "bridge_duplicates_ignored", "identical chunks that came again"},
     &BridgeCounters::duplicates_ignored},
    {{79, "ResetsTimeout", "bridge_resets_timeout", "partial frames given up: too old"},
     &BridgeCounters::resets_timeout},
    {{80, "ResetsConflict", "bridge_resets_conflict",
      "partial frames given up: contradicting chunks or a bad header"},
     &BridgeCounters::resets_conflict},
    {{81, "ResetsEpoch", "bridge_resets_epoch", "partial frames given up: source epoch or lease changed"},
     &BridgeCounters::resets_epoch},
    {{82, "ResetsOvertaken", "bridge_resets_overtaken", "partial frames given up: a later one was published"},
     &BridgeCounters::resets_overtaken},
    {{83, "ResetsCrowdedOut", "bridge_resets_crowded_out", "partial frames given up: too many at a time"},
     &BridgeCounters::resets_crowded_out},
    {{84, "PublishFailures", "bridge_publish_failures", "complete frames that the destination refused"},
     &BridgeCounters::publish_failures},
    {{85, "BridgeMetadataForwarded", "bridge_metadata_forwarded",
      "metadata messages forwarded or republished"},
     &BridgeCounters::metadata_forwarded},
    {{86, "ProgressDropped", "bridge_progress_dropped",
      "progress of another epoch or of a frame that is over"},
     &BridgeCounters::progress_dropped},
    {{87, "BridgeMessagesInvalid", "bridge_messages_invalid", "messages that could not be decoded"},
     &BridgeCounters::messages_invalid},
    {{88, "ForwardSendFailures", "bridge_forward_send_failures",
      "forwarded messages refused, other than nobody listens"},
     &BridgeCounters::forward_send_failures},
    {{89, "BridgeSourceEpochs", "bridge_source_epochs", "epochs of the source that were followed"},
     &BridgeCounters::source_epochs},
};

constexpr Row<BridgeTransportCounters> kBridgeTransportCounters[] = {
    {{100, "TransportMessagesMalformed", "bridge_transport_messages_malformed",
      "transport messages that cannot be trusted"},
     &BridgeTransportCounters::messages_malformed},
    {{101, "TransportMessagesForeign", "bridge_transport_messages_foreign",
      "transport messages of other schemas and templates"},
     &BridgeTransportCounters::messages_foreign},
    {{102, "ChunksUnroutable", "bridge_chunks_unroutable", "chunks of a stream that no mapping has"},
     &BridgeTransportCounters::chunks_unroutable},
    {{103, "TransportLostBytes", "bridge_transport_lost_bytes",
      "transport bytes overwritten before they were read"},
     &BridgeTransportCounters::messages_lost_bytes},
};

constexpr Row<BridgeGauges> kBridgeGauges[] = {
    {{128, "BridgeSourceEpoch", "bridge_source_epoch", "epoch of the source; 0 when none", Kind::Gauge},
     &BridgeGauges::source_epoch},
    {{129, "BridgeDestEpoch", "bridge_dest_epoch", "epoch of the destination; 0 when none", Kind::Gauge},
     &BridgeGauges::dest_epoch},
};

constexpr Row<RateLimiterCounters> kRateLimiterCounters[] = {
    {{3, "RateLimiterFramesPublished", "rate_limiter_frames_published", "frames forwarded"},
     &RateLimiterCounters::frames_published},
    {{4, "RateLimiterDropsRate", "rate_limiter_drops_rate",
      "frames dropped: a newer one took their place in the slot"},
     &RateLimiterCounters::drops_rate},
    {{5, "RateLimiterDropsTooLarge", "rate_limiter_drops_too_large",
      "frames dropped: no destination pool fits"},
     &RateLimiterCounters::drops_too_large},
    {{6, "RateLimiterDropsNoSlot", "rate_limiter_drops_no_slot",
      "frames dropped: no destination slot at once"},
     &RateLimiterCounters::drops_no_slot},
    {{7, "RateLimiterDropsNotAttached", "rate_limiter_drops_not_attached",
      "frames dropped: no producer lease"},
     &RateLimiterCounters::drops_not_attached},
    {{8, "RateLimiterDropsOverwritten", "rate_limiter_drops_overwritten",
      "frames dropped: the source reused the slot first"},
     &RateLimiterCounters::drops_overwritten},
    {{9, "RateLimiterDropsRegressed", "rate_limiter_drops_regressed",
      "frames dropped: not above the last number published"},
     &RateLimiterCounters::drops_regressed},
    {{10, "RateLimiterDropsEpoch", "rate_limiter_drops_epoch",
      "frames dropped: the epoch of the source ended first"},
     &RateLimiterCounters::drops_epoch},
    {{64, "RateLimiterBytesPublished", "rate_limiter_published_bytes", "payload bytes forwarded"},
     &RateLimiterCounters::bytes_published},
    {{65, "RateLimiterSourceEpochs", "rate_limiter_source_epochs", "epochs of the source that were followed"},
     &RateLimiterCounters::source_epochs},
    {{66, "RateLimiterHellos", "rate_limiter_hellos", "hellos of the bound consumer"},
     &RateLimiterCounters::hellos},
    {{67, "RateLimiterHellosIgnored", "rate_limiter_hellos_ignored", "hellos of a second consumer"},
     &RateLimiterCounters::hellos_ignored},
    {{68, "RateLimiterMetadataForwarded", "rate_limiter_metadata_forwarded", "metadata messages forwarded"},
     &RateLimiterCounters::metadata_forwarded},
    {{69, "RateLimiterProgressForwarded", "rate_limiter_progress_forwarded", "progress messages forwarded"},
     &RateLimiterCounters::progress_forwarded},
    {{70, "RateLimiterProgressSuppressed", "rate_limiter_progress_suppressed",
      "progress messages of dropped frames"},
     &RateLimiterCounters::progress_suppressed},
    {{71, "RateLimiterQosForwarded", "rate_limiter_qos_forwarded", "QoS messages forwarded"},
     &RateLimiterCounters::qos_forwarded},
    {{72, "RateLimiterSendFailures", "rate_limiter_send_failures",
      "forwarded messages refused, other than nobody listens"},
     &RateLimiterCounters::send_failures},
};

constexpr Row<RateLimiterGauges> kRateLimiterGauges[] = {
    {{128, "RateLimiterSourceEpoch", "rate_limiter_source_epoch", "epoch of the source; 0 when not mapped",
      Kind::Gauge},
     &RateLimiterGauges::source_epoch},
    {{129, "RateLimiterDestEpoch", "rate_limiter_dest_epoch", "epoch of the destination; 0 without a lease",
      Kind::Gauge},
     &RateLimiterGauges::dest_epoch},
    {{130, "RateLimiterLastSeq", "rate_limiter_last_seq", "sequence number of the last frame forwarded",
      Kind::Gauge},
     &RateLimiterGauges::last_seq},
    {{131, "RateLimiterRateHz", "rate_limiter_rate_hertz", "frames per second allowed; 0 is unlimited",
      Kind::Gauge},
     &RateLimiterGauges::rate_hz},
};

constexpr Row<JoinCounters> kJoinCounters[] = {
    {{3, "JoinReady", "join_ready", "decisions: ready"}, &JoinCounters::ready},
    {{4, "JoinReadyWithAbsent", "join_ready_with_absent",
      "decisions: ready without a stale input; part of ready"},
     &JoinCounters::ready_with_absent},
    {{5, "JoinNotReady", "join_not_ready", "decisions: not ready"}, &JoinCounters::not_ready},
    {{6, "JoinBlocked", "join_blocked", "decisions: no usable map"}, &JoinCounters::blocked},
    {{7, "JoinRejected", "join_rejected", "decisions: rejected"}, &JoinCounters::rejected},
    {{64, "JoinFramesObserved", "join_frames_observed", "frames of inputs observed"},
     &JoinCounters::frames_observed},
    {{65, "JoinFramesOfOldEpochs", "join_frames_of_old_epochs", "frames ignored: of an epoch that is over"},
     &JoinCounters::frames_of_old_epochs},
    {{66, "JoinFramesOfOthers", "join_frames_of_others", "frames ignored: of a stream that is no input"},
     &JoinCounters::frames_of_others},
    {{67, "JoinInputEpochs", "join_input_epochs", "times an input began a new epoch"},
     &JoinCounters::input_epochs},
    {{68, "JoinInputsRejected", "join_inputs_rejected",
      "inputs with timestamps of another clock, or going back"},
     &JoinCounters::inputs_rejected},
    {{69, "JoinFramesUnusable", "join_frames_unusable", "selected frames that could not be used"},
     &JoinCounters::frames_unusable},
    {{70, "JoinMapsApplied", "join_maps_applied", "merge maps applied"}, &JoinCounters::maps_applied},
    {{71, "JoinMapsUnchanged", "join_maps_unchanged", "merge maps that said the same again"},
     &JoinCounters::maps_unchanged},
    {{72, "JoinMapsIgnored", "join_maps_ignored", "merge maps of another output, epoch or kind"},
     &JoinCounters::maps_ignored},
    {{73, "JoinMapsInvalid", "join_maps_invalid", "merge maps refused"}, &JoinCounters::maps_invalid},
};

constexpr Row<MergeMapClientCounters> kMergeMapClientCounters[] = {
    {{80, "JoinMapAnnouncesReceived", "join_map_announces_received",
      "merge map announces received, of any output"},
     &MergeMapClientCounters::announces_received},
    {{81, "JoinMapRequestsSent", "join_map_requests_sent", "requests for a merge map sent"},
     &MergeMapClientCounters::requests_sent},
    {{82, "JoinMapSendFailures", "join_map_send_failures", "requests for a merge map that messaging refused"},
     &MergeMapClientCounters::send_failures},
    {{83, "JoinMapMessagesInvalid", "join_map_messages_invalid", "messages that could not be decoded"},
     &MergeMapClientCounters::messages_invalid},
};

constexpr Row<JoinGauges> kJoinGauges[] = {
    {{128, "JoinOutEpoch", "join_out_epoch", "epoch of the output", Kind::Gauge}, &JoinGauges::out_epoch},
    {{129, "JoinInputs", "join_inputs", "inputs of the active merge map; 0 without one", Kind::Gauge},
     &JoinGauges::inputs},
};

constexpr Row<TracerCounters> kTracerCounters[] = {
    {{3, "TraceIdsMinted", "tracer_ids_minted", "trace ids minted"}, &TracerCounters::ids_minted},
    {{4, "TraceLinksPublished", "tracer_links_published", "link sets sent"},
     &TracerCounters::links_published},
    {{5, "TraceLinksRingFull", "tracer_links_ring_full", "link sets dropped: the queue was full"},
     &TracerCounters::links_ring_full},
    {{6, "TraceLinksSendFailed", "tracer_links_send_failed", "link sets dropped: messaging refused them"},
     &TracerCounters::links_send_failed},
    {{7, "TraceLinksRefused", "tracer_links_refused", "link sets dropped: too many parents"},
     &TracerCounters::links_refused},
    {{64, "TraceIdsCarried", "tracer_ids_carried", "frames that kept the id of the frame they came from"},
     &TracerCounters::ids_carried},
    {{65, "TraceIdsSampledOut", "tracer_ids_sampled_out", "frames left out by sampling"},
     &TracerCounters::ids_sampled_out},
    {{66, "TraceIdsUnavailable", "tracer_ids_unavailable",
      "frames without an id: no node id, or the millisecond was used up"},
     &TracerCounters::ids_unavailable},
    {{67, "TraceGenerators", "tracer_generators", "node ids used so far"}, &TracerCounters::generators},
    {{68, "TraceLinksQueued", "tracer_links_queued", "link sets queued"}, &TracerCounters::links_queued},
    {{69, "TraceLinksNotConnected", "tracer_links_not_connected", "link sets nobody recorded"},
     &TracerCounters::links_not_connected},
};

constexpr Row<TraceRecorderCounters> kTraceRecorderCounters[] = {
    {{3, "TraceFramesHeard", "trace_recorder_frames", "frame descriptors heard"},
     &TraceRecorderCounters::descriptors},
    {{4, "TraceLinkSetsHeard", "trace_recorder_link_sets", "link sets heard"},
     &TraceRecorderCounters::link_sets},
    {{64, "TraceFramesUntraced", "trace_recorder_frames_untraced", "frames without a trace id"},
     &TraceRecorderCounters::frames_untraced},
    {{65, "TraceLinksHeard", "trace_recorder_links", "links heard"}, &TraceRecorderCounters::links},
    {{66, "TraceNodesHeard", "trace_recorder_nodes", "node ids heard of"}, &TraceRecorderCounters::nodes},
    {{67, "TraceMessagesInvalid", "trace_recorder_messages_invalid", "messages that could not be decoded"},
     &TraceRecorderCounters::messages_invalid},
    {{68, "TraceMessagesLostBytes", "trace_recorder_messages_lost_bytes",
      "messaging bytes overwritten before they were read"},
     &TraceRecorderCounters::messages_lost_bytes},
    {{69, "TraceSlotsRead", "trace_recorder_slots_read", "capture times read from header slots"},
     &TraceRecorderCounters::slots_read},
    {{70, "TraceSlotsMissed", "trace_recorder_slots_missed", "header slots not mapped, or reused first"},
     &TraceRecorderCounters::slots_missed},
};

constexpr Row<TraceStoreCounters> kTraceStoreCounters[] = {
    {{5, "TraceRowsWritten", "trace_recorder_rows_written", "rows written that were not there yet"},
     &TraceStoreCounters::rows_written},
    {{6, "TraceRowsDropped", "trace_recorder_rows_dropped", "rows dropped: too many could not be written"},
     &TraceStoreCounters::rows_dropped},
    {{80, "TraceRowsKnown", "trace_recorder_rows_known", "rows that were there already"},
     &TraceStoreCounters::rows_known},
    {{81, "TraceCommits", "trace_recorder_commits", "transactions"}, &TraceStoreCounters::commits},
    {{82, "TraceCommitsFailed", "trace_recorder_commits_failed",
      "transactions that failed and are tried again"},
     &TraceStoreCounters::commits_failed},
    {{83, "TraceWindowsRefused", "trace_recorder_windows_refused", "windows refused: the queue was full"},
     &TraceStoreCounters::windows_refused},
};

constexpr Row<TraceRecorderGauges> kTraceRecorderGauges[] = {
    {{128, "TraceRowsPending", "trace_recorder_rows_pending", "rows that wait to be written", Kind::Gauge},
     &TraceRecorderGauges::rows_pending},
};

}  // namespace

template <>
std::span<const Row<BridgeCounters>> rows() noexcept {
    return kBridgeCounters;
}
template <>
std::span<const Row<BridgeTransportCounters>> rows() noexcept {
    return kBridgeTransportCounters;
}
template <>
std::span<const Row<BridgeGauges>> rows() noexcept {
    return kBridgeGauges;
}
template <>
std::span<const Row<RateLimiterCounters>> rows() noexcept {
    return kRateLimiterCounters;
}
template <>
std::span<const Row<RateLimiterGauges>> rows() noexcept {
    return kRateLimiterGauges;
}
template <>
std::span<const Row<JoinCounters>> rows() noexcept {
    return kJoinCounters;
}
template <>
std::span<const Row<MergeMapClientCounters>> rows() noexcept {
    return kMergeMapClientCounters;
}
template <>
std::span<const Row<JoinGauges>> rows() noexcept {
    return kJoinGauges;
}
template <>
std::span<const Row<TracerCounters>> rows() noexcept {
    return kTracerCounters;
}
template <>
std::span<const Row<TraceRecorderCounters>> rows() noexcept {
    return kTraceRecorderCounters;
}
template <>
std::span<const Row<TraceStoreCounters>> rows() noexcept {
    return kTraceStoreCounters;
}
template <>
std::span<const Row<TraceRecorderGauges>> rows() noexcept {
    return kTraceRecorderGauges;
}

}  // namespace tensorpool::telemetry
