// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "discovery/convert.hpp"

#include <algorithm>

namespace tensorpool::discovery {

DiscoveredStream to_public(const control::DiscoveryResult& result) {
    DiscoveredStream stream;
    stream.stream_id = result.stream_id;
    stream.producer_id = result.producer_id;
    stream.epoch = result.epoch;
    stream.layout_version = result.layout_version;
    stream.header_nslots = result.header_nslots;
    stream.data_source_id = result.data_source_id;
    stream.data_source_name = result.data_source_name;
    stream.tags = result.tags;
    stream.header_region_uri = result.header_region_uri;
    stream.pools.reserve(result.pools.size());
    for (const control::PoolInfo& pool : result.pools)
        stream.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
    stream.driver_instance_id = result.driver_instance_id;
    stream.driver_control = {result.driver_control_channel,
                             static_cast<std::int32_t>(result.driver_control_stream_id)};
    return stream;
}

DiscoveryFilter filter_of(const control::DiscoveryRequest& request) {
    DiscoveryFilter filter{request.stream_id, request.producer_id, request.data_source_id,
                           request.data_source_name, request.tags};
    // A request may repeat a tag thousands of times: each is looked for once (DISC-040).
    std::sort(filter.tags.begin(), filter.tags.end());
    filter.tags.erase(std::unique(filter.tags.begin(), filter.tags.end()), filter.tags.end());
    std::erase(filter.tags, std::string());
    return filter;
}

bool matches(const control::DiscoveryResult& result, const DiscoveryFilter& filter) noexcept {
    if (filter.stream_id && *filter.stream_id != result.stream_id) return false;
    if (filter.producer_id && *filter.producer_id != result.producer_id) return false;
    if (filter.data_source_id && filter.data_source_id != result.data_source_id) return false;
    if (!filter.data_source_name.empty() && filter.data_source_name != result.data_source_name) return false;
    return std::all_of(filter.tags.begin(), filter.tags.end(), [&](const std::string& tag) {
        return tag.empty() || std::find(result.tags.begin(), result.tags.end(), tag) != result.tags.end();
    });
}

}  // namespace tensorpool::discovery
