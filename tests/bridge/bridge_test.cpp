// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/bridge.hpp>

#include "bridge/chunk.hpp"
#include "bridge/crc32c.hpp"
#include "bridge/two_hosts.hpp"
#include "support/allocation_counter.hpp"
#include "wire/control_blocks.hpp"

#include <tensorpool/driver_session.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BridgeTest : public TwoHosts {
protected:
    /// The chunks that passed `tap`.
    static std::vector<bridge::Chunk> chunks_of(const Tap& tap) {
        std::vector<bridge::Chunk> chunks;
        for (const auto& message : tap.messages) {
            bridge::Chunk chunk;
            EXPECT_EQ(bridge::decode_chunk(message, chunk), bridge::ChunkDecode::Ok);
            chunks.push_back(chunk);
        }
        return chunks;
    }
};

// spec: BRG-001 BRG-002 BRG-003 BRG-004 BRG-012 BRG-014 BRG-039 BRG-070 BRG-071 BRG-072 BRG-074 BRG-075
// BRG-076
TEST_F(BridgeTest, AFrameArrivesAtTheOtherHostAsItWas) {
    start();
    const std::uint64_t seq = publish(20000, 0x1234);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_EQ(last_frame.seq(), seq);
    EXPECT_EQ(last_frame.trace_id(), 0x1234U);
    EXPECT_EQ(last_frame.timestamp_ns(), 5000 + seq);
    EXPECT_EQ(last_frame.meta_version(), 4U);
    EXPECT_EQ(last_frame.tensor().ndims, 2);
    EXPECT_EQ(last_frame.tensor().dims[0], 20000);
    EXPECT_EQ(last_frame.pool_id(), 5) << "of the local pools, the smallest that fits";
    EXPECT_EQ(last_frame.slot(), seq % 16);
    EXPECT_EQ(last_frame.epoch(), receiving().dest_epoch);
    EXPECT_EQ(sending().counters.frames_forwarded, 1U);
    EXPECT_EQ(sending().counters.chunks_sent, 16U);
    EXPECT_EQ(receiving().counters.frames_rematerialized, 1U);
    EXPECT_EQ(receiving().counters.chunks_dropped, 0U);

    publish(100);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 2; }));
    EXPECT_EQ(last_frame.trace_id(), 0U);
    EXPECT_EQ(last_frame.pool_id(), 3);
}

// spec: BRG-070 BRG-073
TEST_F(BridgeTest, KeepsSequenceNumbersAlsoAcrossGaps) {
    start();
    publish(100);
    producer->try_claim(100)->abandon();
    publish(100);
    for (int i = 0; i < 5; ++i) producer->try_claim(100)->abandon();
    publish(100);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 3; }));
    EXPECT_THAT(seqs, ElementsAre(0U, 2U, 8U));
    EXPECT_EQ(consumer->counters().drops_gap, 6U);
}

// spec: BRG-022 BRG-024 BRG-025 BRG-028 BRG-029 BRG-037 BRG-038
TEST_F(BridgeTest, CarriesFramesOfEverySizeAroundTheEdgesOfChunks) {
    start();
    std::size_t sent = 0;
    for (const std::uint32_t bytes :
         {0U, 1U, 8U, 1050U, 1051U, 1052U, 2330U, 2331U, 2332U, 4096U, 65535U, 65536U}) {
        publish(bytes);
        ++sent;
        ASSERT_TRUE(run_until([&] { return seqs.size() == sent; })) << bytes;
        EXPECT_EQ(last_frame.payload().size(), bytes);
    }
    EXPECT_EQ(receiving().counters.chunks_dropped, 0U);
    EXPECT_EQ(receiving().counters.assemblies_reset, 0U);
}

