// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include <tensorpool/error.hpp>

#include "shm/region_uri.hpp"
#include "shm/seqlock.hpp"
#include "shm/stream_mapping.hpp"
#include "shm/strides.hpp"
#include "support/golden.hpp"
#include "support/json.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

// Files that another implementation of the protocol wrote (tests/vectors/shm_region).
namespace tensorpool::shm {
namespace {

namespace fs = std::filesystem;
using test::Json;

class PeerRegionTest : public testing::Test {
protected:
    PeerRegionTest() {
        const fs::path vectors = fs::path(TP_SOURCE_DIR) / "tests/vectors/shm_region";
        for (const char* name : {"header.ring", "1.pool"}) {
            fs::copy_file(vectors / name, root + "/" + name);
            fs::permissions(root + "/" + name, fs::perms::owner_read | fs::perms::owner_write);
        }
        json = test::parse_json(test::read_file((vectors / "shm_region.json").string()));
        layout.stream_id = 10000;
        layout.epoch = 5;
        layout.header_nslots = 8;
        layout.header_uri = format_region_uri({root + "/header.ring", false});
        layout.pools = {{1, 8, 4096, format_region_uri({root + "/1.pool", false})}};
    }

    static std::uint64_t number(const Json& object, std::string_view name) {
        return std::stoull(object.at(name).text);
    }

    const test::TempDir dir;
    const std::string root = fs::canonical(dir.path()).string();
    Json json;
    StreamLayout layout;
};

// spec: WIRE-015 WIRE-016 WIRE-018 WIRE-021
TEST_F(PeerRegionTest, PassesEveryCheckAndIsMapped) {
    const StreamMapping mapping = StreamMapping::open(layout, PathPolicy({root}), Access::ReadOnly);
    const wire::Superblock block = mapping.read_header_superblock();
    const Json& expected = json.at("superblockHeader");
    EXPECT_EQ(std::uint64_t{block.magic}, number(expected, "magic"));
    EXPECT_EQ(std::uint64_t{block.epoch}, number(expected, "epoch"));
    EXPECT_EQ(std::uint64_t{block.pid}, number(expected, "pid"));
    EXPECT_EQ(std::uint32_t{block.slot_bytes}, number(expected, "slotBytes"));
    EXPECT_EQ(number(json.at("superblockPool"), "slotBytes"), 0xFFFFFFFFU)
        << "the field peers fill differently";
}

// spec: WIRE-024 WIRE-026 WIRE-035 WIRE-041 WIRE-049
TEST_F(PeerRegionTest, ItsFramesReadAsItsAuthorWroteThem) {
    const StreamMapping mapping = StreamMapping::open(layout, PathPolicy({root}), Access::ReadOnly);
    ASSERT_EQ(json.at("frames").items.size(), 3U);
    for (const Json& frame : json.at("frames").items) {
        const std::uint64_t seq = number(frame, "seq");
        SCOPED_TRACE(seq);
        const std::byte* bytes =
            mapping.header_slots() + number(frame, "headerIndex") * wire::kHeaderSlotBytes;
        const std::uint64_t word = seqlock_load(bytes);
        EXPECT_TRUE(is_committed(word));
        EXPECT_EQ(seq_of(word), seq);
        wire::HeaderSlot slot;
        std::memcpy(&slot, bytes, sizeof slot);
        EXPECT_TRUE(seqlock_unchanged(bytes, word));
        EXPECT_EQ(std::uint32_t{slot.header_bytes_length}, 192U);

        const Json& expected = frame.at("slotHeader");
        const auto length = std::uint32_t{slot.slot.values_len_bytes};
        EXPECT_EQ(length, number(expected, "valuesLenBytes"));
        EXPECT_EQ(std::uint32_t{slot.slot.payload_slot}, number(expected, "payloadSlot"));
        EXPECT_EQ(std::uint16_t{slot.slot.pool_id}, number(expected, "poolId"));
        EXPECT_EQ(std::uint64_t{slot.slot.timestamp_ns}, number(expected, "timestampNs"));

        const PayloadPool* pool = mapping.find_pool(slot.slot.pool_id);
        ASSERT_NE(pool, nullptr);
        const std::byte* payload = pool->slot(slot.slot.payload_slot);
        EXPECT_EQ(test::to_hex({payload, length}), frame.at("payloadHex").text);

        // The strides it inferred are the strides we infer.
        const Json& tensor = frame.at("tensorHeader");
        TensorLayout inferred;
        inferred.dtype = slot.tensor.dtype;
        inferred.major_order = slot.tensor.major_order;
        inferred.ndims = slot.tensor.ndims;
        std::memcpy(inferred.dims.data(), slot.tensor.dims, sizeof inferred.dims);
        std::uint64_t extent = 0;
        ASSERT_EQ(resolve_layout(inferred, extent), LayoutFault::None);
        EXPECT_EQ(extent, length);
        for (std::size_t i = 0; i < kMaxDims; ++i) {
            EXPECT_EQ(std::to_string(inferred.strides[i]), tensor.at("strides").items[i].text);
            EXPECT_EQ(std::to_string(inferred.dims[i]), tensor.at("dims").items[i].text);
        }
    }
}

// spec: WIRE-041
TEST_F(PeerRegionTest, ASlotItNeverWroteReadsAsInProgress) {
    const StreamMapping mapping = StreamMapping::open(layout, PathPolicy({root}), Access::ReadOnly);
    for (std::size_t index = 3; index < 8; ++index) {
        EXPECT_FALSE(is_committed(seqlock_load(mapping.header_slots() + index * wire::kHeaderSlotBytes)));
    }
}

// spec: WIRE-018 WIRE-133
TEST_F(PeerRegionTest, AnotherEpochOrStreamOfItsFilesIsRefused) {
    const PathPolicy policy({root});
    layout.epoch = 6;
    EXPECT_THROW((void)StreamMapping::open(layout, policy, Access::ReadOnly), Error);
    layout.epoch = 5;
    layout.stream_id = 10001;
    EXPECT_THROW((void)StreamMapping::open(layout, policy, Access::ReadOnly), Error);
}

}  // namespace
}  // namespace tensorpool::shm
