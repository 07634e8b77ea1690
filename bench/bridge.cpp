// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "bridge/assembler.hpp"
#include "bridge/chunk.hpp"
#include "bridge/crc32c.hpp"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <vector>

// Figure 6: what cutting 640 KiB frames into chunks and rebuilding them costs beside copying the same bytes
// twice, which is the least any transport of messages does.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kBytes = 655360;
constexpr std::uint32_t kSlots = 8;

/// Slots in memory that was touched before.
class SlotSink final : public bridge::FrameSink {
public:
    SlotSink() : memory_(std::size_t{kSlots} * kBytes) {}
    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept override { return kBytes; }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                            std::uint32_t bytes) noexcept override {
        return Reservation{seq, 1, 0, 1, bytes, memory_.data() + (seq % kSlots) * kBytes};
    }
    bool publish(const Reservation&, const FrameInfo&) noexcept override { return true; }
    void abandon(const Reservation&) noexcept override {}

private:
    std::vector<std::byte> memory_;
};

struct Frames {
    explicit Frames(std::uint32_t mtu)
        : plan(bridge::ChunkLimits{mtu, 0, 65535}), source(std::size_t{kSlots} * kBytes) {
        std::memset(source.data(), 1, source.size());
        header.slot.values_len_bytes = kBytes;
        header.slot.pool_id = 1;
        header.header_bytes_length = wire::kHeaderBytesLength;
        header.tensor_message = {sizeof(wire::TensorHeader), wire::kTensorHeaderTemplateId,
                                 wire::kControlSchemaId, wire::kControlSchemaVersion};
        header.tensor.dtype = Dtype::UInt8;
        header.tensor.major_order = MajorOrder::Row;
        header.tensor.ndims = 1;
        header.tensor.dims[0] = kBytes;
        message.resize(plan.longest_message());
    }

    /// Cuts frame `seq` and hands every message to the assembler as it is made.
    void carry(std::uint64_t seq, bool crc, bridge::Assembler& assembler) {
        header.slot.seq_commit = seq << 1 | 1;
        const auto chunks = static_cast<std::uint32_t>(plan.chunks(kBytes));
        wire::BridgeFrameChunkBlock block{};
        block.epoch = 1;
        block.seq = seq;
        block.chunk_count = chunks;
        block.payload_length = kBytes;
        for (std::uint32_t i = 0; i < chunks; ++i) {
            block.chunk_index = i;
            block.chunk_offset = plan.offset(i);
            block.chunk_length = plan.length(i, kBytes);
            block.header_included = i == 0;
            const auto slot = std::as_bytes(std::span(&header, 1)).first(i == 0 ? sizeof header : 0);
            const auto bytes =
                std::span(message).first(bridge::chunk_message_bytes(slot.size(), block.chunk_length));
            const auto payload = bridge::begin_chunk(bytes, block, slot);
            std::memcpy(payload.data(), source.data() + (seq % kSlots) * kBytes + block.chunk_offset,
                        payload.size());
            if (crc) bridge::seal_chunk(bytes, slot.size());
            bridge::Chunk chunk;
            if (bridge::decode_chunk(bytes, chunk) != bridge::ChunkDecode::Ok)
                throw std::runtime_error("no chunk");
            assembler.on_chunk(chunk, 1);
        }
    }

    bridge::ChunkPlan plan;
    std::vector<std::byte> source;
    std::vector<std::byte> message;
    wire::HeaderSlot header{};
};

/// GB/s of payload through a chunker and an assembler, and of two plain copies of it over the same memory.
void measure(std::uint32_t mtu, bool crc, const Options& options, Results& results) {
    SlotSink sink;
    BridgeCounters counters;
    bridge::AssemblerOptions assembling;
    assembling.crc32c = crc;
    bridge::Assembler assembler(assembling, sink, counters);
    control::PoolAnnounce announce;
    announce.epoch = 1;
    announce.pools = {{1, kSlots, 1U << 20, "shm:file?path=/x"}};
    assembler.on_announce(announce);
    Frames frames(mtu);
    std::vector<std::byte> between(kBytes);
    std::vector<std::byte> target(std::size_t{kSlots} * kBytes);
    const int rounds = options.quick ? 20 : 60;
    constexpr int kBatch = 32;
    std::vector<double> ours;
    std::vector<double> plain;
    std::uint64_t seq = 0;
    for (int round = 0; round < rounds; ++round) {
        Nanos start = monotonic_now_ns();
        for (int i = 0; i < kBatch; ++i) frames.carry(++seq, crc, assembler);
        ours.push_back(static_cast<double>(monotonic_now_ns() - start));
        start = monotonic_now_ns();
        for (std::size_t i = 0; i < kBatch; ++i) {
            std::memcpy(between.data(), frames.source.data() + (i % kSlots) * kBytes, kBytes);
            asm volatile("" ::: "memory");
            std::memcpy(target.data() + (i % kSlots) * kBytes, between.data(), kBytes);
            asm volatile("" ::: "memory");
        }
        plain.push_back(static_cast<double>(monotonic_now_ns() - start));
    }
    if (counters.frames_rematerialized != seq) throw std::runtime_error("the assembler lost frames");
    const std::string name = fmt::format("bridge_cut_and_rebuild_mtu_{}{}", mtu, crc ? "_crc" : "");
    results.add(name + "_gb_s", double{kBytes} * kBatch / median(ours), "GB/s");
    results.add_ratio(name + "_over_two_copies", median(plain) / median(ours), "none");
}

}  // namespace

void bridge_group(const Options& options, Results& results) {
    pin_to(0);
    for (const std::uint32_t mtu : {1408U, 8192U, 65504U}) {
        measure(mtu, false, options, results);
        if (bridge::crc32c_available()) measure(mtu, true, options, results);
    }
    bridge_over_aeron(options, results);
}

}  // namespace tensorpool::bench
