// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as what another process left in shared memory: a superblock, a header slot, a region URI.
// Whatever passes the checks must be safe to use.

#include "consumer/frame_reader.hpp"
#include "fuzz/check.hpp"
#include "shm/region_uri.hpp"
#include "shm/seqlock.hpp"
#include "shm/stream_files.hpp"
#include "shm/strides.hpp"

#include <tensorpool/clock.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace tensorpool {
namespace {

constexpr std::uint32_t kSlots = 4;
constexpr std::uint32_t kStride = 4096;
constexpr std::uint64_t kSeq = 5;
constexpr std::uint64_t kEpoch = 3;

/// One real stream whose first slots the inputs overwrite.
class Arena {
public:
    Arena() : dir_("/dev/shm/tensorpool-fuzz-XXXXXX") {
        if (::mkdtemp(dir_.data()) == nullptr) throw std::runtime_error("mkdtemp");
        shm::StreamCreation what;
        what.stream_id = 1;
        what.epoch = kEpoch;
        what.header_nslots = kSlots;
        what.pools.push_back({1, kSlots, kStride, ""});
        mapping_.emplace(shm::create_stream({dir_, "fuzz", "default"}, what, 1));
        std::filesystem::remove_all(dir_);  // the mapping stays
        reader_.attach(&*mapping_, 1);
    }

    void read_slot(const std::uint8_t* data, std::size_t size) {
        constexpr std::uint64_t kIndex = kSeq % kSlots;
        std::byte* const slot = mapping_->header_slots() + kIndex * wire::kHeaderSlotBytes;
        std::memset(slot, 0, wire::kHeaderSlotBytes);
        const std::uint64_t word = shm::committed_word(kSeq);  // anything else ends at the first look
        std::memcpy(slot, &word, sizeof(word));
        std::memcpy(slot + sizeof(word), data, std::min(size, wire::kHeaderSlotBytes - sizeof(word)));
        wire::FrameDescriptorBlock descriptor{};
        descriptor.stream_id = 1;
        descriptor.epoch = kEpoch;
        descriptor.seq = kSeq;
        if (reader_.read(descriptor) == FrameReader::Result::Ok) check_frame(reader_.frame());
    }

private:
    void check_frame(const Frame& frame) const {
        const std::span<const std::byte> payload = frame.payload();
        if (!payload.empty()) {
            FUZZ_CHECK(payload.data() == mapping_->find_pool(1)->slot(kSeq % kSlots));
            FUZZ_CHECK(payload.size() <= kStride);
        }
        const TensorLayout& tensor = frame.tensor();
        FUZZ_CHECK(tensor.ndims >= 1 && tensor.ndims <= kMaxDims);
        FUZZ_CHECK(element_size(tensor.dtype) > 0);
        bool empty = false;
        std::uint64_t last = 0;  // of the element with the highest address
        for (std::size_t d = 0; d < tensor.ndims; ++d) {
            FUZZ_CHECK(tensor.dims[d] >= 0 && tensor.strides[d] >= 0);
            if (tensor.dims[d] == 0) empty = true;
            if (tensor.dims[d] > 0)
                last += static_cast<std::uint64_t>(tensor.dims[d] - 1) *
                        static_cast<std::uint64_t>(tensor.strides[d]);
        }
        if (!empty) FUZZ_CHECK(last + element_size(tensor.dtype) <= payload.size());
        std::vector<std::byte> copy(payload.size());  // touches every byte that was promised
        FUZZ_CHECK(frame.copy_to(copy));
    }

    std::string dir_;
    std::optional<shm::StreamMapping> mapping_;
    FrameReader reader_;
};

void check_superblock(const std::uint8_t* data, std::size_t size) {
    alignas(8) std::array<std::byte, wire::kSuperblockBytes> region{};
    std::memcpy(region.data(), data, std::min(size, region.size()));
    const wire::Superblock block = shm::read_superblock(region.data());
    shm::RegionExpectation expected;
    expected.stream_id = block.stream_id;
    expected.epoch = block.epoch;
    expected.type = block.region_type;
    expected.pool_id = block.pool_id;
    expected.nslots = block.nslots;
    expected.stride_bytes = block.stride_bytes;
    if (shm::superblock_fault(block, expected)) return;
    // An announce that repeats a hostile superblock must still describe a ring that can be indexed.
    FUZZ_CHECK(block.magic == wire::kSuperblockMagic);
    FUZZ_CHECK(std::has_single_bit(std::uint32_t{block.nslots}));
    const std::uint64_t bytes = shm::region_bytes(expected.type, expected.nslots, expected.stride_bytes);
    FUZZ_CHECK(bytes > wire::kSuperblockBytes && bytes < std::uint64_t{1} << 63);
}

void check_uri(const std::uint8_t* data, std::size_t size) {
    const auto uri = shm::parse_region_uri({reinterpret_cast<const char*>(data), size});
    if (!uri) {
        FUZZ_CHECK(!uri.error().empty());
        return;
    }
    FUZZ_CHECK(!uri->path.empty() && uri->path.front() == '/');
    const auto again = shm::parse_region_uri(shm::format_region_uri(*uri));
    FUZZ_CHECK(again && *again == *uri);
}

}  // namespace
}  // namespace tensorpool

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static tensorpool::Arena arena;
    if (size == 0) return 0;
    // The first byte chooses what the others are.
    switch (data[0] % 3) {
        case 0:
            tensorpool::check_superblock(data + 1, size - 1);
            break;
        case 1:
            arena.read_slot(data + 1, size - 1);
            break;
        default:
            tensorpool::check_uri(data + 1, size - 1);
            break;
    }
    return 0;
}
