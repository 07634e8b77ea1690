// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>
#include <tensorpool/driver_session.hpp>
#include <tensorpool/producer.hpp>

#include "bridge/assembler.hpp"
#include "bridge/forwarding.hpp"
#include "bridge/resolved.hpp"

#include <span>
#include <string>

namespace tensorpool::bridge {

/// The destination end of one mapping: rebuilds frames in slots of the local stream, as its one producer.
///
/// It attaches when the first announce of a source arrives, and anew for every further epoch of the source,
/// so that the driver begins a new epoch here too (BRG-109, trap 13).
class Receiver final : private FrameSink {
public:
    Receiver(Context& local, Publications& publications, const BridgeOptions& options, const Route& route);
    /// Gives the lease back.
    ~Receiver() override;
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    // From the transport, each for this mapping.
    void on_chunk(const Chunk& chunk) noexcept { assembler_.on_chunk(chunk, now_ns_); }
    void on_control(const Envelope& envelope, std::span<const std::byte> message);
    void on_metadata(const Envelope& envelope, std::span<const std::byte> message);
    void count_invalid() noexcept { ++counters_.messages_invalid; }

    /// Drives lease and producer; call before the transport is polled, so that chunks find live slots.
    int do_work(Nanos now_ns) noexcept;

    [[nodiscard]] const Route& route() const noexcept { return route_; }
    [[nodiscard]] const BridgeCounters& counters() const noexcept { return counters_; }
    [[nodiscard]] std::uint64_t source_epoch() const noexcept { return assembler_.epoch(); }
    [[nodiscard]] std::uint64_t dest_epoch() const noexcept { return takes_frames() ? producer_.epoch() : 0; }
    [[nodiscard]] std::string last_error() const;

private:
    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept override {
        return takes_frames() ? producer_.max_payload_bytes() : 0;
    }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                            std::uint32_t payload_bytes) noexcept override {
        return producer_.reserve_seq(seq, payload_bytes);
    }
    bool publish(const Reservation& reservation, const FrameInfo& info) noexcept override;
    void abandon(const Reservation& reservation) noexcept override { producer_.abandon(reservation); }

    [[nodiscard]] bool takes_frames() const noexcept { return !renewing_ && producer_.is_ready(); }
    void on_announce(std::span<const std::byte> message);
    void on_progress(const Envelope& envelope, std::span<const std::byte> message);
    void republish(messaging::Publication& to, Forwarded kind, std::span<const std::byte> message,
                   std::uint32_t stream_id);

    const Clock& clock_;
    const BridgeOptions& options_;
    const Route& route_;
    BridgeCounters counters_;
    DriverSession session_;
    Producer producer_;
    Assembler assembler_;
    messaging::Publication* control_ = nullptr;   // where QoS and progress go; nullptr: they do not
    messaging::Publication* metadata_ = nullptr;  // where metadata and trace links go
    Rewriter rewriter_;
    bool renewing_ = false;  // the lease of the last source epoch is being given back
    std::uint64_t generation_ = 0;
    Nanos now_ns_ = 0;
};

}  // namespace tensorpool::bridge
