// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/assembler.hpp"

#include "bridge/crc32c.hpp"
#include "bridge/fake_sink.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Block = wire::BridgeFrameChunkBlock;
using Announced = bridge::Assembler::Announced;

// spec: BRG-003 BRG-059 BRG-069 BRG-076
TEST_F(AssemblerTest, PublishesAFrameOnceAllItsChunksAreThere) {
    start();
    TestFrame frame(9, {100, 200, 50});
    frame.trace_id = 0xabcdef;
    feed(frame, 0);
    feed(frame, 1);
    EXPECT_THAT(published(), IsEmpty());
    feed(frame, 2);
    ASSERT_THAT(published(), ElementsAre(9U));
    const FrameInfo& info = sink.published[0].info;
    EXPECT_EQ(info.trace_id, 0xabcdefU);
    EXPECT_EQ(info.timestamp_ns, 1009U);
    EXPECT_EQ(info.meta_version, 3U);
    EXPECT_EQ(info.values_len_bytes, 350U);
    EXPECT_EQ(info.tensor.ndims, 1);
    EXPECT_EQ(info.tensor.dims[0], 350);
    EXPECT_EQ(counters.frames_rematerialized, 1U);
    EXPECT_EQ(counters.chunks_dropped, 0U);
}

// spec: BRG-043 BRG-044
TEST_F(AssemblerTest, TakesChunksInAnyOrderAlsoBeforeTheFirst) {
    start();
    std::vector<std::uint32_t> order(6);
    std::iota(order.begin(), order.end(), 0U);
    std::uint64_t seq = 1;
    do {
        const TestFrame frame(seq++, {64, 1, 300, 8, 17, 1000});
        for (const std::uint32_t index : order) feed(frame, index);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(published().size(), 720U);
    EXPECT_EQ(counters.chunks_dropped, 0U);
}

TEST_F(AssemblerTest, TakesSlicesWhosePlacesAreNotInTheOrderOfTheirIndexes) {
    start();
    TestFrame frame(1, {64, 100, 200, 36});
    std::swap(frame.slices[1], frame.slices[3]);  // only index 0 has a place of its own
    feed_all(frame);
    EXPECT_THAT(published(), ElementsAre(1U));
}

// spec: BRG-045 BRG-046
TEST_F(AssemblerTest, IgnoresDuplicatesThatAreIdentical) {
    start();
    const TestFrame frame(1, {64, 64, 64});
    feed(frame, 0);
    feed(frame, 0);
    feed(frame, 1);
    feed(frame, 1);
    feed(frame, 0);
    feed(frame, 2);
    EXPECT_THAT(published(), ElementsAre(1U));
    EXPECT_EQ(counters.duplicates_ignored, 3U);
    EXPECT_EQ(counters.chunks_dropped, 0U);
}

// spec: BRG-047
TEST_F(AssemblerTest, ADuplicateWithOtherBytesCostsTheFrame) {
    start();
    const TestFrame frame(1, {64, 64});
    const std::vector<std::byte> other(128, std::byte{0x5a});
    feed(frame, 1);
    feed(frame.message_with(1, other));
    EXPECT_EQ(counters.resets_conflict, 1U);
    feed(frame, 0);
    feed(frame, 1);
    EXPECT_THAT(published(), IsEmpty()) << "stragglers do not start it again";
    EXPECT_THAT(sink.abandoned, ElementsAre(1U));
}

// spec: BRG-045 BRG-047
TEST_F(AssemblerTest, ARepeatedFirstChunkMustHaveTheSameHeader) {
    start();
    TestFrame frame(1, {64, 64});
    feed(frame, 0);
    frame.header.slot.timestamp_ns = 5;
    feed(frame, 0);
    EXPECT_EQ(counters.drops_conflict, 1U);
    EXPECT_EQ(counters.resets_conflict, 1U);
}

// spec: BRG-047 BRG-050
TEST_F(AssemblerTest, SlicesThatOverlapCostTheFrameAtOnce) {
    start();
    std::uint64_t seq = 1;
    // What arrives first, and a second slice that meets it.
    const std::pair<TestFrame::Slice, TestFrame::Slice> cases[] = {
        {{100, 50}, {100, 50}}, {{100, 50}, {149, 10}}, {{100, 50}, {90, 11}},
        {{100, 50}, {90, 100}}, {{100, 50}, {120, 5}},  {{100, 50}, {60, 140}},
    };
    for (const auto& [first, second] : cases) {
        TestFrame frame(seq++, {60, 50, 50, 40});
        frame.slices[1] = first;
        frame.slices[2] = second;
        feed(frame, 1);
        EXPECT_EQ(counters.resets_conflict, seq - 2);
        feed(frame, 2);
        EXPECT_EQ(counters.resets_conflict, seq - 1) << second.offset << "+" << second.length;
    }
    EXPECT_THAT(published(), IsEmpty());
}

// spec: BRG-028 BRG-050
TEST_F(AssemblerTest, AFrameWithAHoleIsNeverPublished) {
    start();
    TestFrame frame(1, {64, 64, 64});
    frame.slices[2].length = 60;  // all indexes come, four bytes do not
    feed_all(frame);
    EXPECT_THAT(published(), IsEmpty());
    EXPECT_EQ(counters.resets_conflict, 1U);
    EXPECT_THAT(sink.open, IsEmpty());
}

// spec: BRG-040 BRG-041
TEST_F(AssemblerTest, ChunksOfOneFrameMustAgreeOnTraceCountAndLength) {
    start();
    const TestFrame::Adjust adjusts[] = {[](Block& b) { b.trace_id = 99; },
                                         [](Block& b) { b.chunk_count = 4; },
                                         [](Block& b) { b.payload_length = 193; }};
    std::uint64_t seq = 1;
    for (const auto& adjust : adjusts) {
        const TestFrame frame(seq++, {64, 64, 64});
        feed(frame, 0);
        feed(frame, 1, adjust);
        feed(frame, 1);
        feed(frame, 2);
    }
    EXPECT_THAT(published(), IsEmpty());
    EXPECT_EQ(counters.resets_conflict, 3U);
    EXPECT_EQ(counters.drops_conflict, 3U);
    EXPECT_EQ(counters.drops_late, 6U);
}

// spec: BRG-022 BRG-023 BRG-024 BRG-025 BRG-026 BRG-029
TEST_F(AssemblerTest, DropsChunksThatContradictThemselves) {
    start();
    const TestFrame frame(1, {64, 64, 64});
    const auto expect_malformed = [&](std::uint32_t index, const TestFrame::Adjust& adjust) {
        const std::uint64_t before = counters.drops_malformed;
        feed(frame, index, adjust);
        EXPECT_EQ(counters.drops_malformed, before + 1);
    };
    expect_malformed(1, [](Block& b) { b.chunk_count = 0; });
    expect_malformed(1, [](Block& b) { b.chunk_count = 65536; });
    expect_malformed(1, [](Block& b) { b.chunk_index = 3; });
    expect_malformed(1, [](Block& b) { b.chunk_index = 0; });      // no header
    expect_malformed(0, [](Block& b) { b.header_included = 0; });  // no header either
    expect_malformed(1, [](Block& b) { b.header_included = 1; });  // a header where none belongs
    expect_malformed(1, [](Block& b) { b.header_included = 2; });
    expect_malformed(0, [](Block& b) { b.chunk_offset = 1; });
    expect_malformed(1, [](Block& b) { b.chunk_offset = 129; });  // past the end by one
    expect_malformed(1, [](Block& b) { b.chunk_offset = 0xffffffff; });
    expect_malformed(1, [](Block& b) { b.chunk_length = 0; });  // empty, but not the only one
    expect_malformed(1, [](Block& b) { b.seq = std::uint64_t{1} << 63; });
    expect_malformed(1, [](Block& b) { b.chunk_count = 193; });  // more chunks than bytes
    // TRUE with a header of another length, FALSE with one.
    auto bytes = frame.message(0);
    bytes[8 + 52] = std::byte{0};
    feed(bytes);
    EXPECT_EQ(counters.drops_malformed, 14U);
    // chunkLength says one thing, payloadBytes another.
    bytes = frame.message(1);
    bytes[8 + 40] = std::byte{63};
    feed(bytes);
    EXPECT_EQ(counters.drops_malformed, 15U);

    EXPECT_EQ(assembler->in_flight(), 0U);
    feed_all(frame);
    EXPECT_THAT(published(), ElementsAre(1U)) << "dropped chunks cost no good frame";
}

// spec: BRG-059
TEST_F(AssemblerTest, TakesAnEmptyFrameAsOneChunkWithoutBytes) {
    start();
    const TestFrame frame(4, {0});
    feed_all(frame);
    EXPECT_THAT(published(), ElementsAre(4U));
    EXPECT_TRUE(sink.published[0].payload.empty());
}

// spec: BRG-030 BRG-031 BRG-032 BRG-067 BRG-068
TEST_F(AssemblerTest, DropsFramesThatAreLargerThanAnyLimit) {
    options.max_payload_bytes = 3000;
    start();
    feed_all(TestFrame(1, {3000}));
    feed_all(TestFrame(2, {3001}));  // bridge.max_payload_bytes
    EXPECT_THAT(published(), ElementsAre(1U));
    EXPECT_EQ(counters.drops_limits, 1U);

    options.max_payload_bytes = wire::kMaxBridgePayloadBytes;
    assembler.emplace(options, sink, counters);
    assembler->on_announce(source_announce(5));
    sink.largest = 8192;
    feed_all(TestFrame(3, {8193}));  // the largest local stride
    EXPECT_EQ(counters.drops_limits, 2U);
    sink.largest = 1U << 20;
    feed(TestFrame(4, {60000, 5537}), 0);  // the largest source stride is 65536
    EXPECT_EQ(counters.drops_limits, 3U);
    feed_all(TestFrame(5, {4097}));  // above the stride of the source pool that its header names
    EXPECT_EQ(counters.drops_header, 1U);
    TestFrame fits(6, {4097});
    fits.header.slot.pool_id = 2;
    feed_all(fits);
    EXPECT_THAT(published(), ElementsAre(1U, 6U));
}

// spec: BRG-033 BRG-034
TEST_F(AssemblerTest, DropsChunksAboveTheReceiversOwnLimit) {
    options.most_chunk_bytes = 100;
    start();
    feed_all(TestFrame(1, {100, 100}));
    feed_all(TestFrame(2, {101, 99}));
    EXPECT_EQ(counters.drops_limits, 1U);
    EXPECT_THAT(published(), ElementsAre(1U));
}

// spec: BRG-048 BRG-060
TEST_F(AssemblerTest, DropsEverythingUntilAnAnnounceCame) {
    start(false);
    feed_all(TestFrame(1, {64, 64}));
    EXPECT_EQ(counters.drops_no_announce, 2U);
    EXPECT_EQ(assembler->on_announce(source_announce(5)), Announced::First);
    feed_all(TestFrame(2, {64, 64}));
    EXPECT_THAT(published(), ElementsAre(2U));
}

// spec: BRG-062 BRG-063 BRG-064 BRG-065 BRG-066 BRG-073
TEST_F(AssemblerTest, DropsFramesWhoseHeaderSlotIsUnusable) {
    start();
    using Spoil = std::function<void(wire::HeaderSlot&)>;
    const Spoil spoils[] = {
        [](wire::HeaderSlot& h) { h.slot.seq_commit ^= 1; },               // not committed
        [](wire::HeaderSlot& h) { h.slot.seq_commit += 2; },               // another frame's
        [](wire::HeaderSlot& h) { h.slot.values_len_bytes = 63; },         // step 4a
        [](wire::HeaderSlot& h) { h.tensor.ndims = 0; },                   // 4b
        [](wire::HeaderSlot& h) { h.tensor.ndims = 9; },                   //
        [](wire::HeaderSlot& h) { h.tensor.dtype = Dtype{12}; },           //
        [](wire::HeaderSlot& h) { h.tensor.dims[0] = -1; },                //
        [](wire::HeaderSlot& h) { h.tensor.dims[0] = 129; },               // more than is there
        [](wire::HeaderSlot& h) { h.tensor_message.schema_id = 901; },     // 4c
        [](wire::HeaderSlot& h) { h.tensor_message.template_id = 51; },    //
        [](wire::HeaderSlot& h) { h.tensor_message.version = 2; },         //
        [](wire::HeaderSlot& h) { h.tensor_message.block_length = 183; },  //
        [](wire::HeaderSlot& h) { h.header_bytes_length = 191; },          //
        [](wire::HeaderSlot& h) { h.slot.payload_offset = 64; },           // 4d
        [](wire::HeaderSlot& h) { h.slot.pool_id = 3; },                   // 5
    };
    std::uint64_t seq = 1;
    for (const Spoil& spoil : spoils) {
        TestFrame frame(seq++, {64, 64});
        feed(frame, 1);  // already in flight when the header comes
        spoil(frame.header);
        feed(frame, 0);
        feed(frame, 1);
        EXPECT_EQ(counters.drops_header, seq - 1);
    }
    EXPECT_THAT(published(), IsEmpty());
    EXPECT_EQ(counters.resets_conflict, std::size(spoils));
    EXPECT_THAT(sink.open, IsEmpty());
}

// spec: BRG-064
TEST_F(AssemblerTest, ABadHeaderThatComesFirstStartsNothing) {
    start();
    TestFrame frame(1, {64, 64});
    frame.header.tensor_message.schema_id = 999;
    feed_all(frame);
    EXPECT_EQ(assembler->in_flight(), 0U);
    EXPECT_EQ(counters.drops_header, 1U);
    EXPECT_EQ(counters.drops_late, 1U) << "the rest of it is known to be bad";
}

// spec: BRG-055 BRG-056 BRG-057
TEST_F(AssemblerTest, DropsChunksWhoseChecksumIsWrongOrMissing) {
    if (!bridge::crc32c_available()) GTEST_SKIP() << "this build has no ISA-L";
    options.crc32c = true;
    start();
    TestFrame frame(1, {64, 64});
    feed(frame, 0);  // none
    EXPECT_EQ(counters.drops_crc, 1U);
    frame.crc = true;
    for (const std::uint32_t index : {0U, 1U}) {
        const auto good = frame.message(index);
        const std::size_t first = 8 + 53 + 4;
        for (std::size_t at = index == 0 ? first : first + 4; at < good.size(); at += 7) {
            if (index == 0 && at >= first + 256 && at < first + 260) continue;  // a length, not covered
            auto bad = good;
            bad[at] ^= std::byte{0x10};
            feed(bad);
        }
    }
    EXPECT_EQ(counters.drops_crc + 0U, counters.chunks_dropped);
    EXPECT_THAT(published(), IsEmpty());
    feed_all(frame);
    EXPECT_THAT(published(), ElementsAre(1U)) << "a wrong chunk does not cost the frame (trap 11)";
}

// spec: BRG-051 BRG-052 BRG-053
TEST_F(AssemblerTest, GivesUpAFrameThatIsIncompleteAtItsDeadline) {
    options.timeout_ns = 100 * kNanosPerMilli;
    start();
    const TestFrame frame(1, {64, 64, 64});
    feed(frame, 0);
    now += 99 * kNanosPerMilli;
    feed(frame, 1);  // does not prolong it: the first chunk counts
    EXPECT_EQ(assembler->expire(now), 0);
    now += kNanosPerMilli;
    EXPECT_EQ(assembler->expire(now), 1);
    EXPECT_EQ(counters.resets_timeout, 1U);
    EXPECT_THAT(sink.abandoned, ElementsAre(1U)) << "the slot is given back, never committed";
    feed(frame, 2);
    EXPECT_EQ(counters.drops_late, 1U) << "a straggler starts nothing";
    now += 100 * kNanosPerMilli;
    feed_all(frame);  // remembered for one timeout only
    EXPECT_THAT(published(), ElementsAre(1U));
}

TEST_F(AssemblerTest, APublishedFrameOvertakesOlderOnes) {
    start();
    const TestFrame old(7, {64, 64});
    feed(old, 0);
    feed_all(TestFrame(8, {64, 64}));
    EXPECT_EQ(counters.resets_overtaken, 1U);
    feed(old, 1);
    feed_all(TestFrame(6, {64}));
    feed_all(TestFrame(8, {64, 64}));
    EXPECT_EQ(counters.drops_late, 4U);
    EXPECT_THAT(published(), ElementsAre(8U));
}

TEST_F(AssemblerTest, AFullHouseCostsTheOldestFrame) {
    options.frames_in_flight = 2;
    start();
    const TestFrame first(1, {64, 64});
    const TestFrame second(2, {64, 64});
    feed(first, 0);
    now += kNanosPerMilli;
    feed(second, 0);
    feed(TestFrame(3, {64, 64}), 0);
    EXPECT_EQ(counters.resets_crowded_out, 1U);
    EXPECT_THAT(sink.abandoned, ElementsAre(1U));
    feed(second, 1);
    EXPECT_THAT(published(), ElementsAre(2U));
}

TEST_F(AssemblerTest, ARingWithoutRoomCostsTheLowestFrame) {
    start();
    sink.most_open = 1;
    feed(TestFrame(5, {64, 64}), 0);
    feed(TestFrame(4, {64, 64}), 0);
    EXPECT_EQ(counters.drops_late, 1U) << "the newer frame stays";
    feed_all(TestFrame(6, {64, 64}));
    EXPECT_THAT(sink.abandoned, ElementsAre(5U));
    EXPECT_THAT(published(), ElementsAre(6U));
}

// spec: BRG-017 BRG-068
TEST_F(AssemblerTest, DropsChunksWhileThereIsNowhereToPutThem) {
    start();
    sink.largest = 0;
    feed_all(TestFrame(1, {64}));
    sink.largest = 1U << 20;
    sink.refuse = ClaimError::NoPoolFits;
    feed_all(TestFrame(2, {64}));
    EXPECT_EQ(counters.drops_no_destination, 2U);
    sink.refuse.reset();
    sink.accept = false;
    feed_all(TestFrame(3, {64}));
    EXPECT_EQ(counters.publish_failures, 1U);
    sink.accept = true;
    feed_all(TestFrame(4, {64}));
    EXPECT_THAT(published(), ElementsAre(4U));
}

// spec: BRG-061 BRG-079 BRG-106 BRG-107
TEST_F(AssemblerTest, NoFrameCrossesAChangeOfTheSourcesEpoch) {
    start();
    const TestFrame old(50, {64, 64}, 5);
    feed_all(TestFrame(49, {64}, 5));
    feed(old, 0);
    EXPECT_EQ(assembler->on_announce(source_announce(6)), Announced::NewEpoch);
    EXPECT_EQ(counters.resets_epoch, 1U);
    feed(old, 1);
    EXPECT_EQ(counters.drops_epoch, 1U);
    feed_all(TestFrame(0, {64, 64}, 6));  // numbers begin anew
    EXPECT_THAT(published(), ElementsAre(49U, 0U));
}

// spec: BRG-061 BRG-108
TEST_F(AssemblerTest, AfterAHigherEpochWasSeenOlderChunksAreDropped) {
    start();
    const TestFrame old(1, {64, 64}, 5);
    feed(old, 0);
    feed(TestFrame(1, {64, 64}, 7), 0);  // its announce is still on the way
    EXPECT_EQ(counters.resets_epoch, 1U);
    EXPECT_EQ(counters.drops_epoch, 1U);
    feed(old, 1);
    feed_all(TestFrame(2, {64}, 5));
    EXPECT_EQ(counters.drops_epoch, 3U);
    EXPECT_EQ(assembler->on_announce(source_announce(7)), Announced::NewEpoch);
    feed_all(TestFrame(2, {64, 64}, 7));
    EXPECT_THAT(published(), ElementsAre(2U));
}

// spec: BRG-108
TEST_F(AssemblerTest, AnEpochThatTheSourceKeepsDenyingWasAMistake) {
    start();
    feed(TestFrame(1, {64, 64}, std::uint64_t{1} << 40), 0);  // a flipped bit
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(assembler->on_announce(source_announce(5)), Announced::Same);
        feed_all(TestFrame(2, {64}, 5));
    }
    EXPECT_EQ(counters.drops_epoch, 3U);
    EXPECT_EQ(assembler->on_announce(source_announce(5)), Announced::Same);
    feed_all(TestFrame(2, {64}, 5));
    EXPECT_THAT(published(), ElementsAre(2U));
}