// spec: BRG-022 BRG-023 BRG-024 BRG-025 BRG-027 BRG-028 BRG-029 BRG-039 BRG-040 BRG-042 BRG-077
TEST_F(BridgeTest, SendsChunksInOrderWithTheHeaderSlotInTheFirst) {
    Tap tap(network_b->messaging(), options.payload);
    taps = {&tap};
    start();
    publish(5000, 77);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    const auto chunks = chunks_of(tap);  // nothing but chunks: no descriptor crosses
    ASSERT_EQ(chunks.size(), 5U);
    std::uint32_t offset = 0;
    std::vector<std::byte> payload;
    for (std::uint32_t i = 0; i < chunks.size(); ++i) {
        const auto& block = chunks[i].block;
        EXPECT_EQ(+block.stream_id, kDest) << "trap 1";
        EXPECT_EQ(+block.epoch, producer->epoch());
        EXPECT_EQ(+block.seq, 0U);
        EXPECT_EQ(+block.trace_id, 77U);
        EXPECT_EQ(+block.chunk_index, i);
        EXPECT_EQ(+block.chunk_count, 5U);
        EXPECT_EQ(+block.chunk_offset, offset);
        EXPECT_EQ(+block.chunk_length, chunks[i].payload.size());
        EXPECT_EQ(+block.payload_length, 5000U);
        EXPECT_EQ(+block.payload_crc32c, 0U);
        EXPECT_EQ(+block.header_included, i == 0 ? 1 : 0);
        EXPECT_EQ(chunks[i].header.size(), i == 0 ? 256U : 0U);
        EXPECT_LE(tap.messages[i].size(), 1408U - 32U);
        offset += block.chunk_length;
        payload.insert(payload.end(), chunks[i].payload.begin(), chunks[i].payload.end());
    }
    EXPECT_EQ(read_pattern(payload), 0U);
    wire::HeaderSlot slot;
    std::memcpy(&slot, chunks[0].header.data(), sizeof slot);
    EXPECT_EQ(std::uint64_t{slot.slot.seq_commit}, 1U);
    EXPECT_EQ(std::uint32_t{slot.slot.values_len_bytes}, 5000U);
    EXPECT_EQ(std::uint16_t{slot.slot.pool_id}, 5);
}

// spec: BRG-055
TEST_F(BridgeTest, ChecksumsAreInEveryChunkWhenTheyAreOn) {
    if (!bridge::crc32c_available()) GTEST_SKIP() << "this build has no ISA-L";
    options.integrity_crc32c = true;
    Tap tap(network_b->messaging(), options.payload);
    taps = {&tap};
    start();
    publish(5000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    for (const auto& chunk : chunks_of(tap))
        EXPECT_EQ(+chunk.block.payload_crc32c, bridge::crc32c(chunk.header, chunk.payload));
    EXPECT_EQ(receiving().counters.drops_crc, 0U);
}

// spec: BRG-057
TEST_F(BridgeTest, EndsThatDisagreeAboutChecksumsLoseEveryFrame) {
    if (!bridge::crc32c_available()) GTEST_SKIP() << "this build has no ISA-L";
    start();
    retire(receiver);
    options.integrity_crc32c = true;
    start_receiver();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; }));
    publish(5000);
    run(20);
    EXPECT_THAT(seqs, IsEmpty());
    EXPECT_EQ(receiving().counters.drops_crc, 5U);
}

// spec: BRG-049
TEST_F(BridgeTest, ARefusedChunkCostsItsFrameAndIsNotSentAgain) {
    start();
    bad->on_message = [this, count = 0]() mutable {
        if (++count == 3) gate->shut(messaging::SendError::BackPressured);
    };
    publish(10000);
    run(20);
    EXPECT_EQ(sending().counters.frames_refused, 1U);
    EXPECT_EQ(sending().counters.chunks_dropped, 1U);
    EXPECT_EQ(sending().counters.chunks_sent, 3U);
    EXPECT_EQ(sending().counters.frames_forwarded, 0U);
    gate->open();
    const std::uint64_t next = publish(10000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_THAT(seqs, ElementsAre(next));
    EXPECT_EQ(receiving().counters.resets_overtaken, 1U);
}

TEST_F(BridgeTest, NobodyAtTheOtherEndIsNoErrorButCounted) {
    start_producer();
    start_sender();
    ASSERT_TRUE(run_until([&] { return sending().source_epoch != 0; }));
    publish(100);
    run(5);
    EXPECT_EQ(sending().counters.frames_not_connected, 1U);
    EXPECT_EQ(sending().counters.frames_refused, 0U);
}

// The source slot is reused while its frame is on the way out (trap 10).
TEST_F(BridgeTest, AFrameThatIsOverwrittenWhileItIsSentIsAbandoned) {
    start();
    bad->on_message = [this, count = 0]() mutable {
        if (++count != 4) return;
        for (int i = 0; i < 16; ++i) publish(8);  // a whole ring
    };
    publish(20000);
    run(30);
    EXPECT_EQ(sending().counters.frames_overrun, 1U);
    EXPECT_THAT(seqs, ::testing::Not(::testing::Contains(0U)));
    EXPECT_FALSE(seqs.empty());
}

// spec: BRG-030 BRG-031
TEST_F(BridgeTest, TheSenderRefusesFramesAboveTheLimit) {
    options.max_payload_bytes = 10000;
    start();
    publish(10001);
    const std::uint64_t fits = publish(10000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_THAT(seqs, ElementsAre(fits));
    EXPECT_EQ(sending().counters.frames_too_large, 1U);
}

TEST_F(BridgeTest, TheSenderRefusesFramesOfMoreThan65535Chunks) {
    options.chunk_bytes = 1;
    start();
    publish(65536);
    run(10);
    EXPECT_EQ(sending().counters.frames_too_large, 1U);
    EXPECT_EQ(sending().counters.chunks_sent, 0U);
}

// spec: BRG-033 BRG-038
TEST_F(BridgeTest, ChunksLargerThanTheReceiverAllowsAreDropped) {
    start();
    retire(receiver);
    options.max_chunk_bytes = 1000;
    start_receiver();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; }));
    publish(5000);
    run(10);
    EXPECT_EQ(receiving().counters.drops_limits, 4U) << "all but the short last one";
    EXPECT_THAT(seqs, IsEmpty());
}

