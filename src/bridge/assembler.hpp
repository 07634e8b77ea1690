// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/bridge.hpp>
#include <tensorpool/producer.hpp>

#include "bridge/chunk.hpp"
#include "bridge/coverage.hpp"
#include "control/messages.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace tensorpool::bridge {

/// Where assembled frames go.
class FrameSink {
public:
    virtual ~FrameSink() = default;
    /// The largest frame it can take; 0 while it takes none.
    [[nodiscard]] virtual std::uint32_t max_payload_bytes() const noexcept = 0;
    [[nodiscard]] virtual expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                                    std::uint32_t payload_bytes) noexcept = 0;
    /// Whether the frame was committed.
    virtual bool publish(const Reservation& reservation, const FrameInfo& info) noexcept = 0;
    virtual void abandon(const Reservation& reservation) noexcept = 0;
};

struct AssemblerOptions {
    std::uint32_t most_chunk_bytes = wire::kMaxChunkBytes;  ///< ChunkLimits::most()
    std::uint32_t max_payload_bytes = wire::kMaxBridgePayloadBytes;
    bool crc32c = false;
    Nanos timeout_ns = 250 * kNanosPerMilli;
    std::uint32_t frames_in_flight = 8;
};

/// Turns the chunks of one mapping into frames again (bridge.md sections 4 to 6 and 8).
///
/// Bytes go from the message straight into the slot that the sink lent, in whatever order they arrive. All
/// memory is allocated by the constructor. Chunks are hostile: nothing of one is used before it was checked.
class Assembler {
public:
    Assembler(const AssemblerOptions& options, FrameSink& sink, BridgeCounters& counters);

    enum class Announced : std::uint8_t { First, Same, NewEpoch, Older };
    /// What an announce of the source stream changes. Precondition: control::invalid_reason() found none.
    Announced on_announce(const control::PoolAnnounce& announce);

    /// Checks, stores, and publishes when it was the last one missing.
    void on_chunk(const Chunk& chunk, Nanos now_ns) noexcept;
    /// Gives up what is past its deadline; returns how many frames that were.
    int expire(Nanos now_ns) noexcept;
    /// The sink's slots are gone, or about to be: gives up every frame in flight without touching its memory.
    void on_slots_gone(Nanos now_ns) noexcept;

    /// Whether progress of this frame is of any use (BRG-101, trap 15).
    [[nodiscard]] bool is_ahead(std::uint64_t epoch, std::uint64_t seq, Nanos now_ns) const noexcept;
    [[nodiscard]] std::uint64_t epoch() const noexcept { return announced_ ? epoch_ : 0; }
    [[nodiscard]] std::uint32_t in_flight() const noexcept;

private:
    struct Piece {
        std::uint32_t offset;
        std::uint32_t length;
    };
    struct Assembly {
        bool open = false;
        std::uint64_t seq = 0;
        std::uint64_t trace_id = 0;
        std::uint32_t chunk_count = 0;
        std::uint32_t payload_length = 0;
        std::uint32_t chunks_stored = 0;
        std::uint64_t bytes_stored = 0;
        Nanos deadline_ns = 0;
        Reservation slot;
        FrameInfo info;  // from chunk 0
        std::array<std::byte, wire::kHeaderSlotBytes> header;
        std::unique_ptr<std::uint64_t[]> received;  // one bit for each index
        std::unique_ptr<Piece[]> pieces;
        Coverage coverage;

        [[nodiscard]] bool has(std::uint32_t index) const noexcept {
            return (received[index / 64] >> (index % 64) & 1) != 0;
        }
    };
    struct SourcePool {
        std::uint16_t pool_id;
        std::uint32_t stride_bytes;
    };
    struct Dropped {
        std::uint64_t seq = 0;
        Nanos until_ns = 0;
    };
    void drop(std::uint64_t& reason) noexcept;
    [[nodiscard]] bool admit_epoch(const Chunk& chunk, Nanos now_ns) noexcept;
    [[nodiscard]] static bool follows_rules(const Chunk& chunk) noexcept;
    [[nodiscard]] bool within_limits(const wire::BridgeFrameChunkBlock& block) noexcept;
    [[nodiscard]] static bool slice_makes_sense(const wire::BridgeFrameChunkBlock& block) noexcept;
    [[nodiscard]] bool crc_fits(const Chunk& chunk) const noexcept;
    [[nodiscard]] bool read_header(const Chunk& chunk, FrameInfo& info) const noexcept;
    [[nodiscard]] Assembly* find(std::uint64_t seq) noexcept;
    [[nodiscard]] Assembly* start(const wire::BridgeFrameChunkBlock& block, Nanos now_ns) noexcept;
    void store(Assembly& frame, const Chunk& chunk, const FrameInfo& info, Nanos now_ns) noexcept;
    [[nodiscard]] static bool repeats(const Assembly& frame, const Chunk& chunk) noexcept;
    void finish(Assembly& frame, Nanos now_ns) noexcept;
    /// Dropped: gives the slot back and remembers the number for one timeout.
    void give_up(Assembly& frame, std::uint64_t& reason, Nanos now_ns) noexcept;
    void give_up_all(std::uint64_t& reason, Nanos now_ns) noexcept;
    void remember_dropped(std::uint64_t seq, Nanos now_ns) noexcept;
    [[nodiscard]] bool recently_dropped(std::uint64_t seq, Nanos now_ns) const noexcept;

    const AssemblerOptions options_;
    FrameSink& sink_;
    BridgeCounters& counters_;
    std::vector<Assembly> frames_;
    std::vector<Dropped> dropped_;  // a ring
    std::size_t next_dropped_ = 0;
    std::optional<std::uint64_t> published_;  // the highest
    std::vector<SourcePool> pools_;           // of the latest announce
    std::uint32_t largest_source_stride_ = 0;
    bool announced_ = false;
    std::uint64_t epoch_ = 0;          // of the latest announce
    std::uint64_t highest_epoch_ = 0;  // also seen in chunks
    int contradictions_ = 0;           // announces of epoch_ since chunks named a higher one
    bool warned_limits_ = false;
};

}  // namespace tensorpool::bridge
