// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/assembler.hpp"

#include "base/log.hpp"
#include "base/racy_copy.hpp"
#include "base/timer.hpp"
#include "bridge/crc32c.hpp"
#include "shm/seqlock.hpp"
#include "shm/strides.hpp"
#include "wire/frame_descriptor.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tensorpool::bridge {
namespace {

constexpr std::string_view kModule = "Bridge";
/// Numbers of dropped frames that are remembered; more than can be dropped in one timeout only costs a second
/// assembly that times out too.
constexpr std::size_t kDroppedRemembered = 128;
/// Announces of a lower epoch after which a higher one in chunks counts as a mistake.
constexpr int kContradictions = 3;
/// A sequence number is what is left of seq_commit without its lowest bit.
constexpr std::uint64_t kMaxSeq = UINT64_MAX >> 1;

}  // namespace

Assembler::Assembler(const AssemblerOptions& options, FrameSink& sink, BridgeCounters& counters)
    : options_(options),
      sink_(sink),
      counters_(counters),
      frames_(options.frames_in_flight),
      dropped_(kDroppedRemembered) {
    // Sized for the most chunks a frame may have; pages that no frame needs are never touched.
    for (Assembly& frame : frames_) {
        frame.received = std::make_unique_for_overwrite<std::uint64_t[]>(wire::kMaxChunks / 64 + 1);
        frame.pieces = std::make_unique_for_overwrite<Piece[]>(wire::kMaxChunks);
        frame.coverage = Coverage(wire::kMaxChunks);
    }
}

// ---- epochs -----------------------------------------------------------------------------------------------

Assembler::Announced Assembler::on_announce(const control::PoolAnnounce& announce) {
    if (announced_ && announce.epoch < epoch_) return Announced::Older;
    std::vector<SourcePool> pools;
    std::uint32_t largest = 0;
    for (const control::PoolInfo& pool : announce.pools) {
        pools.push_back({pool.pool_id, pool.stride_bytes});
        largest = std::max(largest, pool.stride_bytes);
    }
    const bool first = !announced_;
    const bool fresh = first || announce.epoch > epoch_;
    if (fresh) {
        // BRG-107: no frame crosses; numbers may begin anew.
        give_up_all(counters_.resets_epoch, 0);
        published_.reset();
        std::ranges::fill(dropped_, Dropped{});
        ++counters_.source_epochs;
    }
    announced_ = true;
    epoch_ = announce.epoch;
    // Checksums do not cover a chunk's epoch. A source that goes on announcing an older one has not moved on:
    // without this one flipped bit would silence the mapping for good.
    if (highest_epoch_ > epoch_ && ++contradictions_ < kContradictions) {
        base::log(LogLevel::Debug, kModule, "stream {}: chunks name epoch {}, the source announces {}",
                  announce.stream_id, highest_epoch_, epoch_);
    } else {
        highest_epoch_ = epoch_;
        contradictions_ = 0;
    }
    pools_ = std::move(pools);
    largest_source_stride_ = largest;
    if (first) return Announced::First;
    return fresh ? Announced::NewEpoch : Announced::Same;
}

bool Assembler::admit_epoch(const Chunk& chunk, Nanos now_ns) noexcept {
    const std::uint64_t epoch = chunk.block.epoch;
    if (epoch == epoch_ && epoch == highest_epoch_) return true;
    // A newer source is there, its announce is not yet. Only a chunk that is sound otherwise can say so.
    if (epoch > highest_epoch_ && follows_rules(chunk) && crc_fits(chunk)) {
        highest_epoch_ = epoch;
        contradictions_ = 0;
        give_up_all(counters_.resets_epoch, now_ns);
    }
    drop(counters_.drops_epoch);
    return false;
}

// ---- checks of one chunk, in the order of the receiver's list
// -----------------------------------------------

void Assembler::drop(std::uint64_t& reason) noexcept {
    ++reason;
    ++counters_.chunks_dropped;
}

