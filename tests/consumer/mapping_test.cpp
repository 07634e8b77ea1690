// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// When a consumer maps, unmaps and maps again.

#include <gtest/gtest.h>

#include "support/raw_stream.hpp"

#include <tensorpool/error.hpp>

#include <fstream>

namespace tensorpool::test {
namespace {

struct MappingTest : testing::Test {
    RawStream stream;
    RawStreamReader reader{stream};
    const ConsumerCounters& counters = reader.counters();

    [[nodiscard]] bool ready() const { return reader.consumer.is_ready(); }
    void send(const control::PoolAnnounce& announce) {
        stream.send(announce);
        reader.cycle();
    }
    [[nodiscard]] std::string error() const { return reader.consumer.last_error(); }
};

// spec: WIRE-066 WIRE-147 WIRE-011
TEST_F(MappingTest, MapsOnlyWhatIsAnnounced) {
    reader.advance(kNanosPerSecond);
    EXPECT_FALSE(ready());  // the files exist, nobody announced them
    reader.map();
    EXPECT_TRUE(ready());
    EXPECT_EQ(reader.consumer.epoch(), 1U);
    EXPECT_EQ(counters.remaps, 1U);
}

// spec: WIRE-165
TEST_F(MappingTest, MapsReadOnly) {
    stream.mapping.reset();  // the test's own writable mapping
    stream.create(2);
    const std::string epoch_dir = stream.paths().epoch_dir(RawStream::kStream, 2);
    reader.map();
    ASSERT_TRUE(ready());
    stream.mapping.reset();
    std::ifstream maps("/proc/self/maps");
    int found = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find(epoch_dir) == std::string::npos) continue;
        ++found;
        EXPECT_NE(line.find(" r--s "), std::string::npos) << line;
    }
    EXPECT_EQ(found, 3);
}

// spec: WIRE-067 WIRE-131 WIRE-133 WIRE-136
TEST_F(MappingTest, FollowsAHigherEpochAndForgetsTheOldSequence) {
    reader.map();
    stream.publish(500);
    reader.cycle();
    stream.create(2);
    reader.map();
    EXPECT_EQ(reader.consumer.epoch(), 2U);
    stream.publish(0);
    reader.cycle();
    EXPECT_EQ(reader.seqs, (std::vector<std::uint64_t>{500, 0}));
    EXPECT_EQ(counters.seq_regressions, 0U);
    EXPECT_EQ(counters.drops_gap, 0U);
    EXPECT_EQ(counters.frames_delivered, 2U);  // totals survive a remap
}

// spec: WIRE-067
TEST_F(MappingTest, IgnoresAnAnnounceOfALowerEpoch) {
    const control::PoolAnnounce old = stream.announce();
    stream.create(2);
    reader.map();
    send(old);
    EXPECT_EQ(reader.consumer.epoch(), 2U);
    EXPECT_EQ(counters.announces_stale, 1U);
}

// spec: WIRE-068
TEST_F(MappingTest, IgnoresAnAnnounceOlderThanThreePeriods) {
    control::PoolAnnounce announce = stream.announce();
    reader.advance(3 * kNanosPerSecond + 1);
    stream.mapping->touch_activity(static_cast<std::uint64_t>(stream.clock.now_ns()));
    send(announce);
    EXPECT_FALSE(ready());
    EXPECT_EQ(counters.announces_stale, 1U);
}

// spec: WIRE-069
TEST_F(MappingTest, IgnoresAMonotonicAnnounceFromBeforeItJoined) {
    control::PoolAnnounce announce = stream.announce();
    announce.announce_timestamp_ns -= 1;  // the reader joined at this clock's time
    send(announce);
    EXPECT_FALSE(ready());
    EXPECT_EQ(counters.announces_stale, 1U);
}

// spec: WIRE-069
TEST_F(MappingTest, JudgesARealtimeAnnounceByItsFreshnessAlone) {
    control::PoolAnnounce announce = stream.announce();
    announce.clock_domain = ClockDomain::RealtimeSynced;
    announce.announce_timestamp_ns = static_cast<std::uint64_t>(realtime_now_ns() - kNanosPerSecond);
    send(announce);
    EXPECT_TRUE(ready()) << error();
}

// spec: WIRE-073
TEST_F(MappingTest, IgnoresAnnouncesOfOtherStreams) {
    control::PoolAnnounce announce = stream.announce();
    announce.stream_id = RawStream::kStream + 1;
    send(announce);
    EXPECT_FALSE(ready());
    EXPECT_EQ(counters.announces_rejected, 0U);
}