TEST_F(AssemblerTest, ABrokenChunkHasNoSayAboutEpochs) {
    start();
    feed(TestFrame(1, {64, 64}, 1000), 1, [](Block& b) { b.chunk_index = 2; });
    feed_all(TestFrame(2, {64}, 5));
    EXPECT_THAT(published(), ElementsAre(2U));
}

// spec: BRG-079
TEST_F(AssemblerTest, AnAnnounceOfTheSameEpochReplacesThePoolsAndAnOlderOneNothing) {
    start();
    auto announce = source_announce(5);
    announce.pools.erase(announce.pools.begin());
    EXPECT_EQ(assembler->on_announce(announce), Announced::Same);
    feed_all(TestFrame(1, {64}));  // pool 1 is gone
    EXPECT_EQ(counters.drops_header, 1U);
    EXPECT_EQ(assembler->on_announce(source_announce(4)), Announced::Older);
    EXPECT_EQ(assembler->epoch(), 5U);
    EXPECT_EQ(assembler->on_announce(source_announce(5)), Announced::Same);
    feed_all(TestFrame(2, {64}));
    EXPECT_THAT(published(), ElementsAre(2U));
}

// spec: BRG-098 BRG-100 BRG-101
TEST_F(AssemblerTest, ProgressIsOfUseOnlyForFramesThatAreStillToCome) {
    start(false);
    EXPECT_FALSE(assembler->is_ahead(5, 1, now));
    assembler->on_announce(source_announce(5));
    EXPECT_TRUE(assembler->is_ahead(5, 1, now)) << "progress precedes the first chunk (trap 15)";
    EXPECT_FALSE(assembler->is_ahead(4, 1, now));
    EXPECT_FALSE(assembler->is_ahead(6, 1, now));
    feed_all(TestFrame(1, {64}));
    EXPECT_FALSE(assembler->is_ahead(5, 1, now));
    feed(TestFrame(3, {64, 64}), 0);
    EXPECT_TRUE(assembler->is_ahead(5, 3, now));
    now += kTimeout;
    assembler->expire(now);
    EXPECT_FALSE(assembler->is_ahead(5, 3, now));
}

