// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "trace/store/slot_times.hpp"

#include <tensorpool/error.hpp>

#include "base/log.hpp"
#include "base/racy_copy.hpp"
#include "shm/region_uri.hpp"
#include "shm/seqlock.hpp"
#include "shm/superblock.hpp"

#include <algorithm>
#include <bit>
#include <exception>

namespace tensorpool::trace {
namespace {

constexpr std::string_view kModule = "Trace";
constexpr std::size_t kMostStreams = 4096;  // whatever a peer announces

shm::Region map(const shm::PathPolicy& policy, const shm::RegionExpectation& shape, const std::string& text) {
    const auto uri = shm::parse_region_uri(text);
    if (!uri) throw Error(ErrorCode::ProtocolError, uri.error());
    if (!std::has_single_bit(shape.nslots))
        throw Error(ErrorCode::ProtocolError, "header_nslots is not a power of two (WIRE-057)");
    auto region = shm::Region::open(uri->path, shm::region_bytes(shape.type, shape.nslots, 0),
                                    uri->require_hugepages, policy, shm::Access::ReadOnly, false);
    if (const auto fault = shm::superblock_fault(shm::read_superblock(region.base()), shape))
        throw Error(ErrorCode::ProtocolError, *fault);
    return region;
}

}  // namespace

SlotTimes::SlotTimes(const std::vector<std::string>& allowed_base_dirs) {
    if (!allowed_base_dirs.empty()) policy_.emplace(allowed_base_dirs);
}

void SlotTimes::announce(std::uint32_t stream_id, std::uint64_t epoch, std::uint32_t nslots,
                         const std::string& header_uri) noexcept {
    if (!policy_) return;
    try {
        const auto known = rings_.find(stream_id);
        if (known != rings_.end() && epoch <= known->second.epoch) return;
        if (known == rings_.end() && rings_.size() >= kMostStreams) return;
        Ring& ring = rings_[stream_id];
        ring.epoch = epoch;
        ring.nslots = nslots;
        ring.region = {};
        shm::RegionExpectation shape;
        shape.stream_id = stream_id;
        shape.epoch = epoch;
        shape.nslots = nslots;
        ring.region = map(*policy_, shape, header_uri);
    } catch (const std::exception& error) {
        base::log(
            LogLevel::Warn, kModule,
            "stream {}: the header ring cannot be read, so frames are recorded without capture times: {}",
            stream_id, error.what());
    }
}

std::optional<std::uint64_t> SlotTimes::timestamp_of(std::uint32_t stream_id, std::uint64_t epoch,
                                                     std::uint64_t seq) const noexcept {
    const auto found = rings_.find(stream_id);
    if (found == rings_.end() || found->second.epoch != epoch || found->second.region.base() == nullptr)
        return std::nullopt;
    const Ring& ring = found->second;
    const std::byte* const slot =
        ring.region.base() + wire::kSuperblockBytes + (seq & (ring.nslots - 1)) * wire::kHeaderSlotBytes;
    const std::uint64_t word = shm::seqlock_load(slot);
    if (word != shm::committed_word(seq)) return std::nullopt;
    wire::SlotHeader copy;
    base::racy_copy_from_shared(reinterpret_cast<std::byte*>(&copy) + sizeof word, slot + sizeof word,
                                sizeof copy - sizeof word);
    if (!shm::seqlock_unchanged(slot, word)) return std::nullopt;
    return std::uint64_t{copy.timestamp_ns};
}

}  // namespace tensorpool::trace