struct BadAnnounce {
    const char* name;
    std::function<void(control::PoolAnnounce&)> spoil;
};
void PrintTo(const BadAnnounce& bad, std::ostream* out) {
    *out << bad.name;
}
struct AnnounceValidationTest : MappingTest, testing::WithParamInterface<BadAnnounce> {};

// spec: WIRE-007 WIRE-008 WIRE-018 WIRE-021 WIRE-023 WIRE-057 WIRE-061 WIRE-066 WIRE-155 WIRE-159 WIRE-160
TEST_P(AnnounceValidationTest, RejectsAContradictionAndSaysWhy) {
    control::PoolAnnounce announce = stream.announce();
    GetParam().spoil(announce);
    send(announce);
    EXPECT_FALSE(ready());
    EXPECT_EQ(counters.announces_rejected, 1U);
    EXPECT_FALSE(error().empty());
    stream.publish(5);
    reader.cycle();
    EXPECT_TRUE(reader.seqs.empty());
    reader.map();  // a correct one still works
    EXPECT_TRUE(ready()) << error();
}

INSTANTIATE_TEST_SUITE_P(
    Announces, AnnounceValidationTest,
    testing::Values(BadAnnounce{"LayoutVersion", [](auto& a) { a.layout_version = 2; }},
                    BadAnnounce{"SlotBytes", [](auto& a) { a.header_slot_bytes = 128; }},
                    BadAnnounce{"SlotsNoPowerOfTwo", [](auto& a) { a.header_nslots = 6; }},
                    BadAnnounce{"FewerSlotsThanTheRing", [](auto& a) { a.header_nslots = 4; }},
                    BadAnnounce{"MoreSlotsThanTheFile",
                                [](auto& a) {
                                    a.header_nslots = 16;
                                    for (auto& pool : a.pools) pool.nslots = 16;
                                }},
                    BadAnnounce{"PoolOfOtherLength", [](auto& a) { a.pools[0].nslots = 4; }},
                    BadAnnounce{"PoolIdZero", [](auto& a) { a.pools[0].pool_id = 0; }},
                    BadAnnounce{"PoolIdOfAnother", [](auto& a) { a.pools[0].pool_id = 9; }},
                    BadAnnounce{"PoolIdTwice", [](auto& a) { a.pools[1].pool_id = 1; }},
                    BadAnnounce{"StrideNoPowerOfTwo", [](auto& a) { a.pools[0].stride_bytes = 5000; }},
                    BadAnnounce{"StrideTooSmall", [](auto& a) { a.pools[0].stride_bytes = 32; }},
                    BadAnnounce{"StrideOfAnother", [](auto& a) { a.pools[0].stride_bytes *= 2; }},
                    BadAnnounce{"NoPools", [](auto& a) { a.pools.clear(); }},
                    BadAnnounce{"NoHeaderUri", [](auto& a) { a.header_region_uri.clear(); }},
                    BadAnnounce{"OtherScheme", [](auto& a) { a.header_region_uri = "shm:name?path=/x"; }},
                    BadAnnounce{"OutsideTheAllowedDirectories",
                                [](auto& a) { a.header_region_uri = "shm:file?path=/etc/passwd"; }},
                    BadAnnounce{"MissingFile", [](auto& a) { a.pools[1].region_uri += "x"; }},
                    BadAnnounce{"HugepagesOnOrdinaryMemory",
                                [](auto& a) { a.header_region_uri += "|require_hugepages=true"; }},
                    BadAnnounce{"RingInThePlaceOfAPool",
                                [](auto& a) { a.pools[0].region_uri = a.header_region_uri; }},
                    BadAnnounce{"EpochOfAnother", [](auto& a) { a.epoch = 9; }}),
    [](const auto& test) { return std::string(test.param.name); });

// spec: WIRE-016 WIRE-018 WIRE-023
TEST_F(MappingTest, RejectsASuperblockThatIsNone) {
    stream.poke_superblock<std::uint64_t>(2, offsetof(wire::Superblock, magic), 1);
    send(stream.announce());
    EXPECT_FALSE(ready());
    EXPECT_NE(error().find("magic"), std::string::npos) << error();
}