TEST_F(BridgeTest, ATinyMtuFragmentsTheFirstChunkAndStillWorks) {
    options.mtu_bytes = 256;
    start();
    publish(1000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
}

TEST_F(BridgeTest, MessagesTooLongToClaimAreOffered) {
    options.mtu_bytes = 200000;  // embedded messaging lends 64 KiB at most
    start();
    publish(65536);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_EQ(sending().counters.chunks_sent, 2U);
}

// ---- announces and epochs
// -----------------------------------------------------------------------------------

// spec: BRG-078 BRG-080 BRG-092
TEST_F(BridgeTest, ForwardsAnnouncesUnderTheDestinationsIdAndRepublishesNone) {
    Tap control(network_b->messaging(), options.control);
    Tap announces(b.context->messaging(), options.local.announce);
    taps = {&control, &announces};
    start();
    run(500);
    const auto forwarded = control.all<control::PoolAnnounce>();
    ASSERT_GE(forwarded.size(), 2U);
    for (const auto& announce : forwarded) {
        EXPECT_EQ(announce.stream_id, kDest);
        EXPECT_EQ(announce.epoch, producer->epoch());
        ASSERT_EQ(announce.pools.size(), 2U);
        EXPECT_EQ(announce.pools[0].stride_bytes, 4096U);
        EXPECT_THAT(announce.pools[0].region_uri, HasSubstr(a.dir.str()))
            << "as it was: nobody maps it there";
    }
    EXPECT_GE(sending().counters.control_forwarded, 2U);
    for (const auto& announce : announces.all<control::PoolAnnounce>()) {
        EXPECT_THAT(announce.header_region_uri, HasSubstr(b.dir.str()));
        EXPECT_EQ(announce.epoch, receiving().dest_epoch);
    }
}

// spec: BRG-048 BRG-109
TEST_F(BridgeTest, AttachesOnlyOnceASourceHasAnnouncedItself) {
    start_receiver();
    run(600);
    EXPECT_EQ(receiving().dest_epoch, 0U);
    EXPECT_THAT(receiving().last_error, HasSubstr("announce"));
    EXPECT_TRUE(b.driver->leases().empty());
    start_producer();
    start_sender();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; }));
    EXPECT_EQ(receiving().last_error, "");
}

// spec: BRG-106 BRG-107 BRG-109
TEST_F(BridgeTest, ANewEpochAtTheSourceBeginsANewOneAtTheDestination) {
    start();
    for (int i = 0; i < 5; ++i) publish(5000);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 5; }));
    const std::uint64_t before = receiving().dest_epoch;
    retire(producer);
    start_producer();
    ASSERT_TRUE(run_until([&] { return producer->is_ready(); }));
    const std::uint64_t epoch = producer->epoch();
    ASSERT_TRUE(
        run_until([&] { return receiving().source_epoch == epoch && receiving().dest_epoch > before; }));
    ASSERT_TRUE(run_until(
        [&] { return consumer->epoch() == receiving().dest_epoch && sending().source_epoch == epoch; }));
    seqs.clear();
    publish(5000);  // number 0 again
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_THAT(seqs, ElementsAre(0U));
    EXPECT_GE(receiving().counters.source_epochs, 2U);
    EXPECT_EQ(receiving().counters.frames_rematerialized, 6U) << "totals go on";
}

