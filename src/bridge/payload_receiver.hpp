// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/fallback_consumer.hpp>

#include "bridge/private_stream.hpp"
#include "messaging/messaging.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tensorpool::bridge {

/// Where a payload fallback of scheme `aeron:` is.
struct FallbackAddress {
    std::string channel;
    std::string control_channel;  ///< the same unless `control-endpoint` names another endpoint
    std::int32_t payload_stream_id = 3000;
    std::int32_t control_stream_id = 0;  ///< 0 in the URI: the one after the payload's
    std::uint32_t tensor_stream_id = 0;  ///< what the sender calls the stream; 0: as the consumer does

    /// Takes `stream-id`, `control-stream-id`, `control-endpoint` and `tensor-stream-id` out of the channel.
    /// Throws Error(InvalidConfig).
    [[nodiscard]] static FallbackAddress parse(std::string_view uri);
};

/// The receiving end of a bridge for one consumer: frames of one stream in memory of this process.
class PayloadReceiver {
public:
    /// Throws what messaging throws.
    PayloadReceiver(messaging::Client& transport, const FallbackAddress& address, std::uint32_t stream_id,
                    const FallbackOptions& options);

    int do_work(Nanos now_ns) noexcept;
    template <typename Handler>
    int poll(Handler&& handler, int limit) noexcept {
        return stream_.poll(handler, limit);
    }
    void wait(Nanos timeout_ns) noexcept;

    [[nodiscard]] const BridgeCounters& counters() const noexcept { return counters_; }
    [[nodiscard]] std::uint64_t frames_overwritten() const noexcept { return stream_.frames_overwritten(); }
    /// Of the source; 0 before the first announce.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return assembler_.epoch(); }
    [[nodiscard]] std::string last_error() const;

private:
    void on_control(std::span<const std::byte> message);
    void on_chunk(std::span<const std::byte> message) noexcept;

    messaging::Client& transport_;
    const std::uint32_t stream_id_;
    const std::uint64_t max_memory_bytes_;
    BridgeCounters counters_;
    PrivateStream stream_;
    Assembler assembler_;
    std::unique_ptr<messaging::Subscription> payload_;
    std::unique_ptr<messaging::Subscription> control_;
    std::string refusal_;
    Nanos now_ns_ = 0;
};

}  // namespace tensorpool::bridge
