// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "control/dispatcher.hpp"
#include "support/allocation_counter.hpp"
#include "support/gated_client.hpp"
#include "support/raw_stream.hpp"
#include "telemetry/counter_list.hpp"

#include <tensorpool/error.hpp>
#include <tensorpool/trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <numeric>
#include <optional>

namespace tensorpool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kStream = 20001;
constexpr std::uint64_t kEpoch = 5;
constexpr std::int64_t kNow = 1704067200000;
using Ids = std::vector<std::uint64_t>;

/// Link sets as anybody on the control stream hears them.
class Listener final : public control::ControlHandler {
public:
    Listener(Context& context, const Endpoint& endpoint)
        : subscription_(context.messaging().add_subscription(endpoint.channel, endpoint.stream_id)) {}

    std::vector<control::TraceLinkSet> poll() {
        sets_.clear();
        while (dispatcher_.poll(*subscription_, 64) > 0) {
        }
        return sets_;
    }

private:
    [[nodiscard]] bool wants_trace_links() const noexcept override { return true; }
    void on_trace_link_set(const control::TraceLinkSet& set, const messaging::Message&) override {
        sets_.push_back(set);
    }
    control::ControlDispatcher dispatcher_{*this};
    std::unique_ptr<messaging::Subscription> subscription_;
    std::vector<control::TraceLinkSet> sets_;
};

class TracerTest : public ::testing::Test {
protected:
    TracerTest() {
        messaging::EmbeddedOptions embedded;
        embedded.clock = &clock_;
        embedded.dir = (dir_.path() / "messaging").string();
        context_ = std::make_unique<Context>(
            std::make_unique<GatedClient>(messaging::make_embedded_client(embedded), gate_), clock_);
        listening_ = context_in(dir_, clock_);
        listener_.emplace(*listening_, StreamEndpoints{}.control);
    }

