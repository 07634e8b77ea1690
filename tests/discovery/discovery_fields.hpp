// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/discovery_messages.hpp"
#include "control/message_fields.hpp"

// The messages of schema 910 by the field names of their schema; message_fields.hpp finds these.
namespace tensorpool::test {

template <typename Archive>
void visit_tags(Archive& a, std::vector<std::string>& tags) {
    a.group("tags", tags, [](Archive& entry, std::string& tag) { entry.field("tag", tag); });
}

template <typename Archive>
void visit(Archive& a, control::DiscoveryRequest& m) {
    a.field("requestId", m.request_id);
    a.field("clientId", m.client_id);
    a.field("responseStreamId", m.response_stream_id);
    a.field("streamId", m.stream_id);
    a.field("producerId", m.producer_id);
    a.field("dataSourceId", m.data_source_id);
    visit_tags(a, m.tags);
    a.field("responseChannel", m.response_channel);
    a.field("dataSourceName", m.data_source_name);
}

template <typename Archive>
void visit(Archive& a, control::DiscoveryResponse& m) {
    a.field("requestId", m.request_id);
    a.field("status", m.status);
    a.group("results", m.results, [](Archive& entry, control::DiscoveryResult& result) {
        entry.field("streamId", result.stream_id);
        entry.field("producerId", result.producer_id);
        entry.field("epoch", result.epoch);
        entry.field("layoutVersion", result.layout_version);
        entry.field("headerNslots", result.header_nslots);
        entry.field("headerSlotBytes", result.header_slot_bytes);
        entry.field("maxDims", result.max_dims);
        entry.field("dataSourceId", result.data_source_id);
        entry.field("driverControlStreamId", result.driver_control_stream_id);
        visit_pools(entry, result.pools);
        visit_tags(entry, result.tags);
        entry.field("headerRegionUri", result.header_region_uri);
        entry.field("dataSourceName", result.data_source_name);
        entry.field("driverInstanceId", result.driver_instance_id);
        entry.field("driverControlChannel", result.driver_control_channel);
    });
    a.field("errorMessage", m.error_message);
}

}  // namespace tensorpool::test