// spec: BRG-110
TEST_F(BridgeTest, ARestartedReceiverBeginsANewLocalEpochUnderTheSameSourceEpoch) {
    start();
    publish(5000);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 1; }));
    const auto before = receiving();
    retire(receiver);
    start_receiver();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch > before.dest_epoch; }))
        << receiving().last_error;
    EXPECT_EQ(receiving().source_epoch, before.source_epoch);
    ASSERT_TRUE(run_until([&] { return consumer->epoch() == receiving().dest_epoch; }));
    publish(5000);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 2; }));
    EXPECT_THAT(seqs, ElementsAre(0U, 1U));
}

TEST_F(BridgeTest, FramesInFlightEndWithTheLeaseOfTheDestination) {
    start();
    bad->drop = 1000;
    publish(5000);
    run(2);
    bad->drop = 0;
    bad->on_message = [this, count = 0]() mutable { bad->drop = ++count == 5 ? 1000 : 0; };
    publish(5000);  // but its last chunk
    run(2);
    bad->on_message = {};
    bad->drop = 0;
    EXPECT_EQ(receiving().counters.assemblies_reset, 0U);
    const std::uint64_t before = receiving().dest_epoch;
    ASSERT_EQ(b.driver->leases().size(), 2U);
    for (const auto& lease : b.driver->leases()) {
        if (lease.role != Role::Producer) continue;
        ASSERT_TRUE(b.driver->revoke(lease.lease_id, "a test"));
    }
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch > before; }));
    EXPECT_GE(receiving().counters.resets_epoch + receiving().counters.resets_timeout, 1U);
    ASSERT_TRUE(run_until([&] { return consumer->epoch() == receiving().dest_epoch; }));
    const std::uint64_t next = publish(5000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_EQ(seqs.back(), next);
}

// spec: BRG-017 BRG-018 CFG-025
TEST_F(BridgeTest, ADestinationThatHasAProducerIsLeftAloneUntilItIsFree) {
    DriverSessionOptions holder;
    holder.stream_id = kDest;
    holder.role = Role::Producer;
    auto session = std::make_unique<DriverSession>(*b.context, holder);
    session->request_attach();
    more = [&](Nanos now) {
        if (session) session->do_work(now);
    };
    ASSERT_TRUE(run_until([&] { return session->attachment() != nullptr; }));
    start_producer();
    start_receiver();
    start_sender();
    ASSERT_TRUE(run_until([&] { return producer->is_ready() && sending().source_epoch != 0; }));
    ASSERT_TRUE(run_until([&] { return receiving().source_epoch != 0; }));
    ASSERT_TRUE(run_until([&] { return receiving().last_error.find("REJECTED") != std::string::npos; }))
        << receiving().last_error;
    publish(100);
    run(10);
    EXPECT_EQ(receiving().counters.drops_no_destination, 1U);
    EXPECT_EQ(session->attachment() != nullptr, true);
    session->detach();
    ASSERT_TRUE(run_until([&] { return session->state() == SessionState::Unattached; }));
    session.reset();
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; })) << receiving().last_error;
    publish(100);
    ASSERT_TRUE(run_until([&] { return receiving().counters.frames_rematerialized == 1; }));
}

// ---- ids and many mappings
// ------------------------------------------------------------------------------------

class BridgeRangeTest : public BridgeTest {
protected:
    BridgeRangeTest() {
        b.driver.reset();
        b.config.policies.allow_dynamic_streams = true;
        b.config.stream_id_range = {{50000, 50010}};
        b.driver = std::make_unique<Driver>(*b.context, b.config);
    }
};