    TracerOptions options() const {
        TracerOptions options;
        options.stream_id = kStream;
        options.node_id = 1;
        options.wall_clock = &wall_;
        return options;
    }
    Tracer& start(const TracerOptions& options) {
        tracer_.reset();
        tracer_ = std::make_unique<Tracer>(*context_, options);
        tracer_->set_output(kEpoch, std::nullopt);
        std::ignore = listener_->poll();  // joins the publication
        cycle();
        return *tracer_;
    }
    Tracer& start() { return start(options()); }
    int cycle(Nanos by_ns = kNanosPerMilli) {
        clock_.advance(by_ns);
        context_->messaging().do_work(clock_.now_ns());
        return tracer_->do_work(clock_.now_ns());
    }
    std::vector<control::TraceLinkSet> sent() {
        cycle();
        return listener_->poll();
    }
    std::string refusal(const TracerOptions& options) {
        try {
            const Tracer tracer(*context_, options);
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    }

    TempDir dir_;
    ManualClock clock_;
    ManualClock wall_{kNow * kNanosPerMilli};
    std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
    std::unique_ptr<Context> context_;
    std::unique_ptr<Context> listening_;
    std::optional<Listener> listener_;
    std::unique_ptr<Tracer> tracer_;
};

// spec: TRACE-012 TRACE-017
TEST_F(TracerTest, EveryRootFrameGetsAFreshIdThatIsNotZero) {
    Tracer& tracer = start();
    std::uint64_t before = 0;
    for (int frame = 0; frame < 10'000; ++frame) {
        if (frame % 1000 == 0) {
            wall_.advance(kNanosPerMilli);
            cycle();
        }
        const std::uint64_t id = tracer.mint();
        ASSERT_GT(id, before);
        before = id;
    }
    EXPECT_EQ(tracer.counters().ids_minted, 10'000U);
    EXPECT_EQ(tracer.counters().ids_unavailable, 0U);
    EXPECT_EQ(trace_id_parts(before), (TraceIdParts{kNow + 10, 1, 999}));
}

// spec: TRACE-013 TRACE-027
TEST_F(TracerTest, AOneToOneStageCarriesTheUpstreamIdAndLinksNothing) {
    Tracer& tracer = start();
    EXPECT_EQ(tracer.carry(424242), 424242U);
    EXPECT_EQ(tracer.counters().ids_carried, 1U);
    EXPECT_EQ(tracer.counters().ids_minted, 0U);
    EXPECT_TRUE(sent().empty());
}

// spec: TRACE-017
TEST_F(TracerTest, ATracedOneToOneStageStartsALineageWhereTheInputHasNone) {
    Tracer& tracer = start();
    EXPECT_NE(tracer.carry(0), 0U);
    EXPECT_EQ(tracer.counters().ids_minted, 1U);
}

// spec: TRACE-014 TRACE-020 TRACE-021 TRACE-022 TRACE-023 TRACE-026
TEST_F(TracerTest, AJoinGetsAFreshIdAndNamesItsParentsInTheirOrder) {
    Tracer& tracer = start();
    const std::uint64_t output = tracer.mint();
    EXPECT_EQ(tracer.link(77, output, Ids{20, 10}), LinkResult::Queued);
    const auto sets = sent();
    ASSERT_EQ(sets.size(), 1U);
    EXPECT_EQ(sets[0].stream_id, kStream);
    EXPECT_EQ(sets[0].epoch, kEpoch);
    EXPECT_EQ(sets[0].seq, 77U);
    EXPECT_EQ(sets[0].trace_id, output);
    EXPECT_NE(output, 0U);
    EXPECT_THAT(sets[0].parents, ElementsAre(20, 10));
    EXPECT_EQ(tracer.counters().links_published, 1U);
}

// spec: TRACE-025 TRACE-028
TEST_F(TracerTest, ADiamondNamesItsOneParentOnce) {
    Tracer& tracer = start();
    EXPECT_EQ(tracer.link(1, tracer.mint(), Ids{7, 7}), LinkResult::Queued);
    EXPECT_EQ(tracer.link(2, tracer.mint(), Ids{3, 8, 3, 8, 3}), LinkResult::Queued);
    const auto sets = sent();
    ASSERT_EQ(sets.size(), 2U);
    EXPECT_THAT(sets[0].parents, ElementsAre(7));
    EXPECT_THAT(sets[1].parents, ElementsAre(3, 8));
}

// spec: TRACE-016 TRACE-023
TEST_F(TracerTest, UntracedInputsAreLeftOutAndWithoutAnyOtherNothingIsSaid) {
    Tracer& tracer = start();
    EXPECT_EQ(tracer.link(1, tracer.mint(), Ids{0, 9}), LinkResult::Queued);
    EXPECT_EQ(tracer.link(2, tracer.mint(), Ids{0, 0}), LinkResult::NoLinks);
    EXPECT_EQ(tracer.link(3, tracer.mint(), {}), LinkResult::NoLinks);
    EXPECT_EQ(tracer.link(4, 0, Ids{9, 10}), LinkResult::NoLinks) << "the output itself is untraced";
    const auto sets = sent();
    ASSERT_EQ(sets.size(), 1U);
    EXPECT_THAT(sets[0].parents, ElementsAre(9));
}

// spec: TRACE-024
TEST_F(TracerTest, TheLargestSetPassesAndALargerOneIsRefusedAndCounted) {
    Tracer& tracer = start();
    Ids inputs(257);
    std::iota(inputs.begin(), inputs.end(), 1);
    EXPECT_EQ(tracer.link(1, tracer.mint(), inputs), LinkResult::TooMany);
    inputs.back() = 1;
    EXPECT_EQ(tracer.link(2, tracer.mint(), inputs), LinkResult::Queued);
    const auto sets = sent();
    ASSERT_EQ(sets.size(), 1U);
    EXPECT_EQ(sets[0].parents.size(), 256U);
    EXPECT_EQ(tracer.counters().links_refused, 1U);
}

// spec: TRACE-002 TRACE-003 TRACE-029 TRACE-036
TEST_F(TracerTest, WhatDoesNotFitTheRingIsDroppedAndCountedNotWaitedFor) {
    TracerOptions small = options();
    small.max_parents = 2;
    small.ring_words = 64;
    Tracer& tracer = start(small);
    std::uint64_t queued = 0;
    for (std::uint64_t seq = 0; seq < 100; ++seq)
        queued += tracer.link(seq, tracer.mint(), Ids{1, 2}) == LinkResult::Queued ? 1U : 0U;
    EXPECT_EQ(queued, 10U) << "64 words hold ten sets of six";
    EXPECT_EQ(tracer.counters().links_ring_full, 90U);
    EXPECT_EQ(sent().size(), 10U);
    EXPECT_EQ(tracer.link(101, tracer.mint(), Ids{1, 2}), LinkResult::Queued) << "there is room again";
}

// spec: TRACE-002 TRACE-029
TEST_F(TracerTest, ASendThatFailsIsTriedOnceAndCounted) {
    Tracer& tracer = start();
    gate_->shut(messaging::SendError::BackPressured);
    EXPECT_EQ(tracer.link(1, tracer.mint(), Ids{1, 2}), LinkResult::Queued);
    cycle();
    gate_->open();
    EXPECT_TRUE(sent().empty());
    EXPECT_EQ(tracer.counters().links_send_failed, 1U);
    EXPECT_EQ(tracer.link(2, tracer.mint(), Ids{1, 2}), LinkResult::Queued);
    EXPECT_EQ(sent().size(), 1U);
}

// spec: TRACE-002
TEST_F(TracerTest, WithNobodyListeningLinksCostNothingAndAreNoError) {
    listener_.reset();
    listening_.reset();
    tracer_ = std::make_unique<Tracer>(*context_, options());
    EXPECT_EQ(tracer_->link(1, tracer_->mint(), Ids{1, 2}), LinkResult::Queued);
    cycle();
    EXPECT_EQ(tracer_->counters().links_not_connected, 1U);
    EXPECT_EQ(tracer_->counters().links_send_failed, 0U);
}

// spec: TRACE-029
TEST_F(TracerTest, ALongQueueIsSentInBursts) {
    Tracer& tracer = start();
    for (std::uint64_t seq = 0; seq < 100; ++seq)
        ASSERT_EQ(tracer.link(seq, 1000 + seq, Ids{1, 2}), LinkResult::Queued);
    EXPECT_EQ(cycle(), 64);
    EXPECT_EQ(cycle(), 36);
    EXPECT_EQ(cycle(), 0);
}

// spec: TRACE-029
TEST_F(TracerTest, SamplingTracesEveryNthRootAndCountsTheOthers) {
    TracerOptions every_third = options();
    every_third.sample_every = 3;
    Tracer& tracer = start(every_third);
    std::vector<bool> traced;
    for (int i = 0; i < 7; ++i) traced.push_back(tracer.mint() != 0);
    EXPECT_THAT(traced, ElementsAre(true, false, false, true, false, false, true));
    EXPECT_EQ(tracer.counters().ids_sampled_out, 4U);
}

// spec: TRACE-002 TRACE-003
TEST_F(TracerTest, WhenAMillisecondIsUsedUpFramesGoUntracedAndAreCounted) {
    Tracer& tracer = start();
    for (int i = 0; i < 4096; ++i) ASSERT_NE(tracer.mint(), 0U) << i;
    EXPECT_EQ(tracer.mint(), 0U);
    EXPECT_EQ(tracer.counters().ids_unavailable, 1U);
    wall_.advance(kNanosPerMilli);
    EXPECT_NE(tracer.mint(), 0U) << "it looks at the clock itself then, without do_work()";
}

// spec: TRACE-006 TRACE-007 TRACE-008
TEST_F(TracerTest, MintsWithTheNodeIdThatTheDriverGranted) {
    TracerOptions granted = options();
    granted.node_id = 0;
    Tracer& tracer = start(granted);
    EXPECT_EQ(tracer.mint(), 0U) << "none yet";
    EXPECT_EQ(tracer.counters().ids_unavailable, 1U);
    EXPECT_EQ(tracer.node_id(), std::nullopt);
    tracer.set_output(kEpoch, 42);
    const std::uint64_t first = tracer.mint();
    EXPECT_EQ(trace_id_parts(first).node_id, 42U);
    tracer.set_output(0, std::nullopt);  // the lease is lost
    EXPECT_EQ(trace_id_parts(tracer.mint()).node_id, 42U) << "stable for the life of the process";
    tracer.set_output(kEpoch + 1, 42);
    EXPECT_GT(tracer.mint(), first);
    EXPECT_EQ(tracer.counters().generators, 2U);
    tracer.set_output(kEpoch + 2, 43);
    EXPECT_EQ(trace_id_parts(tracer.mint()).node_id, 43U);
    EXPECT_EQ(tracer.node_id(), 43U);
}

// spec: TRACE-006
TEST_F(TracerTest, RefusesANodeIdOutsideTheTenBitsOfTheLayout) {
    TracerOptions granted = options();
    granted.node_id = 0;
    Tracer& tracer = start(granted);
    for (const std::uint32_t wrong : {0U, 1024U, 0xffffffffU}) {
        tracer.set_output(kEpoch, wrong);
        EXPECT_EQ(tracer.mint(), 0U) << wrong;
        EXPECT_EQ(tracer.node_id(), std::nullopt);
    }
    tracer.set_output(kEpoch, 1023);
    EXPECT_NE(tracer.mint(), 0U);
}

// spec: TRACE-006 TRACE-007
TEST_F(TracerTest, TracersOfOneProcessMayShareAGenerator) {
    TraceIdGenerator generator(9, {}, &wall_);
    TracerOptions shared = options();
    shared.node_id = 0;
    shared.generator = &generator;
    Tracer& first = start(shared);
    shared.stream_id = kStream + 1;
    Tracer second(*context_, shared);
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(ids.insert(first.mint()).second);
        EXPECT_TRUE(ids.insert(second.mint()).second);
    }
    EXPECT_EQ(trace_id_parts(*ids.begin()).node_id, 9U);
}

// spec: TRACE-018 TRACE-021
TEST_F(TracerTest, IdsGoOnAcrossAnEpochAndLinksNameTheNewOne) {
    Tracer& tracer = start();
    const std::uint64_t before = tracer.mint();
    tracer.set_output(kEpoch + 1, std::nullopt);
    const std::uint64_t after = tracer.mint();
    EXPECT_EQ(after, before + 1);
    EXPECT_EQ(tracer.link(0, after, Ids{1, 2}), LinkResult::Queued);
    const auto sets = sent();
    ASSERT_EQ(sets.size(), 1U);
    EXPECT_EQ(sets[0].epoch, kEpoch + 1);
}

// spec: TRACE-036
TEST_F(TracerTest, MintingCarryingAndLinkingAllocateNothing) {
    Tracer& tracer = start();
    const Ids inputs{11, 12, 13};
    const auto frame = [&](std::uint64_t seq) {
        const std::uint64_t id = tracer.mint();
        std::ignore = tracer.carry(id);
        std::ignore = tracer.link(seq, id, inputs);
        if (seq % 16 == 0) tracer.do_work(clock_.now_ns());
    };
    frame(0);
    const std::uint64_t before = allocations_of_this_thread();
    for (std::uint64_t seq = 1; seq < 4000; ++seq) frame(seq);
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_EQ(tracer.counters().links_queued, 4000U);
}

// spec: TRACE-037
TEST(TraceWindowBoundsTest, KeepOnlyBoundsAndEndAtAnInputEpochWithoutAllocating) {
    const std::uint64_t before = allocations_of_this_thread();
    TraceWindowBounds bounds;
    for (std::uint64_t seq = 100; seq < 5000; ++seq) ASSERT_TRUE(bounds.add(3, seq));
    EXPECT_FALSE(bounds.add(4, 0)) << "a window cannot span two epochs";
    EXPECT_EQ(bounds.frames(), 4900U);
    const TraceWindow window = bounds.close(77, 10001);
    EXPECT_EQ(allocations_of_this_thread() - before, 0U);
    EXPECT_EQ(window.trace_id, 77U);
    EXPECT_EQ(window.in_stream_id, 10001U);
    EXPECT_EQ(window.epoch, 3U);
    EXPECT_EQ(window.seq_start, 100U);
    EXPECT_EQ(window.seq_end, 4999U);
    EXPECT_EQ(bounds.frames(), 0U);
    EXPECT_TRUE(bounds.add(4, 7));
    EXPECT_EQ(bounds.close(78, 10001).seq_start, 7U);
}

TEST_F(TracerTest, RefusesOptionsThatCannotBe) {
    TracerOptions wrong = options();
    wrong.stream_id = 0;
    EXPECT_THAT(refusal(wrong), HasSubstr("stream_id 0"));
    wrong = options();
    wrong.node_id = 1024;
    EXPECT_THAT(refusal(wrong), HasSubstr("choose 1 to 1023"));
    wrong = options();
    wrong.sample_every = 0;
    EXPECT_THAT(refusal(wrong), HasSubstr("sample_every"));
    wrong = options();
    wrong.max_parents = 65535;
    EXPECT_THAT(refusal(wrong), HasSubstr("max_parents"));
    wrong = options();
    wrong.ring_words = 100;
    EXPECT_THAT(refusal(wrong), HasSubstr("ring_words"));
    wrong = options();
    wrong.endpoints.control.channel = "aeron:ipc?term-length=64k";
    wrong.max_parents = 4000;
    EXPECT_THAT(refusal(wrong), HasSubstr("term-length"));
    wrong = options();
    wrong.node_id = 0;
    wrong.layout.node_id_bits = 20;
    EXPECT_THAT(refusal(wrong), HasSubstr("22")) << "now, not when the lease comes";
}

// spec: OBS-006, OT-06
TEST_F(TracerTest, OtherProcessesSeeItsCounters) {
    Tracer& tracer = start();
    const std::uint64_t id = tracer.mint();
    EXPECT_EQ(tracer.link(1, id, Ids{5, 6}), LinkResult::Queued);
    EXPECT_EQ(tracer.carry(9), 9u);
    cycle();
    expect_published(listening_->messaging(), tracer.counters(), "Tracer stream=20001 ");
    EXPECT_EQ(counter_value(listening_->messaging(), "TraceLinksPublished", "Tracer"), 1);
    tracer_.reset();
    EXPECT_FALSE(counter_value(listening_->messaging(), "TraceLinksPublished", "Tracer"));
}

}  // namespace
}  // namespace tensorpool::test
