// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>

#include "messaging/messaging.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

// Messages that the bridge carries beside frames (bridge.md section 7). They are checked, get another stream
// id and go on as the bytes they were.
namespace tensorpool::bridge {

enum class Forwarded : std::uint8_t {
    Other,    ///< nothing the bridge carries (BRG-081, BRG-082)
    Invalid,  ///< one of ours that cannot be decoded
    Announce,
    QosProducer,
    QosConsumer,
    Progress,
    Metadata,   ///< DataSourceAnnounce, DataSourceMeta
    TraceLink,  ///< TraceLinkSet, schema 904
};

struct Envelope {
    Forwarded kind = Forwarded::Other;
    std::uint32_t stream_id = 0;
    std::uint64_t epoch = 0;  ///< Progress only
    std::uint64_t seq = 0;    ///< Progress only
};

/// What a message is and whom it concerns. Decodes it completely: what is forwarded is sound.
[[nodiscard]] Envelope open_envelope(std::span<const std::byte> message);

/// Publications of one client by endpoint, shared by the mappings that send there.
class Publications {
public:
    explicit Publications(messaging::Client& client) : client_(client) {}
    [[nodiscard]] messaging::Publication& at(const Endpoint& endpoint);

private:
    messaging::Client& client_;
    std::map<std::pair<std::string, std::int32_t>, std::unique_ptr<messaging::Publication>> open_;
};

/// Sends a copy of messages under another stream id. The buffer grows to the longest one and stays.
class Rewriter {
public:
    /// True when it was sent. A failure other than "nobody listens" is counted.
    bool send(messaging::Publication& to, std::span<const std::byte> message, std::uint32_t stream_id,
              BridgeCounters& counters);

private:
    std::vector<std::byte> buffer_;
};

/// Counts one message that was sent on: metadata apart from everything else (OBS 1.5 no. 7).
void count_forwarded(Forwarded kind, BridgeCounters& counters) noexcept;

}  // namespace tensorpool::bridge