// spec: BRG-015 BRG-016 BRG-019 CFG-025
TEST_F(BridgeRangeTest, ADestinationOfZeroTakesTheFirstIdOfTheRange) {
    options.mappings[0].dest_stream_id = 0;
    options.dest_stream_id_range = {{50000, 50010}};
    Tap tap(network_b->messaging(), options.payload);
    taps = {&tap};
    start_producer();
    start_receiver();
    start_sender();
    EXPECT_EQ(receiving().dest_stream_id, 50000U);
    EXPECT_EQ(sending().dest_stream_id, 0U) << "allocated on the receiving host (trap 3)";
    ASSERT_TRUE(run_until([&] { return producer->is_ready() && sending().source_epoch != 0; }));
    ASSERT_TRUE(run_until([&] { return receiving().dest_epoch != 0; })) << receiving().last_error;
    start_consumer(50000);
    ASSERT_TRUE(run_until([&] { return consumer->is_ready(); }));
    publish(3000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_EQ(chunks_of(tap)[0].block.stream_id, kSource);
}

// spec: BRG-005 BRG-006 BRG-007
TEST_F(BridgeRangeTest, ManyMappingsInBothDirectionsDoNotDisturbEachOther) {
    // B sends its stream 2000 to A as 1500, while A sends 1000 to B as 50001.
    options.mappings[0].dest_stream_id = 50001;
    a.driver.reset();
    a.config.streams.push_back({.name = "from_b", .stream_id = 1500, .profile = "raw"});
    a.driver = std::make_unique<Driver>(*a.context, a.config);
    BridgeMapping back;
    back.source_stream_id = kDest;
    back.dest_stream_id = 1500;
    back.payload = Endpoint{options.payload.channel, 3100};
    back.control = Endpoint{options.control.channel, 3101};
    options.mappings.push_back(back);
    BridgeOptions at_a = options_of(a, BridgeEnd::Send);
    at_a.mappings[1].end = BridgeEnd::Receive;
    BridgeOptions at_b = options_of(b, BridgeEnd::Receive);
    at_b.mappings[1].end = BridgeEnd::Send;
    start_producer();
    ProducerOptions producing;
    producing.stream_id = kDest;
    producing.allowed_base_dirs = {b.config.shm.base_dir};
    Producer back_producer(*b.context, producing);
    ConsumerOptions consuming;
    consuming.stream_id = 1500;
    consuming.allowed_base_dirs = {a.config.shm.base_dir};
    Consumer back_consumer(*a.context, consuming);
    sender = std::make_unique<Bridge>(*a.context, *network_a, at_a);
    receiver = std::make_unique<Bridge>(*b.context, *network_b, at_b);
    std::vector<std::uint64_t> back_seqs;
    more = [&](Nanos now) {
        back_producer.do_work(now);
        back_consumer.do_work(now);
        back_consumer.poll([&](const Frame& frame) { back_seqs.push_back(frame.seq()); });
    };
    start_consumer(50001);
    ASSERT_TRUE(run_until(
        [&] { return consumer->is_ready() && back_consumer.is_ready() && back_producer.is_ready(); }));
    for (int i = 0; i < 10; ++i) publish(5000);
    FrameInfo info{.tensor = image_layout(Dtype::UInt8, 100, 10)};
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(back_producer.offer(std::vector<std::byte>(1000), info));
    ASSERT_TRUE(run_until([&] { return seqs.size() == 10 && back_seqs.size() == 3; }));
    EXPECT_EQ(sending(0).counters.frames_forwarded, 10U);
    EXPECT_EQ(sending(0).counters.frames_rematerialized, 0U);
    EXPECT_EQ(sending(1).counters.frames_forwarded, 0U);
    EXPECT_EQ(sending(1).counters.frames_rematerialized, 3U);
    EXPECT_EQ(receiving(0).counters.frames_rematerialized, 10U);
    EXPECT_EQ(receiving(1).counters.frames_forwarded, 3U);
    EXPECT_EQ(sender->transport_counters().chunks_unroutable, 0U);
    clock.run_by_itself();
}

// spec: BRG-010 BRG-011
TEST_F(BridgeTest, SeveralReceiversOfOneTransportEachRebuildFramesAlone) {
    start();
    Host c(clock, kDest);
    Context network_c(client_in(network, clock), clock);
    BridgeOptions limited = options_of(c, BridgeEnd::Receive);
    limited.max_payload_bytes = 4000;  // drops what the other one takes
    Bridge third(*c.context, network_c, limited);
    more = [&](Nanos now) {
        c.work(now);
        third.do_work(now);
    };
    ASSERT_TRUE(run_until([&] { return third.mappings()[0].dest_epoch != 0; }));
    publish(3000);
    publish(5000);
    publish(4000);
    ASSERT_TRUE(run_until(
        [&] { return seqs.size() == 3 && third.mappings()[0].counters.frames_rematerialized == 2; }));
    EXPECT_EQ(third.mappings()[0].counters.drops_limits, 5U);
    EXPECT_EQ(receiving().counters.chunks_dropped, 0U);
    more = {};
    clock.run_by_itself();
}

TEST_F(BridgeTest, BothEndsMayLiveInOneProcess) {
    b.driver.reset();
    b.config.streams.push_back({.name = "copy", .stream_id = 4000, .profile = "raw"});
    b.driver = std::make_unique<Driver>(*b.context, b.config);
    options.mappings[0].source_stream_id = kDest;
    options.mappings[0].dest_stream_id = 4000;
    Bridge both(*b.context, *network_b, options_of(b, BridgeEnd::Both));
    ProducerOptions producing;
    producing.stream_id = kDest;
    producing.allowed_base_dirs = {b.config.shm.base_dir};
    producer = std::make_unique<Producer>(*b.context, producing);
    more = [&](Nanos now) { both.do_work(now); };
    start_consumer(4000);
    ASSERT_TRUE(run_until([&] { return consumer->is_ready() && producer->is_ready(); }));
    run(300);  // the sending end has mapped the source by then
    publish(5000);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
    EXPECT_EQ(both.mappings()[0].counters.frames_forwarded, 1U);
    EXPECT_EQ(both.mappings()[0].counters.frames_rematerialized, 1U);
    more = {};
    clock.run_by_itself();
}

// spec: BRG-081
TEST_F(BridgeTest, WhatIsNoChunkOrNobodysIsCountedAndNothingElse) {
    start();
    auto stranger =
        network_a->messaging().add_publication(options.payload.channel, options.payload.stream_id);
    const auto say = [&](std::vector<std::byte> bytes) { ASSERT_TRUE(stranger->offer(bytes)); };
    say(std::vector<std::byte>(5));
    say(std::vector<std::byte>(100));
    std::vector<std::byte> chunk(bridge::chunk_message_bytes(0, 4));
    wire::BridgeFrameChunkBlock block{};
    block.stream_id = 31337;
    block.chunk_length = 4;
    std::ignore = bridge::begin_chunk(chunk, block, {});
    say(chunk);
    run(5);
    const auto counters = receiver->transport_counters();
    EXPECT_EQ(counters.messages_malformed, 1U);
    EXPECT_EQ(counters.messages_foreign, 1U);
    EXPECT_EQ(counters.chunks_unroutable, 1U);
    publish(100);
    ASSERT_TRUE(run_until([&] { return !seqs.empty(); }));
}

// spec: BRG-021
TEST_F(BridgeTest, PublishesOnTheDestinationsSharedStreamsOnly) {
    start();
    Tap hello(b.context->messaging(), options.local.control);
    taps = {&hello};
    run(300);
    for (int i = 0; i < 3; ++i) publish(1000);
    ASSERT_TRUE(run_until([&] { return seqs.size() == 3; }));
    for (const auto& config : hello.all<control::ConsumerConfig>()) {
        EXPECT_EQ(config.descriptor_stream_id, 0U) << "declined (trap 21)";
    }
    EXPECT_TRUE(b.driver->assigned_streams().empty());
}

// ---- the per-frame path
// -----------------------------------------------------------------------------------------

TEST_F(BridgeTest, AllocatesNothingPerFrame) {
    start();
    std::uint64_t allocated = 0;
    const auto burst = [&] {
        for (int i = 0; i < 50; ++i) {
            publish(20000);
            clock.advance(10'000);
            const Nanos now = clock.now_ns();
            const std::uint64_t before = allocations_of_this_thread();
            sender->do_work(now);
            receiver->do_work(now);
            allocated += allocations_of_this_thread() - before;
        }
    };
    // The bad network copies messages: a sender without it.
    network_a = std::make_unique<Context>(client_in(network, clock), clock);
    retire(sender);
    start_sender();
    ASSERT_TRUE(run_until([&] { return sending().source_epoch != 0; }));
    burst();
    allocated = 0;
    burst();
    EXPECT_EQ(allocated, 0U);
    EXPECT_EQ(receiving().counters.frames_rematerialized, 100U);
}

}  // namespace
}  // namespace tensorpool::test
