// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/error.hpp>
#include <tensorpool/trace.hpp>

#include "trace/wall_clock.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool {
namespace {

constexpr std::uint32_t kMostIdBits = 22;
constexpr std::uint32_t kSignBit = 63;  // stays 0, so that ids are positive in signed 64 bits

/// Tells the processor that this thread only waits.
void pause_briefly() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

constexpr std::uint64_t ones(std::uint32_t bits) noexcept {
    return (std::uint64_t{1} << bits) - 1;
}

/// Throws unless ids can be made with it, now and for a while.
void require_valid(std::uint32_t node_id, const TraceIdLayout& layout, std::int64_t unix_ms) {
    const std::uint64_t bits = std::uint64_t{layout.node_id_bits} + layout.sequence_bits;
    if (bits > kMostIdBits)
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("trace ids: node_id_bits {} and sequence_bits {} leave too few for the time; "
                                "together they may have {} (trace.md section 3)",
                                layout.node_id_bits, layout.sequence_bits, kMostIdBits));
    if (node_id > ones(layout.node_id_bits))
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("trace ids: node id {} does not fit {} bits; valid are 0 to {}", node_id,
                                layout.node_id_bits, ones(layout.node_id_bits)));
    if (layout.timestamp_offset_ms < 0 || layout.timestamp_offset_ms > unix_ms)
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("trace ids: timestamp_offset_ms {} must lie between 0 and now ({})",
                                layout.timestamp_offset_ms, unix_ms));
    const auto shift = static_cast<std::uint32_t>(bits);
    if (unix_ms - layout.timestamp_offset_ms > static_cast<std::int64_t>(ones(kSignBit - shift)))
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("trace ids: no id is left for {} ms since 1970; choose a later "
                                "timestamp_offset_ms, once for the whole deployment (TT-12)",
                                unix_ms));
}

}  // namespace

TraceIdParts trace_id_parts(std::uint64_t trace_id, const TraceIdLayout& layout) noexcept {
    const std::uint32_t node_bits = std::min(layout.node_id_bits, kMostIdBits);
    const std::uint32_t sequence_bits = std::min(layout.sequence_bits, kMostIdBits - node_bits);
    return {static_cast<std::int64_t>(trace_id >> (node_bits + sequence_bits)) + layout.timestamp_offset_ms,
            static_cast<std::uint32_t>((trace_id >> sequence_bits) & ones(node_bits)),
            static_cast<std::uint32_t>(trace_id & ones(sequence_bits))};
}

TraceIdGenerator::TraceIdGenerator(std::uint32_t node_id, const TraceIdLayout& layout,
                                   const Clock* wall_clock)
    : layout_(layout), wall_clock_(wall_clock), node_id_(node_id) {
    require_valid(node_id, layout, trace::unix_ms(wall_clock));
    shift_ = layout.node_id_bits + layout.sequence_bits;
    max_sequence_ = ones(layout.sequence_bits);
    last_ms_ = static_cast<std::int64_t>(ones(kSignBit - shift_));
}

std::int64_t TraceIdGenerator::now_ms() const noexcept {
    return trace::unix_ms(wall_clock_) - layout_.timestamp_offset_ms;
}

TraceIdGenerator::Block TraceIdGenerator::try_next(std::uint32_t count, std::int64_t now_ms) noexcept {
    if (count == 0 || now_ms > last_ms_) return {};
    // relaxed throughout: the word itself is all that is shared, nothing is published with it
    std::uint64_t old = last_.load(std::memory_order_relaxed);
    for (;;) {
        std::uint64_t first = 0;
        std::uint64_t room = 0;
        if (now_ms > static_cast<std::int64_t>(old >> shift_)) {
            first = static_cast<std::uint64_t>(now_ms) << shift_;
            room = max_sequence_ + 1;
        } else {  // the same millisecond, or the clock went back: the sequence goes on
            first = old + 1;
            room = max_sequence_ - (old & max_sequence_);
        }
        if (room == 0) return {};
        const std::uint64_t taken = std::min<std::uint64_t>(count, room);
        if (last_.compare_exchange_weak(old, first + taken - 1, std::memory_order_relaxed))
            return {first | (std::uint64_t{node_id_} << layout_.sequence_bits),
                    static_cast<std::uint32_t>(taken)};
        pause_briefly();
    }
}

std::uint64_t TraceIdGenerator::next() noexcept {
    for (;;) {
        const std::int64_t now = now_ms();
        const Block block = try_next(1, now);
        if (block.count != 0 || now > last_ms_) return block.first;
        pause_briefly();
    }
}

}  // namespace tensorpool