bool Assembler::follows_rules(const Chunk& chunk) noexcept {
    const wire::BridgeFrameChunkBlock& block = chunk.block;
    const bool first = block.chunk_index == 0;
    return block.header_included <= 1 && block.chunk_count >= 1 && block.chunk_count <= wire::kMaxChunks &&
           block.chunk_index < block.chunk_count && (block.header_included == 1) == first &&
           chunk.header.size() == (first ? wire::kHeaderSlotBytes : 0) &&
           block.chunk_length == chunk.payload.size() && block.seq <= kMaxSeq;
}

bool Assembler::within_limits(const wire::BridgeFrameChunkBlock& block) noexcept {
    const std::uint32_t local = sink_.max_payload_bytes();
    if (local == 0) {
        drop(counters_.drops_no_destination);
        return false;
    }
    const std::uint32_t most = std::min({options_.max_payload_bytes, largest_source_stride_, local});
    if (block.payload_length <= most && block.chunk_length <= options_.most_chunk_bytes) return true;
    drop(counters_.drops_limits);
    if (!std::exchange(warned_limits_, true)) {
        base::log(
            LogLevel::Warn, kModule,
            "stream {}: a chunk of {} bytes of a frame of {} is above the limits of this end (chunk {}, "
            "frame {}); give both ends the same mtu_bytes, chunk_bytes, max_chunk_bytes and "
            "max_payload_bytes, else all such frames are lost (CFG-024)",
            std::uint32_t{block.stream_id}, std::uint32_t{block.chunk_length},
            std::uint32_t{block.payload_length}, options_.most_chunk_bytes, most);
    }
    return false;
}

bool Assembler::slice_makes_sense(const wire::BridgeFrameChunkBlock& block) noexcept {
    const std::uint32_t length = block.payload_length;
    const bool empty_frame = length == 0 && block.chunk_count == 1;
    return (block.chunk_length != 0 || empty_frame) &&
           std::uint64_t{block.chunk_offset} + block.chunk_length <= length &&
           (block.chunk_index != 0 || block.chunk_offset == 0) && block.chunk_count <= std::max(length, 1U);
}

bool Assembler::crc_fits(const Chunk& chunk) const noexcept {
    if (!options_.crc32c) return true;
    const std::uint32_t sent = chunk.block.payload_crc32c;
    return sent != 0 && sent == crc32c(chunk.header, chunk.payload);  // BRG-057, trap 11
}

bool Assembler::read_header(const Chunk& chunk, FrameInfo& info) const noexcept {
    wire::HeaderSlot slot;
    std::memcpy(&slot, chunk.header.data(), sizeof slot);
    const std::uint32_t length = chunk.block.payload_length;
    std::uint64_t extent_bytes = 0;
    if (slot.slot.seq_commit != shm::committed_word(chunk.block.seq) ||
        slot.slot.values_len_bytes != length || slot.slot.payload_offset != 0 ||
        !shm::read_tensor_header(slot, info.tensor, extent_bytes) || extent_bytes > length) {
        return false;
    }
    const std::uint16_t pool_id = slot.slot.pool_id;
    const auto pool = std::ranges::find(pools_, pool_id, &SourcePool::pool_id);
    if (pool == pools_.end() || length > pool->stride_bytes) return false;
    info.values_len_bytes = length;
    // The null stays one: 0 would have the producer stamp its own time (trap T21).
    info.timestamp_ns = slot.slot.timestamp_ns == 0 ? wire::kNullU64 : std::uint64_t{slot.slot.timestamp_ns};
    info.meta_version = slot.slot.meta_version;
    info.trace_id = chunk.block.trace_id;
    return true;
}