// spec: WIRE-019 WIRE-136
TEST_F(MappingTest, UnmapsWhenAMappedSuperblockChanges) {
    reader.map();
    ASSERT_TRUE(ready());
    stream.poke_superblock<std::uint64_t>(1, offsetof(wire::Superblock, epoch), 7);
    send(stream.announce());
    EXPECT_FALSE(ready());
    stream.publish(5);
    reader.cycle();
    EXPECT_TRUE(reader.seqs.empty());
}

// spec: WIRE-137
TEST_F(MappingTest, WaitsForANewEpochWhenAnotherProcessWritesTheSuperblock) {
    reader.map();
    stream.poke_superblock<std::uint64_t>(0, offsetof(wire::Superblock, pid), 4242);
    send(stream.announce());
    EXPECT_FALSE(ready());
    stream.send_announce();
    reader.cycle();
    EXPECT_FALSE(ready());  // not the same epoch again
    stream.create(2);
    reader.map();
    EXPECT_TRUE(ready());
}

// spec: WIRE-020
TEST_F(MappingTest, DoesNotMapWhatItsOwnerHasLongAbandoned) {
    reader.advance(10 * kNanosPerSecond);
    send(stream.announce());  // fresh, but the activity stamps are not
    EXPECT_FALSE(ready());
    EXPECT_NE(error().find("WIRE-020"), std::string::npos) << error();
}

// spec: WIRE-020 WIRE-139
TEST_F(MappingTest, UnmapsADeadProducersMemoryAndStaysAwayUntilANewEpoch) {
    reader.map();
    for (int i = 0; i < 6; ++i) reader.advance(kNanosPerSecond);
    EXPECT_FALSE(ready());
    EXPECT_EQ(counters.unmaps, 1U);
    stream.send_announce();
    reader.cycle();
    EXPECT_FALSE(ready());
    stream.create(2);
    reader.map();
    EXPECT_TRUE(ready());
}

// spec: WIRE-139
TEST_F(MappingTest, StaysMappedWhileTheOwnerIsActive) {
    reader.map();
    for (int i = 0; i < 10; ++i) {
        stream.send_announce();
        reader.advance(kNanosPerSecond);
    }
    EXPECT_TRUE(ready());
    EXPECT_EQ(counters.remaps, 1U);
}

TEST_F(MappingTest, KeepsReadingAfterTheFilesWereUnlinked) {
    reader.map();
    std::filesystem::remove_all(stream.paths().stream_dir(RawStream::kStream));
    stream.publish(5);
    reader.cycle();
    EXPECT_EQ(reader.seqs, std::vector<std::uint64_t>{5});
}

// spec: WIRE-143 WIRE-150
TEST_F(MappingTest, RefusesABaseDirectoryThatDoesNotExist) {
    EXPECT_THROW(RawStreamReader(stream, [](ConsumerOptions& o) { o.allowed_base_dirs = {"/no/such/dir"}; }),
                 Error);
    EXPECT_THROW(RawStreamReader(stream, [](ConsumerOptions& o) { o.allowed_base_dirs = {"relative"}; }),
                 Error);
}

TEST_F(MappingTest, AFrameKeptBeyondItsHandlerSaysWhetherItsMemoryIsStillThere) {
    Frame kept;
    reader.on_frame = [&](const Frame& frame) { kept = frame; };
    EXPECT_FALSE(reader.consumer.still_mapped(kept)) << "of nobody";
    reader.map();
    stream.publish(0);
    reader.cycle();
    ASSERT_TRUE(reader.consumer.still_mapped(kept));
    EXPECT_TRUE(kept.intact());
    std::vector<std::byte> copy(kept.payload().size());
    EXPECT_TRUE(kept.copy_to(copy));
    stream.publish(RawStream::kSlots);  // takes its slot
    EXPECT_TRUE(reader.consumer.still_mapped(kept));
    EXPECT_FALSE(kept.intact());

    stream.create(2);
    reader.map();
    EXPECT_FALSE(reader.consumer.still_mapped(kept)) << "unmapped: it must not be looked at";
    RawStreamReader other(stream);
    other.on_frame = [&](const Frame& frame) { kept = frame; };
    other.map();
    stream.publish(0);
    other.cycle();
    EXPECT_TRUE(other.consumer.still_mapped(kept));
    EXPECT_FALSE(reader.consumer.still_mapped(kept)) << "another consumer's";
}

}  // namespace
}  // namespace tensorpool::test
