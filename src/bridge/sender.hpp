// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>
#include <tensorpool/consumer.hpp>

#include "bridge/forwarding.hpp"
#include "bridge/resolved.hpp"

#include <array>
#include <memory>
#include <vector>

namespace tensorpool::bridge {

/// The source end of one mapping: a consumer of the local stream that publishes what it reads in chunks, and
/// what belongs to the stream beside its frames.
class Sender {
public:
    Sender(Context& local, Publications& transport, const BridgeOptions& options, const Route& route);

    int do_work(Nanos now_ns) noexcept;

    [[nodiscard]] BridgeCounters counters() const noexcept;
    [[nodiscard]] std::uint64_t epoch() const noexcept { return consumer_.epoch(); }
    [[nodiscard]] std::string last_error() const { return consumer_.last_error(); }

private:
    /// What is looked for on a local stream.
    struct Interest {
        bool announces = false;
        bool control = false;  ///< QoS and progress
        bool metadata = false;
        bool trace_links = false;
    };
    struct Local {
        std::unique_ptr<messaging::Subscription> subscription;
        Interest interest;
    };

    void listen(messaging::Client& client, const Endpoint& endpoint, Interest interest);
    void on_local(std::span<const std::byte> message, const Interest& interest);
    [[nodiscard]] bool wanted(Forwarded kind, const Interest& interest) const noexcept;
    void forward(const Envelope& envelope, std::span<const std::byte> message);
    void repeat_announce_to_newcomers() noexcept;

    void send_frame(const Frame& frame) noexcept;
    [[nodiscard]] bool send_chunk(const Frame& frame, const wire::BridgeFrameChunkBlock& block) noexcept;
    /// Everything but the payload's place in shared memory; false when the source slot was reused.
    [[nodiscard]] bool fill(std::span<std::byte> message, const Frame& frame,
                            const wire::BridgeFrameChunkBlock& block) noexcept;
    void count_refusal(messaging::SendError error) noexcept;

    const BridgeOptions& options_;
    const Route& route_;
    const ChunkPlan plan_;
    BridgeCounters counters_;
    Consumer consumer_;
    std::vector<Local> local_;
    messaging::Publication& payload_;
    messaging::Publication& control_;
    messaging::Publication* metadata_ = nullptr;
    Rewriter rewriter_;
    std::vector<std::byte> last_announce_;
    bool control_was_connected_ = false;
    bool warned_too_large_ = false;
    std::array<std::byte, wire::kHeaderSlotBytes> header_;  // of the frame being sent
    std::vector<std::byte> staging_;  // for messages longer than the transport lends in one piece
};

}  // namespace tensorpool::bridge
