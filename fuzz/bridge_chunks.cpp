// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any sequence of messages on a bridge's payload stream, raw or nearly right: nothing is written outside the
// slot that was lent, and what is published is complete.

#include "bridge/assembler.hpp"
#include "fuzz/check.hpp"
#include "shm/seqlock.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace tensorpool::bridge {
namespace {

constexpr std::uint64_t kEpoch = 5;
constexpr std::uint32_t kLargest = 4096;

/// Lends heap blocks of exactly the size asked for and knows which of their bytes were given out again.
class Sink final : public FrameSink {
public:
    [[nodiscard]] std::uint32_t max_payload_bytes() const noexcept override { return kLargest; }
    [[nodiscard]] expected<Reservation, ClaimError> reserve(std::uint64_t seq,
                                                            std::uint32_t bytes) noexcept override {
        FUZZ_CHECK(bytes <= kLargest && !open_.contains(seq) && seq < std::uint64_t{1} << 63);
        if (open_.size() == 3) return unexpected(ClaimError::WouldOverrun);
        auto& block = open_[seq];
        block = std::make_unique<std::byte[]>(bytes);
        return Reservation{seq, 1, 0, 1, bytes, block.get()};
    }
    bool publish(const Reservation& reservation, const FrameInfo& info) noexcept override {
        FUZZ_CHECK(open_.erase(reservation.seq) == 1);
        FUZZ_CHECK(info.values_len_bytes == reservation.capacity_bytes);
        FUZZ_CHECK(info.tensor.ndims >= 1 && info.tensor.ndims <= kMaxDims);
        FUZZ_CHECK(!published_ || reservation.seq > last_);
        published_ = true;
        last_ = reservation.seq;
        return true;
    }
    void abandon(const Reservation& reservation) noexcept override {
        FUZZ_CHECK(open_.erase(reservation.seq) == 1);
    }
    void new_epoch() noexcept { published_ = false; }
    [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

private:
    std::map<std::uint64_t, std::unique_ptr<std::byte[]>> open_;
    std::uint64_t last_ = 0;
    bool published_ = false;
};

/// Takes bytes from the front of the input; zeros once it is used up.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    [[nodiscard]] bool empty() const noexcept { return left_ == 0; }
    std::uint8_t byte() noexcept {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    std::vector<std::byte> bytes(std::size_t count) {
        std::vector<std::byte> taken(std::min(count, left_));
        if (!taken.empty()) std::memcpy(taken.data(), data_, taken.size());
        data_ += taken.size();
        left_ -= taken.size();
        return taken;
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

wire::HeaderSlot good_header(std::uint64_t seq, std::uint32_t length) {
    wire::HeaderSlot slot{};
    slot.slot.seq_commit = shm::committed_word(seq);
    slot.slot.values_len_bytes = length;
    slot.slot.pool_id = 1;
    slot.header_bytes_length = wire::kHeaderBytesLength;
    slot.tensor_message = {sizeof(wire::TensorHeader), wire::kTensorHeaderTemplateId, wire::kControlSchemaId,
                           wire::kControlSchemaVersion};
    slot.tensor.dtype = Dtype::UInt8;
    slot.tensor.major_order = MajorOrder::Row;
    slot.tensor.ndims = 1;
    slot.tensor.dims[0] = static_cast<std::int32_t>(length);
    return slot;
}

/// A chunk with small numbers, so that chunks of one input belong together.
std::vector<std::byte> built(Input& input) {
    wire::BridgeFrameChunkBlock block{};
    block.stream_id = 1;
    block.epoch = kEpoch + input.byte() / 250;
    block.seq = input.byte() % 8;
    block.trace_id = input.byte() / 250;
    block.chunk_index = input.byte() % 8;
    block.chunk_count = input.byte() % 9;
    block.chunk_offset = input.byte();
    block.chunk_length = input.byte();
    block.payload_length = input.byte();
    const std::uint8_t header_kind = input.byte();
    block.header_included =
        header_kind > 250 ? header_kind : static_cast<std::uint8_t>(block.chunk_index == 0);
    wire::HeaderSlot slot = good_header(block.seq, block.payload_length);
    if (header_kind % 16 == 15) reinterpret_cast<std::byte*>(&slot)[input.byte()] ^= std::byte{input.byte()};
    const auto header =
        std::as_bytes(std::span(&slot, 1)).first(block.header_included != 0 ? sizeof slot : 0);
    std::vector<std::byte> message(chunk_message_bytes(header.size(), block.chunk_length));
    const auto payload = begin_chunk(message, block, header);
    std::fill(payload.begin(), payload.end(), std::byte{input.byte()});
    return message;
}

}  // namespace
}  // namespace tensorpool::bridge

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tensorpool;
    using namespace tensorpool::bridge;
    Input input(data, size);
    Sink sink;
    BridgeCounters counters;
    AssemblerOptions options;
    options.frames_in_flight = 4;
    options.timeout_ns = 100;
    static std::unique_ptr<Assembler> reused;  // its memory is large
    reused = std::make_unique<Assembler>(options, sink, counters);
    Assembler& assembler = *reused;
    control::PoolAnnounce announce;
    announce.stream_id = 1;
    announce.epoch = kEpoch;
    announce.header_nslots = 8;
    announce.pools = {{1, 8, kLargest, "shm:file?path=/x"}};
    assembler.on_announce(announce);
    Nanos now = 1000;
    while (!input.empty()) {
        const std::uint8_t what = input.byte();
        now += what % 16;
        if (what >= 250) {
            assembler.expire(now);
            continue;
        }
        if (what >= 245) {
            announce.epoch += 1;
            assembler.on_announce(announce);
            sink.new_epoch();
            continue;
        }
        const std::vector<std::byte> message =
            what % 4 == 3 ? input.bytes(std::size_t{input.byte()} * 2) : built(input);
        Chunk chunk;
        if (decode_chunk(message, chunk) == ChunkDecode::Ok) assembler.on_chunk(chunk, now);
        FUZZ_CHECK(assembler.in_flight() == sink.open());
    }
    assembler.expire(now + options.timeout_ns);
    FUZZ_CHECK(sink.open() == 0);
    FUZZ_CHECK(counters.chunks_dropped ==
               counters.drops_malformed + counters.drops_limits + counters.drops_no_announce +
                   counters.drops_epoch + counters.drops_crc + counters.drops_header + counters.drops_late +
                   counters.drops_conflict + counters.drops_no_destination);
    FUZZ_CHECK(counters.assemblies_reset == counters.resets_timeout + counters.resets_conflict +
                                                counters.resets_epoch + counters.resets_overtaken +
                                                counters.resets_crowded_out + counters.publish_failures);
    reused.reset();
    return 0;
}