void Assembler::on_chunk(const Chunk& chunk, Nanos now_ns) noexcept {
    const wire::BridgeFrameChunkBlock& block = chunk.block;
    if (!announced_) return drop(counters_.drops_no_announce);
    if (!admit_epoch(chunk, now_ns)) return;
    if (!follows_rules(chunk)) return drop(counters_.drops_malformed);
    if (!within_limits(block)) return;
    if (!slice_makes_sense(block)) return drop(counters_.drops_malformed);
    if (!crc_fits(chunk)) return drop(counters_.drops_crc);
    FrameInfo info;
    Assembly* frame = find(block.seq);
    if (block.chunk_index == 0 && !read_header(chunk, info)) {
        drop(counters_.drops_header);
        if (frame != nullptr) return give_up(*frame, counters_.resets_conflict, now_ns);
        return remember_dropped(block.seq, now_ns);
    }
    if (frame == nullptr) {
        frame = start(block, now_ns);
        if (frame == nullptr) return;
    }
    store(*frame, chunk, info, now_ns);
}

// ---- one frame --------------------------------------------------------------------------------------------

Assembler::Assembly* Assembler::find(std::uint64_t seq) noexcept {
    const auto found =
        std::ranges::find_if(frames_, [&](const Assembly& frame) { return frame.open && frame.seq == seq; });
    return found == frames_.end() ? nullptr : &*found;
}

Assembler::Assembly* Assembler::start(const wire::BridgeFrameChunkBlock& block, Nanos now_ns) noexcept {
    const std::uint64_t seq = block.seq;
    if ((published_ && seq <= *published_) || recently_dropped(seq, now_ns)) {
        drop(counters_.drops_late);
        return nullptr;
    }
    auto free = std::ranges::find(frames_, false, &Assembly::open);
    if (free == frames_.end()) {
        free = std::ranges::min_element(frames_, {}, &Assembly::deadline_ns);
        give_up(*free, counters_.resets_crowded_out, now_ns);
    }
    auto slot = sink_.reserve(seq, block.payload_length);
    while (!slot && slot.error() == ClaimError::WouldOverrun) {
        // The ring cannot hold the oldest frame in flight and this one: the newer one wins.
        Assembly* lowest = nullptr;
        for (Assembly& frame : frames_) {
            if (frame.open && (lowest == nullptr || frame.seq < lowest->seq)) lowest = &frame;
        }
        if (lowest == nullptr || lowest->seq > seq) break;
        give_up(*lowest, counters_.resets_crowded_out, now_ns);
        slot = sink_.reserve(seq, block.payload_length);
    }
    if (!slot) {
        const bool late = slot.error() == ClaimError::SeqPassed || slot.error() == ClaimError::WouldOverrun;
        drop(late ? counters_.drops_late : counters_.drops_no_destination);
        return nullptr;
    }
    Assembly& frame = *free;
    frame.open = true;
    frame.seq = seq;
    frame.trace_id = block.trace_id;
    frame.chunk_count = block.chunk_count;
    frame.payload_length = block.payload_length;
    frame.chunks_stored = 0;
    frame.bytes_stored = 0;
    frame.deadline_ns = base::saturating_add(now_ns, options_.timeout_ns);  // from the first chunk (trap 9)
    frame.slot = *slot;
    frame.coverage.clear();
    std::fill_n(frame.received.get(), block.chunk_count / 64 + 1, 0);
    return &frame;
}

void Assembler::store(Assembly& frame, const Chunk& chunk, const FrameInfo& info, Nanos now_ns) noexcept {
    const wire::BridgeFrameChunkBlock& block = chunk.block;
    const std::uint32_t index = block.chunk_index;
    const std::uint32_t offset = block.chunk_offset;
    const std::uint32_t length = block.chunk_length;
    const bool same_frame = block.trace_id == frame.trace_id && block.chunk_count == frame.chunk_count &&
                            block.payload_length == frame.payload_length;
    if (same_frame && frame.has(index) && repeats(frame, chunk)) {
        ++counters_.duplicates_ignored;
        return;
    }
    if (!same_frame || frame.has(index) || (length > 0 && !frame.coverage.add(offset, length))) {
        drop(counters_.drops_conflict);
        return give_up(frame, counters_.resets_conflict, now_ns);
    }
    if (length > 0) base::racy_copy_to_shared(frame.slot.payload + offset, chunk.payload.data(), length);
    frame.received[index / 64] |= std::uint64_t{1} << (index % 64);
    frame.pieces[index] = {offset, length};
    if (index == 0) {
        frame.info = info;
        std::memcpy(frame.header.data(), chunk.header.data(), frame.header.size());
    }
    frame.bytes_stored += length;
    ++frame.chunks_stored;
    if (frame.chunks_stored == frame.chunk_count) finish(frame, now_ns);
}

