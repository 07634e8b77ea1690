// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/resolved.hpp"

#include "messaging/channel_uri.hpp"

namespace tensorpool::bridge {
namespace {

constexpr std::uint32_t kAeronMtuBytes = 1408;

/// Hands out the ids of the ranges in ascending order; validation made sure that they are free and suffice.
class Allocation {
public:
    explicit Allocation(const std::vector<IdRange>& ranges) : ranges_(ranges) {}

    std::uint32_t next() {
        const IdRange& range = ranges_.at(range_);
        const std::uint32_t id = range.first + used_++;
        if (id == range.last) {
            ++range_;
            used_ = 0;
        }
        return id;
    }

private:
    const std::vector<IdRange>& ranges_;
    std::size_t range_ = 0;
    std::uint32_t used_ = 0;
};

}  // namespace

std::uint32_t channel_mtu_bytes(std::string_view channel) {
    const auto mtu = messaging::ChannelUri::parse(channel).size_bytes("mtu");
    return mtu ? static_cast<std::uint32_t>(*mtu) : kAeronMtuBytes;
}

std::vector<Route> resolve(const BridgeOptions& options) {
    std::vector<Route> routes;
    Allocation allocation(options.dest_stream_id_range);
    for (const BridgeMapping& mapping : options.mappings) {
        Route route;
        route.mapping = mapping;
        route.payload = mapping.payload.value_or(options.payload);
        route.control = mapping.control.value_or(options.control);
        route.metadata = mapping.metadata.value_or(options.metadata);
        route.dest_stream_id = mapping.dest_stream_id;
        if (mapping.dest_stream_id == 0 && route.receives()) route.dest_stream_id = allocation.next();
        route.limits.mtu_bytes =
            options.mtu_bytes != 0 ? options.mtu_bytes : channel_mtu_bytes(route.payload.channel);
        route.limits.chunk_bytes = options.chunk_bytes;
        route.limits.max_chunk_bytes = options.max_chunk_bytes;
        routes.push_back(std::move(route));
    }
    return routes;
}

}  // namespace tensorpool::bridge
