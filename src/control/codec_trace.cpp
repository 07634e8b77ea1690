// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "control/codec.hpp"
#include "control/codec_support.hpp"
#include "wire/trace_blocks.hpp"

#include <algorithm>
#include <new>
#include <tuple>

// Schema 904 (trace.md section 2). Unlike the other schemas it has exact block lengths: a set with any other
// one is refused (trace.md section 4).
namespace tensorpool::control {
namespace {

using wire::Decoder;
using wire::Encoder;

constexpr std::size_t kQuadraticUpTo = 64;
constexpr std::size_t kMaxParents = 65534;

/// Whether no parent is zero and none appears twice (TRACE-023, TRACE-025).
bool parents_are_valid(const std::vector<std::uint64_t>& parents) noexcept {
    if (parents.empty() || parents.size() > kMaxParents) return false;
    if (parents.size() <= kQuadraticUpTo) {
        for (auto parent = parents.begin(); parent != parents.end(); ++parent) {
            if (*parent == 0 || std::find(parents.begin(), parent, *parent) != parent) return false;
        }
        return true;
    }
    try {
        std::vector<std::uint64_t> sorted = parents;
        std::sort(sorted.begin(), sorted.end());
        return sorted.front() != 0 && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace

std::size_t encode(std::span<std::byte> out, const TraceLinkSet& m) noexcept {
    if (m.trace_id == 0 || !parents_are_valid(m.parents)) return 0;
    Encoder to(out);
    to.message(wire::TraceLinkSetBlock{m.stream_id, m.epoch, m.seq, m.trace_id});
    to.group(wire::TraceParentEntry::kBlockLength, m.parents.size());
    for (const std::uint64_t parent : m.parents) to.entry(wire::TraceParentEntry{parent});
    return finished(to);
}

DecodeResult decode(std::span<const std::byte> in, TraceLinkSet& m) {
    Decoder from(in);
    wire::TraceLinkSetBlock b;
    wire::MessageHeader header{};
    if (!from.message(b)) return failed(from);
    std::ignore = wire::peek_header(in, header);  // message() read it
    wire::GroupHeader group;
    if (header.block_length != wire::TraceLinkSetBlock::kBlockLength || !from.group(group) ||
        group.block_length != wire::TraceParentEntry::kBlockLength ||
        std::size_t{group.num_in_group} * sizeof(wire::TraceParentEntry) > from.remaining()) {
        return DecodeResult::Malformed;
    }
    m.parents.clear();
    m.parents.reserve(group.num_in_group);
    for (std::uint16_t i = 0; i < group.num_in_group; ++i) {
        wire::TraceParentEntry entry;
        if (!from.entry(entry, group.block_length)) return failed(from);
        m.parents.push_back(entry.trace_id);
    }
    if (b.trace_id == 0 || !parents_are_valid(m.parents)) return DecodeResult::Malformed;
    m.stream_id = b.stream_id;
    m.epoch = b.epoch;
    m.seq = b.seq;
    m.trace_id = b.trace_id;
    return DecodeResult::Ok;
}

}  // namespace tensorpool::control