/// BRG-046: same slice, same content, and for the first chunk the same header.
bool Assembler::repeats(const Assembly& frame, const Chunk& chunk) noexcept {
    const Piece piece = frame.pieces[chunk.block.chunk_index];
    if (piece.offset != chunk.block.chunk_offset || piece.length != chunk.block.chunk_length) return false;
    if (chunk.block.chunk_index == 0 &&
        std::memcmp(frame.header.data(), chunk.header.data(), frame.header.size()) != 0) {
        return false;
    }
    return piece.length == 0 ||
           std::memcmp(frame.slot.payload + piece.offset, chunk.payload.data(), piece.length) == 0;
}

void Assembler::finish(Assembly& frame, Nanos now_ns) noexcept {
    // No two slices overlap and none reaches past the end, so the sum alone says whether all bytes are there.
    if (frame.bytes_stored != frame.payload_length) {
        return give_up(frame, counters_.resets_conflict, now_ns);
    }
    for (Assembly& older : frames_) {
        if (older.open && older.seq < frame.seq) give_up(older, counters_.resets_overtaken, now_ns);
    }
    frame.open = false;
    if (!sink_.publish(frame.slot, frame.info)) {
        ++counters_.publish_failures;
        ++counters_.assemblies_reset;
        return remember_dropped(frame.seq, now_ns);
    }
    published_ = frame.seq;
    ++counters_.frames_rematerialized;
}

void Assembler::give_up(Assembly& frame, std::uint64_t& reason, Nanos now_ns) noexcept {
    frame.open = false;
    ++reason;
    ++counters_.assemblies_reset;
    sink_.abandon(frame.slot);
    remember_dropped(frame.seq, now_ns);
}

void Assembler::give_up_all(std::uint64_t& reason, Nanos now_ns) noexcept {
    for (Assembly& frame : frames_) {
        if (frame.open) give_up(frame, reason, now_ns);
    }
}

int Assembler::expire(Nanos now_ns) noexcept {
    int expired = 0;
    for (Assembly& frame : frames_) {
        if (!frame.open || now_ns < frame.deadline_ns) continue;
        give_up(frame, counters_.resets_timeout, now_ns);
        ++expired;
    }
    return expired;
}

void Assembler::on_slots_gone(Nanos now_ns) noexcept {
    give_up_all(counters_.resets_epoch, now_ns);
}

void Assembler::remember_dropped(std::uint64_t seq, Nanos now_ns) noexcept {
    dropped_[next_dropped_] = {seq, base::saturating_add(now_ns, options_.timeout_ns)};
    next_dropped_ = (next_dropped_ + 1) % dropped_.size();
}

bool Assembler::recently_dropped(std::uint64_t seq, Nanos now_ns) const noexcept {
    return std::ranges::any_of(dropped_,
                               [&](const Dropped& d) { return d.seq == seq && now_ns < d.until_ns; });
}

bool Assembler::is_ahead(std::uint64_t epoch, std::uint64_t seq, Nanos now_ns) const noexcept {
    return announced_ && epoch == epoch_ && (!published_ || seq > *published_) &&
           !recently_dropped(seq, now_ns);
}

std::uint32_t Assembler::in_flight() const noexcept {
    return static_cast<std::uint32_t>(std::ranges::count(frames_, true, &Assembly::open));
}

}  // namespace tensorpool::bridge
