// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "shm/stream_mapping.hpp"

#include <tensorpool/error.hpp>

#include "shm/region_uri.hpp"
#include "shm/stream_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

namespace tensorpool::shm {
namespace {

using test::mappings_below;
using test::StreamPlace;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A stream on disk whose maker is gone, and its layout as announced.
class StreamMappingTest : public testing::Test {
protected:
    StreamMappingTest() : layout(place.create().layout()) {}

    [[nodiscard]] StreamMapping open(Access access = Access::ReadOnly) const {
        return StreamMapping::open(layout, place.policy(), access);
    }
    /// Why the layout is refused; nothing may stay mapped.
    [[nodiscard]] std::string refusal(const StreamLayout& announced,
                                      ErrorCode expected = ErrorCode::ProtocolError) const {
        std::string text;
        try {
            (void)StreamMapping::open(announced, place.policy(), Access::ReadOnly);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), expected) << error.what();
            text = error.what();
        }
        EXPECT_EQ(mappings_below(place.paths.base_dir), 0) << "never partly consumed";
        return text;
    }
    [[nodiscard]] std::string refusal_after(const std::function<void(StreamLayout&)>& change,
                                            ErrorCode expected = ErrorCode::ProtocolError) const {
        StreamLayout announced = layout;
        change(announced);
        return refusal(announced, expected);
    }
    /// Overwrites bytes of a region's file.
    void patch(const std::string& name, std::size_t at, std::uint64_t value, std::size_t bytes) const {
        std::fstream file(place.epoch_dir() + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(at));
        file.write(reinterpret_cast<const char*>(&value), static_cast<std::streamsize>(bytes));
        ASSERT_TRUE(file.good());
    }

    const StreamPlace place;
    const StreamLayout layout;
};

// spec: WIRE-066 WIRE-146
TEST_F(StreamMappingTest, OpensEveryRegionThatTheLayoutNames) {
    const StreamMapping mapping = open();
    EXPECT_EQ(mappings_below(place.paths.base_dir), 3);
    EXPECT_EQ(mapping.header_nslots(), 8U);
    EXPECT_EQ(mapping.layout().epoch, 5U);
    EXPECT_EQ(std::uint64_t{mapping.read_header_superblock().epoch}, 5U);
    EXPECT_EQ(mapping.pools().size(), 2U);
}

// spec: WIRE-147
TEST_F(StreamMappingTest, OpensTheAnnouncedPathsAndNoOthers) {
    // The same files under names that no layout rule would lead to.
    const std::string elsewhere = place.paths.base_dir + "/elsewhere";
    fs::create_directories(elsewhere);
    StreamLayout announced = layout;
    fs::rename(place.epoch_dir() + "/header.ring", elsewhere + "/a");
    fs::rename(place.epoch_dir() + "/1.pool", elsewhere + "/b");
    fs::rename(place.epoch_dir() + "/2.pool", elsewhere + "/header.ring");
    announced.header_uri = format_region_uri({elsewhere + "/a", false});
    announced.pools[0].uri = format_region_uri({elsewhere + "/b", false});
    announced.pools[1].uri = format_region_uri({elsewhere + "/header.ring", false});
    EXPECT_EQ(StreamMapping::open(announced, place.policy(), Access::ReadOnly).pools().size(), 2U);
    EXPECT_THAT(refusal(layout, ErrorCode::NotFound), HasSubstr("header.ring"))
        << "and does not search for them";
}

// spec: WIRE-055
TEST_F(StreamMappingTest, ThePoolForALengthIsTheSmallestThatHoldsIt) {
    const StreamMapping mapping = open();
    const auto pool_for = [&](std::uint32_t bytes) -> int {
        const PayloadPool* pool = mapping.smallest_pool_for(bytes);
        return pool == nullptr ? -1 : pool->pool_id();
    };
    EXPECT_EQ(pool_for(0), 2);
    EXPECT_EQ(pool_for(256), 2);
    EXPECT_EQ(pool_for(257), 1);
    EXPECT_EQ(pool_for(4096), 1);
    EXPECT_EQ(pool_for(4097), -1) << "WIRE-056: the caller drops the frame";
    EXPECT_EQ(mapping.find_pool(1)->stride_bytes(), 4096U);
    EXPECT_EQ(mapping.find_pool(2)->stride_bytes(), 256U);
    EXPECT_EQ(mapping.find_pool(0), nullptr);
    EXPECT_EQ(mapping.find_pool(3), nullptr);
}

