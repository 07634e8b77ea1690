// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bridge/assembler.hpp"
#include "bridge/test_frame.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace tensorpool::test {

/// Lends buffers of exactly the size asked for: a byte too far is a finding of the sanitizers.
class FakeSink final : public bridge::FrameSink {
public:
    struct Published {
        std::uint64_t seq;
        FrameInfo info;
        std::vector<std::byte> payload;
    };

    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept override { return largest; }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                            std::uint32_t payload_bytes) noexcept override {
        if (refuse) return unexpected(*refuse);
        if (open.size() >= most_open) return unexpected(ClaimError::WouldOverrun);
        auto& buffer = open[seq];
        buffer.length = payload_bytes;
        buffer.bytes = std::make_unique<std::byte[]>(payload_bytes);
        return Reservation{seq, 1, 0, 1, payload_bytes, buffer.bytes.get()};
    }
    bool publish(const Reservation& reservation, const FrameInfo& info) noexcept override {
        const Buffer& buffer = open.at(reservation.seq);
        const bool accepted = accept;
        if (accepted) {
            published.push_back(
                {reservation.seq, info, {buffer.bytes.get(), buffer.bytes.get() + buffer.length}});
        }
        open.erase(reservation.seq);
        return accepted;
    }
    void abandon(const Reservation& reservation) noexcept override {
        abandoned.push_back(reservation.seq);
        open.erase(reservation.seq);
    }

    struct Buffer {
        std::unique_ptr<std::byte[]> bytes;
        std::uint32_t length = 0;
    };
    std::uint32_t largest = 1U << 20;
    std::size_t most_open = 1000;
    std::optional<ClaimError> refuse;
    bool accept = true;
    std::map<std::uint64_t, Buffer> open;
    std::vector<Published> published;
    std::vector<std::uint64_t> abandoned;
};

inline control::PoolAnnounce source_announce(std::uint64_t epoch) {
    control::PoolAnnounce announce;
    announce.stream_id = TestFrame::kStream;
    announce.producer_id = 7;
    announce.epoch = epoch;
    announce.header_nslots = 64;
    announce.header_region_uri = "shm:file?path=/elsewhere/header.ring";
    announce.pools = {{1, 64, 4096, "shm:file?path=/elsewhere/1.pool"},
                      {2, 64, 65536, "shm:file?path=/elsewhere/2.pool"}};
    return announce;
}

class AssemblerTest : public testing::Test {
protected:
    static constexpr Nanos kTimeout = 250 * kNanosPerMilli;

    /// Makes the assembler; announces epoch 5 unless told otherwise.
    void start(bool announced = true) {
        assembler.emplace(options, sink, counters);
        if (announced) assembler->on_announce(source_announce(5));
    }
    void feed(const std::vector<std::byte>& message) {
        const std::vector<std::byte> exact(message);
        bridge::Chunk chunk;
        ASSERT_EQ(bridge::decode_chunk(exact, chunk), bridge::ChunkDecode::Ok);
        assembler->on_chunk(chunk, now);
    }
    void feed(const TestFrame& frame, std::uint32_t index, const TestFrame::Adjust& adjust = {}) {
        feed(frame.message(index, adjust));
    }
    void feed_all(const TestFrame& frame) {
        for (std::uint32_t i = 0; i < frame.chunks(); ++i) feed(frame, i);
    }
    /// Published frames by number; each holds exactly what was sent.
    [[nodiscard]] std::vector<std::uint64_t> published() const {
        std::vector<std::uint64_t> seqs;
        for (const auto& frame : sink.published) {
            EXPECT_EQ(frame.payload.size(), frame.info.values_len_bytes);
            if (frame.payload.size() >= kPatternHeader) {
                EXPECT_EQ(read_pattern(frame.payload), frame.seq);
            }
            seqs.push_back(frame.seq);
        }
        return seqs;
    }
    /// Whether the sums that the header promises hold.
    void expect_consistent_counters() const {
        const BridgeCounters& c = counters;
        EXPECT_EQ(c.chunks_dropped, c.drops_malformed + c.drops_limits + c.drops_no_announce + c.drops_epoch +
                                        c.drops_crc + c.drops_header + c.drops_late + c.drops_conflict +
                                        c.drops_no_destination);
        EXPECT_EQ(c.assemblies_reset, c.resets_timeout + c.resets_conflict + c.resets_epoch +
                                          c.resets_overtaken + c.resets_crowded_out + c.publish_failures);
    }
    void TearDown() override { expect_consistent_counters(); }

    bridge::AssemblerOptions options;
    FakeSink sink;
    BridgeCounters counters;
    std::optional<bridge::Assembler> assembler;
    Nanos now = kNanosPerSecond;
};

}  // namespace tensorpool::test
