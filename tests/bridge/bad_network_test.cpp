// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// From one host to another over a network that loses, repeats, reorders, cuts and flips. Whatever arrives is
// what was sent: every payload is checked against its number by the fixture.

#include "bridge/crc32c.hpp"
#include "bridge/two_hosts.hpp"
#include "support/rounds.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace tensorpool::test {
namespace {

class BadNetworkTest : public TwoHosts {
protected:
    /// Sends frames of random size and lets all that is under way arrive or expire.
    void send(int frames) {
        std::mt19937_64 random(bad->sent + 17);
        for (int i = 0; i < frames; ++i) {
            publish(8 + static_cast<std::uint32_t>(random() % 20000), 10 * producer->next_seq());
            cycle();
        }
        published_ = static_cast<std::size_t>(frames);
        run(120);
    }
    void expect_each_once_in_order() const {
        EXPECT_TRUE(std::ranges::is_sorted(seqs));
        EXPECT_EQ(std::set<std::uint64_t>(seqs.begin(), seqs.end()).size(), seqs.size());
    }
    /// Every frame that did not arrive is explained.
    void expect_accounted() const {
        const BridgeCounters counters = receiving().counters;
        EXPECT_EQ(counters.frames_rematerialized, seqs.size());
        EXPECT_EQ(counters.chunks_dropped,
                  counters.drops_malformed + counters.drops_limits + counters.drops_no_announce +
                      counters.drops_epoch + counters.drops_crc + counters.drops_header +
                      counters.drops_late + counters.drops_conflict + counters.drops_no_destination);
        EXPECT_EQ(counters.assemblies_reset, counters.resets_timeout + counters.resets_conflict +
                                                 counters.resets_epoch + counters.resets_overtaken +
                                                 counters.resets_crowded_out + counters.publish_failures);
    }
    /// On a good network again, every new frame arrives. A bit flipped in an epoch may cost the time until
    /// the source has contradicted it.
    void expect_recovery() {
        *bad = BadNetwork(3000, 1);
        for (int i = 0; i < 30; ++i) {
            const std::uint64_t next = publish(10000);
            run(50);
            if (!seqs.empty() && seqs.back() == next) break;
        }
        for (int i = 0; i < 3; ++i) {
            const std::uint64_t next = publish(10000);
            ASSERT_TRUE(run_until([&] { return !seqs.empty() && seqs.back() == next; }));
        }
    }
    std::size_t published_ = 0;
};

// spec: BRG-001 BRG-050 BRG-052
TEST_F(BadNetworkTest, LossCostsExactlyTheFramesThatLostAChunk) {
    start();
    bad->drop = 10;
    send(rounds(400));
    expect_each_once_in_order();
    expect_accounted();
    EXPECT_GT(seqs.size(), published_ / 2);
    // A frame whose only chunk is lost leaves no trace here: at most the number of losses is missing.
    EXPECT_LE(published_ - seqs.size(), bad->dropped);
    EXPECT_EQ(receiving().counters.drops_conflict, 0U);
    expect_recovery();
}

// spec: BRG-044 BRG-045
TEST_F(BadNetworkTest, RepetitionAndDisorderWithinAFrameCostNothing) {
    start();
    bad->duplicate = 100;
    bad->reorder = 100;
    for (int i = 0; i < rounds(400); ++i) {
        publish(20000);
        run(2);
        bad->reorder = 0;  // lets everything that is held back out
        publish(20000);
        run(2);
        bad->reorder = 100;
    }
    run(120);
    expect_each_once_in_order();
    expect_accounted();
    EXPECT_EQ(receiving().counters.drops_conflict, 0U);
    EXPECT_EQ(receiving().counters.resets_timeout, 0U);
    EXPECT_GT(receiving().counters.duplicates_ignored, 0U);
    EXPECT_GE(seqs.size(), static_cast<std::size_t>(rounds(400)));
}

// spec: BRG-026 BRG-035 BRG-050
TEST_F(BadNetworkTest, CutMessagesAreRefused) {
    start();
    bad->truncate = 10;
    send(rounds(400));
    expect_each_once_in_order();
    expect_accounted();
    EXPECT_GT(seqs.size(), published_ / 2);
    EXPECT_GT(receiver->transport_counters().messages_malformed + receiving().counters.drops_malformed, 0U);
}

// spec: BRG-054 BRG-055 BRG-056 BRG-058
TEST_F(BadNetworkTest, ChecksumsCatchFlippedBits) {
    if (!bridge::crc32c_available()) GTEST_SKIP() << "this build has no ISA-L";
    options.integrity_crc32c = true;
    // One flip in a field that the checksum does not cover may mislead about sizes, never about content.
    start();
    bad->corrupt = 20;
    send(rounds(400));
    expect_each_once_in_order();
    expect_accounted();
    EXPECT_GT(receiving().counters.drops_crc, 0U);
    expect_recovery();
}

TEST_F(BadNetworkTest, EverythingAtOnce) {
    options.integrity_crc32c = bridge::crc32c_available();
    start();
    bad->drop = 5;
    bad->duplicate = 20;
    bad->reorder = 20;
    bad->truncate = 5;
    bad->corrupt = options.integrity_crc32c ? 5U : 0U;
    send(rounds(600));
    expect_each_once_in_order();
    expect_accounted();
    expect_recovery();
}

}  // namespace
}  // namespace tensorpool::test