// spec: WIRE-007 WIRE-018
TEST_F(StreamMappingTest, RefusesAnotherLayoutVersion) {
    for (const std::uint32_t version : {0U, 2U, 0xFFFFFFFFU}) {
        EXPECT_THAT(refusal_after([&](auto& l) { l.layout_version = version; }), HasSubstr("layout version"));
    }
}

// spec: WIRE-057 WIRE-061 WIRE-062
TEST_F(StreamMappingTest, RefusesAShapeThatBreaksTheRules) {
    for (const std::uint32_t nslots : {0U, 3U, 12U, 0xFFFFFFFFU}) {
        EXPECT_THAT(refusal_after([&](auto& l) { l.header_nslots = nslots; }), HasSubstr("WIRE-057"))
            << nslots;
    }
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[1].nslots = 4; }), HasSubstr("WIRE-057"));
    for (const std::uint32_t stride : {0U, 32U, 96U, 4095U}) {
        EXPECT_THAT(refusal_after([&](auto& l) { l.pools[1].stride_bytes = stride; }), HasSubstr("WIRE-061"))
            << stride;
    }
    EXPECT_THAT(refusal_after([](auto& l) { l.pools.clear(); }), HasSubstr("no payload pools"));
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[0].pool_id = 0; }), HasSubstr("pool id 0"));
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[1].pool_id = 1; }), HasSubstr("pool id 1"));
}

// spec: WIRE-018 WIRE-133 WIRE-136 WIRE-159
TEST_F(StreamMappingTest, RefusesRegionsThatAreNotWhatTheLayoutSays) {
    EXPECT_THAT(refusal_after([](auto& l) { l.epoch = 6; }), HasSubstr("epoch"));
    EXPECT_THAT(refusal_after([](auto& l) { l.stream_id = 8; }), HasSubstr("stream_id"));
    EXPECT_THAT(refusal_after([](auto& l) {
                    l.header_nslots = 4;
                    for (auto& pool : l.pools) pool.nslots = 4;
                }),
                HasSubstr("nslots"));
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[0].stride_bytes = 2048; }), HasSubstr("stride_bytes"));
    EXPECT_THAT(refusal_after([](auto& l) { std::swap(l.pools[0].pool_id, l.pools[1].pool_id); }),
                HasSubstr("pool_id"));
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[1].uri = l.header_uri; }), HasSubstr("region_type"));
    EXPECT_THAT(refusal_after([](auto& l) { l.header_uri = l.pools[0].uri; }), HasSubstr("region_type"));
}

// spec: WIRE-023
TEST_F(StreamMappingTest, RefusesALayoutLargerThanItsFiles) {
    EXPECT_THAT(refusal_after([](auto& l) {
                    l.header_nslots = 16;
                    for (auto& pool : l.pools) pool.nslots = 16;
                }),
                HasSubstr("WIRE-023"))
        << "before the superblock could even be compared";
    EXPECT_THAT(refusal_after([](auto& l) { l.pools[1].stride_bytes = 0x80000000; }), HasSubstr("WIRE-023"));
}

// spec: WIRE-016 WIRE-023 WIRE-159
TEST_F(StreamMappingTest, RefusesTheWholeStreamForOneDamagedSuperblock) {
    for (const char* name : {"header.ring", "1.pool", "2.pool"}) {
        const std::string path = place.epoch_dir() + "/" + name;
        const fs::path saved = place.paths.base_dir + "/saved";
        fs::copy_file(path, saved);
        patch(name, 0, 0x54504F4C53484D31, 8);
        EXPECT_THAT(refusal(layout), HasSubstr("WIRE-016")) << name;
        fs::rename(saved, path);
    }
    EXPECT_EQ(open().pools().size(), 2U) << "restored";
}

// spec: WIRE-148 WIRE-156 WIRE-159
TEST_F(StreamMappingTest, RefusesTheWholeStreamForOneBadUri) {
    for (const std::string uri :
         {"", "shm:memfd?path=/x", "shm:file?path=relative", "shm:file?path=/x|mode=ro"}) {
        EXPECT_THAT(refusal_after([&](auto& l) { l.header_uri = uri; }), HasSubstr("region URI"));
        EXPECT_THAT(refusal_after([&](auto& l) { l.pools[1].uri = uri; }), HasSubstr("region URI"));
    }
}

