// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>

#include "bridge/chunk.hpp"

#include <string_view>
#include <vector>

// What the options of a bridge mean for each mapping.
namespace tensorpool::bridge {

/// One mapping with nothing left open.
struct Route {
    BridgeMapping mapping;
    std::uint32_t dest_stream_id = 0;  ///< allocated where the mapping says 0 and this is the receiving end
    Endpoint payload;
    Endpoint control;
    Endpoint metadata;  ///< stream 0: metadata and trace links are off (BRG-087)
    ChunkLimits limits;

    [[nodiscard]] bool sends() const noexcept { return mapping.end != BridgeEnd::Receive; }
    [[nodiscard]] bool receives() const noexcept { return mapping.end != BridgeEnd::Send; }
    [[nodiscard]] bool has_metadata() const noexcept {
        return metadata.stream_id != 0 && !metadata.channel.empty();
    }
    /// On the transport: the destination's id, or the source's while the destination's is not known (trap 1).
    [[nodiscard]] std::uint32_t wire_stream_id() const noexcept {
        return dest_stream_id != 0 ? dest_stream_id : mapping.source_stream_id;
    }
    [[nodiscard]] std::uint32_t metadata_stream_id() const noexcept {
        return mapping.metadata_stream_id != 0 ? mapping.metadata_stream_id : wire_stream_id();
    }
    [[nodiscard]] bool accepts(std::uint32_t stream_id) const noexcept {
        return stream_id == dest_stream_id || stream_id == mapping.source_stream_id;
    }
    /// Whether forwarded metadata of this stream id is this mapping's; a sender that does not know the
    /// destination names the source.
    [[nodiscard]] bool is_metadata_of(std::uint32_t stream_id) const noexcept {
        return stream_id == metadata_stream_id() || (mapping.metadata_stream_id == 0 && accepts(stream_id));
    }
};

/// Precondition: validate_bridge_options() found no problem.
[[nodiscard]] std::vector<Route> resolve(const BridgeOptions& options);

/// `mtu` of an Aeron channel; 1408 where it does not say. The channel is well-formed.
[[nodiscard]] std::uint32_t channel_mtu_bytes(std::string_view channel);

}  // namespace tensorpool::bridge