TEST_F(AssemblerTest, SlotsThatAreGoneAreNotWrittenAnyMore) {
    start();
    const TestFrame frame(1, {64, 64});
    feed(frame, 0);
    assembler->on_slots_gone(now);
    EXPECT_EQ(assembler->in_flight(), 0U);
    feed(frame, 1);
    EXPECT_EQ(counters.drops_late, 1U);
}

// spec: BRG-044 BRG-045 BRG-047 BRG-050
TEST_F(AssemblerTest, WhateverTheNetworkDoesOnlyWholeFramesComeOut) {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint32_t most) { return static_cast<std::uint32_t>(random() % most); };
    options.frames_in_flight = 4;
    start();
    std::vector<std::vector<std::byte>> wire;
    constexpr std::uint64_t kFrames = 2000;
    for (std::uint64_t seq = 1; seq <= kFrames; ++seq) {
        std::vector<std::uint32_t> lengths;
        for (std::uint32_t i = 0, n = 1 + below(8); i < n; ++i) lengths.push_back(8 + below(400));
        const TestFrame frame(seq, lengths);
        for (std::uint32_t i = 0; i < frame.chunks(); ++i) {
            if (below(100) < 2) continue;  // lost
            wire.push_back(frame.message(i));
            if (below(100) < 5) wire.push_back(frame.message(i));
            if (below(100) < 1) {
                const std::vector<std::byte> other(frame.payload.size(), std::byte{0x77});
                wire.push_back(frame.message_with(i, other));
            }
        }
    }
    for (std::size_t i = 0; i + 1 < wire.size(); ++i) {
        if (below(100) < 20) std::swap(wire[i], wire[std::min(wire.size() - 1, i + 1 + below(6))]);
    }
    for (const auto& message : wire) {
        feed(message);
        now += 100'000;
        assembler->expire(now);
    }
    // A slice of other bytes that came first is no contradiction: without checksums only its frame's own
    // content can tell, so look at the content here.
    std::size_t whole = 0;
    std::uint64_t last = 0;
    for (const auto& frame : sink.published) {
        EXPECT_GT(frame.seq, last) << "in ascending order, each once";
        last = frame.seq;
        whole += read_pattern(frame.payload) == frame.seq ? 1U : 0U;
    }
    EXPECT_GT(whole, kFrames / 2);
    EXPECT_GT(counters.resets_conflict + counters.resets_timeout + counters.resets_overtaken, 0U);
    sink.published.clear();
}

}  // namespace
}  // namespace tensorpool::test