// spec: WIRE-151 WIRE-155 WIRE-159
TEST_F(StreamMappingTest, RefusesTheWholeStreamForOneRegionOutsideTheBases) {
    const test::TempDir outside;
    fs::copy_file(place.epoch_dir() + "/2.pool", outside.path() / "2.pool");
    const std::string uri = format_region_uri({fs::canonical(outside.path()).string() + "/2.pool", false});
    EXPECT_THAT(refusal_after([&](auto& l) { l.pools[1].uri = uri; }, ErrorCode::AccessDenied),
                HasSubstr("WIRE-151"));
    fs::create_symlink(outside.path() / "2.pool", place.epoch_dir() + "/link");
    EXPECT_THAT(refusal_after(
                    [&](auto& l) {
                        l.pools[1].uri = format_region_uri({place.epoch_dir() + "/link", false});
                    },
                    ErrorCode::AccessDenied),
                HasSubstr("WIRE-151"));
}

// spec: WIRE-161 WIRE-162
TEST_F(StreamMappingTest, RefusesAUriThatDemandsHugepagesOnOrdinaryOnes) {
    EXPECT_THAT(
        refusal_after([&](auto& l) { l.pools[1].uri += "|require_hugepages=true"; }, ErrorCode::AccessDenied),
        HasSubstr("WIRE-161"));
    StreamLayout indifferent = layout;
    indifferent.pools[1].uri += "|require_hugepages=false";
    EXPECT_EQ(StreamMapping::open(indifferent, place.policy(), Access::ReadOnly).pools().size(), 2U);
}

// spec: WIRE-019 WIRE-136 WIRE-137
TEST_F(StreamMappingTest, SeesAMappedSuperblockChangeInAnyRegion) {
    for (const char* name : {"header.ring", "1.pool", "2.pool"}) {
        const StreamMapping mapping = open();
        EXPECT_TRUE(mapping.superblocks_unchanged());
        const auto value_at = [&](std::size_t at, std::size_t bytes) {
            std::ifstream file(place.epoch_dir() + "/" + name, std::ios::binary);
            file.seekg(static_cast<std::streamoff>(at));
            std::uint64_t value = 0;
            file.read(reinterpret_cast<char*>(&value), static_cast<std::streamsize>(bytes));
            return value;
        };
        const std::pair<std::size_t, std::size_t> fields[] = {{0, 8}, {8, 4}, {12, 8}, {20, 4}, {40, 8}};
        for (const auto& [at, bytes] : fields) {  // magic, layout version, epoch, stream, pid
            const std::uint64_t old = value_at(at, bytes);
            patch(name, at, old + 1, bytes);
            EXPECT_FALSE(mapping.superblocks_unchanged()) << name << " offset " << at;
            patch(name, at, old, bytes);
            EXPECT_TRUE(mapping.superblocks_unchanged()) << name << " offset " << at;
        }
    }
}

// spec: WIRE-017 WIRE-020
TEST_F(StreamMappingTest, ARefreshReachesEveryRegionAndIsNoChange) {
    StreamMapping writer = open(Access::ReadWrite);
    const StreamMapping reader = open();
    writer.touch_activity(StreamPlace::kNow + 5);
    EXPECT_EQ(std::uint64_t{reader.read_header_superblock().activity_timestamp_ns}, StreamPlace::kNow + 5);
    EXPECT_TRUE(reader.superblocks_unchanged());
    for (const char* name : {"header.ring", "1.pool", "2.pool"}) {
        std::ifstream file(place.epoch_dir() + "/" + name, std::ios::binary);
        wire::Superblock block{};
        file.read(reinterpret_cast<char*>(&block), sizeof block);
        EXPECT_EQ(std::uint64_t{block.activity_timestamp_ns}, StreamPlace::kNow + 5) << name;
        EXPECT_EQ(std::uint64_t{block.start_timestamp_ns}, StreamPlace::kNow) << name;
    }
}

TEST_F(StreamMappingTest, PointersStayValidWhenTheMappingMoves) {
    StreamMapping first = open();
    const std::byte* slots = first.header_slots();
    const PayloadPool* pool = first.find_pool(1);
    const std::byte* payload = pool->slot(7);
    const StreamMapping second = std::move(first);
    EXPECT_EQ(second.header_slots(), slots);
    EXPECT_EQ(second.find_pool(1)->slot(7), payload);
    EXPECT_EQ(mappings_below(place.paths.base_dir), 3);
}

}  // namespace
}  // namespace tensorpool::shm
