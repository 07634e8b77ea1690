// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/driver_session.hpp>

#include "shm/stream_mapping.hpp"

namespace tensorpool::client {

/// The regions a driver granted, in the terms of the shared-memory layer.
[[nodiscard]] inline shm::StreamLayout layout_of(const Attachment& attachment) {
    shm::StreamLayout layout;
    layout.stream_id = attachment.stream_id;
    layout.epoch = attachment.epoch;
    layout.layout_version = attachment.layout_version;
    layout.header_nslots = attachment.header_nslots;
    layout.header_uri = attachment.header_region_uri;
    for (const PoolDescription& pool : attachment.pools) {
        layout.pools.push_back({pool.pool_id, pool.nslots, pool.stride_bytes, pool.region_uri});
    }
    return layout;
}

}  // namespace tensorpool::client
